#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/position.hpp"
#include "firmware/core/records.hpp"
#include "firmware/core/result.hpp"

namespace fog {

/// What the log holds at a moment.
struct LogBounds {
    std::uint64_t epoch = 0;
    Seq first;      // oldest record kept (any lane); 0 = empty
    Seq committed;  // newest committed
};

/// Why numbers of a range are not there any more (push specification section 4).
enum class MissingReason : std::uint8_t { expired, evicted, crash, epoch_changed };
std::string_view to_text(MissingReason reason);  // in records.cpp
struct Missing {
    Seq from;  // exclusive
    Seq to;    // inclusive
    MissingReason reason = MissingReason::evicted;
    std::uint64_t records = 0;  // how many were lost; crash: 0 = none, 1 = nobody knows
    bool exact = true;
};

struct LogPage {
    std::vector<Record> records;   // ascending by seq
    Seq last;                      // read up to here (>= last record's seq)
    std::vector<Missing> missing;  // holes inside the range read
    bool at_end = false;           // nothing committed beyond `last`
};

/// A reading end of the log, with its own read-only database connection.
/// Thread: the one that opened it. Blocks: on the disk. Fails: storage_error.
class LogReader {
public:
    virtual ~LogReader() = default;
    virtual Result<LogBounds> bounds() = 0;
    /// Up to `most` records with seq > after and seq <= upto (0 = no upper end), lanes by bit mask.
    virtual Result<LogPage> read(Seq after, Seq upto, std::size_t most,
                                 std::uint8_t lane_mask = 0x0F) = 0;
    /// Holes with numbers > after and <= upto, ascending; a log without holes has none.
    virtual Result<std::vector<Missing>> missing(Seq after, Seq upto) {
        static_cast<void>(after);
        static_cast<void>(upto);
        return std::vector<Missing>{};
    }
};

/// Opens readers. Any thread.
class LogReaders {
public:
    virtual ~LogReaders() = default;
    virtual Result<std::unique_ptr<LogReader>> open_reader() = 0;
};

/// Exact counters of one sink and lane: accepted = acknowledged + waiting + shed + expired.
struct LaneLedger {
    std::uint64_t accepted = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t waiting = 0;
    std::uint64_t waiting_bytes = 0;  // packed estimate
    std::uint64_t shed = 0;
    std::uint64_t expired = 0;
    std::uint64_t dead = 0;  // part of waiting: quarantined, see dead letters
    bool exact() const { return accepted == acknowledged + waiting + shed + expired; }
    LaneLedger& operator+=(const LaneLedger& other) {
        accepted += other.accepted;
        acknowledged += other.acknowledged;
        waiting += other.waiting;
        waiting_bytes += other.waiting_bytes;
        shed += other.shed;
        expired += other.expired;
        dead += other.dead;
        return *this;
    }
};
struct SinkLedger {
    std::string sink;
    std::array<LaneLedger, kLanes> lanes;
    std::vector<std::pair<std::string, std::uint64_t>> causes;  // shed/expired by cause
    WallTime oldest_waiting{};                                  // epoch = none
    LaneLedger sum() const {
        LaneLedger all;
        for (const LaneLedger& lane : lanes) all += lane;
        return all;
    }
};

/// How one record ended at the far side.
struct Settled {
    Seq seq;
    Lane lane = Lane::live;
    bool refused = false;  // false: acknowledged; true: can never be taken, goes to `dead`
    std::string reason;
};

/// A sink's side of the log: what it owes, in order per lane, and how it reports what became of it.
/// Thread: fog-up-<sink>. Blocks: on the disk and in wait(). Nothing leaves the log before
/// settle() said so; a settle that is not yet committed when the process dies is owed again.
class SinkLog {
public:
    virtual ~SinkLog() = default;
    /// Records of `lane` this sink owes with seq > after, not yet settled, oldest first.
    virtual Result<std::vector<Record>> owed(Lane lane, Seq after, std::size_t most) = 0;
    /// Lowest seq of the lane that may still be owed (the durable cursor); start reading after it.
    virtual Seq cursor(Lane lane) = 0;
    /// Newest committed seq.
    virtual Seq head() = 0;
    /// Hands over outcomes; durable with the next commit (<= 1 s). Never blocks on the disk.
    virtual void settle(std::vector<Settled> outcomes) = 0;
    /// Waits until head() moved past `seen`, wake() was called or `until` is reached.
    virtual void wait(Seq seen, MonoTime until) = 0;
    virtual void wake() = 0;  // any thread
    virtual SinkLedger ledger() = 0;
};

}  // namespace fog
