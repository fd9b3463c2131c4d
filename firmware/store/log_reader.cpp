#include "firmware/store/log_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "firmware/store/block.hpp"
#include "firmware/store/log_writer.hpp"
#include "firmware/store/schema.hpp"

namespace fog {
namespace {

// A commit writes at most one row per lane and commits do not overlap, so what covers a number
// lies among the last four rows that begin at or before it.
constexpr int kRowsBack = 4;
constexpr std::size_t kRowsAtOnce = 2'000;  // looked at in one read transaction
constexpr std::size_t kEventsAtOnce = 5'000;
constexpr std::size_t kWindow = 4'096;  // records of a segment kept decoded, at least
constexpr std::size_t kWindows = 48;    // of a large one at most
constexpr std::size_t kSmallRead = 64;  // for less a window is not worth it

bool wants(std::uint8_t mask, std::int64_t lane) {
    return lane >= 0 && lane < static_cast<std::int64_t>(kLanes) &&
           ((mask >> static_cast<unsigned>(lane)) & 1U) != 0;
}

class Reader final : public LogReader {
public:
    Reader(LogScan scan, std::shared_ptr<const Published> published)
        : scan_(std::move(scan)), published_(std::move(published)) {}

    Result<LogBounds> bounds() override {
        LogBounds out;
        auto epoch = scan_.epoch();
        if (!epoch) return std::move(epoch).error();
        auto first = scan_.first();
        if (!first) return std::move(first).error();
        out.epoch = *epoch;
        out.first = *first;
        out.committed = published_->committed();
        return out;
    }

    Result<LogPage> read(Seq after, Seq upto, std::size_t most, std::uint8_t mask) override {
        auto transaction = sqlite::Transaction::begin(scan_.db(), false);
        if (!transaction) return std::move(transaction).error();
        auto page = scan_.read(after, upto, most, mask);
        if (!page) return std::move(page).error();
        LogPage out;
        out.records = std::move(page->records);
        out.last = page->last;
        out.at_end = page->at_end;
        const Seq end = upto.value != 0 ? upto : Seq{INT64_MAX};
        auto missing = scan_.missing(after, out.at_end ? end : out.last, mask);
        if (!missing) return std::move(missing).error();
        for (const Missing& one : *missing) {
            // Nothing will ever be committed in a crash hole at the end: the reader is past it.
            if (one.reason == MissingReason::crash && one.from <= out.last) {
                out.last = std::max(out.last, one.to);
            } else if (one.from >= out.last) {
                continue;
            }
            out.missing.push_back(one);
        }
        return out;
    }

