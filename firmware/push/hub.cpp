#include "firmware/push/hub.hpp"

#include <algorithm>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/push/client.hpp"
#include "firmware/push/replay.hpp"

namespace fog {

namespace {

using namespace std::chrono_literals;

constexpr auto kSweep = 500ms;
constexpr auto kDrain = 4s;               // then whoever is left is cut off
constexpr double kStreamsPerSecond = 50;  // new ones of one address
constexpr double kStreamBurst = 200;
constexpr std::size_t kCreditsKept = 4096;

bool is_normal(const Event& event) {
    return event.members.find("\"state\":\"normal\"") != std::string::npos;
}

/// Kinds whose last record belongs to a snapshot.
bool is_kept(const Event& event) {
    switch (event.kind) {
        case EventKind::alarm:
        case EventKind::device:
        case EventKind::uplink:
        case EventKind::system:
            return true;
        case EventKind::command:
        case EventKind::rule:
        case EventKind::app:
        case EventKind::raw:
            return false;
    }
    return false;
}

}  // namespace

Hub::Hub(HubParts parts)
    : parts_(std::move(parts)),
      metrics_(parts_.metrics),
      ring_(parts_.limits.push_ring_bytes),
      replays_(std::make_unique<Replays>(*this)) {
    sweep_timer_ = parts_.loop.every(kSweep, [this] { sweep(); });
}

Hub::~Hub() {
    parts_.loop.cancel(sweep_timer_);
    parts_.loop.cancel(held_timer_);
    parts_.loop.cancel(drain_timer_);
    clients_.clear();
}

void Hub::reset(Position head) {
    head_ = head;
    ring_.clear();
}

void Hub::seed(const RecordBatch& batch) {
    for (std::size_t i = 0; i < batch->size(); ++i)
        remember(std::make_shared<Frame>(batch, i, parts_.context, head_.epoch));
}

void Hub::remember(const FramePtr& frame) {
    if (frame->conflatable()) {
        // Late history is no last value.
        if ((frame->record().sample().flags & flag::kHistoric) == 0)
            last_samples_[frame->series()] = frame;
        return;
    }
    if (frame->record().is_sample() || !is_kept(frame->record().event())) return;
    const Event& event = frame->record().event();
    if (event.kind == EventKind::alarm && is_normal(event)) {
        last_events_.erase(event.channel);
        return;
    }
    last_events_[event.channel] = frame;
}

void Hub::publish(const RecordBatch& batch) {
    parts_.loop.check();
    for (std::size_t i = 0; i < batch->size(); ++i) {
        auto frame = std::make_shared<Frame>(batch, i, parts_.context, head_.epoch);
        head_.seq = std::max(head_.seq, frame->seq());
        remember(frame);
        dispatch(frame);
        if (follower_ != nullptr) follower_->on_record(frame);
        ring_.push(std::move(frame));
    }
}

void Hub::dispatch(const FramePtr& frame) {
    if (trie_.size() == 0 || frame->channel().empty()) return;
    touched_.clear();
    const std::uint64_t stamp = frame->seq().value;
    const auto kind = 1U << frame->kind();
    trie_.match(frame->channel(), [this, stamp, kind](Subscription* sub) {
        if (!sub->live() || (sub->params.kinds & kind) == 0) return;
        Client& client = *sub->client;
        if (client.stamp != stamp) {
            client.stamp = stamp;
            client.chosen = sub;
            touched_.push_back(sub);
        } else if (sub->params.min_interval < client.chosen->params.min_interval) {
            client.chosen = sub;  // sent once, at the pace of the fastest
        }
    });
    // The record is in the ring only after this: nobody may fall behind it unseen.
    for (Subscription* sub : touched_) {
        Client& client = *sub->client;
        client.deliver(frame, *std::exchange(client.chosen, nullptr));
    }
}

void Hub::visit_last(const Subscription& sub,
                     const std::function<void(const FramePtr&)>& visit) const {
    const auto wanted = [&sub](const Frame& frame) {
        if ((sub.params.kinds & (1U << frame.kind())) == 0) return false;
        return std::any_of(sub.params.channels.begin(), sub.params.channels.end(),
                           [&frame](const std::string& pattern) {
                               return topic_matches(pattern, frame.channel());
                           });
    };
    visit_last(wanted, visit);
}

void Hub::visit_last(const std::function<bool(const Frame&)>& wanted,
                     const std::function<void(const FramePtr&)>& visit) const {
    std::vector<FramePtr> found;
    for (const auto& [channel, frame] : last_events_)
        if (wanted(*frame)) found.push_back(frame);
    for (const auto& [series, frame] : last_samples_)
        if (wanted(*frame)) found.push_back(frame);
    std::sort(found.begin(), found.end(), [](const FramePtr& a, const FramePtr& b) {
        if (a->cls() != b->cls()) return a->cls() < b->cls();
        return a->seq() < b->seq();
    });
    for (const auto& frame : found) visit(frame);
}

void Hub::subscribe(Subscription& sub) {
    sub.generation = ++last_generation_;
    for (const auto& pattern : sub.params.channels) trie_.insert(pattern, &sub);
    metrics_.subscriptions.add(1);
}

void Hub::unsubscribe(Subscription& sub) {
    if (sub.generation == 0) return;
    sub.generation = 0;
    for (const auto& pattern : sub.params.channels) trie_.erase(pattern, &sub);
    metrics_.subscriptions.add(-1);
    held_.erase(std::remove(held_.begin(), held_.end(), &sub), held_.end());
    std::replace(releasing_.begin(), releasing_.end(), &sub, static_cast<Subscription*>(nullptr));
}

// --- turns of the loop

void Hub::dirty(Client& client) {
    if (client.marked_dirty) return;
    client.marked_dirty = true;
    dirty_.push_back(&client);
    schedule_turn();
}

void Hub::buried(Client& client) {
    buried_.push_back(client.conn());
    schedule_turn();
}

/// Once per turn of the loop, after what is already queued: what is due to a client leaves
/// together.
void Hub::schedule_turn() {
    if (turn_scheduled_) return;
    turn_scheduled_ = true;
    parts_.loop.post([this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) end_turn();
    });
}

