#include "firmware/push/replay.hpp"

#include <utility>

#include "firmware/core/boot_table.hpp"
#include "firmware/push/client.hpp"
#include "firmware/push/hub.hpp"

namespace fog {

namespace {

/// Time a record was received, for finding a place by time: never goes back within the log, unlike
/// what devices claim.
WallTime received_at(const Record& record, const RecordContext& context) {
    if (context.boots != nullptr)
        if (const auto wall = context.boots->wall(record.boot(), record.received())) return *wall;
    return record.source_time();
}

/// Last number before the first record received at or after `time`, by halving.
Result<Seq> locate(LogReader& log, const LogBounds& bounds, WallTime time,
                   const RecordContext& context) {
    std::uint64_t low = bounds.first.value - 1;
    std::uint64_t high = bounds.committed.value;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        auto page = log.read(Seq{middle}, bounds.committed, 1);
        if (!page) return std::move(page).error();
        if (page->records.empty() || received_at(page->records.front(), context) >= time)
            high = middle;
        else
            low = page->records.front().seq.value;
    }
    return Seq{low};
}

/// Where the newest `most` numbers up to `upto` begin; those of crash holes were never used.
Seq newest(Seq after, Seq upto, std::uint64_t most, const std::vector<Missing>& holes) {
    Seq end = upto;
    for (auto hole = holes.rbegin(); hole != holes.rend(); ++hole) {
        if (hole->reason != MissingReason::crash || hole->to > end) continue;
        const auto used = end.value - hole->to.value;
        if (used >= most) break;
        most -= used;
        end = hole->from;
    }
    return end.value - after.value > most ? Seq{end.value - most} : after;
}

Result<PageAnswer> read_page(LogReaders& readers, const PageAsk& ask, std::size_t most,
                             WallTime now, const RecordContext& context) {
    auto reader = readers.open_reader();
    if (!reader) return std::move(reader).error();
    PageAnswer answer;
    answer.after = ask.after;
    if (!ask.located) {
        const auto bounds = (*reader)->bounds();
        if (!bounds) return bounds.error();
        if (bounds->first.value == 0 || bounds->epoch != ask.epoch) {
            answer.after = ask.upto;
        } else if (ask.since.kind == Since::Kind::earliest) {
            answer.after = Seq{bounds->first.value - 1};
        } else {
            const auto time =
                ask.since.kind == Since::Kind::ago ? now - ask.since.ago : ask.since.time;
            const auto at = locate(**reader, *bounds, time, context);
            if (!at) return at.error();
            answer.after = *at;
        }
    }
    answer.begin = answer.after;
    if (ask.replay_max != 0 && ask.upto > answer.after) {
        const auto holes = (*reader)->missing(answer.after, ask.upto);
        if (!holes) return holes.error();
        answer.begin = newest(answer.after, ask.upto, ask.replay_max, *holes);
    }
    auto page = (*reader)->read(answer.begin, ask.upto, most);
    if (!page) return std::move(page).error();
    answer.page = std::move(*page);
    return answer;
}

}  // namespace

void Replays::ask(PageAsk ask) {
    waiting_.push_back(std::move(ask));
    pump();
}

void Replays::pump() {
    const HubParts& parts = hub_.parts();
    while (!waiting_.empty() && running_ < parts.limits.replays_at_once) {
        PageAsk ask = std::move(waiting_.front());
        waiting_.pop_front();
        ++running_;
        auto job = [this, alive = std::weak_ptr(alive_), ask, most = parts.limits.replay_page,
                    now = parts.clock.wall(), log = parts.log, loop = &parts.loop,
                    context = &parts.context] {
            auto answer = read_page(*log, ask, most, now, *context);
            PageAnswer given;
            if (answer)
                given = std::move(*answer);
            else
                given.failed = true;
            auto boxed = std::make_shared<PageAnswer>(std::move(given));
            loop->post([this, alive, ask, boxed] {
                if (!alive.expired()) finished(ask, std::move(*boxed));
            });
        };
        if (parts.log == nullptr || !parts.run_on_api) {
            PageAnswer none;
            none.failed = true;
            auto boxed = std::make_shared<PageAnswer>(std::move(none));
            parts.loop.post([this, alive = std::weak_ptr(alive_), ask, boxed] {
                if (!alive.expired()) finished(ask, std::move(*boxed));
            });
        } else if (!parts.run_on_api(std::move(job))) {
            --running_;
            waiting_.push_front(std::move(ask));  // the pool is full: the sweep tries again
            return;
        }
    }
}

void Replays::finished(const PageAsk& ask, PageAnswer answer) {
    --running_;
    if (Client* client = hub_.find_client(ask.conn))
        client->on_page(ask.generation, std::move(answer));
    pump();
}

}  // namespace fog