    Result<std::vector<Missing>> missing(Seq after, Seq upto) override {
        return scan_.missing(after, upto, 0x0F);
    }

private:
    LogScan scan_;
    std::shared_ptr<const Published> published_;
};

}  // namespace

void Published::publish(const LogState& state, StoreStatus status,
                        const std::array<Seq, kLanes>& tail_newest) {
    auto copy = std::make_shared<const LogState>(state);
    for (std::size_t lane = 0; lane < kLanes; ++lane)
        tail_[lane].store(tail_newest[lane].value, std::memory_order_release);
    {
        const std::lock_guard lock(mutex_);
        view_.state = std::move(copy);
        view_.status = std::move(status);
        committed_.store(state.committed.value, std::memory_order_release);
    }
    moved_.notify_all();
}

Published::View Published::view() const {
    const std::lock_guard lock(mutex_);
    return view_;
}

void Published::set_degraded(bool now, std::string why) {
    const std::lock_guard lock(mutex_);
    view_.status.degraded = now;
    view_.status.error = std::move(why);
    degraded_.store(now, std::memory_order_release);
}

void Published::wait(Seq seen, MonoTime until, std::atomic<bool>& woken) {
    std::unique_lock lock(mutex_);
    moved_.wait_until(lock,
                      std::chrono::time_point_cast<std::chrono::steady_clock::duration>(until),
                      [&] { return woken.load() || committed() > seen; });
    woken.store(false);
}

void Published::wake() {
    { const std::lock_guard lock(mutex_); }  // a waiter is either before its check or asleep
    moved_.notify_all();
}

Result<LogScan> LogScan::open(const std::filesystem::path& path,
                              std::shared_ptr<const Published> published) {
    auto db = sqlite::Connection::open(path, sqlite::Connection::Mode::read_only);
    if (!db) return std::move(db).error();
    for (const char* pragma : {"PRAGMA cache_size = -256", "PRAGMA temp_store = MEMORY"})
        if (auto done = db->exec(pragma); !done) return std::move(done).error();
    return LogScan(std::move(*db), std::move(published));
}

Result<sqlite::Statement*> LogScan::cached(sqlite::Statement& slot, const char* sql) {
    if (slot.raw() == nullptr) {
        auto prepared = db_->prepare(sql);
        if (!prepared) return std::move(prepared).error();
        slot = std::move(*prepared);
    }
    return &slot;
}

/// How far the lane's segments were read; `upto` where none is left.
Result<LogScan::Reach> LogScan::read_sealed(Lane lane, Seq after, Seq upto, std::size_t most,
                                            Page& page, std::vector<Record>& out) {
    Window& window = windows_[static_cast<std::size_t>(lane)];
    for (std::size_t left = most; left > 0;) {
        auto head = segments_.next(lane, after);
        if (!head) return std::move(head).error();
        if (!*head || (*head)->first > upto) return Reach{upto, true};
        const bool here =
            window.segment == (*head)->number && window.after <= after && after < window.upto;
        if (!here)
            if (auto done = fill(window, **head, after, most, page); !done)
                return std::move(done).error();
        auto record = std::upper_bound(window.records.begin(), window.records.end(), after,
                                       [](Seq seq, const Record& one) { return seq < one.seq; });
        for (; record != window.records.end() && left > 0 && record->seq <= upto; ++record, --left)
            out.push_back(*record);
        if (record != window.records.end()) {
            if (record->seq > upto) return Reach{upto, true};
            return Reach{out.back().seq, false};
        }
        after = window.upto;
        if (after >= upto) return Reach{upto, true};
    }
    return Reach{after, false};
}

/// Decodes the records of the segment that come after `after`, as many as are worth it.
Result<void> LogScan::fill(Window& window, const SegmentHead& head, Seq after, std::size_t most,
                           Page& page) {
    window = {};
    auto numbers = segments_.numbers(head, after, page.damaged_rows);
    if (!numbers) return std::move(numbers).error();
    const std::size_t count =
        most < kSmallRead ? most : std::max<std::size_t>({most, kWindow, head.n / kWindows});
    BlockWanted wanted;
    wanted.after = after;
    wanted.upto = head.last;
    if (numbers->size() > count) {
        const auto last = numbers->begin() + static_cast<std::ptrdiff_t>(count - 1);
        std::nth_element(numbers->begin(), last, numbers->end());
        wanted.upto.value = *last;
    }
    window.records.reserve(std::min(count, numbers->size()));
    std::uint64_t again = 0;  // damage was counted above
    auto done = segments_.visit(
        head, wanted, [&](Record& record) { window.records.push_back(std::move(record)); }, again);
    if (!done) return done;
    std::sort(window.records.begin(), window.records.end(),
              [](const Record& a, const Record& b) { return a.seq < b.seq; });
    window.segment = head.number;
    window.after = after;
    window.upto = wanted.upto;
    return {};
}

/// How far the tail was read: every row of a wanted lane that begins up to there is in the page.
Result<LogScan::Reach> LogScan::read_tail(Seq after, Seq upto, std::size_t most, std::uint8_t mask,
                                          Page& page) {
    bool any = false;
    for (std::size_t lane = 0; lane < kLanes; ++lane)
        any = any || (wants(mask, static_cast<std::int64_t>(lane)) &&
                      published_->tail_newest(static_cast<Lane>(lane)) > after);
    if (!any) return Reach{upto, true};
    auto start = cached(start_,
                        "SELECT coalesce(min(first_seq), 0) FROM (SELECT first_seq FROM tail WHERE "
                        "first_seq <= ? ORDER BY first_seq DESC LIMIT ?)");
    if (!start) return std::move(start).error();
    auto row = (*start)->with(after.value, kRowsBack).row();
    if (!row) return std::move(row).error();
    const std::uint64_t from = *row ? (*start)->number(0) : 0;
    (*start)->reset();
    auto rows = cached(rows_,
                       "SELECT first_seq, last_seq, lane, data FROM tail WHERE first_seq BETWEEN ? "
                       "AND ? ORDER BY first_seq");
    if (!rows) return std::move(rows).error();
    (*rows)->with(from, upto.value);
    Seq reach = after;
    for (std::size_t seen = 0;; ++seen) {
        row = (*rows)->row();
        if (!row) return std::move(row).error();
        if (!*row) return Reach{upto, true};
        const Seq first{(*rows)->number(0)}, last{(*rows)->number(1)};
        // Between commits: no row still to come begins at or before `reach`.
        if (first > reach && (page.records.size() >= most || seen >= kRowsAtOnce)) {
            (*rows)->reset();
            return Reach{reach, false};
        }
        if (last <= after) continue;
        reach = std::max(reach, last);
        if (!wants(mask, (*rows)->integer(2))) continue;
        const auto block = decoded(first, (*rows)->blob(3));
        if (!block) {
            ++page.damaged_rows;
            continue;
        }
        for (const Record& record : *block)
            if (record.seq > after && record.seq <= upto) page.records.push_back(record);
    }
}

/// The row's records. The last few are kept, because pages are smaller than blocks.
std::shared_ptr<const std::vector<Record>> LogScan::decoded(Seq first,
                                                            std::span<const std::byte> data) {
    for (const auto& one : decoded_)
        if (one.first == first) return one.second;
    auto block = decode_block(data);
    if (!block) return nullptr;
    if (decoded_.size() >= kLanes) decoded_.erase(decoded_.begin());
    decoded_.emplace_back(first,
                          std::make_shared<const std::vector<Record>>(std::move(block->records)));
    return decoded_.back().second;
}

Result<LogScan::Reach> LogScan::read_events(Seq after, Seq upto, std::size_t most,
                                            std::uint8_t mask, std::vector<Record>& out) {
    auto events = cached(events_,
                         "SELECT seq, lane, kind, subject, data FROM event WHERE seq > ? AND "
                         "seq <= ? ORDER BY seq");
    if (!events) return std::move(events).error();
    (*events)->with(after.value, upto.value);
    Seq reach = after;
    for (std::size_t seen = 0, kept = 0;; ++seen) {
        if (kept >= most || seen >= kEventsAtOnce) {
            (*events)->reset();
            return Reach{reach, false};
        }
        auto row = (*events)->row();
        if (!row) return std::move(row).error();
        if (!*row) return Reach{upto, true};
        reach.value = (*events)->number(0);
        if (!wants(mask, (*events)->integer(1))) continue;
        Record record;
        record.seq = reach;
        record.lane = static_cast<Lane>((*events)->integer(1));
        Event event;
        event.kind = static_cast<EventKind>((*events)->integer(2));
        event.channel = (*events)->text(3);
        record.body = std::move(event);
        if (!decode_event((*events)->blob(4), record)) continue;
        out.push_back(std::move(record));
        ++kept;
    }
}

Result<LogScan::Page> LogScan::read(Seq after, Seq upto, std::size_t most, std::uint8_t mask) {
    Page page;
    // Loaded before the snapshot is taken by the first query: what it names is in the snapshot.
    const Seq head = published_->committed();
    const Seq end = upto.value == 0 ? head : std::min(upto, head);
    page.last = after;
    page.at_end = end >= head && after >= end;
    if (after >= end || most == 0) return page;
    // A lane's segments are older than its tail: as far as those were read, all was.
    std::vector<Record> sealed;
    Seq reach = end;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
        if (!wants(mask, static_cast<std::int64_t>(lane)) ||
            published_->tail_newest(static_cast<Lane>(lane)) <= after)
            continue;
        auto some = read_sealed(static_cast<Lane>(lane), after, reach, most, page, sealed);
        if (!some) return std::move(some).error();
        reach = std::min(reach, some->seq);
    }
    auto tail = read_tail(after, reach, most, mask, page);
    if (!tail) return std::move(tail).error();
    std::vector<Record> events;
    auto event = read_events(after, tail->seq, most, mask, events);
    if (!event) return std::move(event).error();

