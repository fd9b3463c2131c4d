#include "firmware/mqtt/broker.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "firmware/core/reading.hpp"
#include "firmware/core/text.hpp"
#include "firmware/io/logging.hpp"
#include "firmware/mqtt/client.hpp"
#include "firmware/mqtt/raw_message.hpp"
#include "firmware/mqtt/topics.hpp"

namespace fog::mqtt {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 1s;
constexpr auto kStall = 2ms;        // then a full ring is tried again
constexpr unsigned kFailures = 10;  // logins of an address in a minute, then it is banned
constexpr std::uint64_t kMinute = 60;
constexpr std::size_t kAddressesKept = 4096;
constexpr std::size_t kSift = 4096;  // waiting acknowledgements

/// One more of the subscriptions by which a session gets a message.
void add_match(Session& session, const Subscription& one, const Message& message) {
    const auto qos = std::min(one.qos, message.qos());
    session.best.qos = std::max(session.best.qos, qos);
    session.best.retain = session.best.retain || (one.as_published && message.retain());
    if (one.identifier != 0) session.identifiers.push_back(one.identifier);
}

std::uint32_t seconds_left(std::chrono::nanoseconds left) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
    return static_cast<std::uint32_t>(std::max<std::int64_t>(seconds, 0));
}

std::uint64_t windows_a_second(std::chrono::nanoseconds window) {
    constexpr std::chrono::nanoseconds kSecond = std::chrono::seconds(1);
    if (window.count() <= 0) return std::numeric_limits<std::uint64_t>::max();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(1, kSecond / window));
}

}  // namespace

Broker::Broker(BrokerParts parts, BrokerOptions options)
    : parts_(std::move(parts)),
      options_(options),
      stats_(parts_.metrics),
      retained_(parts_.limits),
      waits_a_second_(windows_a_second(parts_.pace.window())),
      head_(parts_.hub != nullptr ? parts_.hub->head().seq : Seq{}),
      started_(parts_.clock.mono()) {
    tick_timer_ = parts_.loop.every(kTick, [this] { on_second(); });
    if (parts_.hub != nullptr) parts_.hub->follow(this);
}

Broker::~Broker() {
    if (parts_.hub != nullptr) parts_.hub->follow(nullptr);
    parts_.loop.cancel(tick_timer_);
    parts_.loop.cancel(stall_timer_);
    clients_.clear();
    for (const auto& [key, group] : groups_) group->filter.group.reset();
}

// --- who is there

void Broker::accept(std::unique_ptr<HeldConnection> connection, std::string address,
                    Transport transport) {
    parts_.loop.check();
    if (connection == nullptr || quiet_) return;
    std::uint32_t slot = 0;
    if (free_.empty()) {
        slot = static_cast<std::uint32_t>(clients_.size());
        clients_.emplace_back();
        generations_.push_back(0);
    } else {
        slot = free_.back();
        free_.pop_back();
    }
    const ClientRef ref{slot, ++generations_[slot]};
    ++per_address_[address];
    ++open_;
    clients_[slot] =
        std::make_unique<Client>(*this, ref, std::move(connection), std::move(address), transport);
    unconnected_.push_back(ref);
    // Idle strangers cannot keep devices out: the oldest of them gives way.
    while (unconnected_.size() > parts_.limits.mqtt_unconnected) {
        Client* oldest = find(unconnected_.front());
        unconnected_.pop_front();
        if (oldest != nullptr && !oldest->connected()) oldest->drop("unconnected-limit");
    }
}

Client* Broker::find(ClientRef ref) const {
    if (ref.slot >= clients_.size() || generations_[ref.slot] != ref.generation) return nullptr;
    return clients_[ref.slot].get();
}

bool Broker::banned(const std::string& address) const {
    const auto found = failures_.find(address);
    return found != failures_.end() && found->second.count >= kFailures &&
           wheel_.now() < found->second.from + kMinute;
}

