#include "firmware/store/log_tool.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <system_error>
#include <tuple>
#include <utility>

#include "firmware/store/block.hpp"
#include "firmware/store/log_open.hpp"
#include "firmware/store/log_reader.hpp"
#include "firmware/store/schema.hpp"
#include "firmware/store/segment.hpp"

namespace fog {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 2'000;  // records read at once
constexpr int kDaysTold = 366;

Result<sqlite::Connection> open_folder(const fs::path& folder) {
    const fs::path path = folder / "log.db";
    std::error_code failed;
    if (!fs::exists(path, failed))
        return Error{Errc::not_found, "log: there is no log.db in " + folder.string(),
                     "name the state folder of the gateway, usually /var/lib/fogline"};
    auto db = sqlite::Connection::open(path, sqlite::Connection::Mode::read_only);
    if (!db) return std::move(db).error().in(path.string());
    auto schema = get_meta(*db, "schema");
    if (!schema) return std::move(schema).error().in(path.string() + " is no log");
    if (*schema > log_migrations().size())
        return Error{Errc::storage_error,
                     "log: made by a newer version (schema " + std::to_string(*schema) + ")",
                     "use the fogctl of that version"};
    if (*schema < 2)
        return Error{Errc::storage_error,
                     "log: made by an older version (schema " + std::to_string(*schema) + ")",
                     "start the gateway once, it brings the log up to date"};
    return db;
}

/// Runs `each` for every row.
Result<void> for_rows(sqlite::Connection& db, const std::string& sql,
                      const std::function<void(sqlite::Statement&)>& each) {
    auto rows = db.prepare(sql);
    if (!rows) return std::move(rows).error();
    for (;;) {
        auto row = rows->row();
        if (!row) return std::move(row).error();
        if (!*row) return {};
        each(*rows);
    }
}

Result<void> sum_lanes(sqlite::Connection& db, LogSummary& out) {
    const auto add = [&](sqlite::Statement& row) -> LogSummary::LaneSum& {
        auto& lane = out.lanes[std::min<std::uint64_t>(row.number(0), kLanes - 1)];
        const Seq first{row.number(1)}, last{row.number(2)};
        if (lane.first.value == 0 || first < lane.first) lane.first = first;
        lane.last = std::max(lane.last, last);
        lane.records += row.number(3);
        lane.bytes += row.number(4);
        return lane;
    };
    if (auto done = for_rows(db, "SELECT lane, first_seq, last_seq, n, length(data) FROM tail",
                             [&](sqlite::Statement& row) { ++add(row).tail_rows; });
        !done)
        return done;
    if (auto done = for_rows(db, "SELECT lane, first_seq, last_seq, n, bytes FROM segment",
                             [&](sqlite::Statement& row) { ++add(row).segments; });
        !done)
        return done;
    return for_rows(db, "SELECT lane, seq, seq, 1, length(data) FROM event",
                    [&](sqlite::Statement& row) { add(row); });
}

/// What verify_log() found so far.
class Judge {
public:
    Judge(sqlite::Connection& db, const std::function<void(std::string_view)>& tell)
        : db_(db), tell_(tell) {}

    Result<LogVerdict> judge() {
        if (auto pages = db_.text("PRAGMA quick_check(1)"); !pages || *pages != "ok")
            fault("pages: " + (pages ? *pages : pages.error().what));
        if (auto done = tail(); !done) return std::move(done).error();
        if (auto done = segments(); !done) return std::move(done).error();
        if (auto done = events(); !done) return std::move(done).error();
        if (auto done = accounts(); !done) return std::move(done).error();
        return out_;
    }

private:
    void fault(const std::string& what) {
        if (++out_.faults <= kFaultsTold) tell_(what);
    }

