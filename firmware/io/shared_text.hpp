#pragma once

#include <mutex>
#include <string>
#include <utility>

namespace fog {

/// A text one thread writes and others read: the state of a link in words. Any thread; never blocks
/// for longer than a copy.
class SharedText {
public:
    void set(std::string text) {
        const std::lock_guard lock(mutex_);
        text_ = std::move(text);
    }
    std::string get() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }

private:
    mutable std::mutex mutex_;
    std::string text_;
};

}  // namespace fog
