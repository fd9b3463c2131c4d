#include "firmware/push/client.hpp"

#include <algorithm>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"

namespace fog {

namespace {

using namespace std::chrono_literals;

constexpr auto kStall = 30s;  // no byte taken: closed
constexpr auto kLinger = 2s;  // for the last bytes after the end
constexpr auto kExpiryNotice = 30s;
constexpr std::size_t kSendBytes = 64U << 10U;  // most gathered into one send

std::size_t index(PushClass cls) {
    return static_cast<std::size_t>(cls);
}

}  // namespace

Client::Client(Hub& hub, Setup setup, std::unique_ptr<HeldConnection> connection)
    : hub_(hub),
      counts_(hub.metrics().transport(setup.wire->name())),
      setup_(std::move(setup)),
      conn_("c-" + random_hex(16)),
      connection_(std::move(connection)),
      last_write_(hub.now()),
      opened_(hub.now()) {
    connection_->own(this);
    counts_.clients->add(1);
    jitter_ = static_cast<std::uint8_t>(conn_.back());
}

Client::~Client() {
    counts_.clients->add(-1);
    slow(false);
    for (auto& sub : subs_) hub_.unsubscribe(*sub);
}

std::size_t Client::patterns() const {
    std::size_t count = 0;
    for (const auto& sub : subs_) count += sub->params.channels.size();
    return count;
}

bool Client::within(const std::vector<std::string>& patterns) const {
    for (const auto& sub : subs_) {
        auto channels = sub->params.channels;
        if (narrow_to(patterns, channels)) return false;
    }
    return true;
}

Position Client::position() const {
    return {hub_.head().epoch, Seq{last_pos_}};
}

Subscription* Client::by_generation(std::uint64_t generation) {
    for (auto& sub : subs_)
        if (sub->generation == generation) return sub.get();
    return nullptr;
}

bool Client::unsubscribe(std::string_view id) {
    const auto found =
        std::find_if(subs_.begin(), subs_.end(), [id](const auto& sub) { return sub->id == id; });
    if (found == subs_.end()) return false;
    hub_.unsubscribe(**found);
    subs_.erase(found);
    return true;
}

// --- queue

std::uint64_t Client::done_now() const {
    std::uint64_t bound = hub_.head().seq.value;
    const auto below = [&bound](std::uint64_t owed) { bound = std::min(bound, owed - 1); };
    for (const auto& sub : subs_) {
        if (sub->catching) {
            if (!sub->catching->located || !sub->catching->snapshot.empty()) return 0;
            below(sub->catching->cursor.value + 1);
        }
        if (sub->shaper)
            if (const auto held = sub->shaper->lowest()) below(*held);
    }
    return bound;
}

void Client::push(PushClass cls, Entry entry) {
    queued_ += entry.weight();
    queues_[index(cls)].push(std::move(entry));
    hub_.dirty(*this);
}

void Client::deliver(const FramePtr& frame, Subscription& sub) {
    if (ended()) return;
    if (sub.shaper && frame->conflatable()) {
        bool replaced = false;
        const bool now = sub.shaper->offer(frame, hub_.now(), replaced);
        if (replaced) {
            ++conflated_;
            hub_.metrics().conflated.add();
        }
        if (!now) {
            if (const auto due = sub.shaper->due()) hub_.held(sub, *due);
            return;
        }
    }
    enqueue(frame, 1, frame->seq().value, sub.params.slow);
}

void Client::release_held(Subscription& sub, MonoTime now) {
    if (!sub.shaper || ended()) return;
    std::vector<Merged> due;
    sub.shaper->release(now, [&due](const Merged& one) { due.push_back(one); });
    const SlowPolicy policy = sub.params.slow;
    for (const auto& one : due) enqueue(one.frame, one.n, one.low, policy);
    if (ended()) return;  // with its subscriptions
    if (const auto next = sub.shaper->due()) hub_.held(sub, *next);
}

void Client::enqueue(const FramePtr& frame, std::uint32_t n, std::uint64_t low, SlowPolicy policy) {
    const Limits& limits = hub_.parts().limits;
    const std::size_t weight = frame->weight() + 64;
    if (frame->conflatable()) {
        const std::size_t most = limits.client_queue_bytes - limits.client_queue_reserved;
        const bool is_slow = newest_ || queued_ + weight > most || (full_ && queued_ > most / 2);
        if (is_slow && !apply_slow(frame, n, low, policy)) return;
    } else if (queued_ + weight > limits.client_queue_bytes) {
        return fall_behind("events");
    }
    Entry entry;
    entry.frame = frame;
    entry.n = n;
    entry.done = done_now();
    push(frame->cls(), std::move(entry));
}

// --- sending

void Client::control(std::string_view kind, std::string_view json, std::optional<Position> id,
                     PushClass cls) {
    if (gone_ || finished_) return;
    Entry entry;
    if (id && subs_.size() == 1) entry.raw_id = id->seq.value;
    entry.raw = std::make_shared<const std::string>(setup_.wire->control(
        kind, json, entry.raw_id != 0 ? id : std::nullopt, setup_.defaults.names));
    push(cls, std::move(entry));
}

void Client::say(std::string bytes, PushClass cls) {
    if (gone_ || finished_ || bytes.empty()) return;
    // Replies are made by the client's own requests; one that never reads is cut off.
    if (queued_ + bytes.size() > hub_.parts().limits.client_queue_bytes) return gone("replies");
    Entry entry;
    entry.raw = std::make_shared<const std::string>(std::move(bytes));
    push(cls, std::move(entry));
}

bool Client::next(Entry& out, PushClass& cls) {
    for (std::size_t i = 0; i < kPushClasses; ++i) {
        if (queues_[i].empty()) continue;
        out = std::move(queues_[i].front());
        queues_[i].pop();
        cls = static_cast<PushClass>(i);
        queued_ -= out.weight();
        return true;
    }
    if (!newest_) return false;
    auto merged = newest_->take_oldest();
    if (!merged) {
        newest_.reset();
        slow(false);
        return false;
    }
    out = Entry{};
    out.frame = std::move(merged->frame);
    out.n = merged->n;
    out.done = done_now();
    cls = PushClass::live;
    return true;
}

std::optional<Position> Client::position_for(const Entry& entry, PushClass cls) {
    std::uint64_t done = entry.done;
    if (newest_)
        if (const auto owed = newest_->lowest()) done = std::min(done, *owed - 1);
    // What overtakes others may not promise that they were handed over.
    const bool overtakes = (cls == PushClass::alarm && !queues_[index(PushClass::reply)].empty()) ||
                           (cls != PushClass::live && !queues_[index(PushClass::live)].empty());
    if (overtakes) {
        overtook_ = true;
        return std::nullopt;
    }
    // The last of those overtaken vouches for what went ahead of it.
    if (overtook_ && queues_empty()) {
        overtook_ = false;
        done = done_now();
    }
    if (dropped_ != 0) done = std::min(done, dropped_from_);
    if (done <= last_pos_) return std::nullopt;
    last_pos_ = done;
    return Position{hub_.head().epoch, Seq{done}};
}

bool Client::write_rest() {
    if (rest_.empty()) return true;
    const iovec part{rest_.data(), rest_.size()};
    const auto written = connection_->write(std::span(&part, 1));
    note_written(written);
    if (gone_) return false;
    queued_ -= written.bytes;
    rest_.erase(0, written.bytes);
    if (!rest_.empty()) return false;
    rest_ = {};
    return !full_;
}

void Client::note_written(HeldConnection::Written written) {
    const bool was_full = full_;
    full_ = written.state == HeldConnection::State::full;
    if (written.bytes != 0 || (full_ && !was_full)) {
        last_write_ = hub_.now();
        blocked_since_ = last_write_;
    }
    bytes_ += written.bytes;
    counts_.bytes->add(written.bytes);
    if (written.state == HeldConnection::State::gone) gone("network");
}

/// One gathered send of what is due; false when there is nothing left or no room.
bool Client::flush_some() {
    Gather& gather = hub_.gather();
    gather.clear();
    thread_local std::vector<InFlight> flying;  // fog-io only; kept for its capacity
    flying.clear();
    InFlight one;
    while (gather.room() && gather.bytes() < kSendBytes) {
        one.pos_before = last_pos_;
        if (!next(one.entry, one.cls)) break;
        if (one.entry.frame) {
            const auto pos = position_for(one.entry, one.cls);
            setup_.wire->record(*one.entry.frame, one.entry.n, pos, setup_.defaults.names, gather);
        } else {
            gather.add(*one.entry.raw);
            last_pos_ = std::max(last_pos_, one.entry.raw_id);
        }
        one.end = gather.bytes();
        flying.push_back(std::move(one));
        one = InFlight{};
    }
    if (flying.empty()) return false;
    const auto written = connection_->write(gather.parts());
    note_written(written);
    if (gone_) {
        flying.clear();
        return false;
    }
    settle(flying, written.bytes);
    flying.clear();
    return !full_;
}

void Client::settle(std::vector<InFlight>& flying, std::size_t accepted) {
    const MonoTime now = hub_.now();
    std::size_t sent = 0;
    std::size_t begin = 0;
    for (; sent < flying.size() && flying[sent].end <= accepted; ++sent) {
        begin = flying[sent].end;
        count_sent(flying[sent], now);
    }
    if (sent == flying.size()) return;
    if (accepted > begin) {  // an event that was begun must be finished first
        rest_ = hub_.gather().tail(accepted, flying[sent].end);
        queued_ += rest_.size();
        count_sent(flying[sent++], now);
    }
    if (sent < flying.size()) last_pos_ = flying[sent].pos_before;
    for (std::size_t i = flying.size(); i > sent; --i) {
        InFlight& back = flying[i - 1];
        queued_ += back.entry.weight();
        queues_[index(back.cls)].unpop(std::move(back.entry));
    }
}

void Client::count_sent(const InFlight& one, MonoTime now) {
    ++events_;
    if (!one.entry.frame) return counts_.events.back()->add();
    const Frame& frame = *one.entry.frame;
    counts_.events[frame.kind()]->add();
    if (frame.historic()) return hub_.metrics().replayed.add();
    const auto age = std::chrono::duration<double>(now - frame.record().received()).count();
    hub_.metrics().latency[index(one.cls)]->record(std::max(0.0, age));
}

bool Client::queues_empty() const {
    return rest_.empty() && !newest_ &&
           std::all_of(queues_.begin(), queues_.end(), [](const Queue& q) { return q.empty(); });
}

void Client::flush() {
    if (gone_ || finished_ || full_) return;
    if (!write_rest()) return;
    for (;;) {
        while (flush_some()) {
        }
        if (gone_ || full_) return;
        // Drained: the turn of those that wait for room.
        slow(false);
        if (ending_) return finish_if_done();
        tell_dropped();
        resume_catching();
        if (queues_empty()) return;
    }
}

void Client::resume_catching() {
    for (std::size_t i = 0; i < subs_.size(); ++i) {
        Subscription& sub = *subs_[i];
        while (sub.catching && advance_once(sub)) {
        }
    }
}

// --- ends

void Client::end(std::uint16_t code, std::string_view why, std::string_view bye_json) {
    if (ended()) return;
    hub_.metrics().closed(why);
    queues_[index(PushClass::live)].remove_if([this](Entry& entry) {
        queued_ -= entry.weight();
        return true;
    });
    newest_.reset();
    dropped_ = 0;
    for (auto& sub : subs_) hub_.unsubscribe(*sub);
    subs_.clear();
    if (!bye_json.empty()) control("bye", bye_json);
    say(setup_.wire->farewell(code, why), PushClass::live);
    ending_ = true;
    ending_since_ = hub_.now();
    hub_.dirty(*this);
}

void Client::retry(std::size_t milliseconds) {
    say(setup_.wire->retry(milliseconds));
}

void Client::finish_if_done() {
    if (!ending_ || finished_ || !queues_empty()) return;
    finished_ = true;
    connection_->finish();
}

void Client::gone(std::string_view why) {
    if (gone_) return;
    gone_ = true;
    if (!ending_) hub_.metrics().closed(why);
    for (auto& sub : subs_) hub_.unsubscribe(*sub);
    subs_.clear();
    hub_.buried(*this);
}

void Client::on_writable() {
    full_ = false;
    hub_.dirty(*this);
}

void Client::on_input(std::span<const std::byte> bytes) {
    if (setup_.listener && !gone_) setup_.listener->heard(*this, bytes);
}

void Client::on_closed(std::string_view reason) {
    gone(reason);
}

// --- once or twice a second

void Client::sweep(MonoTime now) {
    if (gone_) return;
    if (ending_ && now - ending_since_ > kLinger) return gone("linger");
    if (full_ && now - blocked_since_ > kStall) return gone("stalled");
    if (ending_) return;
    Principal& who = setup_.principal;
    if (who.known() && (who.credential != 0 || who.expires)) {
        const WallTime wall = hub_.parts().clock.wall();
        const bool expired = who.expires && hub_.parts().clock.trusted() && wall >= *who.expires;
        if (expired || !hub_.parts().authenticator.still_valid(who))
            return end(4401, expired ? "expired" : "revoked",
                       expired ? R"({"ev":"bye","reason":"token-expired"})"
                               : R"({"ev":"bye","reason":"token-revoked"})");
        if (who.expires && !warned_ && *who.expires - wall < kExpiryNotice) {
            warned_ = true;
            control("expiring", R"({"ev":"expiring","at":")" + to_rfc3339(*who.expires) + "\"}");
        }
    }
    if (setup_.listener) setup_.listener->tick(*this, now);
    if (!ended()) tick(now);
}

