#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fog {

enum class Overflow : std::uint8_t { drop_oldest, refuse };

struct QueueCounts {
    std::uint64_t pushed = 0;
    std::uint64_t dropped = 0;  // oldest given up (drop_oldest)
    std::uint64_t refused = 0;  // newest not taken (refuse, or closed)
    std::size_t depth = 0;
    std::size_t capacity = 0;
};

/// How threads meet: named, bounded, counted; says at construction what happens when full.
/// Threads: any pushes, one consumer pops. Blocks: pop() and drain() up to `wait`.
template <class T>
class BoundedQueue {
public:
    BoundedQueue(std::string_view name, std::size_t capacity, Overflow when_full)
        : name_(name), capacity_(capacity), when_full_(when_full) {}

    /// False = refused (full) or closed; the item is then dropped and counted.
    [[nodiscard]] bool push(T item) {
        {
            const std::lock_guard lock(mutex_);
            if (closed_ || (items_.size() >= capacity_ && when_full_ == Overflow::refuse)) {
                ++refused_;
                return false;
            }
            if (items_.size() >= capacity_) {
                items_.pop_front();
                ++dropped_;
            }
            items_.push_back(std::move(item));
            ++pushed_;
        }
        ready_.notify_one();
        return true;
    }

    /// The next item; nothing after `wait`, or when closed and empty.
    std::optional<T> pop(std::chrono::nanoseconds wait) {
        std::unique_lock lock(mutex_);
        await(lock, wait);
        if (items_.empty()) return std::nullopt;
        std::optional<T> item(std::move(items_.front()));
        items_.pop_front();
        return item;
    }

    /// Moves everything that waits (at most `most`) to the end of `out`; returns how many.
    std::size_t drain(std::vector<T>& out, std::size_t most, std::chrono::nanoseconds wait) {
        std::unique_lock lock(mutex_);
        await(lock, wait);
        std::size_t moved = 0;
        for (; moved < most && !items_.empty(); ++moved) {
            out.push_back(std::move(items_.front()));
            items_.pop_front();
        }
        return moved;
    }

    /// Wakes the consumer; what is queued can still be popped, nothing more is taken.
    void close() {
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
        }
        ready_.notify_all();
    }

    bool closed() const {
        const std::lock_guard lock(mutex_);
        return closed_;
    }
    QueueCounts counts() const {
        const std::lock_guard lock(mutex_);
        return {pushed_, dropped_, refused_, items_.size(), capacity_};
    }
    const std::string& name() const { return name_; }

private:
    // A look without waiting must not enter the kernel: that costs a timer's slack, 50 us.
    void await(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds wait) {
        if (wait <= std::chrono::nanoseconds{0}) return;
        ready_.wait_for(lock, wait, [this] { return closed_ || !items_.empty(); });
    }

    const std::string name_;
    const std::size_t capacity_;
    const Overflow when_full_;
    mutable std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<T> items_;
    std::uint64_t pushed_ = 0, dropped_ = 0, refused_ = 0;
    bool closed_ = false;
};

}  // namespace fog
