#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/push/frame.hpp"

namespace fog {

/// A sample that stands for `n` of its series; nothing below `low` of this series is owed before
/// it.
struct Merged {
    FramePtr frame;
    std::uint32_t n = 1;
    std::uint64_t low = 0;
};

/// The newest sample of each series, oldest debt first. Pure.
class NewestPerSeries {
public:
    /// True if it replaced an older one of its series.
    bool put(const FramePtr& frame, std::uint32_t n, std::uint64_t low);
    std::optional<Merged> take(std::uint32_t series);
    std::optional<Merged> take_oldest();
    std::optional<std::uint64_t> lowest() const;
    bool has(std::uint32_t series) const { return merged_.count(series) != 0; }
    bool empty() const { return merged_.empty(); }
    std::size_t size() const { return merged_.size(); }
    void clear();

private:
    std::unordered_map<std::uint32_t, Merged> merged_;
    std::set<std::pair<std::uint64_t, std::uint32_t>> order_;  // low, series
};

/// Rate of one subscription: at most one sample per series and interval, or everything once per
/// interval. Pure; time comes in.
class Shaper {
public:
    Shaper(std::chrono::nanoseconds interval, bool conflate)
        : interval_(interval), conflate_(conflate) {}

    /// True: send it now. False: held until due(). `replaced` says whether it took one's place.
    bool offer(const FramePtr& frame, MonoTime now, bool& replaced);
    /// Everything due by now, oldest debt first.
    void release(MonoTime now, const std::function<void(const Merged&)>& send);
    /// Soonest time something must be released; nothing held: nullopt.
    std::optional<MonoTime> due() const;
    std::optional<std::uint64_t> lowest() const;
    void clear();

private:
    std::chrono::nanoseconds interval_;
    bool conflate_;
    NewestPerSeries held_;
    std::unordered_map<std::uint32_t, MonoTime> last_;  // series -> last sent
    std::vector<FramePtr> batch_;                       // conflate off
    MonoTime batch_due_{};
};

}  // namespace fog
