#include "firmware/store/history.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "firmware/store/block.hpp"
#include "firmware/store/open_history.hpp"
#include "firmware/store/segment.hpp"
#include "firmware/store/sqlite.hpp"

namespace fog {
namespace {

constexpr std::size_t kRowsAtOnce = 500;      // in one read transaction
constexpr std::size_t kSegmentsAtOnce = 128;  // of a lane, in one read transaction
constexpr std::uint64_t kRowsCounted = 500'000;
constexpr int kRowsBack = 4;  // of the tail: what covers a number is among the last four
constexpr std::uint64_t kSegmentCost = 200;  // in samples: to find a point's block in a segment
constexpr auto kCommitMost = std::chrono::seconds{10};  // a row of the tail is no longer
constexpr std::uint64_t kBlockShare = 4;  // of a group's samples, those that are one point's

class LogHistory final : public History {
public:
    LogHistory(sqlite::Connection db, const BootTable& boots)
        : db_(std::move(db)), segments_(db_), boots_(boots) {}

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
                     "SELECT first_seq, n FROM tail WHERE last_seq > ?1 AND first_seq > ?1 AND "
                     "first_seq <= ?2 ORDER BY first_seq DESC LIMIT ?3"},
              Wanted{&start_,
                     "SELECT coalesce(min(first_seq), 0) FROM (SELECT first_seq FROM tail WHERE "
                     "first_seq <= ? ORDER BY first_seq DESC LIMIT ?)"},
              Wanted{&beyond_,
                     "SELECT first_seq FROM tail WHERE first_seq > ? AND first_seq <= ? ORDER BY "
                     "first_seq LIMIT 1 OFFSET ?"},
              Wanted{&rows_,
                     "SELECT last_seq, data FROM tail WHERE first_seq >= ? AND first_seq <= ? "
                     "ORDER BY first_seq"},
              Wanted{&ends_, "SELECT coalesce(max(first_seq), 0) FROM tail"},
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
        auto transaction = sqlite::Transaction::begin(db_, false);
        if (!transaction) return std::move(transaction).error();
        Span span;
        if (auto done = add_tail(from, to + late, span); !done) return std::move(done).error();
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            if (auto done = add_segments(static_cast<Lane>(lane), from, to + late, span); !done)
                return std::move(done).error();
        Window out;
        out.from = span.begin.value_or(WallTime{});
        if (!span.any) return out;
        out.after = span.after;
        out.upto = span.upto;
        if (auto done = cut_to(out, most); !done) return std::move(done).error();
        return out;
    }

    Result<Seq> before(WallTime time) override {
        auto transaction = sqlite::Transaction::begin(db_, false);
        if (!transaction) return std::move(transaction).error();
        Seq first{INT64_MAX}, newest;
        auto row = last_before(time);
        if (!row) return std::move(row).error();
        if (*row) newest = (*row)->last;
        auto next = row_after(*row ? (*row)->first : Seq{});
        if (!next) return std::move(next).error();
        if (*next) first = (*next)->first;
        for (std::size_t at = 0; at < kLanes; ++at) {
            const auto lane = static_cast<Lane>(at);
            auto end = segment_before(lane, time);
            if (!end) return std::move(end).error();
            newest = std::max(newest, *end);
            auto head = segments_.next(lane, *end);
            if (!head) return std::move(head).error();
            if (!*head) continue;
            newest = std::max(newest, (*head)->last);
            std::uint64_t damaged = 0;
            const auto look = [&](const Record& record) {
                if (time_of(record) >= time) first = std::min(first, record.seq);
            };
            if (auto done = segments_.visit(**head, {}, look, damaged); !done)
                return std::move(done).error();
        }
        return first.value == INT64_MAX ? newest : Seq{first.value - 1};
    }

    Result<Slice> visit(PointId point, Seq after, Seq upto,
                        const std::function<void(const Record&)>& each) override {
        if (after >= upto) return Slice{upto, true};
        auto transaction = sqlite::Transaction::begin(db_, false);
        if (!transaction) return std::move(transaction).error();
        BlockWanted wanted;
        wanted.first_point = wanted.last_point = point.value;
        wanted.after = after;
        wanted.upto = upto;
        auto next = beyond_.with(after.value, upto.value, kRowsAtOnce).row();
        if (!next) return std::move(next).error();
        if (*next) wanted.upto.value = beyond_.number(0) - 1;
        beyond_.reset();
        std::array<std::vector<SegmentHead>, kLanes> heads;
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            if (auto done = list_segments(static_cast<Lane>(lane), wanted, heads[lane]); !done)
                return std::move(done).error();
        std::uint64_t damaged = 0;  // a gap like any other to people
        for (const auto& lane : heads)
            for (const SegmentHead& head : lane)
                if (head.first <= wanted.upto)
                    if (auto done = segments_.visit(head, wanted, each, damaged); !done)
                        return std::move(done).error();
        if (auto done = visit_tail(wanted, each); !done) return std::move(done).error();
        return Slice{wanted.upto, wanted.upto >= upto};
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
        Seq last;
        std::optional<WallTime> received;  // of its last sample
    };
    /// What a time takes of the log, gathered over tail and segments.
    struct Span {
        bool any = false;
        Seq after, upto;
        std::optional<WallTime> begin;  // of what is in it