void Client::tick(MonoTime now) {
    // Shortened by up to 10 %, so that clients that came together do not tick together.
    const auto due = setup_.defaults.tick - setup_.defaults.tick / 10 * jitter_ / 255;
    if (now - last_write_ < due || !queues_empty()) return;
    jitter_ = static_cast<std::uint8_t>(jitter_ * 181U + 97U);
    std::optional<Position> moved;
    if (const auto done = done_now(); done > last_pos_) {
        moved = Position{hub_.head().epoch, Seq{done}};
        last_pos_ = done;
    }
    if (!setup_.defaults.tick_event)
        return say(setup_.wire->tick(moved, setup_.defaults.pad), PushClass::live);
    const auto& clock = hub_.parts().clock;
    std::string json = "{\"ev\":\"tick\",\"clock\":";
    json += clock.trusted() ? "\"" + to_rfc3339(clock.wall()) + "\"" : "null";
    json += ",\"pos\":\"" + Position{hub_.head().epoch, Seq{last_pos_}}.text() + "\"}";
    control("tick", json, moved);
}

std::string Client::json() const {
    std::string out = "{\"conn\":\"" + conn_ + "\",\"transport\":\"";
    out += setup_.wire->name();
    out += "\",\"remote\":";
    append_json_string(out, setup_.remote);
    out += ",\"who\":";
    append_json_string(out, setup_.principal.name);
    out += ",\"channels\":[";
    bool more = false;
    for (const auto& sub : subs_)
        for (const auto& channel : sub->params.channels) {
            if (std::exchange(more, true)) out += ',';
            append_json_string(out, channel);
        }
    const auto number = [&out](std::string_view name, std::uint64_t value) {
        out.append(",\"").append(name).append("\":");
        append_uint(out, value);
    };
    out += ']';
    number("events", events_);
    number("bytes", bytes_);
    number("conflated", conflated_);
    number("dropped", lost_);
    number("queue_bytes", queued_);
    number("open_s",
           static_cast<std::uint64_t>(
               std::chrono::duration_cast<std::chrono::seconds>(hub_.now() - opened_).count()));
    out += slow_ ? ",\"slow\":true}" : ",\"slow\":false}";
    return out;
}

}  // namespace fog
