#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace fog {

/// A value that several threads change, one at a time. Any thread; with() blocks while another is
/// in it, so what runs inside decides who may call it.
template <class T>
class Guarded {
public:
    Guarded() = default;
    explicit Guarded(T value) : value_(std::move(value)) {}

    template <class F>
    decltype(auto) with(F&& use) {
        const std::lock_guard lock(mutex_);
        return std::forward<F>(use)(value_);
    }
    template <class F>
    decltype(auto) with(F&& use) const {
        const std::lock_guard lock(mutex_);
        return std::forward<F>(use)(std::as_const(value_));
    }

private:
    mutable std::mutex mutex_;
    T value_;
};

/// An immutable value that many read and few replace. Any thread; get() and set() hold the lock for
/// the copy of a pointer only, so fog-io may call them.
template <class T>
class Snapshot {
public:
    explicit Snapshot(std::shared_ptr<const T> first) : value_(std::move(first)) {}

    std::shared_ptr<const T> get() const {
        const std::lock_guard lock(mutex_);
        return value_;
    }
    void set(std::shared_ptr<const T> next) {
        {
            const std::lock_guard lock(mutex_);
            value_.swap(next);
        }
        next.reset();  // the old value may be freed here, outside of the lock
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> value_;
};

}  // namespace fog
