#include "firmware/store/segment.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "firmware/core/crc32c.hpp"
#include "firmware/core/pack.hpp"

namespace fog {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kCrcBytes = 4;
constexpr unsigned kPointMask = (1U << kGroupShift) - 1;
constexpr unsigned kLaneShift = 33;
constexpr unsigned kSeriesShift = 35;
constexpr std::size_t kMostGroups = 1U << 20U;
constexpr std::size_t kMostSlices = 1U << 16U;

Error bad(const char* why) {
    return Error{Errc::bad_frame, std::string("log segment: ") + why, {}};
}

Bytes pack_groups(const std::vector<std::uint32_t>& groups) {
    Bytes out;
    Packer pack(out);
    pack.u8(kVersion);
    pack.varint(groups.size());
    std::uint32_t last = 0;
    for (const auto group : groups) {
        pack.varint(group - last);
        last = group;
    }
    pack.fixed(crc32c(out));
    return out;
}

Result<std::vector<std::uint32_t>> unpack_groups(std::span<const std::byte> bytes) {
    if (bytes.size() < kCrcBytes + 2) return bad("groups too short");
    const auto body = bytes.first(bytes.size() - kCrcBytes);
    if (Unpacker(bytes.last(kCrcBytes)).fixed<std::uint32_t>() != crc32c(body))
        return bad("checksum of its groups does not match");
    Unpacker in(body);
    if (in.u8() != kVersion) return bad("unknown version");
    const std::uint64_t count = in.varint();
    if (count > kMostGroups || count > in.left()) return bad("absurd number of groups");
    std::vector<std::uint32_t> out(count);
    std::uint64_t last = 0;
    for (auto& group : out) {
        last += in.varint();
        group = static_cast<std::uint32_t>(last);
    }
    if (!in.ok() || !in.empty()) return bad("groups do not decode");
    return out;
}

}  // namespace

std::uint64_t series_key(std::uint32_t group, Lane lane, std::uint64_t number) {
    return (static_cast<std::uint64_t>(group) << kSeriesShift) |
           (static_cast<std::uint64_t>(lane) << kLaneShift) | number;
}

SegmentHead read_head(const sqlite::Statement& row) {
    SegmentHead out;
    out.lane = static_cast<Lane>(row.integer(0));
    out.last.value = row.number(1);
    out.first.value = row.number(2);
    out.number = row.number(3);
    out.n = row.number(4);
    out.bytes = row.number(5);
    out.from_boot.value = static_cast<std::uint32_t>(row.integer(6));
    out.from = MonoTime{std::chrono::nanoseconds{row.integer(7)}};
    out.to_boot.value = static_cast<std::uint32_t>(row.integer(8));
    out.to = MonoTime{std::chrono::nanoseconds{row.integer(9)}};
    if (auto groups = unpack_groups(row.blob(10))) out.groups = std::move(*groups);
    return out;
}

Result<void> write_head(sqlite::Statement& insert, const SegmentHead& head) {
    return insert
        .with(static_cast<int>(head.lane), head.last.value, head.first.value, head.number, head.n,
              head.bytes, head.from_boot.value, head.from.time_since_epoch().count(),
              head.to_boot.value, head.to.time_since_epoch().count(), pack_groups(head.groups))
        .run();
}

Result<void> stage(sqlite::Connection& db, const SegmentHead& head) {
    auto insert = db.prepare("INSERT INTO sealing VALUES(?, ?, ?)");
    if (!insert) return std::move(insert).error();
    return insert->with(head.number, static_cast<int>(head.lane), pack_groups(head.groups)).run();
}

Result<std::vector<SegmentHead>> staged_segments(sqlite::Connection& db) {
    std::vector<SegmentHead> out;
    auto known = db.number("SELECT count(*) FROM sqlite_schema WHERE name = 'sealing'");
    if (!known) return std::move(known).error();
    if (*known == 0) return out;
    auto rows = db.prepare("SELECT number, lane, groups FROM sealing");
    if (!rows) return std::move(rows).error();
    for (;;) {
        auto row = rows->row();
        if (!row) return std::move(row).error();
        if (!*row) return out;
        SegmentHead& head = out.emplace_back();
        head.number = rows->number(0);
        head.lane = static_cast<Lane>(rows->integer(1));
        if (auto groups = unpack_groups(rows->blob(2))) head.groups = std::move(*groups);
    }
}

Result<void> forget_staged(sqlite::Connection& db) {
    auto staged = staged_segments(db);
    if (!staged) return std::move(staged).error();
    if (staged->empty()) return {};
    auto remove = db.prepare("DELETE FROM series WHERE key = ?");
    if (!remove) return std::move(remove).error();
    for (const SegmentHead& head : *staged)
        for (const auto group : head.groups)
            if (auto done = remove->with(series_key(group, head.lane, head.number)).run(); !done)
                return done;
    return db.exec("DELETE FROM sealing");
}

void SeriesRow::add(PointId point, std::span<const std::byte> block) {
    ++slices_;
    Packer index(index_);
    index.u8(static_cast<std::uint8_t>(point.value & kPointMask));
    index.varint(block.size());
    blocks_.insert(blocks_.end(), block.begin(), block.end());
}