void Hub::end_turn() {
    turn_scheduled_ = false;
    auto turn = std::exchange(dirty_, {});
    for (Client* client : turn) {
        client->marked_dirty = false;
        client->flush();
    }
    turn.clear();
    if (dirty_.empty()) dirty_ = std::move(turn);  // keeps its memory
    for (const auto& conn : std::exchange(buried_, {})) {
        const auto found = clients_.find(conn);
        if (found == clients_.end()) continue;
        dirty_.erase(std::remove(dirty_.begin(), dirty_.end(), found->second.get()), dirty_.end());
        if (const auto address = per_address_.find(found->second->remote());
            address != per_address_.end() && --address->second == 0)
            per_address_.erase(address);
        clients_.erase(found);
    }
    if (draining_) close_drained();
}

void Hub::held(Subscription& sub, MonoTime due) {
    if (std::find(held_.begin(), held_.end(), &sub) == held_.end()) held_.push_back(&sub);
    if (held_timer_ != 0 && held_due_ <= due) return;
    parts_.loop.cancel(held_timer_);
    held_due_ = due;
    const auto wait = std::max<std::chrono::nanoseconds>(due - now(), 1ms);
    held_timer_ = parts_.loop.after(wait, [this] {
        held_timer_ = 0;
        release_held();
    });
}

void Hub::release_held() {
    const MonoTime at = now();
    releasing_ = std::exchange(held_, {});
    for (std::size_t i = 0; i < releasing_.size(); ++i)
        if (releasing_[i] != nullptr) releasing_[i]->client->release_held(*releasing_[i], at);
    releasing_.clear();
}

