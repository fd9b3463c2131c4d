#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "firmware/core/ids.hpp"

namespace fog {

/// Where sequence numbers come from: `generation << 40 | n`. fog-store reserves blocks of 65,536 in
/// a durable row ahead of use, so that a number handed out is never handed out again, whatever
/// happens. While the disk fails, numbering runs on beyond what is reserved (kOverrun numbers);
/// after an unclean stop the log starts above that too.
/// Threads: take() and next() fog-pipe; the rest fog-store. Never blocks.
class SeqSource {
public:
    static constexpr unsigned kGenerationShift = 40;
    static constexpr std::uint64_t kBlock = 65'536;
    static constexpr std::uint64_t kAhead = 2 * kBlock;
    static constexpr std::uint64_t kOverrun = 1ULL << 28U;

    /// First of `count` consecutive numbers; nothing when even the overrun is used up.
    std::optional<Seq> take(std::uint64_t count = 1);
    /// The number take() would give.
    Seq next() const { return {next_.load(std::memory_order_acquire)}; }

    /// fog-store: everything below `first` is used, everything below `end` is reserved on disk.
    void start(Seq first, Seq end);
    /// fog-store: the end the next commit should make durable; nothing while enough is reserved.
    std::optional<Seq> wanted_end() const;
    void reserved(Seq end) { end_.store(end.value, std::memory_order_release); }
    Seq end() const { return {end_.load(std::memory_order_acquire)}; }

private:
    std::atomic<std::uint64_t> next_{0};
    std::atomic<std::uint64_t> end_{0};
};

}  // namespace fog