    Result<void> tail() {
        std::array<Seq, kLanes> last{};
        return for_rows(
            db_, "SELECT first_seq, last_seq, lane, n, data FROM tail ORDER BY first_seq",
            [&](sqlite::Statement& row) {
                const std::string where = "tail " + std::to_string(row.number(0));
                auto block = decode_block(row.blob(4));
                if (!block) return fault(where + ": " + block.error().what);
                const auto& records = block->records;
                out_.records += records.size();
                if (records.empty() || records.front().seq.value != row.number(0) ||
                    records.back().seq.value != row.number(1) || records.size() != row.number(3) ||
                    block->lane != static_cast<Lane>(row.integer(2)))
                    return fault(where + ": the block is not what its row says");
                Seq& before = last[static_cast<std::size_t>(block->lane)];
                if (records.front().seq <= before) fault(where + ": overlaps the row before");
                before = records.back().seq;
                Seq& first = tail_from_[static_cast<std::size_t>(block->lane)];
                if (first.value == 0) first = records.front().seq;
            });
    }

    Result<void> segments() {
        SegmentRows rows(db_);
        std::uint64_t groups = 0;
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            for (Seq after;;) {
                auto head = rows.next(static_cast<Lane>(lane), after);
                if (!head) return std::move(head).error();
                if (!*head) break;
                groups += (*head)->groups.size();
                if (auto done = segment(rows, **head, after); !done) return done;
                after = (*head)->last;
                if (tail_from_[lane].value != 0 && tail_from_[lane] <= after)
                    fault(name(**head) + ": its records are in the tail too");
            }
        auto staged = staged_segments(db_);
        if (!staged) return std::move(staged).error();
        auto stored = db_.number("SELECT count(*) FROM series");
        if (!stored) return std::move(stored).error();
        for (const SegmentHead& head : *staged)  // some of its rows may be there
            for (const auto group : head.groups) {
                auto here = db_.number("SELECT count(*) FROM series WHERE key = " +
                                       std::to_string(series_key(group, head.lane, head.number)));
                if (!here) return std::move(here).error();
                groups += static_cast<std::uint64_t>(*here);
            }
        if (static_cast<std::uint64_t>(*stored) != groups)
            fault("segments: " + std::to_string(*stored) + " rows where " + std::to_string(groups) +
                  " belong to one");
        return {};
    }

    Result<void> segment(SegmentRows& rows, const SegmentHead& head, Seq before) {
        std::uint64_t n = 0, damaged = 0, astray = 0;
        std::map<std::uint32_t, Seq> last;  // by point
        auto done = rows.visit(
            head, {},
            [&](const Record& record) {
                ++n;
                Seq& newest = last[record.sample().point.value];
                if (record.seq <= newest || record.seq < head.first || record.seq > head.last ||
                    record.lane != head.lane)
                    ++astray;
                newest = record.seq;
            },
            damaged);
        if (!done) return done;
        out_.records += n;
        if (head.first <= before) fault(name(head) + ": overlaps the one before");
        if (damaged > 0) fault(name(head) + ": " + std::to_string(damaged) + " damaged blocks");
        if (astray > 0) fault(name(head) + ": " + std::to_string(astray) + " records astray");
        if (n != head.n)
            fault(name(head) + ": " + std::to_string(n) + " records instead of " +
                  std::to_string(head.n));
        return {};
    }

    static std::string name(const SegmentHead& head) {
        return "segment " + std::to_string(head.number) + " of " + std::string(to_text(head.lane));
    }

    Result<void> events() {
        return for_rows(db_, "SELECT seq, data FROM event", [&](sqlite::Statement& row) {
            Record record;
            record.body = Event{};
            ++out_.records;
            if (auto done = decode_event(row.blob(1), record); !done)
                fault("event " + std::to_string(row.number(0)) + ": " + done.error().what);
        });
    }

    Result<void> accounts() {
        auto state = newest_state(db_);
        if (!state) {
            fault("accounts: " + state.error().what);
            return {};
        }
        if (!*state) return {};
        for (const SinkAccount& sink : (*state)->sinks)
            for (std::size_t lane = 0; lane < kLanes; ++lane)
                if (!sink.lanes[lane].exact())
                    fault("accounts of " + sink.id + ", " +
                          std::string(to_text(static_cast<Lane>(lane))) +
                          ": accepted is not what became of it");
        return {};
    }

    sqlite::Connection& db_;
    const std::function<void(std::string_view)>& tell_;
    LogVerdict out_;
    std::array<Seq, kLanes> tail_from_{};
};

}  // namespace