        void add(Seq from, Seq to) {
            after = any ? std::min(after, from) : from;
            upto = any ? std::max(upto, to) : to;
            any = true;
        }
        void begins(std::optional<WallTime> at) {
            if (at && (!begin || *at < *begin)) begin = at;
        }
    };

    std::optional<WallTime> begin_of(const SegmentHead& head) const {
        return boots_.wall(head.from_boot, head.from);
    }
    bool ended_before(const SegmentHead& head, WallTime time) const {
        const auto end = boots_.wall(head.to_boot, head.to);
        return end && *end < time;
    }

    Result<std::optional<Row>> row_after(Seq seq) {
        auto row = next_.with(seq.value).row();
        if (!row) return std::move(row).error();
        if (!*row) return std::optional<Row>{};
        Row out{{next_.number(0)}, {next_.number(1)}, {}};
        if (const auto span = peek_block(next_.blob(2)))
            out.received = boots_.wall(span->boot, span->received);
        next_.reset();
        return std::optional(out);
    }

    /// The last row of the tail that ended before `time`, by halving.
    Result<std::optional<Row>> last_before(WallTime time) {
        auto newest = ends_.with().row();
        if (!newest) return std::move(newest).error();
        Seq low, high{*newest ? ends_.number(0) : 0};
        ends_.reset();
        std::optional<Row> found;
        while (low < high) {
            const Seq middle{low.value + (high.value - low.value) / 2};
            auto row = row_after(middle);
            if (!row) return std::move(row).error();
            if (*row && (*row)->first <= high && (*row)->received && *(*row)->received < time) {
                found = **row;
                low = found->first;
            } else {
                high = middle;
            }
        }
        return found;
    }

    Result<void> add_tail(WallTime from, WallTime to, Span& span) {
        auto begin = last_before(from);
        if (!begin) return std::move(begin).error();
        auto first = row_after(*begin ? (*begin)->first : Seq{});
        if (!first) return std::move(first).error();
        if (!*first) return {};
        span.begins((*first)->received);
        auto end = last_before(to);
        if (!end) return std::move(end).error();
        // The row after holds what came around `to` too, or is long after it: what was between is
        // in segments.
        auto beyond = row_after(*end ? (*end)->first : Seq{});
        if (!beyond) return std::move(beyond).error();
        auto apart = *beyond ? begins_after(**beyond, to) : Result<bool>(true);
        if (!apart) return std::move(apart).error();
        if (*apart && !*end) return {};
        const Seq upto = *apart ? (*end)->last : (*beyond)->last;
        if ((*first)->first > upto) return {};
        Seq after{(*first)->first.value - 1};
        if (*begin) {
            auto sealed = any_segment((*begin)->last, after);
            if (!sealed) return std::move(sealed).error();
            if (!*sealed) after = (*begin)->last;
        }
        span.add(after, upto);
        return {};
    }

    /// Whether all samples of a row came after `time`.
    Result<bool> begins_after(const Row& row, WallTime time) {
        if (!row.received || *row.received <= time + kCommitMost) return false;
        auto found = rows_.with(row.first.value, row.first.value).row();
        if (!found) return std::move(found).error();
        bool after = true;
        if (*found)
            (void)visit_block(rows_.blob(1), {}, [&](const Record& record) {
                after = after && time_of(record) > time;
            });
        rows_.reset();
        return after;
    }

