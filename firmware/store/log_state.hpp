#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/log_access.hpp"
#include "firmware/core/reading.hpp"
#include "firmware/core/records.hpp"
#include "firmware/core/result.hpp"
#include "firmware/store/progress.hpp"
#include "firmware/store/store.hpp"

namespace fog {

/// Why a record is owed no longer although nobody acknowledged it. Stored in the log: append only.
enum class LossCause : std::uint8_t {
    queue,              // the store queue was full
    store_unavailable,  // the disk failed and the memory for that time was full
    evicted,            // byte budget
    thinned,
    sink_removed,
    dead_evicted,
    discarded,   // by a person
    too_large,   // an event beyond Limits::event_bytes
    unreadable,  // damaged on disk
    expired,     // older than the lane's max_age; the only one that is not `shed`
};
inline constexpr std::size_t kCauses = 10;
std::string_view to_text(LossCause cause);

struct Tally {
    std::uint64_t n = 0;
    std::uint64_t bytes = 0;
    void add(std::uint64_t more_bytes) { ++n, bytes += more_bytes; }
    bool operator==(const Tally&) const = default;
};

/// One sink's account of one lane. Every counter is moved by what happened to a record, none is
/// computed from the others, so that exact() means something.
struct LaneAccount {
    Tally accepted, acknowledged, waiting;
    Tally dead;  // part of waiting
    std::array<Tally, kCauses> lost{};
    Progress progress;

    std::uint64_t shed() const;
    std::uint64_t expired() const { return lost[static_cast<std::size_t>(LossCause::expired)].n; }
    bool exact() const { return accepted.n == acknowledged.n + waiting.n + shed() + expired(); }
    void lose(LossCause cause, std::uint64_t bytes) {
        lost[static_cast<std::size_t>(cause)].add(bytes);
    }
    void stop_waiting(std::uint64_t bytes) { --waiting.n, waiting.bytes -= bytes; }
    bool operator==(const LaneAccount&) const = default;
};

enum class SinkUse : std::uint8_t { active, kept, removed };

struct SinkAccount {
    std::string id;
    std::uint8_t bit = 0;
    SinkUse use = SinkUse::active;
    std::array<LaneAccount, kLanes> lanes;
    bool owes(const Record& record) const {
        return use != SinkUse::removed && ((record.sinks >> bit) & 1U) != 0;
    }
    LaneAccount& lane(Lane lane) { return lanes[static_cast<std::size_t>(lane)]; }
    const LaneAccount& lane(Lane lane) const { return lanes[static_cast<std::size_t>(lane)]; }
    bool operator==(const SinkAccount&) const = default;
};

/// Everything that moves with every commit. It is written whole with each one, into the head of
/// the commit's last tail row (or the `snapshot` row where a commit has none): no page of its own
/// has to be written for it, and a commit and its accounts cannot come apart.
struct LogState {
    std::uint64_t commit_no = 0;
    std::uint64_t ring_entry = 0;
    Seq committed;
    BootId boot;    // of the last commit
    MonoTime mono;  // when it was made
    std::array<std::uint64_t, kLanes> trimmed{};
    std::array<std::uint64_t, kWearCauses> wear{};
    Tally raw_evicted;  // publishes that StoreOptions::raw_max had no room for
    std::vector<SinkAccount> sinks;

    SinkAccount* find(std::string_view id);
    const SinkAccount* find(std::string_view id) const;
    SinkAccount* by_bit(std::uint8_t bit);
    /// Bits that belong to a sink.
    std::uint16_t known_bits() const;
    bool operator==(const LogState&) const = default;
};

void pack_state(const LogState& state, Bytes& out);
Result<LogState> unpack_state(std::span<const std::byte> bytes);

SinkLedger to_ledger(const SinkAccount& sink);

}  // namespace fog
