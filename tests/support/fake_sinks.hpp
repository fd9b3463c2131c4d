#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "drivers/driver.hpp"

namespace fog {

/// Takes what drivers hand over and lets a test wait for it. Any thread.
class FakeSinks final : public Sinks {
public:
    bool readings(std::string_view, std::span<const Reading> readings, bool durable) override {
        const std::lock_guard lock(mutex_);
        if (refuse_) return false;
        durable_ += durable ? readings.size() : 0;
        readings_.insert(readings_.end(), readings.begin(), readings.end());
        changed_.notify_all();
        return true;
    }
    bool message(std::string_view, std::string_view, std::span<const std::byte>, bool, bool,
                 bool) override {
        return true;
    }
    void raw(std::string_view, std::span<const std::byte> bytes, std::string_view why) override {
        const std::lock_guard lock(mutex_);
        raws_.emplace_back(as_text(bytes), why);
        changed_.notify_all();
    }
    void link_state(std::string_view link, bool up, std::string_view words) override {
        const std::lock_guard lock(mutex_);
        states_.push_back(std::string(link) + (up ? " up " : " down ") + std::string(words));
        changed_.notify_all();
    }

    void refuse(bool yes) {
        const std::lock_guard lock(mutex_);
        refuse_ = yes;
    }
    /// True once `least` readings came; false after ten seconds.
    bool wait_readings(std::size_t least) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kLong, [&] { return readings_.size() >= least; });
    }
    bool wait_raws(std::size_t least) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kLong, [&] { return raws_.size() >= least; });
    }
    /// True once some state after the first `seen` has these words in it; `seen` moves behind it.
    bool wait_state(std::string_view words, std::size_t& seen) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kLong, [&] {
            for (; seen < states_.size(); ++seen)
                if (states_[seen].find(words) != std::string::npos) return ++seen > 0;
            return false;
        });
    }
    std::vector<Reading> readings() const {
        const std::lock_guard lock(mutex_);
        return readings_;
    }
    std::vector<std::string> states() const {
        const std::lock_guard lock(mutex_);
        return states_;
    }
    std::size_t durable() const {
        const std::lock_guard lock(mutex_);
        return durable_;
    }

private:
    static constexpr std::chrono::seconds kLong{10};
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Reading> readings_;
    std::vector<std::pair<std::string, std::string>> raws_;
    std::vector<std::string> states_;
    std::size_t durable_ = 0;
    bool refuse_ = false;
};

}  // namespace fog
