#pragma once

#include <mutex>
#include <utility>

namespace fog {

/// A small value one thread writes and others copy, such as the health of a link.
/// Any thread; a short lock.
template <class T>
class Published {
public:
    void set(T value) {
        const std::lock_guard lock(mutex_);
        value_ = std::move(value);
    }
    T get() const {
        const std::lock_guard lock(mutex_);
        return value_;
    }

private:
    mutable std::mutex mutex_;
    T value_{};
};

}  // namespace fog
