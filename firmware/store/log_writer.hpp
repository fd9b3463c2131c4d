#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "firmware/store/log_state.hpp"
#include "firmware/store/segment.hpp"
#include "firmware/store/sqlite.hpp"
#include "firmware/store/store.hpp"
#include "firmware/store/store_queue.hpp"

namespace fog {

inline constexpr std::int64_t kPageBytes = 4096;
inline constexpr int kRawKind = static_cast<int>(EventKind::raw);
inline constexpr int kEveryLane = 255;  // lane of a hole that concerns all

/// Flash a row of `payload` bytes takes in its table, pages and overflow pages rounded.
std::uint64_t row_cost(std::uint64_t payload);

/// How much of a lane is kept.
struct LaneStock {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;       // by row_cost
    std::uint64_t tail_rows = 0;   // so that lanes without any are not searched for
    Seq tail_from;                 // no tail row of the lane begins before
    Seq tail_newest;               // last seq of its newest tail row, also when that is sealed
    std::uint64_t tail_bytes = 0;  // of the rows' blocks
    MonoTime tail_since{};         // when the oldest was committed; epoch = before this start
    std::uint64_t segments = 0;
    Seq segment_from;  // first seq of the oldest segment, where there is one
    std::uint64_t events = 0;
    Seq event_from;
};

/// What is known beside the database. A commit works on a copy and takes it over when it is
/// durable.
struct LogMemory {
    LogState state;
    std::array<LaneStock, kLanes> stock;
    struct Deferred {
        std::string sink;
        SettledOne outcome;
    };
    std::vector<Deferred> deferred;  // outcomes that would need a 17th range
    std::set<std::tuple<std::string, Lane, Seq>> resend;
    std::uint64_t dead_bytes = 0;
    std::uint64_t segment_number = 0;  // highest given
    std::uint64_t raw_rows = 0;        // of publishes kept as they came, in all lanes
    std::uint64_t raw_bytes = 0;       // by row_cost
    Seq raw_from;                      // none of them has a lower number
    bool alarm_reserve_full = false;
};

/// When each kernel boot began, in powered time: nanoseconds this box has been on in its life.
class PoweredTime {
public:
    void set(BootId boot, std::int64_t base) { bases_[boot.value] = base; }
    std::optional<std::int64_t> at(BootId boot, MonoTime mono) const;

private:
    std::map<std::uint32_t, std::int64_t> bases_;
};

/// The writing connection: commits work, keeps the accounts, evicts and expires.
/// Thread: fog-store (before start: the opener). Blocks: on the disk.
class LogWriter {
public:
    LogWriter(sqlite::Connection db, const StoreOptions& options, LogMemory memory, BootId boot,
              PoweredTime powered);
    LogWriter(const LogWriter&) = delete;  // segments_ reads through db_
    LogWriter& operator=(const LogWriter&) = delete;

    /// Writes all of `work` or none of it; makes room first, tries again with more room when full.
    Result<void> commit(const Work& work, SeqSource& seqs);
    /// Does a small piece (a few ms) of moving old tail rows into segments, if any are due; between
    /// commits. False: nothing to do now. What fails is left for later: nothing is lost by it.
    bool seal_step();
    /// Brings the write-ahead log home when it is long. After a commit was told, since it may take
    /// as long as many of them.
    void tidy();
    /// A change of the accounts alone, in a transaction of its own.
    Result<void> change(const std::function<Result<void>(LogMemory&)>& edit);
    /// Marks the stop as clean: numbering goes on at `next`.
    Result<void> close(Seq next);

    const LogMemory& memory() const { return memory_; }
    StoreStatus status() const;
    bool damaged() const { return damaged_; }

    Result<std::uint8_t> add_sink(std::string_view id, Seq now);
    Result<void> remove_sink(std::string_view id, RemoveSink how);
    Result<std::vector<DeadLetter>> dead(std::string_view sink, Seq after, std::size_t most);
    Result<Lane> resend(std::string_view sink, Seq seq);
    Result<void> discard(std::string_view sink, Seq seq);

    Result<std::vector<PointRow>> points();
    Result<std::vector<DeviceRow>> devices();
    Result<std::vector<StateWrite>> state_rows(std::string_view prefix);

private:
    struct Packed;  // a commit's records by lane
    using Memory = LogMemory;

    Result<void> try_commit(const Work& work, SeqSource& seqs, std::uint64_t pressure);
    Result<sqlite::Statement*> statement(std::string_view sql);
    template <class... Args>
    Result<void> run(std::string_view sql, const Args&... args) {
        auto prepared = statement(sql);
        if (!prepared) return std::move(prepared).error();
        return (*prepared)->with(args...).run();
    }

    // commit.cpp
    void gather(const Work& work, Memory& now, Packed& out);
    void account_shed(const ShedRecords& shed, LossCause cause, Memory& now);
    Result<void> write_records(Memory& now, Packed& packed);
    Result<void> write_events(Memory& now, const Packed& packed);
    Result<void> write_rows(const Work& work);
    Result<void> write_snapshot(const Memory& now);
    Result<void> add_hole(const Hole& hole, int lane, bool touching);
    void after_commit(std::uint64_t pages_before, WearCause cause);
    void count_day();
    std::uint64_t pages_written() const;  // by this connection since open
    void checkpoint();