void Broker::failed_login(const std::string& address) {
    if (failures_.size() >= kAddressesKept) failures_.clear();
    Failures& failures = failures_[address];
    if (wheel_.now() >= failures.from + kMinute) failures = {wheel_.now(), 0};
    if (++failures.count == kFailures) failures.from = wheel_.now();
}

Broker::Room Broker::room(const Client& client) const {
    if (connected_ >= parts_.limits.mqtt_clients) return Room::full;
    const auto here = per_address_.find(client.address());
    const bool many =
        here != per_address_.end() && here->second > parts_.limits.mqtt_clients_per_address;
    return many ? Room::address : Room::ok;
}

void Broker::connected(Client& client) {
    ++connected_;
    stats_.clients(client.version(), client.transport()).add(1);
    unconnected_.erase(std::remove(unconnected_.begin(), unconnected_.end(), client.ref()),
                       unconnected_.end());
}

void Broker::disconnected(Client& client) {
    --connected_;
    stats_.clients(client.version(), client.transport()).add(-1);
    pace_.gone(client.sender());
}

void Broker::buried(Client& client) {
    buried_.push_back(&client);
    schedule_turn();
}

void Broker::bury() {
    for (Client* client : std::exchange(buried_, {})) {
        const auto ref = client->ref();
        dirty_.erase(std::remove(dirty_.begin(), dirty_.end(), client), dirty_.end());
        unconnected_.erase(std::remove(unconnected_.begin(), unconnected_.end(), ref),
                           unconnected_.end());
        if (const auto here = per_address_.find(client->address());
            here != per_address_.end() && --here->second == 0)
            per_address_.erase(here);
        clients_[ref.slot].reset();
        ++generations_[ref.slot];
        free_.push_back(ref.slot);
        --open_;
    }
}

// --- messages

void Broker::subscribe(Subscription& subscription) {
    trie_.insert(subscription.filter, &subscription);
    if (may_match_gateway(subscription.filter)) ++gateway_filters_;
    weigh(subscription, 1);
    stats_.subscriptions.set(static_cast<std::int64_t>(trie_.size()));
}

void Broker::unsubscribe(Subscription& subscription) {
    if (subscription.group) return leave_group(subscription);
    trie_.erase(subscription.filter, &subscription);
    if (may_match_gateway(subscription.filter)) --gateway_filters_;
    weigh(subscription, -1);
    stats_.subscriptions.set(static_cast<std::int64_t>(trie_.size()));
}

void Broker::weigh(const Subscription& subscription, int sign) {
    if (subscription.session != nullptr && subscription.session->logged(subscription.qos))
        lasting_filters_ += static_cast<std::size_t>(sign);
}

bool Broker::owed(std::string_view topic, std::uint8_t qos, const Session* sender) {
    if (qos == 0 || lasting_filters_ == 0) return false;
    bool found = false;
    trie_.match(topic, [sender, &found](const Subscription* one) {
        if (one->session == nullptr) return;
        const bool own = one->no_local && one->session == sender;
        found = found || (!own && one->session->logged(one->qos));
    });
    return found;
}

std::size_t Broker::route(const MessagePtr& message, const Session* sender, Via via, Place place) {
    if (trie_.size() == 0) return 0;
    matched_.clear();
    matched_groups_.clear();
    ++stamp_;
    trie_.match(message->topic(), [this, sender, &message](Subscription* one) {
        if (one->session == nullptr) {
            matched_groups_.push_back(one->group);
            return;
        }
        Session& session = *one->session;
        if (one->no_local && &session == sender) return;
        if (session.stamp != stamp_) {
            session.stamp = stamp_;
            session.best = {};
            session.identifiers.clear();
            matched_.push_back(&session);
        }
        add_match(session, *one, *message);
    });
    for (Session* session : matched_) {
        session->best.identifiers = session->identifiers;
        // What a lasting session is owed comes to it by way of the log.
        const bool logged = session->logged(session->best.qos);
        if (via == Via::publish ? logged : via == Via::raw && !logged) continue;
        if (logged)
            give_live(*session, message, place);
        else if (session->client != nullptr)
            session->client->deliver(message, session->best);
    }
    // A member's copy has nothing to do with what it subscribed besides.
    if (via != Via::raw)
        for (const auto& group : matched_groups_) share(group, message, false);
    const auto groups = std::exchange(matched_groups_, {}).size();
    return matched_.size() + groups;
}