    page.records.insert(page.records.end(), std::make_move_iterator(sealed.begin()),
                        std::make_move_iterator(sealed.end()));
    const auto by_seq = [](const Record& a, const Record& b) { return a.seq < b.seq; };
    page.records.insert(page.records.end(), std::make_move_iterator(events.begin()),
                        std::make_move_iterator(events.end()));
    std::sort(page.records.begin(), page.records.end(), by_seq);
    page.last = std::min(tail->seq, event->seq);
    const auto beyond = std::find_if(page.records.begin(), page.records.end(),
                                     [&](const Record& record) { return record.seq > page.last; });
    page.records.erase(beyond, page.records.end());
    if (page.records.size() > most) {
        page.records.resize(most);
        page.last = page.records.back().seq;
    }
    page.at_end = page.last >= head;
    // Whoever caught up needs no window; other lanes of this scan may still be far behind.
    if (page.at_end)
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            if (wants(mask, static_cast<std::int64_t>(lane))) windows_[lane] = {};
    if (page.at_end) decoded_.clear();
    return page;
}

Result<std::vector<Missing>> LogScan::missing(Seq after, Seq upto, std::uint8_t mask) {
    std::vector<Missing> out;
    if (upto <= after) return out;
    auto holes = cached(holes_,
                        "SELECT from_seq, to_seq, lane, reason, n FROM hole WHERE to_seq > ? AND "
                        "from_seq < ? ORDER BY from_seq");
    if (!holes) return std::move(holes).error();
    (*holes)->with(after.value, upto.value);
    for (;;) {
        auto row = (*holes)->row();
        if (!row) return std::move(row).error();
        if (!*row) return out;
        const auto lane = (*holes)->integer(2);
        if (lane != kEveryLane && !wants(mask, lane)) continue;
        Missing one;
        const Seq from{(*holes)->number(0)}, to{(*holes)->number(1)};
        one.from = std::max(after, from);
        one.to = std::min(upto, to);
        one.reason = static_cast<MissingReason>((*holes)->integer(3));
        // A hole across two pages counts in the page where it ends.
        one.records = to <= upto ? (*holes)->number(4) : 0;
        one.exact = one.reason == MissingReason::crash || (from >= after && to <= upto);
        const auto same = std::find_if(out.begin(), out.end(), [&](const Missing& other) {
            return other.reason == one.reason && one.from <= other.to && other.from <= one.to;
        });
        if (same == out.end()) {
            out.push_back(one);
            continue;
        }
        same->to = std::max(same->to, one.to);
        same->records += one.records;
        same->exact = same->exact && one.exact;
    }
}

Result<Seq> LogScan::first() {
    auto first =
        cached(first_,
               "SELECT min(s) FROM (SELECT min(first_seq) AS s FROM tail UNION ALL "
               "SELECT min(seq) FROM event UNION ALL SELECT (SELECT first_seq FROM segment "
               "WHERE lane = l ORDER BY last_seq LIMIT 1) FROM (SELECT 0 AS l UNION ALL "
               "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3))");
    if (!first) return std::move(first).error();
    auto row = (*first)->with().row();
    if (!row) return std::move(row).error();
    const Seq out{*row ? (*first)->number(0) : 0};
    (*first)->reset();
    return out;
}

Result<std::uint64_t> LogScan::epoch() {
    return get_meta(*db_, "epoch");
}

Result<std::unique_ptr<LogReader>> open_log_reader(const std::filesystem::path& path,
                                                   std::shared_ptr<const Published> published) {
    auto scan = LogScan::open(path, published);
    if (!scan) return std::move(scan).error();
    return std::unique_ptr<LogReader>(
        std::make_unique<Reader>(std::move(*scan), std::move(published)));
}

}  // namespace fog
