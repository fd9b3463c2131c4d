#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/boot_table.hpp"
#include "firmware/core/clock.hpp"
#include "firmware/core/commit_watch.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/log_access.hpp"
#include "firmware/core/metrics.hpp"
#include "firmware/core/reading.hpp"
#include "firmware/core/result.hpp"
#include "firmware/store/history.hpp"
#include "firmware/store/seq_source.hpp"

namespace fog {

/// How a log is opened. Everything has a usable default except folder, kernel_boot and clock.
struct StoreOptions {
    std::filesystem::path folder;  // holds log.db (+ -wal, -shm), log.corrupt and generation
    std::string kernel_boot;       // uuid of this kernel boot
    const Clock* clock = nullptr;  // outlives the store
    BootTable* boots = nullptr;    // filled with the stored lines; may be null
    Metrics* metrics = nullptr;    // may be null
    Limits limits;                 // store_queue_records, store_queue_alarms, event_bytes ...
    std::uint64_t max_bytes = 1ULL << 30U;  // database + WAL + dead letters; at least 1 MiB

    std::vector<std::string> sinks;  // registered at open, in this order, if not known yet

    // group commit
    std::chrono::nanoseconds linger = std::chrono::seconds{1};
    std::chrono::nanoseconds waiter_window = std::chrono::milliseconds{20};
    std::size_t most_waiters = 256;
    std::size_t commit_records = 1'000;
    std::size_t commit_bytes = 64U << 10U;
    std::chrono::nanoseconds retry = std::chrono::seconds{5};  // while degraded
    std::size_t ram_bytes = 4U << 20U;                         // kept while degraded

    // sealing: a lane's packed rows become a segment when they have so many bytes, or this age
    std::uint64_t seal_bytes = 512U << 10U;  // 0 = never
    std::uint64_t seal_group_bytes = 8U
                                     << 10U;  // for each 16 points in them, or it is not worth it
    std::chrono::nanoseconds seal_age = std::chrono::minutes{10};

    // retention, by lane (alarm, reply, live, bulk); live and bulk borrow from each other
    std::array<unsigned, kLanes> share_percent{10, 5, 35, 50};
    std::array<std::chrono::hours, kLanes> max_age{
        std::chrono::hours{90 * 24}, std::chrono::hours{24}, std::chrono::hours{30 * 24},
        std::chrono::hours{30 * 24}};
    std::uint64_t raw_max = 0;           // bytes of raw publishes, all together; 0 = no own cap
    std::chrono::hours raw_age{7 * 24};  // how long history keeps what every sink has
};

/// A row of the registry's tables or a named blob, written with the batch it belongs to.
struct StateWrite {
    std::string key;
    Bytes value;  // empty = delete
};
struct PointRow {
    PointId id;
    std::string device;
    std::string point;
    std::string unit;
    bool diagnostic = false;
    Bytes data;  // the registry's own: last value, seen, marks
};
struct DeviceRow {
    std::string id;
    std::string key;
    std::string name;
    Bytes data;
};

/// One hand-over from fog-pipe. Records ascend by seq, and batch follows batch. Raw publishes are
/// for sessions and people: no sink owes them, whatever their mask says.
struct StoreBatch {
    std::shared_ptr<const std::vector<Record>> records;  // may be null
    std::uint64_t ring_entry = 0;                        // last ingest ring entry covered; 0 = none
    std::uint32_t waiters = 0;                           // how many wait for this commit (level A)
    std::vector<StateWrite> state;
    std::vector<PointRow> points;
    std::vector<DeviceRow> devices;
};

/// What became of append(): per lane, records shed because the queue is full (cause `queue`).
struct Appended {
    std::array<std::uint32_t, kLanes> shed{};
    bool degraded = false;  // the disk fails at present: promise nothing
    bool all() const { return shed == std::array<std::uint32_t, kLanes>{}; }
};

/// A half-open stretch of sequence numbers: after `from`, up to and with `to`.
struct SeqRange {
    Seq from;
    Seq to;
    bool operator==(const SeqRange&) const = default;
};

/// Whether one of them has a number after `from`, up to and with `to`.
inline bool touches(std::span<const SeqRange> ranges, std::uint64_t from, std::uint64_t to) {
    return std::any_of(ranges.begin(), ranges.end(), [from, to](const SeqRange& range) {
        return range.from.value < to && from < range.to.value;
    });
}

/// One commit, as told to whoever acknowledges.
struct Committed {
    Seq upto;                        // everything appended up to here is decided
    std::uint64_t ring_entry = 0;    // ring entries up to here may be released
    std::span<const SeqRange> lost;  // of it, what was shed instead of written: do not acknowledge
};

/// Hears of commits and of the disk's state. Called on fog-store; must not block.
class CommitListener {
public:
    virtual ~CommitListener() = default;
    virtual void committed(const Committed& commit) = 0;
    /// true: commits fail with `why` (storage_full or storage_error); acknowledgements must stop.
    virtual void degraded(bool now, const Error& why) = 0;
};

/// What open() met, for the event that tells people and for clients' gaps.
struct OpenReport {
    bool created = false;        // no log was there
    bool clean = false;          // the previous stop closed the log
    bool replaced = false;       // corrupt: set aside as log.corrupt, epoch and generation are new
    std::string damage;          // what was found, when replaced
    std::uint64_t salvaged = 0;  // records carried over
    std::uint64_t unreadable = 0;   // records known to be lost with it
    bool unreadable_exact = false;  // the count above is all of them
    std::uint64_t epoch = 0;
    std::uint64_t generation = 0;
    BootId boot;                         // of this kernel boot
    std::uint64_t ring_entry = 0;        // last ring entry that is in the log
    Seq committed;                       // newest record in it
    std::optional<SeqRange> crash_hole;  // numbers that will never come
};

/// Why the log wrote. Stored in the log: append only.
enum class WearCause : std::uint8_t { commit, checkpoint, other, seal };
inline constexpr std::size_t kWearCauses = 4;
std::string_view to_text(WearCause cause);

struct LaneStatus {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;  // of flash, pages rounded
    std::uint64_t budget = 0;
    Seq oldest;
    std::uint64_t history_trimmed = 0;
    std::uint64_t segments = 0;    // sealed ones
    std::uint64_t tail_rows = 0;   // packed blocks not sealed yet
    double hours_until_full = -1;  // at the rate since open; -1 = not filling
};
struct StoreStatus {
    std::array<LaneStatus, kLanes> lanes;
    Seq committed;
    std::uint64_t ring_entry = 0;
    std::uint64_t commits = 0;
    bool degraded = false;
    std::string error;  // why degraded
    std::uint64_t ram_records = 0;
    std::uint64_t queued_records = 0;
    std::uint64_t database_bytes = 0;
    std::uint64_t wal_bytes = 0;
    std::uint64_t max_bytes = 0;
    std::uint64_t raw_bytes = 0;                    // of flash, by publishes kept as they came
    std::uint64_t raw_max = 0;                      // their cap; 0 = none of their own
    std::uint64_t raw_evicted = 0;                  // shed by it since the log was made
    std::uint64_t raw_evicted_bytes = 0;            // as the ledgers count
    bool alarm_reserve_full = false;                // alarms had to be evicted
    std::array<std::uint64_t, kWearCauses> wear{};  // bytes written since the log was made
};

/// A record one sink's far side can never take as it is. Counts as waiting.
struct DeadLetter {
    Seq seq;
    Lane lane = Lane::live;
    std::string reason;
    bool resend = false;  // owed again, not yet settled
    Record record;
};
enum class RemoveSink : std::uint8_t { keep, discard };

/// The log: every record once, bounded, durable after its commit, with a cursor and an exact
/// ledger per sink. Formats: README.md beside this file.
///
/// Threads: append() from fog-pipe only and never blocks; seqs() as it says; the functions marked
/// (waits) from any thread but fog-store, they block for up to one commit; the rest any thread,
/// short locks. Failures of the disk never come out of append(): they make the log degraded.
class Store : public LogReaders, public CommitPace {
public:
    /// Opens, migrates and checks the log, or makes one. A damaged log is set aside and replaced.
    /// Fails: storage_error (folder not writable, newer schema), busy (another process has it).
    static Result<std::unique_ptr<Store>> open(StoreOptions options);
    ~Store() override = default;

