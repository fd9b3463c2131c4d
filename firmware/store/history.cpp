#include "firmware/store/history.hpp"

#include <algorithm>

#include "firmware/store/block.hpp"
#include "firmware/store/open_history.hpp"
#include "firmware/store/sqlite.hpp"

namespace fog {
namespace {

constexpr int kRowsAtOnce = 500;  // in one read transaction
constexpr std::uint64_t kRowsCounted = 500'000;

class LogHistory final : public History {
public:
    LogHistory(sqlite::Connection db, const BootTable& boots) : db_(std::move(db)), boots_(boots) {}

    Result<void> prepare() {
        struct Wanted {
            sqlite::Statement* slot;
            const char* sql;
        };
        for (const Wanted& one :
             {Wanted{&next_,
                     "SELECT first_seq, last_seq, data FROM tail WHERE first_seq > ? ORDER BY "
                     "first_seq LIMIT 1"},
              Wanted{&counts_,
                     "SELECT first_seq, n FROM tail WHERE first_seq > ? AND first_seq <= ? ORDER "
                     "BY first_seq DESC LIMIT ?"},
              Wanted{&rows_,
                     "SELECT first_seq, last_seq, data FROM tail WHERE first_seq > ? AND "
                     "first_seq <= ? ORDER BY first_seq LIMIT ?"},
              Wanted{&ends_, "SELECT coalesce(max(first_seq), 0) FROM tail"},
              Wanted{&begin_, "SELECT coalesce(min(first_seq), 0) FROM tail"},
              Wanted{&events_,
                     "SELECT seq, lane, kind, subject, data FROM event WHERE seq < ? ORDER BY seq "
                     "DESC LIMIT ?"}}) {
            auto made = db_.prepare(one.sql);
            if (!made) return std::move(made).error();
            *one.slot = std::move(*made);
        }
        return {};
    }

    Result<Window> window(WallTime from, WallTime to, std::uint64_t most,
                          std::chrono::seconds late) override {
        Window out;
        auto newest = single(ends_);
        if (!newest) return std::move(newest).error();
        auto oldest = single(begin_);
        if (!oldest) return std::move(oldest).error();
        const Seq before_all{*oldest - std::min<std::uint64_t>(*oldest, 1)};
        auto begin = last_before(from, before_all, {*newest});
        if (!begin) return std::move(begin).error();
        auto end = last_before(to + late, before_all, {*newest});
        if (!end) return std::move(end).error();
        out.after = *begin;
        // The row after holds what came around `to` too.
        auto beyond = row_after(*end);
        if (!beyond) return std::move(beyond).error();
        out.upto = *beyond ? (*beyond)->first : Seq{*newest};
        if (auto done = cut_to(out, most); !done) return std::move(done).error();
        auto first = row_after(out.after);
        if (!first) return std::move(first).error();
        if (*first) out.from = (*first)->received.value_or(WallTime{});
        return out;
    }

    Result<Samples> samples(PointId point, Seq after, Seq upto) override {
        Samples out;
        out.last = after;
        rows_.with(after.value, upto.value, kRowsAtOnce);
        int seen = 0;
        for (;; ++seen) {
            auto row = rows_.row();
            if (!row) return std::move(row).error();
            if (!*row) break;
            out.last.value = rows_.number(0);
            // A damaged row is a gap like any other to people.
            if (auto block = decode_block(rows_.blob(2), point))
                out.records.insert(out.records.end(),
                                   std::make_move_iterator(block->records.begin()),
                                   std::make_move_iterator(block->records.end()));
        }
        out.end = seen < kRowsAtOnce;
        return out;
    }

