#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "firmware/store/block.hpp"
#include "firmware/store/log_open.hpp"
#include "firmware/store/segment.hpp"

namespace fog {
namespace {

constexpr int kMostDamages = 1'000;
constexpr std::int64_t kFarthest = 1LL << 53U;  // numbers stay below

/// The first key from `from` on behind a damaged place. A tree's inner pages still lead around a
/// broken leaf, so this doubles the distance until something reads and then closes in on it.
std::optional<std::int64_t> beyond_damage(sqlite::Statement& probe, std::int64_t from) {
    const auto readable = [&](std::int64_t key) {
        const auto row = probe.with(key).row();
        probe.reset();
        return row.has_value();
    };
    std::int64_t step = 1;
    while (step < kFarthest && !readable(from + step)) step *= 2;
    if (step >= kFarthest) return std::nullopt;
    std::int64_t low = from + step / 2, high = from + step;
    while (high - low > 1) {
        const std::int64_t middle = low + (high - low) / 2;
        (readable(middle) ? high : low) = middle;
    }
    return high;
}

/// Visits the rows of a table by key, around what does not read. True if nothing was left out.
bool visit_readable(sqlite::Connection& db, const std::string& columns, const std::string& table,
                    const std::string& key, const std::function<void(sqlite::Statement&)>& each) {
    const std::string sql = "SELECT " + key + ", " + columns + " FROM " + table + " WHERE " + key +
                            " >= ? ORDER BY " + key;
    auto rows = db.prepare(sql);
    auto probe = db.prepare(sql + " LIMIT 1");
    if (!rows || !probe) return false;
    std::int64_t next = 0;
    for (int damages = 0; damages < kMostDamages; ++damages) {
        rows->with(next);
        for (;;) {
            auto row = rows->row();
            if (!row) break;
            if (!*row) return damages == 0;
            next = rows->integer(0) + 1;
            each(*rows);
        }
        const auto resume = beyond_damage(*probe, next);
        if (!resume) return false;
        next = *resume;
    }
    return false;
}

/// Copies a table column by column; rows that cannot be read or written are left.
void copy_table(sqlite::Connection& from, sqlite::Connection& to, const char* table, int columns) {
    auto read = from.prepare("SELECT * FROM " + std::string(table));
    std::string sql = "INSERT OR IGNORE INTO " + std::string(table) + " VALUES(?";
    for (int i = 1; i < columns; ++i) sql += ", ?";
    auto write = to.prepare(sql + ")");
    if (!read || !write) return;
    auto* source = read->raw();
    for (;;) {
        auto row = read->row();
        if (!row || !*row) return;
        write->reset();
        for (int i = 0; i < columns; ++i)
            sqlite3_bind_value(write->raw(), i + 1, sqlite3_column_value(source, i));
        if (!write->run()) return;
    }
}

/// The damaged log's sinks and what each was done with, as new as can be read. What is carried is
/// counted anew. Nothing readable: everything is owed to every configured sink again.
bool carry_sinks(sqlite::Connection& from, std::span<const std::string> sinks, LogState& state) {
    auto newest = newest_state(from);
    std::optional<LogState> old;
    if (newest) old = std::move(*newest);
    const auto take = [&old](std::span<const std::byte> packed) {
        auto found = unpack_state(packed);
        if (found && (!old || found->commit_no > old->commit_no)) old = std::move(*found);
    };
    if (!old) {
        visit_readable(from, "data", "snapshot", "id",
                       [&](sqlite::Statement& row) { take(row.blob(1)); });
        visit_readable(from, "data", "tail", "first_seq", [&](sqlite::Statement& row) {
            const auto head = block_head(row.blob(1));
            if (head && !head->empty()) take(*head);
        });
    }
    if (!old) {
        for (const auto& id : sinks.first(std::min<std::size_t>(sinks.size(), 16))) {
            SinkAccount& sink = state.sinks.emplace_back();
            sink.id = id;
            sink.bit = static_cast<std::uint8_t>(state.sinks.size() - 1);
        }
        return false;
    }
    state.ring_entry = old->ring_entry;
    state.boot = old->boot;
    state.mono = old->mono;
    state.wear = old->wear;
    state.raw_evicted = old->raw_evicted;
    for (const auto& sink : old->sinks) {
        SinkAccount& copy = state.sinks.emplace_back();
        copy.id = sink.id;
        copy.bit = sink.bit;
        copy.use = sink.use;
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            copy.lanes[lane].progress = sink.lanes[lane].progress;
    }
    return true;
}

class Carrier {
public:
    Carrier(sqlite::Connection& to, LogState& state, Salvage& out)
        : state_(state),
          out_(out),
          tail_(to.prepare("INSERT OR IGNORE INTO tail VALUES(?, ?, ?, ?, ?)")),
          event_(to.prepare("INSERT OR IGNORE INTO event VALUES(?, ?, ?, ?, ?)")),
          dead_(to.prepare("INSERT OR IGNORE INTO dead VALUES(?, ?, ?, ?, 1, 0, ?)")),
          series_(to.prepare("INSERT OR IGNORE INTO series VALUES(?, ?)")),
          segment_(to.prepare(kInsertSegment)) {}

