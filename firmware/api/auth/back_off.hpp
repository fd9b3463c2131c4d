#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/core/clock.hpp"

namespace fog {

/// Slows guessing: five wrong tries, then 30 s of refusing without looking, doubled by each further
/// wrong try up to 10 min. A plain value; time comes in.
class BackOff {
public:
    /// What is left to wait; zero = a try is looked at.
    std::chrono::nanoseconds wait(MonoTime now) const {
        return std::max<std::chrono::nanoseconds>(until_ - now, std::chrono::nanoseconds{0});
    }
    void wrong(MonoTime now) {
        if (++wrong_ < kFree) return;
        until_ = now + pause_;
        pause_ = std::min<std::chrono::nanoseconds>(pause_ * 2, kLongest);
    }
    void right() { *this = BackOff(); }

private:
    static constexpr int kFree = 5;
    static constexpr std::chrono::nanoseconds kFirst = std::chrono::seconds(30);
    static constexpr std::chrono::nanoseconds kLongest = std::chrono::minutes(10);
    int wrong_ = 0;
    std::chrono::nanoseconds pause_ = kFirst;
    MonoTime until_{};
};

/// A BackOff for each address, at most 256: the one that waits least makes room.
class BackOffTable {
public:
    std::chrono::nanoseconds wait(std::string_view who, MonoTime now) const {
        const auto found = entries_.find(who);
        return found == entries_.end() ? std::chrono::nanoseconds{0} : found->second.wait(now);
    }
    void wrong(std::string_view who, MonoTime now) {
        auto found = entries_.find(who);
        if (found == entries_.end()) {
            if (entries_.size() >= kMost) {
                entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                                [now](const auto& a, const auto& b) {
                                                    return a.second.wait(now) < b.second.wait(now);
                                                }));
            }
            found = entries_.emplace(std::string(who), BackOff()).first;
        }
        found->second.wrong(now);
    }
    void right(std::string_view who) {
        const auto found = entries_.find(who);
        if (found != entries_.end()) entries_.erase(found);
    }

private:
    static constexpr std::size_t kMost = 256;
    std::map<std::string, BackOff, std::less<>> entries_;
};

}  // namespace fog