IngestRing::Push Broker::ingest(const std::string& client, const Message& message, Ingest& how) {
    if (!how.mark.empty() && !bury_rows()) return IngestRing::Push::full;
    if (how.row) {
        const bool only = how.apart && !how.owed && how.mark.empty();
        const auto pushed = keep_row(message, how.awaited && only, how);
        if (only || pushed != IngestRing::Push::ok) return pushed;
    }
    // No record is owed to anybody, and it may be too large for one.
    if (how.apart && !how.owed && !how.mark.empty())
        return push_row(how.mark, {std::byte{1}}, how.awaited, how.entry);
    const std::string source = "client:" + client;
    std::string properties;
    IngestItem item;
    item.kind = IngestKind::message;
    item.received = how.retain ? how.at.time : now();
    item.source = source;
    item.topic = message.topic();
    item.payload = as_bytes(message.payload());
    item.retained = how.retain;
    item.duplicate = how.duplicate;
    item.simulated = options_.simulated;
    item.owed = how.owed;
    item.apart = how.apart;
    item.mark = how.mark;
    if (how.owed) {
        std::optional<std::uint32_t> left;
        if (message.expires()) left = seconds_left(*message.expires() - now());
        if (fits_log(message)) properties = logged_properties(message.properties(), left);
        item.properties = properties;
    }
    return how.awaited ? parts_.ring.push_awaited(item, how.entry)
                       : parts_.ring.push(item, std::chrono::milliseconds(0));
}

// --- acknowledgements

void Broker::await(Client& client, std::uint64_t entry) {
    if (waiting_.size() >= sift_at_) {  // not those of clients that came and went
        std::erase_if(waiting_, [this](const Waiting& one) { return find(one.client) == nullptr; });
        sift_at_ = std::max(kSift, 2 * waiting_.size());
    }
    // What is sent again waits for an entry that is older than those of others.
    const auto place = std::upper_bound(
        waiting_.begin(), waiting_.end(), entry,
        [](std::uint64_t number, const Waiting& one) { return number < one.entry; });
    waiting_.insert(place, {entry, client.ref()});
    stats_.waiting_acks.set(static_cast<std::int64_t>(waiting_.size()));
    schedule_turn();
}

void Broker::committed(const CommitMark& mark) {
    parts_.loop.post([this, mark, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) on_commit(mark);
    });
}

void Broker::degraded(bool now) {
    parts_.loop.post([this, now, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) on_degraded(now);
    });
}

void Broker::on_commit(const CommitMark& mark) {
    std::vector<Client*> touched;
    decided_ = std::max(decided_, mark.entry);
    if (!mark.refused.empty()) drop_refused(mark.refused);
    while (!waiting_.empty() && waiting_.front().entry <= mark.entry) {
        const Waiting one = waiting_.front();
        waiting_.pop_front();
        Client* client = find(one.client);
        if (client == nullptr || client->gone()) continue;
        if (std::binary_search(mark.refused.begin(), mark.refused.end(), one.entry))
            client->refuse(one.entry);
        if (touched.empty() || touched.back() != client) touched.push_back(client);
    }
    for (Client* client : touched) client->release(mark.entry);
    stats_.waiting_acks.set(static_cast<std::int64_t>(waiting_.size()));
    if (!ready_ && when_ready_ && mark.entry >= recovered_to_) begin_serving();
    if (lasting_ == 0) return;
    for (const auto& [id, session] : sessions_) catch_up(*session);
}

void Broker::on_degraded(bool now) {
    degraded_ = now;
    if (!now) return;
    for (const auto& client : clients_)
        if (client != nullptr && client->connected()) client->degraded();
}

