#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "firmware/core/clock.hpp"

namespace fog {

class Instance;

/// One wish to be woken; `queued` is what the heap knows of it. A later wish costs nothing: the
/// heap entry stays and is put back when it comes up too early.
struct Wake {
    static constexpr MonoTime kNever = MonoTime::max();
    MonoTime due = kNever;
    MonoTime queued = kNever;
};

/// Timers of all instances, earliest first; ties by the instance's rank, then by slot, so that
/// every run fires them in the same order.
class Timers {
public:
    struct Entry {
        MonoTime due;
        Instance* owner;
        std::uint32_t slot;
    };
    template <class Rank>
    void set(Entry entry, Wake& wake, Rank rank) {
        wake.due = entry.due;
        if (entry.due >= wake.queued) return;
        wake.queued = entry.due;
        push(entry, rank);
    }
    template <class Rank>
    void push(Entry entry, Rank rank) {
        heap_.push_back(entry);
        std::push_heap(heap_.begin(), heap_.end(), Later<Rank>{rank});
    }
    template <class Rank>
    Entry pop(Rank rank) {
        std::pop_heap(heap_.begin(), heap_.end(), Later<Rank>{rank});
        const Entry entry = heap_.back();
        heap_.pop_back();
        return entry;
    }
    bool empty() const { return heap_.empty(); }
    const Entry& front() const { return heap_.front(); }
    std::size_t size() const { return heap_.size(); }
    /// Forgets everything `gone` says.
    template <class Gone, class Rank>
    void forget(Gone gone, Rank rank) {
        std::erase_if(heap_, gone);
        std::make_heap(heap_.begin(), heap_.end(), Later<Rank>{rank});
    }

private:
    template <class Rank>
    struct Later {
        Rank rank;
        bool operator()(const Entry& a, const Entry& b) const {
            if (a.due != b.due) return a.due > b.due;
            if (a.owner != b.owner) return rank(*a.owner) > rank(*b.owner);
            return a.slot > b.slot;
        }
    };
    std::vector<Entry> heap_;
};

}  // namespace fog
