#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/ids.hpp"

namespace fog {

/// Maps (boot id, monotonic) to UTC, so that records stored before the clock was right get right
/// stamps later. Any thread; a short lock.
class BootTable {
public:
    struct Line {
        BootId boot;
        MonoTime mono;  // from here on
        WallTime utc;
        bool trusted = false;
        bool operator==(const Line&) const = default;
    };

    /// Adds a line; lines of one boot are kept in order of `mono`, at most 64 (oldest merged away).
    void add(const Line& line);
    /// UTC of a moment; `trusted` says whether it may be believed. Nothing for an unknown boot.
    std::optional<WallTime> wall(BootId boot, MonoTime at, bool* trusted = nullptr) const;
    std::vector<Line> lines() const;

private:
    mutable std::mutex mutex_;
    std::map<std::uint32_t, std::vector<Line>> boots_;
};

}  // namespace fog