Result<LogSummary> summarize_log(const fs::path& folder) {
    auto db = open_folder(folder);
    if (!db) return std::move(db).error();
    auto transaction = sqlite::Transaction::begin(*db, false);
    if (!transaction) return std::move(transaction).error();
    LogSummary out;
    std::uint64_t clean = 0;
    for (const auto& [key, to] : {std::pair<const char*, std::uint64_t*>{"schema", &out.schema},
                                  {"epoch", &out.epoch},
                                  {"generation", &out.generation},
                                  {"clean", &clean}}) {
        auto value = get_meta(*db, key);
        if (!value) return std::move(value).error();
        *to = *value;
    }
    out.clean = clean != 0;
    for (const auto& [table, to] : {std::pair<const char*, std::uint64_t*>{"point", &out.points},
                                    {"device", &out.devices},
                                    {"dead", &out.dead},
                                    {"hole", &out.holes}}) {
        auto count = db->number("SELECT count(*) FROM " + std::string(table));
        if (!count) return std::move(count).error();
        *to = static_cast<std::uint64_t>(*count);
    }
    if (auto done = sum_lanes(*db, out); !done) return std::move(done).error();
    auto state = newest_state(*db);
    if (!state) return std::move(state).error();
    if (*state) {
        out.committed = (*state)->committed;
        for (const SinkAccount& sink : (*state)->sinks) out.sinks.push_back(to_ledger(sink));
        for (std::size_t cause = 0; cause < kWearCauses; ++cause)
            out.written.emplace_back(to_text(static_cast<WearCause>(cause)), (*state)->wear[cause]);
    }
    auto done =
        for_rows(*db,
                 "SELECT day, cause, bytes FROM wear WHERE day > (SELECT max(day) FROM "
                 "wear) - " +
                     std::to_string(kDaysTold) + " ORDER BY day, cause",
                 [&](sqlite::Statement& row) {
                     out.days.push_back({row.integer(0), std::string(row.text(1)), row.number(2)});
                 });
    if (!done) return std::move(done).error();
    for (const char* end : {"log.db", "log.db-wal"}) {
        std::error_code none;
        const auto bytes = fs::file_size(folder / end, none);
        if (!none) out.file_bytes += bytes;
    }
    return out;
}

Result<LogVerdict> verify_log(const fs::path& folder,
                              const std::function<void(std::string_view)>& tell) {
    auto db = open_folder(folder);
    if (!db) return std::move(db).error();
    auto transaction = sqlite::Transaction::begin(*db, false);
    if (!transaction) return std::move(transaction).error();
    return Judge(*db, tell).judge();
}

Result<void> dump_log(const fs::path& folder, Seq after, Seq upto, const NamedRecord& each) {
    auto db = open_folder(folder);
    if (!db) return std::move(db).error();
    std::map<std::uint32_t, std::pair<std::string, std::string>> names;
    auto named = for_rows(*db, "SELECT id, device, point FROM point", [&](sqlite::Statement& row) {
        names[static_cast<std::uint32_t>(row.integer(0))] = {std::string(row.text(1)),
                                                             std::string(row.text(2))};
    });
    if (!named) return named;
    // Nobody commits here: all that the file holds is committed.
    auto all = std::make_shared<Published>();
    LogState state;
    state.committed.value = INT64_MAX;
    std::array<Seq, kLanes> newest{};
    newest.fill(state.committed);
    all->publish(state, {}, newest);
    auto reader = open_log_reader(folder / "log.db", all);
    if (!reader) return std::move(reader).error();
    for (;;) {
        auto page = (*reader)->read(after, upto, kPage);
        if (!page) return std::move(page).error();
        for (const Record& record : page->records) {
            std::string_view device, point;
            if (record.is_sample()) {
                const auto found = names.find(record.sample().point.value);
                if (found != names.end()) std::tie(device, point) = found->second;
            } else {
                device = record.event().device;
            }
            if (!each(record, device, point)) return {};
        }
        if (page->at_end || (upto.value != 0 && page->last >= upto)) return {};
        after = page->last;
    }
}

}  // namespace fog