Bytes SeriesRow::take() {
    Bytes out;
    Packer pack(out);
    pack.u8(kVersion);
    pack.varint(slices_);
    pack.raw(index_);
    pack.fixed(crc32c(out));
    pack.raw(blocks_);
    *this = SeriesRow{};
    return out;
}

Result<void> visit_series(std::uint32_t group, std::span<const std::byte> row,
                          const BlockVisit& visit) {
    struct Slice {
        std::uint32_t point;
        std::uint64_t size;
    };
    Unpacker in(row);
    if (in.u8() != kVersion) return bad("unknown version of a row");
    const std::uint64_t count = in.varint();
    if (!in.ok() || count > kMostSlices || count > in.left()) return bad("absurd number of blocks");
    std::vector<Slice> slices(count);
    for (Slice& slice : slices) {
        const std::uint8_t low = in.u8();
        if (low > kPointMask) return bad("a point of another row");
        slice = {(group << kGroupShift) | low, in.varint()};
    }
    const auto index = row.first(row.size() - in.left());
    if (in.fixed<std::uint32_t>() != crc32c(index) || !in.ok())
        return bad("checksum of a row does not match");
    for (const Slice& slice : slices) {
        const auto block = in.raw(slice.size);
        if (!in.ok()) return bad("a row is cut off");
        if (auto done = visit(slice.point, block); !done) return done;
    }
    return in.empty() ? Result<void>{} : bad("a row ends in the wrong place");
}

Result<std::optional<SegmentHead>> SegmentRows::one(sqlite::Statement& statement) {
    auto row = statement.row();
    if (!row) return std::move(row).error();
    if (!*row) return std::optional<SegmentHead>{};
    auto head = read_head(statement);
    statement.reset();
    return std::optional(std::move(head));
}

Result<std::optional<SegmentHead>> SegmentRows::next(Lane lane, Seq after) {
    if (next_.raw() == nullptr) {
        auto made = db_->prepare(std::string("SELECT ") + kSegmentColumns +
                                 " FROM segment WHERE lane = ? AND last_seq > ? ORDER BY last_seq "
                                 "LIMIT 1");
        if (!made) return std::move(made).error();
        next_ = std::move(*made);
    }
    return one(next_.with(static_cast<int>(lane), after.value));
}

Result<std::optional<SegmentHead>> SegmentRows::newest(Lane lane) {
    if (newest_.raw() == nullptr) {
        auto made = db_->prepare(std::string("SELECT ") + kSegmentColumns +
                                 " FROM segment WHERE lane = ? ORDER BY last_seq DESC LIMIT 1");
        if (!made) return std::move(made).error();
        newest_ = std::move(*made);
    }
    return one(newest_.with(static_cast<int>(lane)));
}

Result<void> SegmentRows::visit_blocks(const SegmentHead& head, const BlockWanted& wanted,
                                       const BlockVisit& visit, std::uint64_t& damaged) {
    if (row_.raw() == nullptr) {
        auto made = db_->prepare("SELECT data FROM series WHERE key = ?");
        if (!made) return std::move(made).error();
        row_ = std::move(*made);
    }
    if (head.groups.empty()) ++damaged;
    const std::uint32_t first = group_of(wanted.first_point), last = group_of(wanted.last_point);
    auto group = std::lower_bound(head.groups.begin(), head.groups.end(), first);
    for (; group != head.groups.end() && *group <= last; ++group) {
        auto row = row_.with(series_key(*group, head.lane, head.number)).row();
        if (!row) return std::move(row).error();
        // A row that is not there is damage too: they come and go with their segment.
        if (!*row || !visit_series(*group, row_.blob(0),
                                   [&](std::uint32_t point, std::span<const std::byte> block) {
                                       if (point >= wanted.first_point &&
                                           point <= wanted.last_point && !visit(point, block))
                                           ++damaged;
                                       return Result<void>{};
                                   }))
            ++damaged;
        row_.reset();
    }
    return {};
}

Result<void> SegmentRows::visit(const SegmentHead& head, const BlockWanted& wanted,
                                const RecordVisit& visit, std::uint64_t& damaged) {
    return visit_blocks(
        head, wanted,
        [&](std::uint32_t, std::span<const std::byte> block) {
            return visit_block(block, wanted, visit);
        },
        damaged);
}

Result<std::uint64_t> SegmentRows::check(const SegmentHead& head) {
    std::uint64_t damaged = 0;
    auto done = visit_blocks(
        head, {},
        [](std::uint32_t, std::span<const std::byte> block) -> Result<void> {
            auto span = peek_block(block);
            if (!span) return std::move(span).error();
            return {};
        },
        damaged);
    if (!done) return std::move(done).error();
    return damaged;
}

Result<std::vector<std::uint64_t>> SegmentRows::numbers(const SegmentHead& head, Seq after,
                                                        std::uint64_t& damaged) {
    std::vector<std::uint64_t> out, seqs, points;
    auto done = visit_blocks(
        head, {},
        [&](std::uint32_t, std::span<const std::byte> block) -> Result<void> {
            if (auto read = block_index(block, seqs, points); !read) return read;
            for (const auto seq : seqs)
                if (seq > after.value) out.push_back(seq);
            return {};
        },
        damaged);
    if (!done) return std::move(done).error();
    return out;
}

}  // namespace fog