    virtual const OpenReport& opened() const = 0;
    /// Starts fog-store; `listener` (may be null) outlives stop().
    virtual void start(CommitListener* listener) = 0;
    /// Commits what is queued, closes the sequence block and the log. Readers may stay open.
    virtual void stop() = 0;

    virtual Appended append(StoreBatch batch) = 0;
    virtual SeqSource& seqs() = 0;
    /// (waits) Until everything appended before is committed; storage errors while degraded.
    virtual Result<void> flush() = 0;
    /// (waits) Until the queue has room for `records` bulk records; false after `wait`.
    virtual bool wait_room(std::size_t records, std::chrono::nanoseconds wait) = 0;

    /// What was persisted, read once at start.
    virtual Result<std::vector<PointRow>> points() = 0;
    virtual Result<std::vector<DeviceRow>> devices() = 0;
    virtual Result<std::vector<StateWrite>> state(std::string_view prefix) = 0;
    /// Adds a line to the BootTable of the options and to the log, with the next commit.
    virtual void add_boot_line(const BootTable::Line& line) = 0;

    /// (waits) The bit of a sink, 0..15; registers it (it then starts at now) if not known.
    virtual Result<std::uint8_t> add_sink(std::string_view id) = 0;
    /// (waits) discard: what waits is counted shed(sink_removed) and the bit is free again.
    virtual Result<void> remove_sink(std::string_view id, RemoveSink how) = 0;
    /// One sink's side; one at a time per sink, for the thread that will use it.
    virtual Result<std::unique_ptr<SinkLog>> open_sink(std::string_view id) = 0;
    virtual std::vector<SinkLedger> ledgers() = 0;  // reads the disk for what waits

    /// For charts and lists of events. Needs the BootTable of the options.
    virtual Result<std::unique_ptr<History>> open_history() = 0;

    /// (waits) Dead letters of a sink, oldest first, seq > after.
    virtual Result<std::vector<DeadLetter>> dead(std::string_view sink, Seq after,
                                                 std::size_t most) = 0;
    /// (waits) Owed again: the sink's cursor of that lane goes back below it. Fails: not_found,
    /// busy.
    virtual Result<void> resend(std::string_view sink, Seq seq) = 0;
    /// (waits) Gone, counted shed(discarded). Fails: not_found.
    virtual Result<void> discard(std::string_view sink, Seq seq) = 0;

    virtual StoreStatus status() const = 0;
};

}  // namespace fog