void Hub::sweep() {
    if (clients_.empty()) return;
    const MonoTime at = now();
    std::size_t queued = 0;
    for (auto& [conn, client] : clients_) {
        client->sweep(at);
        queued += client->queued();
    }
    metrics_.queue_bytes.set(static_cast<std::int64_t>(queued));
    replays_->pump();
}

// --- clients

bool Hub::rate_exceeded(const std::string& address) {
    const MonoTime at = now();
    if (credits_.size() > kCreditsKept) credits_.clear();
    const auto [found, made] = credits_.try_emplace(address, Credit{kStreamBurst, at});
    Credit& credit = found->second;
    const double passed = std::chrono::duration<double>(at - credit.at).count();
    credit.left = std::min(kStreamBurst, credit.left + passed * kStreamsPerSecond);
    credit.at = at;
    if (credit.left < 1) return true;
    credit.left -= 1;
    return false;
}

std::optional<Problem> Hub::refuses(const Request& request) {
    Problem problem;
    problem.retry_after_seconds = 2;
    const auto as = [&](unsigned status, std::string slug, std::string title) {
        problem.status = status;
        problem.slug = std::move(slug);
        problem.title = std::move(title);
        metrics_.refused(problem.slug);
        return problem;
    };
    if (draining_) return as(503, "draining", "The gateway is restarting");
    if (clients_.size() >= parts_.limits.clients) {
        problem.limit = parts_.limits.clients;
        return as(503, "busy", "Too many clients");
    }
    const auto here = per_address_.find(request.remote);
    if (here != per_address_.end() && here->second >= parts_.limits.clients_per_address) {
        problem.limit = parts_.limits.clients_per_address;
        return as(429, "rate-exceeded", "Too many clients of this address");
    }
    // Tests and page reloads on the box itself are not a flood.
    if (!request.loopback && rate_exceeded(request.remote))
        return as(429, "rate-exceeded", "Too many new streams of this address");
    return std::nullopt;
}

Client& Hub::add_client(std::unique_ptr<Client> client) {
    Client& added = *client;
    ++per_address_[added.remote()];
    clients_.emplace(added.conn(), std::move(client));
    return added;
}

Client* Hub::find_client(std::string_view conn) {
    const auto found = clients_.find(std::string(conn));
    return found != clients_.end() ? found->second.get() : nullptr;
}

std::string Hub::clients_json() const {
    std::string out = "{\"items\":[";
    bool more = false;
    for (const auto& [conn, client] : clients_) {
        if (std::exchange(more, true)) out += ',';
        out += client->json();
    }
    return out + "],\"next\":null}";
}

bool Hub::close_client(std::string_view conn) {
    Client* client = find_client(conn);
    if (client == nullptr || client->ended()) return false;
    client->end(4403, "admin", R"({"ev":"bye","reason":"closed"})");
    return true;
}

void Hub::drain(std::function<void()> done) {
    if (draining_) return;
    draining_ = true;
    drained_ = std::move(done);
    drain_until_ = now() + kDrain;
    // Everybody coming back at once would be a flood: spread over a second per 500 clients.
    const auto window = std::max<std::size_t>(1000, clients_.size() * 2);
    std::size_t spread = 0;
    for (auto& [conn, client] : clients_) {
        spread =
            (spread * 1103515245U + 12345U + static_cast<std::size_t>(conn.back())) & 0x7FFFFFFFU;
        const auto retry = 200 + spread % window;
        if (!client->ended()) client->retry(retry);
        client->end(1012, "drain",
                    R"({"ev":"bye","reason":"restart","retry":)" + std::to_string(retry) + "}");
    }
    drain_timer_ = parts_.loop.every(50ms, [this] { close_drained(); });
    schedule_turn();
}

void Hub::close_drained() {
    if (!clients_.empty() && now() < drain_until_) return;
    if (!drained_) return;
    parts_.loop.cancel(drain_timer_);
    drain_timer_ = 0;
    if (!clients_.empty()) metrics_.dropped("drain", clients_.size());
    clients_.clear();
    dirty_.clear();
    std::exchange(drained_, {})();
}

}  // namespace fog