// --- turns of the loop

void Broker::dirty(Client& client) {
    if (client.marked_dirty) return;
    client.marked_dirty = true;
    dirty_.push_back(&client);
    schedule_turn();
}

void Broker::stalled(Client& client) {
    stalled_.push_back(client.ref());
    if (stall_timer_ != 0) return;
    stall_timer_ = parts_.loop.after(kStall, [this] {
        stall_timer_ = 0;
        wake_stalled();
    });
}

void Broker::wake_stalled() {
    for (const ClientRef ref : std::exchange(stalled_, {}))
        if (Client* client = find(ref); client != nullptr) client->resume();
}

bool Broker::hold_partial(std::size_t before, std::size_t after) {
    partial_bytes_ = partial_bytes_ - before + after;
    return partial_bytes_ <= parts_.limits.mqtt_partial_bytes;
}

void Broker::schedule_turn() {
    if (turn_scheduled_) return;
    turn_scheduled_ = true;
    parts_.loop.post([this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) end_turn();
    });
}

void Broker::end_turn() {
    turn_scheduled_ = false;
    auto turn = std::exchange(dirty_, {});
    for (Client* client : turn) {
        client->marked_dirty = false;
        client->flush();
    }
    if (!waiting_.empty() && waiting_.back().entry > hurried_to_ &&
        !pace_.worth_waiting(waits_a_second_)) {
        hurried_to_ = waiting_.back().entry;
        stats_.hurried.add();
        parts_.pace.hurry(hurried_to_);
    }
    bury();
}

std::uint64_t Broker::visit_at(Client& client, MonoTime when) {
    const auto ahead = std::chrono::ceil<std::chrono::seconds>(when - started_).count();
    const auto tick = static_cast<std::uint64_t>(std::max<std::int64_t>(ahead, 0));
    if (client.visit_tick > wheel_.now() && client.visit_tick <= tick) return client.visit_tick;
    return wheel_.add(tick, client.ref());
}

void Broker::on_second() {
    const auto passed = std::chrono::floor<std::chrono::seconds>(now() - started_).count();
    wheel_.advance(static_cast<std::uint64_t>(passed), [this](ClientRef ref) {
        Client* client = find(ref);
        // A visit that was brought forward leaves the old one behind.
        if (client != nullptr && client->visit_tick == wheel_.now()) client->visit();
    });
    pace_.second(options_.receive_maximum);
    const bool memory = partial_bytes_ <= parts_.limits.mqtt_partial_bytes / 2;
    for (const auto& client : clients_) {
        if (client == nullptr) continue;
        client->check_credential();
        client->save_will();
        if (memory) client->resume();
    }
    check_sessions();
    if (wheel_.now() % 10 == 0) retained_.sweep(now());
    check_retained();
    check_wills();
    stats_.retained.set(static_cast<std::int64_t>(retained_.size()));
    stats_.retained_bytes.set(static_cast<std::int64_t>(retained_.bytes()));
    stats_.retained_changed.set(static_cast<std::int64_t>(retained_.unsaved()));
}

// --- the end

void Broker::quiesce() {
    quiet_ = true;
    // Nothing is confirmed any more: where each session stands is written exactly.
    for (const auto& [id, session] : sessions_)
        if (session->lasting) save_cursor(*session);
    for (const auto& client : clients_)
        if (client != nullptr) client->silence();
    keeping_ = false;
    save_retained();
}

void Broker::close_all() {
    quiet_ = true;
    for (const auto& client : clients_)
        if (client != nullptr) client->end(Code::shutting_down, "stopping", false);
    end_turn();
    parts_.loop.cancel(std::exchange(tick_timer_, 0));
    parts_.loop.cancel(std::exchange(stall_timer_, 0));
    when_ready_ = nullptr;
    if (parts_.hub != nullptr) parts_.hub->follow(nullptr);
    parts_.hub = nullptr;
}

}  // namespace fog::mqtt
