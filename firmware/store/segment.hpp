#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "firmware/core/reading.hpp"
#include "firmware/core/records.hpp"
#include "firmware/core/result.hpp"
#include "firmware/store/block.hpp"
#include "firmware/store/sqlite.hpp"

namespace fog {

/// A sealed stretch of one lane: its records, regrouped by point, in rows of `series`; each row has
/// 16 neighbouring points. What is said here is its row of `segment`.
struct SegmentHead {
    Lane lane = Lane::live;
    Seq first;
    Seq last;
    std::uint64_t number = 0;  // ascending within the log
    std::uint64_t n = 0;
    std::uint64_t bytes = 0;  // of flash, all its rows
    BootId from_boot;         // of its first record
    MonoTime from;
    BootId to_boot;  // of its last
    MonoTime to;
    std::vector<std::uint32_t> groups;  // ascending
};

inline constexpr unsigned kGroupShift = 4;
inline constexpr std::uint64_t kSegmentNumbers = 1ULL << 33U;
inline std::uint32_t group_of(std::uint64_t point) {
    return static_cast<std::uint32_t>(point >> kGroupShift);
}
/// The row of a group in a segment: one group's rows of a lane lie beside each other.
std::uint64_t series_key(std::uint32_t group, Lane lane, std::uint64_t number);

/// Columns of a SELECT that read_head() takes, in this order.
inline constexpr const char* kSegmentColumns =
    "lane, last_seq, first_seq, number, n, bytes, from_boot, from_mono, to_boot, to_mono, groups";
/// Groups that do not decode are none.
SegmentHead read_head(const sqlite::Statement& row);
Result<void> write_head(sqlite::Statement& insert, const SegmentHead& head);
inline constexpr const char* kInsertSegment =
    "INSERT INTO segment VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Notes in `sealing` that rows of this segment (lane, number, groups) are about to be written.
Result<void> stage(sqlite::Connection& db, const SegmentHead& head);
/// What is noted there: after a crash, or while a segment is made. Logs before schema 3 have none.
Result<std::vector<SegmentHead>> staged_segments(sqlite::Connection& db);
/// Removes their rows, in the transaction the caller has open.
Result<void> forget_staged(sqlite::Connection& db);

/// Builds a row of `series`: blocks of one point each, points and their numbers ascending.
class SeriesRow {
public:
    void add(PointId point, std::span<const std::byte> block);
    bool empty() const { return slices_ == 0; }
    Bytes take();

private:
    std::uint64_t slices_ = 0;
    Bytes index_;
    Bytes blocks_;
};

using BlockVisit = std::function<Result<void>(std::uint32_t point, std::span<const std::byte>)>;
/// Visits the blocks of a row of this group. Fails: bad_frame (of the row, its blocks are not
/// looked into), or what `visit` does.
Result<void> visit_series(std::uint32_t group, std::span<const std::byte> row,
                          const BlockVisit& visit);

/// Reads segments over a connection; prepared once. Thread: the connection's.
class SegmentRows {
public:
    explicit SegmentRows(sqlite::Connection& db) : db_(&db) {}
    /// The first segment of the lane with numbers beyond `after`.
    Result<std::optional<SegmentHead>> next(Lane lane, Seq after);
    Result<std::optional<SegmentHead>> newest(Lane lane);
    /// Visits its wanted records, point by point. Rows and blocks that do not decode are passed
    /// over and counted in `damaged`.
    Result<void> visit(const SegmentHead& head, const BlockWanted& wanted, const RecordVisit& visit,
                       std::uint64_t& damaged);
    /// How many of its rows and blocks fail their checksums.
    Result<std::uint64_t> check(const SegmentHead& head);
    /// Numbers of its records beyond `after`, in no order.
    Result<std::vector<std::uint64_t>> numbers(const SegmentHead& head, Seq after,
                                               std::uint64_t& damaged);

private:
    Result<std::optional<SegmentHead>> one(sqlite::Statement& statement);
    Result<void> visit_blocks(const SegmentHead& head, const BlockWanted& wanted,
                              const BlockVisit& visit, std::uint64_t& damaged);

    sqlite::Connection* db_;
    sqlite::Statement next_, newest_, row_;
};

}  // namespace fog
