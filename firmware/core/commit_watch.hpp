#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace fog {

/// One commit, seen from the ingest ring: what may be acknowledged.
struct CommitMark {
    std::uint64_t entry = 0;             // entries up to here are decided
    std::vector<std::uint64_t> refused;  // of those awaited: not on flash; ascending
};

/// Hears of commits by the number of the ring entry, so that many acknowledgements cost one call.
/// Thread: fog-store calls. Must not block.
class CommitWatcher {
public:
    virtual ~CommitWatcher() = default;
    /// Entries at or below `mark.entry` that were awaited and are not refused are on flash.
    virtual void committed(const CommitMark& mark) = 0;
    /// true: the disk fails and nothing can be promised for now. What is awaited stays decided
    /// later, by committed(), or is refused there.
    virtual void degraded(bool now) = 0;
};

/// Where whoever waits asks for a commit without the waiting window. Any thread, never blocks.
class CommitPace {
public:
    virtual ~CommitPace() = default;
    /// Commits as soon as ring entry `entry` has come to the store.
    virtual void hurry(std::uint64_t entry) = 0;
    /// How long a commit waits for more when somebody awaits it and nobody hurries.
    virtual std::chrono::nanoseconds window() const = 0;
};

}  // namespace fog