    // settle.cpp
    Result<void> settle(const Work& work, Memory& now);
    Result<bool> settle_one(Memory& now, SinkAccount& sink, const SettledOne& outcome,
                            std::size_t ranges);
    Result<void> refuse(Memory& now, SinkAccount& sink, const SettledOne& outcome);
    Result<std::optional<Record>> find_record(Lane lane, Seq seq, PointId point);
    Result<void> bound_dead(Memory& now);
    Result<void> forget_dead(Memory& now, const std::string& sink, Seq seq);

    // retention.cpp
    Result<void> make_room(Memory& now, const std::array<std::uint64_t, kLanes>& incoming,
                           std::uint64_t pressure);
    Result<void> bound_raw(Memory& now);
    Result<bool> evict_some(Memory& now, Lane lane);
    Result<bool> trim_settled(Memory& now, Lane lane);
    Result<void> expire(Memory& now);
    struct Oldest {
        Seq last;  // the whole item ends here
        std::optional<std::int64_t> powered;
    };
    Result<std::optional<Oldest>> oldest(Memory& now, Lane lane);
    enum class Why : std::uint8_t { evicted, expired, trimmed };
    Result<void> drop_front(Memory& now, Lane lane, Seq upto, Why why);
    Result<void> settle_deferred(Memory& now, Lane lane, Seq upto);
    Result<void> bury_resends(Memory& now, Lane lane, Seq upto);
    Result<void> forget_raw(Memory& now, Lane lane, Seq from, Seq upto);
    Result<void> forget_rows(LaneStock& stock, std::uint64_t& items, std::string_view count,
                             std::string_view remove, Lane lane, Seq from, Seq upto);
    std::uint64_t drop_record(Memory& now, const Record& record, LossCause cause);
    Result<void> recount(Memory& now, Lane lane);
    Result<void> for_lane(Lane lane, Seq from, Seq upto,
                          const std::function<void(const Record&)>& each, bool& unreadable);

    // seal.cpp
    struct SealJob;
    void note_groups(std::size_t lane, std::span<const Record* const> records);
    std::uint64_t seal_size(std::size_t lane) const;
    Result<std::shared_ptr<SealJob>> plan_seal(std::size_t lane);
    bool next_seal();
    void put_off(std::size_t lane);
    Result<void> seal_piece(SealJob& job);
    Result<void> index_rows(SealJob& job);
    Result<void> collect_rows(SealJob& job);
    Result<void> write_series(SealJob& job);
    Result<void> write_segment(SealJob& job);
    void give_up(SealJob& job, Errc why);
    Result<void> forget_staged(std::size_t lane);
    Result<Bytes> tail_data(Seq first);
    Result<void> drop_segments(Memory& now, Lane lane, Seq upto, Why why, std::uint64_t& n,
                               bool& unreadable);
    Result<void> forget_segment(Memory& now, const SegmentHead& head);
    Result<bool> trim_segment(Memory& now, Lane lane);

    sqlite::Connection db_;
    SegmentRows segments_{db_};
    const StoreOptions options_;
    LogMemory memory_;
    const BootId boot_;
    const PoweredTime powered_;
    std::map<std::string, sqlite::Statement, std::less<>> statements_;
    std::uint64_t usable_bytes_ = 0;  // what rows may take
    std::int64_t wal_limit_ = 0;      // pages, then a checkpoint
    int wal_pages_ = 0;
    int wal_high_ = 0;
    int wal_tried_ = 0;
    std::uint64_t page_count_ = 0;
    std::shared_ptr<SealJob> seal_;
    std::array<std::vector<bool>, kLanes> groups_;     // in the tail, as far as known
    std::array<std::uint64_t, kLanes> group_count_{};  // of them
    std::array<bool, kLanes> seal_blocked_{};          // a row of the lane's tail does not decode
    std::array<MonoTime, kLanes> seal_again_{};        // not before, after a failure
    std::array<SegmentHead, kLanes> staged_;  // given up in the middle; groups: still to be removed
    std::size_t seal_next_ = 0;               // lane to be looked at first
    MonoTime next_expiry_{};
    MonoTime opened_at_;
    std::array<std::uint64_t, kLanes> added_{};  // bytes since open, for the forecast
    std::uint64_t commits_ = 0;
    bool damaged_ = false;
    std::int64_t wear_day_ = 0;
    std::array<std::uint64_t, kWearCauses> wear_written_{};
};

/// Bytes of the WAL before a checkpoint is due, in pages, for a cap of `max_bytes`.
std::int64_t wal_pages(std::uint64_t max_bytes);
/// Rows of the dead table hold a record of either kind.
Bytes pack_record(const Record& record);
Result<Record> unpack_record(std::span<const std::byte> bytes);

}  // namespace fog
