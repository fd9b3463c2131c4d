// How a client comes to be live: first event, gaps, replay from the ring or the log, snapshots.
#include <algorithm>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/core/topic.hpp"
#include "firmware/push/client.hpp"

namespace fog {

namespace {

constexpr std::size_t kSnapshotPart = 60U << 10U;  // with its envelope below 64 KiB

void append_sub(std::string& out, const Subscription& sub) {
    if (sub.id.empty()) return;
    out += ",\"sub\":";
    append_json_string(out, sub.id);
}

}  // namespace

bool Client::wants(const Subscription& sub, const Frame& frame) const {
    if ((sub.params.kinds & (1U << frame.kind())) == 0) return false;
    return std::any_of(
        sub.params.channels.begin(), sub.params.channels.end(),
        [&frame](const std::string& pattern) { return topic_matches(pattern, frame.channel()); });
}

void Client::subscribe(std::string id, StreamParams params) {
    unsubscribe(id);
    auto made = std::make_unique<Subscription>();
    made->client = this;
    made->id = std::move(id);
    made->params = std::move(params);
    if (made->params.min_interval.count() > 0)
        made->shaper =
            std::make_unique<Shaper>(made->params.min_interval, made->params.conflate_key);
    made->catching = std::make_unique<Catching>();
    subs_.push_back(std::move(made));
    Subscription& sub = *subs_.back();
    hub_.subscribe(sub);
    start(sub);
    hub_.dirty(*this);
}

void Client::start(Subscription& sub) {
    Catching& state = *sub.catching;
    const Position head = hub_.head();
    state.since = sub.params.since;
    switch (state.since.kind) {
        case Since::Kind::now:
            state.located = true;
            state.origin = state.cursor = head.seq;
            return begin(sub, "", std::nullopt);
        case Since::Kind::unknown_epoch:
        case Since::Kind::position: {
            const Position from = state.since.position;
            state.located = true;
            state.origin = state.cursor = head.seq;
            if (from.epoch != head.epoch || from.seq > head.seq) {
                begin(sub, "snapshot", std::nullopt);
                return send_gap(sub, from, head, "epoch-changed", std::nullopt, false);
            }
            if (from.seq == head.seq || hub_.ring().covers(from.seq)) {
                state.origin = state.cursor = from.seq;
                const auto& ring = hub_.ring();
                std::uint64_t due = 0;
                for (auto i = ring.after(from.seq); i < ring.size(); ++i)
                    if (wants(sub, *ring.at(i))) ++due;
                if (due <= sub.params.replay_max) return begin(sub, "resumed", due);
                state.announced = false;
            }
            if (sub.params.replay_max == 0) return limit_replay(sub, from.seq, head.seq);
            // The first page says whether all of it is there. Numbers do not say how much is owed:
            // those of a crash hole were never used.
            state.measure = head.seq.value - from.seq.value > sub.params.replay_max;
            state.origin = state.cursor = from.seq;
            return;
        }
        case Since::Kind::earliest:
        case Since::Kind::ago:
        case Since::Kind::time:
            return;  // the log finds the place
    }
}

/// Sends `first`; `how` empty = neither resumed nor after a gap.
void Client::begin(Subscription& sub, std::string_view how, std::optional<std::uint64_t> replay) {
    Catching& state = *sub.catching;
    state.announced = true;
    const bool resumed = how == "resumed";
    state.snapshot_after = sub.params.snapshot.value_or(!resumed) || how == "snapshot";
    if (sub.params.snapshot == false) state.snapshot_after = false;
    if (how.empty()) how = state.snapshot_after ? "snapshot" : "fresh";
    hub_.metrics().resumed(how);
    // A resume from a snapshot that never arrived would leave holes: no id before it is complete.
    last_pos_ = std::max(last_pos_, state.cursor.value);
    send_first(sub, how, {hub_.head().epoch, state.cursor}, replay);
}

void Client::send_first(const Subscription& sub, std::string_view how, Position from,
                        std::optional<std::uint64_t> replay) {
    const auto& clock = hub_.parts().clock;
    const StreamParams& params = sub.params;
    const auto ms = [](std::chrono::nanoseconds time) {
        return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
    };
    std::string json = "{\"ev\":\"first\"";
    append_sub(json, sub);
    json.append(",\"how\":\"").append(how).append("\",\"pos\":\"").append(from.text());
    json += "\",\"clock\":";
    json += clock.trusted() ? "\"" + to_rfc3339(clock.wall()) + "\"" : "null";
    json += ",\"gw\":";
    append_json_string(json, hub_.parts().context.gateway);
    json += ",\"conn\":\"" + conn_ + "\",\"rate\":{\"min_interval\":" + ms(params.min_interval);
    json += ",\"conflate\":";
    json += params.min_interval.count() > 0 && params.conflate_key ? "\"key\"" : "\"none\"";
    json += ",\"deadband\":null,\"max_lag\":null,\"slow\":\"";
    json += to_text(params.slow);
    json += "\",\"tick\":" + ms(setup_.defaults.tick) + "},\"changed\":[]";
    if (replay) json += ",\"replay\":" + std::to_string(*replay);
    json += '}';
    // Class alarm: nothing may come before the first event.
    control("first", json, sub.catching->snapshot_after ? std::nullopt : std::optional(from),
            PushClass::alarm);
}

void Client::send_gap(const Subscription& sub, Position from, Position to, std::string_view reason,
                      std::optional<std::uint64_t> missed, bool exact) {
    hub_.metrics().gap(reason);
    std::string json = "{\"ev\":\"gap\"";
    append_sub(json, sub);
    json.append(",\"from\":\"").append(from.text()).append("\",\"to\":\"").append(to.text());
    json.append("\",\"reason\":\"").append(reason).append("\",\"missed\":");
    json += missed ? std::to_string(*missed) : "null";
    json += exact ? ",\"exact\":true" : ",\"exact\":false";
    json += ",\"channels\":[";
    for (std::size_t i = 0; i < sub.params.channels.size(); ++i) {
        if (i != 0) json += ',';
        append_json_string(json, sub.params.channels[i]);
    }
    json += "]}";
    control("gap", json);
}

/// One step towards being live; false when it must wait for the log or for room.
bool Client::advance_once(Subscription& sub) {
    Catching& state = *sub.catching;
    const Limits& limits = hub_.parts().limits;
    if (state.page_asked || ending_) return false;
    if (queued_ > (limits.client_queue_bytes - limits.client_queue_reserved) / 2) return false;
    if (!state.snapshot.empty()) return send_snapshot_part(sub);
    if (!state.located || !state.announced) {
        ask_page(sub);
        return false;
    }
    if (state.cursor < hub_.head().seq) {
        if (!hub_.ring().covers(state.cursor)) {
            ask_page(sub);
            return false;
        }
        replay_ring(sub);
        return true;
    }
    if (state.snapshot_after) {
        collect_snapshot(sub);
        return true;
    }
    sub.catching.reset();  // live from here
    return false;
}

void Client::ask_page(Subscription& sub) {
    Catching& state = *sub.catching;
    state.page_asked = true;
    PageAsk ask;
    ask.conn = conn_;
    ask.generation = sub.generation;
    ask.epoch = hub_.head().epoch;
    ask.since = state.since;
    ask.located = state.located;
    ask.after = state.cursor;
    ask.upto = hub_.head().seq;
    if (state.measure || !state.located) ask.replay_max = sub.params.replay_max;
    hub_.replays().ask(std::move(ask));
}

void Client::replay_one(Subscription& sub, FramePtr frame) {
    sub.catching->cursor = frame->seq();
    if (!wants(sub, *frame)) return;
    Entry entry;
    entry.done = done_now();
    // Replays keep the order of the log; nothing of them overtakes.
    entry.frame = std::move(frame);
    push(PushClass::live, std::move(entry));
}

void Client::replay_ring(Subscription& sub) {
    const auto& ring = hub_.ring();
    const std::size_t most = hub_.parts().limits.client_queue_bytes / 2;
    for (auto i = ring.after(sub.catching->cursor); i < ring.size(); ++i) {
        if (queued_ > most) return;
        const FramePtr& frame = ring.at(i);
        if (!wants(sub, *frame)) {
            sub.catching->cursor = frame->seq();
            continue;
        }
        // A record of its own: the shared frame is not history for the others.
        auto batch = std::make_shared<std::vector<Record>>(1, frame->record());
        replay_one(sub, std::make_shared<Frame>(std::move(batch), 0, hub_.parts().context,
                                                hub_.head().epoch, true));
    }
    sub.catching->cursor = std::max(sub.catching->cursor, hub_.head().seq);
}

void Client::report_missing(Subscription& sub, const std::vector<Missing>& missing, Seq upto) {
    const std::uint64_t epoch = hub_.head().epoch;
    for (const Missing& one : missing) {
        // Numbers that were never used; what they stood for came again under others.
        if (one.reason == MissingReason::crash && one.records == 0) continue;
        const Seq from = std::max(one.from, sub.catching->origin);
        const Seq to = std::min(one.to, upto);
        if (from >= to) continue;
        const bool all = sub.params.channels.size() == 1 && sub.params.channels[0] == "#";
        const auto missed =
            one.reason == MissingReason::crash ? std::nullopt : std::optional(one.records);
        send_gap(sub, {epoch, from}, {epoch, to}, to_text(one.reason), missed, one.exact && all);
        sub.catching->snapshot_after = sub.params.snapshot != false;
    }
}

void Client::replay_page(Subscription& sub, LogPage page) {
    std::size_t hole = 0;
    std::vector<Missing> before;
    for (Record& record : page.records) {
        // Holes are told where they are, between the records around them.
        before.clear();
        while (hole < page.missing.size() && page.missing[hole].to < record.seq)
            before.push_back(page.missing[hole++]);
        report_missing(sub, before, record.seq);
        auto batch = std::make_shared<std::vector<Record>>();
        batch->push_back(std::move(record));
        replay_one(sub, std::make_shared<Frame>(std::move(batch), 0, hub_.parts().context,
                                                hub_.head().epoch, true));
    }
    before.assign(page.missing.begin() + static_cast<std::ptrdiff_t>(hole), page.missing.end());
    report_missing(sub, before, page.last);
    sub.catching->cursor = std::max(sub.catching->cursor, page.last);
}

void Client::on_page(std::uint64_t generation, PageAnswer answer) {
    Subscription* sub = by_generation(generation);
    if (sub == nullptr || !sub->catching || ended()) return;
    Catching& state = *sub->catching;
    const Position head = hub_.head();
    state.page_asked = false;
    if (!state.located) {
        state.located = true;
        state.cursor = answer.failed ? head.seq : answer.after;
        if (sub->params.replay_max == 0 && state.cursor < head.seq)
            return limit_replay(*sub, state.cursor, head.seq);
        state.origin = state.cursor;
    }
    state.measure = false;
    if (!answer.failed && answer.begin > answer.after)
        return limit_replay(*sub, state.cursor, answer.begin);
    if (!state.announced) {
        const bool whole =
            !answer.failed && std::all_of(answer.page.missing.begin(), answer.page.missing.end(),
                                          [](const Missing& one) {
                                              return one.reason == MissingReason::crash &&
                                                     one.records == 0;
                                          });
        begin(*sub, whole ? "resumed" : "snapshot", std::nullopt);
    }
    const Seq before = state.cursor;
    if (!answer.failed) replay_page(*sub, std::move(answer.page));
    // What is neither committed nor in the ring any more cannot be had (the store stalled).
    const bool stuck = answer.failed || state.cursor == before || answer.page.at_end;
    if (stuck && state.cursor < head.seq && !hub_.ring().covers(state.cursor)) {
        const Seq to = hub_.ring().empty() ? head.seq : Seq{hub_.ring().first().value - 1};
        send_gap(*sub, {head.epoch, state.cursor}, {head.epoch, to}, "evicted",
                 to.value - state.cursor.value, false);
        state.cursor = to;
        state.snapshot_after = sub->params.snapshot != false;
    }
    hub_.dirty(*this);
}

void Client::limit_replay(Subscription& sub, Seq from, Seq begin_at) {
    const Position head = hub_.head();
    sub.catching->origin = sub.catching->cursor = begin_at;
    begin(sub, "snapshot", std::nullopt);
    send_gap(sub, {head.epoch, from}, {head.epoch, begin_at}, "replay-limit",
             begin_at.value - from.value, false);
    hub_.dirty(*this);
}

void Client::collect_snapshot(Subscription& sub) {
    Catching& state = *sub.catching;
    state.snapshot_after = false;
    state.snapshot_head = hub_.head();
    state.snapshot_at = 0;
    state.part = 0;
    hub_.visit_last(sub, [&state](const FramePtr& frame) { state.snapshot.push_back(frame); });
    if (!state.snapshot.empty()) return;
    const auto pos = state.snapshot_head;
    control(
        "snapshot",
        "{\"ev\":\"snapshot\",\"d\":[],\"pos\":\"" + pos.text() + "\",\"part\":1,\"last\":true}",
        pos);
}

bool Client::send_snapshot_part(Subscription& sub) {
    Catching& state = *sub.catching;
    std::string json = "{\"ev\":\"snapshot\"";
    append_sub(json, sub);
    json += ",\"d\":[";
    const std::size_t begin = state.snapshot_at;
    while (state.snapshot_at < state.snapshot.size() && json.size() < kSnapshotPart) {
        const auto record = state.snapshot[state.snapshot_at]->json();
        if (state.snapshot_at != begin) {
            if (json.size() + record.size() > kSnapshotPart) break;
            json += ',';
        }
        json += record;
        ++state.snapshot_at;
    }
    const bool last = state.snapshot_at == state.snapshot.size();
    const Position pos = state.snapshot_head;
    json += "],\"pos\":\"" + pos.text() + "\",\"part\":" + std::to_string(++state.part);
    json += last ? ",\"last\":true}" : ",\"last\":false}";
    if (last) state.snapshot = {};
    control("snapshot", json, last ? std::optional(pos) : std::nullopt);
    return true;
}

}  // namespace fog
