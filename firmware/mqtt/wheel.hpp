#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace fog::mqtt {

/// Visits of whatever has an id, in slots of one tick: adding costs nothing, and what is not due
/// any more is found out by the visit. Beyond the wheel's length a visit comes early.
/// Thread: its owner's.
template <class Id>
class Wheel {
public:
    explicit Wheel(std::size_t slots = 2048) : slots_(slots) {}
    std::uint64_t now() const { return now_; }
    /// The tick at which the visit will come.
    std::uint64_t add(std::uint64_t tick, Id id) {
        tick = std::clamp<std::uint64_t>(tick, now_ + 1, now_ + slots_.size() - 1);
        slots_[tick % slots_.size()].push_back(id);
        return tick;
    }
    /// Moves on to `tick` and visits what is in the slots passed.
    template <class Visit>
    void advance(std::uint64_t tick, Visit&& visit) {
        while (now_ < tick) {
            ++now_;
            const auto due = std::exchange(slots_[now_ % slots_.size()], {});
            for (const Id& id : due) visit(id);
        }
    }

private:
    std::vector<std::vector<Id>> slots_;
    std::uint64_t now_ = 0;
};

}  // namespace fog::mqtt