    bool ready() const {
        return tail_.has_value() && event_.has_value() && dead_.has_value() &&
               series_.has_value() && segment_.has_value();
    }

    /// key, data of a row of sealed blocks.
    void series(sqlite::Statement& row) {
        const std::uint64_t key = row.number(0);
        const auto lane = static_cast<Lane>((key / kSegmentNumbers) % kLanes);
        const auto group = static_cast<std::uint32_t>(key / kSegmentNumbers / kLanes);
        SeriesRow copy;
        std::vector<Record> records;
        // A row that turns out to be damaged half-way is kept as far as it was good.
        (void)visit_series(
            group, row.blob(1), [&](std::uint32_t point, std::span<const std::byte> bytes) {
                auto block = decode_block(bytes);
                if (!block || block->records.empty()) return Result<void>{};
                // Of a segment in the making the tail has the records still.
                std::erase_if(block->records,
                              [&](const Record& record) { return in_tail(lane, record.seq); });
                if (block->records.empty()) return Result<void>{};
                std::vector<const Record*> kept;
                for (Record& record : block->records) {
                    record.sinks &= state_.known_bits();
                    kept.push_back(&record);
                }
                Bytes data;
                encode_block(lane, kept, {}, data);
                copy.add({point}, data);
                std::move(block->records.begin(), block->records.end(),
                          std::back_inserter(records));
                return Result<void>{};
            });
        if (copy.empty()) return;
        const Bytes data = copy.take();
        if (!keep(series_->with(key, data))) return;
        SegmentHead& whole = segments_[{lane, key % kSegmentNumbers}];
        whole.bytes += row_cost(data.size());
        whole.groups.push_back(group);
        for (const Record& record : records) {
            note(record);
            if (whole.n == 0 || record.seq < whole.first) {
                whole.first = record.seq;
                whole.from_boot = record.boot();
                whole.from = record.received();
            }
            if (record.seq > whole.last) {
                whole.last = record.seq;
                whole.to_boot = record.boot();
                whole.to = record.received();
            }
            ++whole.n;
        }
    }

    /// A segment as the damaged log described it: what was not carried of it is lost.
    void described(sqlite::Statement& row) {
        const SegmentHead head = read_head(row);
        const auto carried = segments_.find({head.lane, head.number});
        const std::uint64_t n = carried == segments_.end() ? 0 : carried->second.n;
        out_.unreadable += head.n - std::min(head.n, n);
    }

    Result<void> finish_segments() {
        for (auto& [of, head] : segments_) {
            std::tie(head.lane, head.number) = of;
            if (auto done = write_head(*segment_, head); !done) return done;
        }
        return {};
    }

    void block(sqlite::Statement& row) {
        auto block = decode_block(row.blob(2));
        if (!block || block->records.empty()) {
            out_.unreadable += std::min<std::uint64_t>(row.number(1), kBlockRecords);
            return;
        }
        std::vector<const Record*> records;
        for (Record& record : block->records) {
            record.sinks &= state_.known_bits();
            records.push_back(&record);
        }
        Bytes data;
        encode_block(block->lane, records, {}, data);
        // Its head is left behind: the accounts are the new log's.
        if (!keep(tail_->with(records.front()->seq.value, records.back()->seq.value,
                              static_cast<int>(block->lane), records.size(), data)))
            return;
        tail_rows_[static_cast<std::size_t>(block->lane)].emplace_back(records.front()->seq,
                                                                       records.back()->seq);
        for (const Record* record : records) note(*record);
    }

    void event(sqlite::Statement& row) {
        Record record;
        record.seq.value = row.number(0);
        const auto lane = row.number(1);
        record.body = Event{};
        if (lane >= kLanes || !decode_event(row.blob(4), record)) {
            ++out_.unreadable;
            return;
        }
        record.lane = static_cast<Lane>(lane);
        record.event().kind = static_cast<EventKind>(row.integer(2));
        record.event().channel = row.text(3);
        record.sinks &= state_.known_bits();
        Bytes data;
        encode_event(record, data);
        if (keep(event_->with(record.seq.value, lane, row.number(2), record.event().channel, data)))
            note(record);
    }