    Result<Events> events(const EventQuery& query) override {
        Events out;
        const std::uint64_t before =
            query.before.value != 0 ? query.before.value : std::uint64_t{INT64_MAX};
        events_.with(before, query.look_at);
        for (std::size_t seen = 0;; ++seen) {
            auto row = events_.row();
            if (!row) return std::move(row).error();
            if (!*row) {
                if (seen < query.look_at) out.before = {};
                return out;
            }
            out.before.value = events_.number(0);
            Record record;
            if (!take_event(query, record)) continue;
            if (query.from != WallTime{} && time_of(record) < query.from) {
                events_.reset();
                out.before = {};  // older ones are no younger
                return out;
            }
            out.records.push_back(std::move(record));
            if (out.records.size() < query.most) continue;
            events_.reset();
            return out;
        }
    }

private:
    struct Row {
        Seq first;
        std::optional<WallTime> received;  // of its last sample
    };

    Result<std::uint64_t> single(sqlite::Statement& statement) {
        auto row = statement.with().row();
        if (!row) return std::move(row).error();
        const std::uint64_t number = *row ? statement.number(0) : 0;
        statement.reset();
        return number;
    }

    Result<std::optional<Row>> row_after(Seq seq) {
        auto row = next_.with(seq.value).row();
        if (!row) return std::move(row).error();
        if (!*row) return std::optional<Row>{};
        Row out{{next_.number(0)}, {}};
        if (const auto span = peek_block(next_.blob(2)))
            out.received = boots_.wall(span->boot, span->received);
        next_.reset();
        return std::optional(out);
    }

    /// The last row that ended before `time`, by halving; `low` if there is none.
    Result<Seq> last_before(WallTime time, Seq low, Seq high) {
        while (low < high) {
            const Seq middle{low.value + (high.value - low.value) / 2};
            auto row = row_after(middle);
            if (!row) return std::move(row).error();
            if (*row && (*row)->first <= high && (*row)->received && (*row)->received < time)
                low = (*row)->first;
            else
                high = middle;
        }
        return low;
    }

    /// Keeps the newest `most` samples of the window.
    Result<void> cut_to(Window& window, std::uint64_t most) {
        counts_.with(window.after.value, window.upto.value, kRowsCounted);
        Seq oldest = window.upto;
        for (std::uint64_t rows = 0;; ++rows) {
            auto row = counts_.row();
            if (!row) return std::move(row).error();
            if (!*row && rows < kRowsCounted) return {};
            if (*row) window.looked_at += counts_.number(1);
            if (!*row || window.looked_at > most) {
                counts_.reset();
                window.cut = true;
                window.after.value = oldest.value - 1;
                return {};
            }
            oldest.value = counts_.number(0);
        }
    }

    WallTime time_of(const Record& record) const {
        return boots_.wall(record.boot(), record.received()).value_or(WallTime{});
    }

    bool take_event(const EventQuery& query, Record& record) {
        const auto kind = static_cast<EventKind>(events_.integer(2));
        if (query.kind && kind != *query.kind) return false;
        record.seq.value = events_.number(0);
        record.lane = static_cast<Lane>(events_.integer(1));
        Event event;
        event.kind = kind;
        event.channel = events_.text(3);
        record.body = std::move(event);
        if (!decode_event(events_.blob(4), record)) return false;
        if (!query.device.empty() && record.event().device != query.device) return false;
        return query.to == WallTime{} || time_of(record) <= query.to;
    }

    sqlite::Connection db_;
    const BootTable& boots_;
    sqlite::Statement next_, counts_, rows_, ends_, begin_, events_;
};

}  // namespace

Result<std::unique_ptr<History>> open_history(const std::filesystem::path& path,
                                              const BootTable& boots) {
    auto db = sqlite::Connection::open(path, sqlite::Connection::Mode::read_only);
    if (!db) return std::move(db).error();
    for (const char* pragma : {"PRAGMA cache_size = -256", "PRAGMA temp_store = MEMORY"})
        if (auto done = db->exec(pragma); !done) return std::move(done).error();
    auto history = std::make_unique<LogHistory>(std::move(*db), boots);
    if (auto done = history->prepare(); !done) return std::move(done).error();
    return std::unique_ptr<History>(std::move(history));
}

}  // namespace fog
