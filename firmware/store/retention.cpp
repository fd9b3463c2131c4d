#include <algorithm>
#include <string>
#include <utility>

#include "firmware/store/block.hpp"
#include "firmware/store/log_writer.hpp"

namespace fog {
namespace {

constexpr std::size_t kLive = static_cast<std::size_t>(Lane::live);
constexpr std::size_t kBulk = static_cast<std::size_t>(Lane::bulk);
constexpr std::size_t kAlarm = static_cast<std::size_t>(Lane::alarm);
constexpr unsigned kEventsAtOnce = 32;
constexpr int kTrimSearch = 64;  // rows looked at for one only history holds
constexpr auto kExpiryEvery = std::chrono::seconds{60};

std::size_t index(Lane lane) {
    return static_cast<std::size_t>(lane);
}

}  // namespace

/// Evicts until the incoming bytes fit: alarm and reply within their share, live and bulk within
/// their common one, first the lane that is furthest beyond its own. `pressure` asks for more.
Result<void> LogWriter::make_room(Memory& now, const std::array<std::uint64_t, kLanes>& incoming,
                                  std::uint64_t pressure) {
    const auto share = [&](std::size_t lane) {
        return usable_bytes_ / 100 * options_.share_percent[lane];
    };
    for (const Lane lane : {Lane::alarm, Lane::reply}) {
        const auto& stock = now.stock[index(lane)];
        while (stock.records > 0 && stock.bytes + incoming[index(lane)] > share(index(lane))) {
            if (lane == Lane::alarm) now.alarm_reserve_full = true;
            auto done = evict_some(now, lane);
            if (!done) return std::move(done).error();
            if (!*done) break;
        }
    }
    if (now.stock[kAlarm].bytes + incoming[kAlarm] < share(kAlarm) / 10 * 9)
        now.alarm_reserve_full = false;
    const std::uint64_t pool = share(kLive) + share(kBulk);
    const auto total = [&] {
        return now.stock[kLive].bytes + now.stock[kBulk].bytes + incoming[kLive] + incoming[kBulk];
    };
    const std::uint64_t had = now.stock[kLive].bytes + now.stock[kBulk].bytes;
    const auto freed = [&] { return had - (now.stock[kLive].bytes + now.stock[kBulk].bytes); };
    while (total() > pool || freed() < pressure) {
        const auto excess = [&](std::size_t lane) {
            return static_cast<std::int64_t>(now.stock[lane].bytes + incoming[lane]) -
                   static_cast<std::int64_t>(share(lane));
        };
        Lane victim = excess(kBulk) >= excess(kLive) ? Lane::bulk : Lane::live;
        if (now.stock[index(victim)].records == 0)
            victim = victim == Lane::bulk ? Lane::live : Lane::bulk;
        if (now.stock[index(victim)].records == 0) break;
        auto done = evict_some(now, victim);
        if (!done) return std::move(done).error();
        if (!*done) break;
    }
    return expire(now);
}

/// The cap of raw publishes: the oldest go, one by one, whatever lies between them. No sink owes
/// them; whoever reads the log is told by a hole.
Result<void> LogWriter::bound_raw(Memory& now) {
    while (options_.raw_max > 0 && now.raw_rows > 0 && now.raw_bytes > options_.raw_max) {
        auto oldest = statement(
            "SELECT seq, lane, length(data), length(CAST(subject AS BLOB)), data FROM event WHERE "
            "kind = ? AND seq >= ? ORDER BY seq LIMIT 1");
        if (!oldest) return std::move(oldest).error();
        auto row = (*oldest)->with(kRawKind, now.raw_from.value).row();
        if (!row) return std::move(row).error();
        if (!*row) {  // damaged rows; commits must not end with a wrong count
            now.raw_rows = now.raw_bytes = 0;
            return {};
        }
        Record record;
        record.seq.value = (*oldest)->number(0);
        record.lane = static_cast<Lane>((*oldest)->integer(1));
        const std::uint64_t cost = row_cost((*oldest)->number(2) + (*oldest)->number(3));
        record.body = Event{};
        record.event().channel.resize((*oldest)->number(3));
        (void)decode_event((*oldest)->blob(4), record);  // if damaged its size is not known
        (*oldest)->reset();
        if (auto done = run("DELETE FROM event WHERE seq = ?", record.seq.value); !done)
            return done;
        LaneStock& stock = now.stock[index(record.lane)];
        --stock.events;
        --stock.records;
        stock.bytes -= std::min(stock.bytes, cost);
        --now.raw_rows;
        now.raw_bytes -= std::min(now.raw_bytes, cost);
        now.raw_from.value = record.seq.value + 1;
        now.state.raw_evicted.add(ledger_bytes(record));
        if (auto done = add_hole(
                {Seq{record.seq.value - 1}, record.seq, record.lane, MissingReason::evicted, 1},
                static_cast<int>(record.lane), true);
            !done)
            return done;
    }
    return {};
}

/// Raw publishes that are about to leave with their lane's front.
Result<void> LogWriter::forget_raw(Memory& now, Lane lane, Seq from, Seq upto) {
    if (now.raw_rows == 0) return {};
    auto rows = statement(
        "SELECT length(data) + length(CAST(subject AS BLOB)) FROM event WHERE lane = ? AND seq "
        "BETWEEN ? AND ? AND kind = ?");
    if (!rows) return std::move(rows).error();
    (*rows)->with(static_cast<int>(lane), from.value, upto.value, kRawKind);
    for (;;) {
        auto row = (*rows)->row();
        if (!row) return std::move(row).error();
        if (!*row) return {};
        --now.raw_rows;
        now.raw_bytes -= std::min(now.raw_bytes, row_cost((*rows)->number(0)));
    }
}

/// Frees the oldest item of the lane, but what only history holds before what a sink still owes.
Result<bool> LogWriter::evict_some(Memory& now, Lane lane) {
    auto trimmed = trim_settled(now, lane);
    if (!trimmed || *trimmed) return trimmed;
    auto item = oldest(now, lane);
    if (!item) return std::move(item).error();
    if (!*item) return false;
    if (auto done = drop_front(now, lane, (*item)->last, Why::evicted); !done)
        return std::move(done).error();
    return true;
}

/// Drops one tail row that every sink is done with although an older one is still owed.
Result<bool> LogWriter::trim_settled(Memory& now, Lane lane) {
    LaneStock& stock = now.stock[index(lane)];
    const bool out_of_order =
        std::any_of(now.state.sinks.begin(), now.state.sinks.end(), [&](const SinkAccount& sink) {
            return sink.use != SinkUse::removed && !sink.lane(lane).progress.ranges().empty();
        });
    if (!out_of_order) return false;
    if (stock.segments > 0) {
        auto trimmed = trim_segment(now, lane);
        if (!trimmed || *trimmed) return trimmed;
    }
    if (stock.tail_rows < 2) return false;
    auto rows = statement(
        "SELECT first_seq, last_seq, n, length(data) FROM tail WHERE lane = ? AND first_seq >= ? "
        "ORDER BY first_seq LIMIT ?");
    if (!rows) return std::move(rows).error();
    (*rows)->with(static_cast<int>(lane), stock.tail_from.value, kTrimSearch);
    for (bool front = true;; front = false) {
        auto row = (*rows)->row();
        if (!row) return std::move(row).error();
        if (!*row) return false;
        const Seq before{(*rows)->number(0) - 1}, last{(*rows)->number(1)};
        const bool settled = std::all_of(now.state.sinks.begin(), now.state.sinks.end(),
                                         [&](const SinkAccount& sink) {
                                             return sink.use == SinkUse::removed ||
                                                    sink.lane(lane).progress.covers(before, last);
                                         });
        // The newest row may carry the accounts, and the front is drop_front's business.
        if (!settled || front || last == stock.tail_newest) continue;
        const std::uint64_t n = (*rows)->number(2), cost = row_cost((*rows)->number(3));
        stock.tail_bytes -= std::min(stock.tail_bytes, (*rows)->number(3));
        (*rows)->reset();
        stock.records -= n;
        stock.bytes -= std::min(stock.bytes, cost);
        --stock.tail_rows;
        now.state.trimmed[index(lane)] += n;
        if (auto done = run("DELETE FROM tail WHERE first_seq = ?", before.value + 1); !done)
            return std::move(done).error();
        if (auto done = add_hole({before, last, lane, MissingReason::evicted, n},
                                 static_cast<int>(lane), true);
            !done)
            return std::move(done).error();
        return true;
    }
}

/// The lane's oldest segment or tail row, or its oldest events where they are older.
Result<std::optional<LogWriter::Oldest>> LogWriter::oldest(Memory& now, Lane lane) {
    LaneStock& stock = now.stock[index(lane)];
    std::optional<Oldest> out;
    Seq front;
    if (stock.segments > 0) {
        auto head = segments_.next(lane, Seq{});
        if (!head) return std::move(head).error();
        if (*head) {
            out = Oldest{(*head)->last, powered_.at((*head)->to_boot, (*head)->to)};
            front = (*head)->first;
        }
    } else if (stock.tail_rows > 0) {
        auto row = statement(
            "SELECT first_seq, last_seq, data FROM tail WHERE lane = ? AND first_seq >= ? "
            "ORDER BY first_seq LIMIT 1");
        if (!row) return std::move(row).error();
        auto found = (*row)->with(static_cast<int>(lane), stock.tail_from.value).row();
        if (!found) return std::move(found).error();
        if (*found) {
            stock.tail_from.value = (*row)->number(0);
            front = stock.tail_from;
            out = Oldest{Seq{(*row)->number(1)}, std::nullopt};
            if (auto span = peek_block((*row)->blob(2)))
                out->powered = powered_.at(span->boot, span->received);
            (*row)->reset();
        }
    }
    if (stock.events == 0) return out;
    auto rows =
        statement("SELECT seq, data FROM event WHERE lane = ? AND seq >= ? ORDER BY seq LIMIT ?");
    if (!rows) return std::move(rows).error();
    (*rows)->with(static_cast<int>(lane), stock.event_from.value, kEventsAtOnce);
    std::optional<Oldest> events;
    for (;;) {
        auto found = (*rows)->row();
        if (!found) return std::move(found).error();
        if (!*found) break;
        const Seq seq{(*rows)->number(0)};
        if (out && seq >= front) break;
        if (!events) stock.event_from = seq;
        events = Oldest{seq, std::nullopt};
        Record record;
        record.body = Event{};
        if (decode_event((*rows)->blob(1), record))
            events->powered = powered_.at(record.boot(), record.received());
    }
    (*rows)->reset();
    return events ? events : out;
}

Result<void> LogWriter::expire(Memory& now) {
    const MonoTime mono = options_.clock->mono();
    if (mono < next_expiry_) return {};
    const auto powered = powered_.at(boot_, mono);
    for (std::size_t lane = 0; powered && lane < kLanes; ++lane) {
        const auto older = [&](const Oldest& item, std::chrono::hours age) {
            return item.powered && *powered - *item.powered > std::chrono::nanoseconds(age).count();
        };
        for (;;) {
            auto item = oldest(now, static_cast<Lane>(lane));
            if (!item) return std::move(item).error();
            if (!*item) break;
            const bool expired = older(**item, options_.max_age[lane]);
            const bool settled = std::all_of(
                now.state.sinks.begin(), now.state.sinks.end(), [&](const SinkAccount& sink) {
                    return sink.use == SinkUse::removed ||
                           sink.lanes[lane].progress.cursor() >= (*item)->last;
                });
            if (!expired && !(settled && older(**item, options_.raw_age))) break;
            if (auto done = drop_front(now, static_cast<Lane>(lane), (*item)->last,
                                       expired ? Why::expired : Why::trimmed);
                !done)
                return done;
        }
    }
    next_expiry_ = mono + kExpiryEvery;
    return {};
}

std::uint64_t LogWriter::drop_record(Memory& now, const Record& record, LossCause cause) {
    bool owed = false;
    const std::uint64_t bytes = ledger_bytes(record);
    for (SinkAccount& sink : now.state.sinks) {
        if (!sink.owes(record)) continue;
        LaneAccount& lane = sink.lane(record.lane);
        // What is owed again after a refusal is accounted for by its dead letter.
        if (lane.progress.done(record.seq) ||
            now.resend.count({sink.id, record.lane, record.seq}) > 0)
            continue;
        owed = true;
        lane.lose(cause, bytes);
        lane.stop_waiting(bytes);
    }
    if (!owed) ++now.state.trimmed[index(record.lane)];
    return 1;
}

/// Everything of the lane up to `upto` leaves; what a sink still owed of it is counted.
Result<void> LogWriter::drop_front(Memory& now, Lane lane, Seq upto, Why why) {
    if (auto done = settle_deferred(now, lane, upto); !done) return done;
    const LossCause cause = why == Why::expired ? LossCause::expired : LossCause::evicted;
    LaneStock& stock = now.stock[index(lane)];
    bool unreadable = false;
    std::uint64_t n = 0;
    if (auto done = drop_segments(now, lane, upto, why, n, unreadable); !done) return done;
    if (auto done = for_lane(
            lane, std::min(stock.tail_from, stock.event_from), upto,
            [&](const Record& record) { n += drop_record(now, record, cause); }, unreadable);
        !done)
        return done;
    if (auto done = bury_resends(now, lane, upto); !done) return done;
    for (SinkAccount& sink : now.state.sinks) {
        Progress& progress = sink.lane(lane).progress;
        progress.add(progress.cursor(), upto);
    }
    if (auto done = forget_rows(stock, stock.tail_rows,
                                "SELECT n, length(data) FROM tail WHERE lane = ? AND first_seq "
                                "BETWEEN ? AND ?",
                                "DELETE FROM tail WHERE lane = ? AND first_seq BETWEEN ? AND ?",
                                lane, stock.tail_from, upto);
        !done)
        return done;
    if (auto done = forget_raw(now, lane, stock.event_from, upto); !done) return done;
    if (auto done = forget_rows(stock, stock.events,
                                "SELECT 1, length(data) + length(CAST(subject AS BLOB)) FROM event "
                                "WHERE lane = ? AND seq BETWEEN ? AND ?",
                                "DELETE FROM event WHERE lane = ? AND seq BETWEEN ? AND ?", lane,
                                stock.event_from, upto);
        !done)
        return done;
    stock.tail_from = std::max(stock.tail_from, Seq{upto.value + 1});
    stock.event_from = std::max(stock.event_from, Seq{upto.value + 1});
    const auto reason = why == Why::evicted ? MissingReason::evicted : MissingReason::expired;
    if (auto done = add_hole({Seq{}, upto, lane, reason, n}, static_cast<int>(lane), false); !done)
        return done;
    return unreadable ? recount(now, lane) : Result<void>{};
}

/// Outcomes already heard count before their records leave, also those the ranges had no room for.
Result<void> LogWriter::settle_deferred(Memory& now, Lane lane, Seq upto) {
    auto deferred = std::exchange(now.deferred, {});
    for (auto& one : deferred) {
        if (one.outcome.lane != lane || one.outcome.seq > upto) {
            now.deferred.push_back(std::move(one));
            continue;
        }
        SinkAccount* sink = now.state.find(one.sink);
        if (sink == nullptr) continue;
        auto taken = settle_one(now, *sink, one.outcome, SIZE_MAX);
        if (!taken) return std::move(taken).error();
    }
    return {};
}

/// What was owed again and is now beyond the cursor for good becomes a dead letter again.
Result<void> LogWriter::bury_resends(Memory& now, Lane lane, Seq upto) {
    for (auto it = now.resend.begin(); it != now.resend.end();) {
        const auto& [id, of, seq] = *it;
        SinkAccount* sink = now.state.find(id);
        if (of != lane || seq > upto || sink == nullptr) {
            ++it;
            continue;
        }
        auto rows = statement("SELECT data FROM dead WHERE sink = ? AND seq = ?");
        if (!rows) return std::move(rows).error();
        auto row = (*rows)->with(id, seq.value).row();
        if (!row) return std::move(row).error();
        if (*row)
            if (auto record = unpack_record((*rows)->blob(0)))
                sink->lane(lane).dead.add(ledger_bytes(*record));
        (*rows)->reset();
        if (auto done = run("UPDATE dead SET resend = 0 WHERE sink = ? AND seq = ?", id, seq.value);
            !done)
            return done;
        it = now.resend.erase(it);
    }
    return {};
}

Result<void> LogWriter::forget_rows(LaneStock& stock, std::uint64_t& items, std::string_view count,
                                    std::string_view remove, Lane lane, Seq from, Seq upto) {
    auto rows = statement(count);
    if (!rows) return std::move(rows).error();
    (*rows)->with(static_cast<int>(lane), from.value, upto.value);
    for (;;) {
        auto row = (*rows)->row();
        if (!row) return std::move(row).error();
        if (!*row) break;
        stock.records -= std::min(stock.records, (*rows)->number(0));
        stock.bytes -= std::min(stock.bytes, row_cost((*rows)->number(1)));
        if (&items == &stock.tail_rows)
            stock.tail_bytes -= std::min(stock.tail_bytes, (*rows)->number(1));
        --items;
    }
    return run(remove, static_cast<int>(lane), from.value, upto.value);
}

/// Visits the lane's records up to `upto`; damaged rows are passed over and flagged.
Result<void> LogWriter::for_lane(Lane lane, Seq from, Seq upto,
                                 const std::function<void(const Record&)>& each, bool& unreadable) {
    auto tail = statement(
        "SELECT data FROM tail WHERE lane = ? AND first_seq BETWEEN ? AND ? ORDER BY first_seq");
    if (!tail) return std::move(tail).error();
    (*tail)->with(static_cast<int>(lane), from.value, upto.value);
    for (;;) {
        auto row = (*tail)->row();
        if (!row) return std::move(row).error();
        if (!*row) break;
        auto block = decode_block((*tail)->blob(0));
        if (!block) {
            unreadable = true;
            continue;
        }
        for (const Record& record : block->records) each(record);
    }
    auto events = statement("SELECT seq, data FROM event WHERE lane = ? AND seq BETWEEN ? AND ?");
    if (!events) return std::move(events).error();
    (*events)->with(static_cast<int>(lane), from.value, upto.value);
    for (;;) {
        auto row = (*events)->row();
        if (!row) return std::move(row).error();
        if (!*row) return {};
        Record record;
        record.seq.value = (*events)->number(0);
        record.lane = lane;
        record.body = Event{};
        if (decode_event((*events)->blob(1), record))
            each(record);
        else
            unreadable = true;
    }
}

/// After a damaged row left: what is still there decides what waits; the rest was unreadable.
Result<void> LogWriter::recount(Memory& now, Lane lane) {
    std::vector<Tally> found(now.state.sinks.size());
    bool unreadable = false;
    const auto count = [&](const Record& record) {
        for (std::size_t i = 0; i < found.size(); ++i) {
            const SinkAccount& sink = now.state.sinks[i];
            if (sink.owes(record) && !sink.lane(lane).progress.done(record.seq))
                found[i].add(ledger_bytes(record));
        }
    };
    for (Seq after;;) {
        auto head = segments_.next(lane, after);
        if (!head) return std::move(head).error();
        if (!*head) break;
        after = (*head)->last;
        std::uint64_t damaged = 0;
        if (auto done = segments_.visit(**head, {}, count, damaged); !done) return done;
        unreadable = unreadable || damaged > 0;
    }
    auto done = for_lane(lane, Seq{}, Seq{INT64_MAX}, count, unreadable);
    if (!done || unreadable) return done;  // with more damage ahead, the last row settles it
    for (std::size_t i = 0; i < found.size(); ++i) {
        LaneAccount& account = now.state.sinks[i].lane(lane);
        const std::uint64_t n = found[i].n + account.dead.n;
        if (account.waiting.n <= n) continue;
        auto& lost = account.lost[static_cast<std::size_t>(LossCause::unreadable)];
        const std::uint64_t bytes = found[i].bytes + account.dead.bytes;
        lost.n += account.waiting.n - n;
        lost.bytes += account.waiting.bytes - std::min(account.waiting.bytes, bytes);
        account.waiting = {n, bytes};
    }
    return {};
}

}  // namespace fog