    /// Whether a segment begins after `after`, up to and with `upto`.
    Result<bool> any_segment(Seq after, Seq upto) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            auto head = segments_.next(static_cast<Lane>(lane), after);
            if (!head) return std::move(head).error();
            if (*head && (*head)->first <= upto) return true;
        }
        return false;
    }

    /// Number of the last sample of the lane's last segment that ended before `time`; 0 = none.
    Result<Seq> segment_before(Lane lane, WallTime time) {
        auto newest = segments_.newest(lane);
        if (!newest) return std::move(newest).error();
        if (!*newest) return Seq{};
        if (ended_before(**newest, time)) return (*newest)->last;
        Seq low, high = (*newest)->last;
        while (low < high) {
            const Seq middle{low.value + (high.value - low.value) / 2};
            auto head = segments_.next(lane, middle);
            if (!head) return std::move(head).error();
            if (*head && (*head)->last <= high && ended_before(**head, time))
                low = (*head)->last;
            else
                high = middle;
        }
        return low;
    }

    Result<void> add_segments(Lane lane, WallTime from, WallTime to, Span& span) {
        auto begin = segment_before(lane, from);
        if (!begin) return std::move(begin).error();
        auto first = segments_.next(lane, *begin);
        if (!first) return std::move(first).error();
        if (!*first) return {};
        span.begins(begin_of(**first));
        if (const auto at = begin_of(**first); at && *at > to) return {};
        auto end = segment_before(lane, to);
        if (!end) return std::move(end).error();
        auto beyond = segments_.next(lane, *end);
        if (!beyond) return std::move(beyond).error();
        Seq upto = *end;
        if (*beyond)
            if (const auto at = begin_of(**beyond); !at || *at <= to) upto = (*beyond)->last;
        span.add(Seq{std::max(begin->value, (*first)->first.value - 1)}, upto);
        return {};
    }

    /// Segments of the lane that hold wanted numbers; `wanted` ends with the last that is listed.
    Result<void> list_segments(Lane lane, BlockWanted& wanted, std::vector<SegmentHead>& out) {
        for (Seq at = wanted.after;;) {
            auto head = segments_.next(lane, at);
            if (!head) return std::move(head).error();
            if (!*head || (*head)->first > wanted.upto) return {};
            if (out.size() == kSegmentsAtOnce) {
                wanted.upto = out.back().last;
                return {};
            }
            at = (*head)->last;
            out.push_back(std::move(**head));
        }
    }

    Result<void> visit_tail(const BlockWanted& wanted, const RecordVisit& each) {
        auto row = start_.with(wanted.after.value, kRowsBack).row();
        if (!row) return std::move(row).error();
        const std::uint64_t from = *row ? start_.number(0) : 0;
        start_.reset();
        rows_.with(from, wanted.upto.value);
        for (;;) {
            row = rows_.row();
            if (!row) return std::move(row).error();
            if (!*row) return {};
            if (rows_.number(0) <= wanted.after.value) continue;
            (void)visit_block(rows_.blob(1), wanted, each);  // damage: a gap
        }
    }

    /// Keeps the newest part of the window that costs at most `most`.
    Result<void> cut_to(Window& window, std::uint64_t most) {
        counts_.with(window.after.value, window.upto.value, kRowsCounted);
        Seq oldest = window.upto;
        for (std::uint64_t rows = 0;; ++rows) {
            auto row = counts_.row();
            if (!row) return std::move(row).error();
            if (!*row && rows < kRowsCounted) break;
            if (*row) window.looked_at += counts_.number(1);
            if (!*row || window.looked_at > most) {
                counts_.reset();
                return cut_at(window, Seq{oldest.value - 1});
            }
            oldest.value = counts_.number(0);
        }
        std::vector<std::pair<Seq, std::uint64_t>> costs;
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            for (Seq at = window.after;;) {
                auto head = segments_.next(static_cast<Lane>(lane), at);
                if (!head) return std::move(head).error();
                if (!*head || (*head)->first > window.upto) break;
                at = (*head)->last;
                const auto groups = std::max<std::uint64_t>((*head)->groups.size(), 1);
                costs.emplace_back(at, kSegmentCost + (*head)->n / groups / kBlockShare);
            }
        std::ranges::sort(costs, std::greater<>{});
        for (const auto& [last, cost] : costs) {
            window.looked_at += cost;
            if (window.looked_at > most) return cut_at(window, last);
        }
        return {};
    }

    Result<void> cut_at(Window& window, Seq after) {
        window.cut = true;
        window.after = after;
        std::optional<WallTime> begin;
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            auto head = segments_.next(static_cast<Lane>(lane), after);
            if (!head) return std::move(head).error();
            if (!*head || (*head)->first > window.upto) continue;
            const auto at = begin_of(**head);
            if (at && (!begin || *at < *begin)) begin = at;
        }
        auto first = row_after(after);
        if (!first) return std::move(first).error();
        if (*first && !begin) begin = (*first)->received;
        window.from = begin.value_or(WallTime{});
        return {};
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
    SegmentRows segments_;
    const BootTable& boots_;
    sqlite::Statement next_, counts_, start_, beyond_, rows_, ends_, events_;
};

}  // namespace

Result<History::Samples> History::samples(PointId point, Seq after, Seq upto) {
    Samples out;
    auto slice =
        visit(point, after, upto, [&](const Record& record) { out.records.push_back(record); });
    if (!slice) return std::move(slice).error();
    std::ranges::stable_sort(out.records, {}, &Record::seq);
    out.last = slice->last;
    out.end = slice->end;
    return out;
}

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