    /// sink, seq, reason, data of a letter that was not to be sent again.
    void dead(sqlite::Statement& row) {
        auto record = unpack_record(row.blob(3));
        SinkAccount* sink = state_.find(row.text(0));
        if (!record || sink == nullptr || sink->use == SinkUse::removed ||
            !sink->lane(record->lane).progress.done(record->seq))
            return;
        if (!keep(dead_->with(row.text(0), record->seq.value, static_cast<int>(record->lane),
                              row.text(2), row.blob(3))))
            return;
        LaneAccount& lane = sink->lane(record->lane);
        for (Tally* tally : {&lane.accepted, &lane.waiting, &lane.dead})
            tally->add(ledger_bytes(*record));
    }

private:
    bool in_tail(Lane lane, Seq seq) const {
        const auto& rows = tail_rows_[static_cast<std::size_t>(lane)];
        const auto row =
            std::lower_bound(rows.begin(), rows.end(), seq,
                             [](const auto& one, Seq wanted) { return one.second < wanted; });
        return row != rows.end() && row->first <= seq;
    }
    void note(const Record& record) {
        ++out_.records;
        state_.committed = std::max(state_.committed, record.seq);
        out_.generation =
            std::max(out_.generation, record.seq.value >> SeqSource::kGenerationShift);
        for (SinkAccount& sink : state_.sinks) {
            LaneAccount& lane = sink.lane(record.lane);
            if (!sink.owes(record) || lane.progress.done(record.seq)) continue;
            lane.accepted.add(ledger_bytes(record));
            lane.waiting.add(ledger_bytes(record));
        }
    }
    bool keep(sqlite::Statement& row) {
        return row.run() && sqlite3_changes(sqlite3_db_handle(row.raw())) > 0;
    }

    LogState& state_;
    Salvage& out_;
    Result<sqlite::Statement> tail_;
    Result<sqlite::Statement> event_;
    Result<sqlite::Statement> dead_;
    Result<sqlite::Statement> series_;
    Result<sqlite::Statement> segment_;
    std::map<std::pair<Lane, std::uint64_t>, SegmentHead> segments_;
    std::array<std::vector<std::pair<Seq, Seq>>, kLanes> tail_rows_;  // carried; ascending
};

/// Carries what was sealed; true if all that there was could be read.
Result<bool> carry_segments(sqlite::Connection& old, Carrier& carrier) {
    auto sealed = old.number("SELECT count(*) FROM sqlite_schema WHERE name = 'series'");
    if (!sealed) return false;
    if (*sealed == 0) return true;  // of a version that did not seal
    const bool rows = visit_readable(old, "data", "series", "key",
                                     [&](sqlite::Statement& row) { carrier.series(row); });
    auto heads = old.prepare(std::string("SELECT ") + kSegmentColumns + " FROM segment");
    bool described = heads.has_value();
    while (described) {
        auto row = heads->row();
        if (row && !*row) break;
        described = row.has_value();
        if (described) carrier.described(*heads);
    }
    if (auto done = carrier.finish_segments(); !done) return std::move(done).error();
    return rows || described;
}

}  // namespace

Result<Salvage> salvage(const std::filesystem::path& from, sqlite::Connection& to,
                        std::span<const std::string> sinks, LogState& state) {
    Salvage out;
    // Read-write, because the WAL that belongs to it may have to be recovered.
    auto opened = sqlite::Connection::open(from, sqlite::Connection::Mode::read_write);
    if (!opened) return out;
    sqlite::Connection& old = *opened;
    auto is_log = old.number("SELECT count(*) FROM sqlite_schema WHERE name = 'tail'");
    if (!is_log || *is_log == 0) return out;
    out.any_state = carry_sinks(old, sinks, state);
    copy_table(old, to, "point", 6);
    copy_table(old, to, "device", 4);
    copy_table(old, to, "state", 2);
    copy_table(old, to, "boot", 4);
    copy_table(old, to, "boot_span", 4);
    if (auto generation = old.number("SELECT value FROM meta WHERE key = 'generation'"))
        out.generation = static_cast<std::uint64_t>(*generation);

    Carrier carrier(to, state, out);
    if (!carrier.ready()) return Error{Errc::internal, "log: salvage cannot write", {}};
    const bool blocks = visit_readable(old, "n, data", "tail", "first_seq",
                                       [&](sqlite::Statement& row) { carrier.block(row); });
    const bool events = visit_readable(old, "lane, kind, subject, data", "event", "seq",
                                       [&](sqlite::Statement& row) { carrier.event(row); });
    auto segments = carry_segments(old, carrier);
    if (!segments) return std::move(segments).error();
    out.exact = blocks && events && *segments;
    if (auto letters = old.prepare("SELECT sink, seq, reason, data FROM dead WHERE resend = 0"))
        for (auto row = letters->row(); row && *row; row = letters->row()) carrier.dead(*letters);
    return out;
}

}  // namespace fog
