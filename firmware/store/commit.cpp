#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>
#include <deque>
#include <string>
#include <utility>

#include "firmware/store/block.hpp"
#include "firmware/store/log_writer.hpp"
#include "firmware/store/schema.hpp"

namespace fog {
namespace {

constexpr std::int64_t kNanosPerDay = 86'400'000'000'000;
constexpr std::uint64_t kFramePages = kPageBytes + 24;  // a WAL frame
constexpr std::int64_t kHolesPerLane = 64;

std::size_t index(Lane lane) {
    return static_cast<std::size_t>(lane);
}

std::size_t most_bytes(const Event& event, const Limits& limits) {
    return event.kind == EventKind::raw ? limits.raw_record_bytes : limits.event_bytes;
}

int note_wal_pages(void* pages, sqlite3*, const char*, int count) {
    *static_cast<int*>(pages) = count;
    return SQLITE_OK;
}

/// Bytes this thread has passed to write() so far; 0 where the kernel does not say.
std::uint64_t written_by_thread() {
    std::FILE* file = std::fopen("/proc/thread-self/io", "re");
    if (file == nullptr) return 0;
    unsigned long long read = 0, written = 0;
    const int got = std::fscanf(file, "rchar: %llu wchar: %llu", &read, &written);
    std::fclose(file);
    return got == 2 ? written : 0;
}

}  // namespace

std::uint64_t LogWriter::pages_written() const {
    int now = 0, high = 0;
    sqlite3_db_status(db_.raw(), SQLITE_DBSTATUS_CACHE_WRITE, &now, &high, 0);
    return static_cast<std::uint64_t>(now);
}

std::uint64_t row_cost(std::uint64_t payload) {
    constexpr std::uint64_t kLocal = 4061, kKept = 489, kOverflow = 4092, kPage = kPageBytes;
    if (payload <= 1'300) return payload + 20;
    if (payload <= kLocal) return kPage / (kPage / (payload + 20));
    const std::uint64_t rest = payload - kKept;
    const std::uint64_t over = rest % kOverflow;
    // SQLite keeps the remainder in the leaf if it fits, else spills it to a page of its own.
    if (kKept + over <= kLocal) return kKept + over + 20 + rest / kOverflow * kPage;
    return kKept + 20 + (rest / kOverflow + 1) * kPage;
}

std::int64_t wal_pages(std::uint64_t max_bytes) {
    return static_cast<std::int64_t>(
        std::min<std::uint64_t>(4'000, max_bytes / 8 / static_cast<std::uint64_t>(kPageBytes)));
}

std::optional<std::int64_t> PoweredTime::at(BootId boot, MonoTime mono) const {
    const auto found = bases_.find(boot.value);
    if (found == bases_.end()) return std::nullopt;
    return found->second + mono.time_since_epoch().count();
}

/// One commit's records, sorted by lane; the pointers live as long as the work.
struct LogWriter::Packed {
    std::array<std::vector<const Record*>, kLanes> samples;
    std::array<std::uint64_t, kLanes> bytes{};
    std::vector<const Record*> events;
    std::deque<Record> fixed;  // records whose mask named sinks we do not have
    std::vector<Hole> holes;   // of records that could not be kept
};

LogWriter::LogWriter(sqlite::Connection db, const StoreOptions& options, LogMemory memory,
                     BootId boot, PoweredTime powered)
    : db_(std::move(db)),
      options_(options),
      memory_(std::move(memory)),
      boot_(boot),
      powered_(std::move(powered)),
      wal_limit_(wal_pages(options.max_bytes)),
      opened_at_(options.clock->mono()) {
    const auto wal = static_cast<std::uint64_t>(wal_limit_ * kPageBytes);
    usable_bytes_ = (options.max_bytes - wal - wal / 4) / 10 * 9;
    wear_day_ = options.clock->wall().time_since_epoch().count() / kNanosPerDay;
    wear_written_ = memory_.state.wear;
    sqlite3_wal_hook(db_.raw(), note_wal_pages, &wal_pages_);
    if (auto pages = db_.number("PRAGMA page_count"))
        page_count_ = static_cast<std::uint64_t>(*pages);
}

Result<sqlite::Statement*> LogWriter::statement(std::string_view sql) {
    auto found = statements_.find(sql);
    if (found == statements_.end()) {
        auto prepared = db_.prepare(sql);
        if (!prepared) return std::move(prepared).error();
        found = statements_.emplace(std::string(sql), std::move(*prepared)).first;
    }
    return &found->second;
}

Result<void> LogWriter::commit(const Work& work, SeqSource& seqs) {
    std::uint64_t pressure = 0;
    for (int attempt = 0;; ++attempt) {
        const auto pages = pages_written();
        auto done = try_commit(work, seqs, pressure);
        if (done) {
            after_commit(pages, WearCause::commit);
            return done;
        }
        damaged_ = damaged_ || sqlite::is_damage(db_.code());
        if (done.error().code != Errc::storage_full || attempt == 4) return done;
        pressure = pressure == 0 ? 128U << 10U : pressure * 4;
    }
}

Result<void> LogWriter::try_commit(const Work& work, SeqSource& seqs, std::uint64_t pressure) {
    Memory now = memory_;
    auto transaction = sqlite::Transaction::begin(db_);
    if (!transaction) return std::move(transaction).error();
    if (auto done = settle(work, now); !done) return done;
    std::array<std::uint64_t, kLanes> incoming{};
    Packed packed;
    gather(work, now, packed);
    for (std::size_t lane = 0; lane < kLanes; ++lane)
        if (packed.bytes[lane] > 0) incoming[lane] = row_cost(packed.bytes[lane]);
    if (auto done = make_room(now, incoming, pressure); !done) return done;
    account_shed(work.queue_shed, LossCause::queue, now);
    account_shed(work.ram_shed, LossCause::store_unavailable, now);
    const std::array<const std::vector<Hole>*, 3> lists = {&work.queue_shed.holes,
                                                           &work.ram_shed.holes, &packed.holes};
    for (const auto* holes : lists)
        for (const Hole& hole : *holes)
            if (auto done = add_hole(hole, static_cast<int>(hole.lane), true); !done) return done;
    if (auto done = write_rows(work); !done) return done;
    const auto end = seqs.wanted_end();
    if (end)
        if (auto done = run("UPDATE meta SET value = ? WHERE key = 'reserved_seq'", end->value);
            !done)
            return done;

    LogState& state = now.state;
    ++state.commit_no;
    state.ring_entry = std::max(state.ring_entry, work.ring_entry);
    state.committed = std::max(state.committed, work.upto);
    state.boot = boot_;
    state.mono = options_.clock->mono();
    if (auto done = write_events(now, packed); !done) return done;
    if (auto done = write_records(now, packed); !done) return done;
    if (auto done = transaction->commit(); !done) return done;
    if (end) seqs.reserved(*end);
    for (std::size_t lane = 0; lane < kLanes; ++lane) added_[lane] += incoming[lane];
    memory_ = std::move(now);
    ++commits_;
    return {};
}

void LogWriter::gather(const Work& work, Memory& now, Packed& out) {
    const std::uint16_t known = now.state.known_bits();
    std::array<SinkAccount*, 16> sinks{};
    for (std::size_t bit = 0; bit < sinks.size(); ++bit)
        sinks[bit] = now.state.by_bit(static_cast<std::uint8_t>(bit));
    [[maybe_unused]] Seq last = now.state.committed;
    for (const auto& batch : work.batches) {
        if (!batch.records) continue;
        for (const Record& given : *batch.records) {
            if (!batch.has(given.lane)) continue;
            assert(last < given.seq && "records ascend over all batches");
            last = given.seq;
            const Record* record = &given;
            const bool raw = !given.is_sample() && given.event().kind == EventKind::raw;
            const std::uint16_t owed = raw ? 0 : given.sinks & known;
            if (given.sinks != owed) {
                record = &out.fixed.emplace_back(given);
                out.fixed.back().sinks = owed;
            }
            const std::uint64_t bytes = ledger_bytes(*record);
            const bool too_large =
                !record->is_sample() && bytes > most_bytes(record->event(), options_.limits) + 24;
            for (unsigned bits = record->sinks; bits != 0; bits &= bits - 1) {
                auto& lane = sinks[static_cast<unsigned>(__builtin_ctz(bits))]->lane(record->lane);
                lane.accepted.add(bytes);
                if (too_large)
                    lane.lose(LossCause::too_large, bytes);
                else
                    lane.waiting.add(bytes);
            }
            if (too_large) {
                out.holes.push_back({Seq{record->seq.value - 1}, record->seq, record->lane,
                                     MissingReason::evicted, 1});
                continue;
            }
            out.bytes[index(record->lane)] += bytes;
            if (record->is_sample())
                out.samples[index(record->lane)].push_back(record);
            else
                out.events.push_back(record);
        }
    }
}

void LogWriter::account_shed(const ShedRecords& shed, LossCause cause, Memory& now) {
    if (!shed.any) return;
    for (std::size_t bit = 0; bit < shed.by_sink.size(); ++bit) {
        SinkAccount* sink = now.state.by_bit(static_cast<std::uint8_t>(bit));
        if (sink == nullptr) continue;
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const Tally& tally = shed.by_sink[bit][lane];
            auto& account = sink->lanes[lane];
            account.accepted.n += tally.n;
            account.accepted.bytes += tally.bytes;
            account.lost[static_cast<std::size_t>(cause)].n += tally.n;
            account.lost[static_cast<std::size_t>(cause)].bytes += tally.bytes;
        }
    }
}

Result<void> LogWriter::write_events(Memory& now, const Packed& packed) {
    Bytes data;
    for (const Record* record : packed.events) {
        data.clear();
        encode_event(*record, data);
        const Event& event = record->event();
        if (auto done = run("INSERT INTO event VALUES(?, ?, ?, ?, ?)", record->seq.value,
                            static_cast<int>(record->lane), static_cast<int>(event.kind),
                            event.channel, data);
            !done)
            return done;
        LaneStock& stock = now.stock[index(record->lane)];
        if (stock.events == 0) stock.event_from = record->seq;
        ++stock.events;
        ++stock.records;
        const std::uint64_t cost = row_cost(data.size() + event.channel.size());
        stock.bytes += cost;
        if (event.kind != EventKind::raw) continue;
        if (now.raw_rows++ == 0) now.raw_from = record->seq;
        now.raw_bytes += cost;
    }
    return bound_raw(now);
}

/// One row per lane. The last of them carries the accounts; without any, the snapshot row does.
Result<void> LogWriter::write_records(Memory& now, Packed& packed) {
    std::array<std::size_t, kLanes> order{0, 1, 2, 3};
    const auto first = [&](std::size_t lane) {
        return packed.samples[lane].empty() ? Seq{} : packed.samples[lane].front()->seq;
    };
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return first(a) < first(b); });
    Bytes head, data;
    for (const std::size_t lane : order) {
        const auto& records = packed.samples[lane];
        if (records.empty()) continue;
        head.clear();
        data.clear();
        if (lane == order.back()) pack_state(now.state, head);
        encode_block(static_cast<Lane>(lane), records, head, data);
        if (auto done =
                run("INSERT INTO tail VALUES(?, ?, ?, ?, ?)", records.front()->seq.value,
                    records.back()->seq.value, static_cast<int>(lane), records.size(), data);
            !done)
            return done;
        LaneStock& stock = now.stock[lane];
        if (stock.tail_rows == 0) {
            stock.tail_from = records.front()->seq;
            stock.tail_since = now.state.mono;
        }
        ++stock.tail_rows;
        stock.tail_newest = records.back()->seq;
        stock.records += records.size();
        stock.bytes += row_cost(data.size());
        stock.tail_bytes += data.size();
        note_groups(lane, records);
    }
    return packed.samples[order.back()].empty() ? write_snapshot(now) : Result<void>{};
}

Result<void> LogWriter::write_snapshot(const Memory& now) {
    Bytes data;
    pack_state(now.state, data);
    return run("INSERT OR REPLACE INTO snapshot VALUES(1, ?)", data);
}

Result<void> LogWriter::write_rows(const Work& work) {
    for (const auto& [key, value] : work.state) {
        // In place: a row that moved would touch two more pages.
        auto done = value.empty() ? run("DELETE FROM state WHERE key = ?", key)
                                  : run("INSERT INTO state VALUES(?, ?) ON CONFLICT(key) DO UPDATE "
                                        "SET value = excluded.value",
                                        key, value);
        if (!done) return done;
    }
    for (const auto& [id, row] : work.points)
        if (auto done = run("INSERT OR REPLACE INTO point VALUES(?, ?, ?, ?, ?, ?)", id, row.device,
                            row.point, row.unit, row.diagnostic ? 1 : 0, row.data);
            !done)
            return done;
    for (const auto& [id, row] : work.devices)
        if (auto done = run("INSERT OR REPLACE INTO device VALUES(?, ?, ?, ?)", id, row.key,
                            row.name, row.data);
            !done)
            return done;
    for (const auto& line : work.boots)
        if (auto done = run("INSERT OR REPLACE INTO boot VALUES(?, ?, ?, ?)", line.boot.value,
                            line.mono.time_since_epoch().count(),
                            line.utc.time_since_epoch().count(), line.trusted ? 1 : 0);
            !done)
            return done;
    return {};
}

/// Extends the newest hole of the lane at or below this one if it has the same reason and (where
/// `touching` asks for it) ends where this one begins.
Result<void> LogWriter::add_hole(const Hole& hole, int lane, bool touching) {
    auto newest = statement(
        "SELECT from_seq, to_seq, reason FROM hole WHERE lane = ? AND to_seq <= ? "
        "ORDER BY to_seq DESC LIMIT 1");
    if (!newest) return std::move(newest).error();
    auto row = (*newest)->with(lane, hole.to.value).row();
    if (!row) return std::move(row).error();
    std::uint64_t from = hole.from.value;
    if (*row) {
        const std::uint64_t to = (*newest)->number(1);
        const bool same = (*newest)->integer(2) == static_cast<int>(hole.reason);
        const bool joins = same && (!touching || to == hole.from.value);
        const std::uint64_t begin = (*newest)->number(0);
        (*newest)->reset();
        if (joins)
            return run("UPDATE hole SET to_seq = ?, n = n + ? WHERE from_seq = ? AND lane = ?",
                       hole.to.value, hole.n, begin, lane);
        if (!touching) from = to;
    }
    if (auto done = run("INSERT INTO hole VALUES(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                        "to_seq = max(to_seq, excluded.to_seq), n = n + excluded.n",
                        from, lane, hole.to.value, static_cast<int>(hole.reason), hole.n);
        !done)
        return done;
    // Beyond the limit the two oldest become one, with the counts of both.
    auto count = statement("SELECT count(*) FROM hole WHERE lane = ?");
    if (!count) return std::move(count).error();
    auto counted = (*count)->with(lane).row();
    if (!counted) return std::move(counted).error();
    const bool many = (*count)->integer(0) > kHolesPerLane;
    (*count)->reset();
    if (!many) return {};
    if (auto done = run(
            "UPDATE hole SET (to_seq, n) = (SELECT max(to_seq), sum(n) FROM (SELECT to_seq, n FROM "
            "hole WHERE lane = ?1 ORDER BY from_seq LIMIT 2)) WHERE lane = ?1 AND from_seq = "
            "(SELECT min(from_seq) FROM hole WHERE lane = ?1)",
            lane);
        !done)
        return done;
    return run(
        "DELETE FROM hole WHERE lane = ?1 AND from_seq = (SELECT from_seq FROM hole WHERE "
        "lane = ?1 ORDER BY from_seq LIMIT 1 OFFSET 1)",
        lane);
}

void LogWriter::after_commit(std::uint64_t pages_before, WearCause cause) {
    memory_.state.wear[static_cast<std::size_t>(cause)] +=
        (pages_written() - pages_before) * kFramePages;
    wal_high_ = std::max(wal_high_, wal_pages_);
    count_day();
}

void LogWriter::tidy() {
    if (wal_pages_ < wal_tried_) wal_tried_ = 0;  // the WAL began anew
    if (wal_pages_ >= wal_limit_ + wal_tried_) checkpoint();
}

/// Keeps what was written day by day; the day is the wall clock's.
void LogWriter::count_day() {
    const auto& wear = memory_.state.wear;
    const std::int64_t day = options_.clock->wall().time_since_epoch().count() / kNanosPerDay;
    if (day == wear_day_) return;
    for (std::size_t cause = 0; cause < kWearCauses; ++cause) {
        // A failure here costs one day's figure of a statistic; the commit itself is safe.
        auto ignored = run(
            "INSERT INTO wear VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET bytes = bytes + "
            "excluded.bytes",
            wear_day_, to_text(static_cast<WearCause>(cause)), wear[cause] - wear_written_[cause]);
        (void)ignored;
    }
    wear_day_ = day;
    wear_written_ = wear;
}

void LogWriter::checkpoint() {
    const auto before = written_by_thread();
    int in_wal = 0, moved = 0;
    const int code =
        sqlite3_wal_checkpoint_v2(db_.raw(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_wal, &moved);
    assert(code != SQLITE_LOCKED);  // a statement of this connection was left open
    (void)code;
    const auto after = written_by_thread();
    // Unless the WAL begins anew (a reader can prevent that) the next try is a quarter later.
    wal_tried_ = wal_pages_ - static_cast<int>(wal_limit_ / 4 * 3);
    memory_.state.wear[static_cast<std::size_t>(WearCause::checkpoint)] +=
        after > before ? after - before
                       : static_cast<std::uint64_t>(std::max(moved, 0) * kPageBytes);
    if (auto pages = db_.number("PRAGMA page_count"))
        page_count_ = static_cast<std::uint64_t>(*pages);
}

Result<void> LogWriter::change(const std::function<Result<void>(LogMemory&)>& edit) {
    Memory now = memory_;
    auto transaction = sqlite::Transaction::begin(db_);
    if (!transaction) return std::move(transaction).error();
    if (auto done = edit(now); !done) return done;
    ++now.state.commit_no;
    if (auto done = write_snapshot(now); !done) return done;
    if (auto done = transaction->commit(); !done) return done;
    memory_ = std::move(now);
    return {};
}

Result<void> LogWriter::close(Seq next) {
    auto done = change([&](LogMemory& now) -> Result<void> {
        now.state.boot = boot_;
        now.state.mono = options_.clock->mono();
        if (auto set = set_meta(db_, "reserved_seq", next.value); !set) return set;
        return set_meta(db_, "clean", 1);
    });
    statements_.clear();
    if (done)
        sqlite3_wal_checkpoint_v2(db_.raw(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    return done;
}

}  // namespace fog
