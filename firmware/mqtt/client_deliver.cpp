#include <algorithm>
#include <utility>

#include "firmware/core/topic.hpp"
#include "firmware/mqtt/client.hpp"
#include "firmware/mqtt/topics.hpp"

namespace fog::mqtt {
namespace {

constexpr std::size_t kWriteAhead = 64U << 10U;  // encoded before the kernel takes it
constexpr std::size_t kRetainedATurn = 500;
constexpr std::size_t kEntryBytes = 64;   // of the queue itself, about
constexpr std::size_t kGroupBytes = 256;  // $share/<group>/

}  // namespace

// --- SUBSCRIBE

void Client::on_subscribe(std::string_view body) {
    Subscribe packet;
    if (const auto bad = read_subscribe(body, version_, packet)) return protocol_fault(*bad);
    std::vector<Code> codes;
    for (Filter filter; packet.filters.next(filter);) {
        if (filter.no_local && filter.text.starts_with("$share/"))
            return protocol_fault({Code::protocol, "share-no-local", false});
        const Code code = subscribe(filter, packet.properties.subscription_id);
        codes.push_back(code);
    }
    std::string reply;
    append_suback(reply, version_, packet.id, codes);
    broker_.stats().packet_out(Type::suback);
    reply_when_saved(std::move(reply));
}

/// A lasting session's answer leaves when what it says survives a restart.
void Client::reply_when_saved(std::string bytes) {
    if (!session_->lasting) return say(bytes);
    const auto entry = broker_.save(*session_);
    late_.push_back({entry, std::move(bytes)});
    if (entry != 0) broker_.await(*this, entry);
}

void Client::saved(std::uint64_t entry) {
    bool waits = false;
    for (LateReply& one : late_) {
        if (one.entry != 0) continue;
        one.entry = entry;
        waits = true;
    }
    if (waits) broker_.await(*this, entry);
}

Code Client::subscribe(const Filter& filter, std::uint32_t identifier) {
    const Limits& limits = broker_.limits();
    const auto refuse = [this](Code code, std::string_view reason) {
        broker_.stats().refused(reason);
        return code;
    };
    const bool shared = filter.text.starts_with("$share/");
    const std::string_view topics = shared ? read_shared(filter.text).filter : filter.text;
    if (!check_topic_filter(topics, limits.topic_bytes, limits.topic_levels) ||
        filter.text.size() > topics.size() + kGroupBytes)
        return refuse(Code::bad_filter, "filter");
    if (topics.starts_with('$') || !may_subscribe(principal_, topics))
        return refuse(Code::denied, "subscribe-denied");
    // What such a member is owed while it is away would have to be kept for the group.
    if (shared && session_->lasting) return refuse(Code::no_shared, "shared-persistent");
    auto& all = session_->subscriptions;
    auto found = all.find(filter.text);
    const bool fresh = found == all.end();
    if (fresh) {
        if (all.size() >= limits.mqtt_filters || broker_.subscriptions() >= limits.mqtt_filters_all)
            return refuse(Code::quota, "filters");
        auto made = std::make_unique<Subscription>();
        made->session = session_;
        made->filter = topics;
        if (shared)
            broker_.join(*made, filter.text, topics);
        else
            broker_.subscribe(*made);
        found = all.emplace(filter.text, std::move(made)).first;
    }
    Subscription& subscription = *found->second;
    // What is in the log already was never promised to it.
    if (subscription.qos == 0) subscription.from = broker_.head();
    broker_.weigh(subscription, -1);
    subscription.qos = std::min<std::uint8_t>(filter.qos, 1);
    broker_.weigh(subscription, 1);
    subscription.no_local = filter.no_local;
    subscription.as_published = filter.as_published;
    subscription.identifier = identifier;
    if (!shared && (filter.retain_handling == 0 || (filter.retain_handling == 1 && fresh)))
        start_backlog(subscription, true);
    return subscription.qos == 0 ? Code::success : Code::granted_1;
}

void Client::on_unsubscribe(std::string_view body) {
    Subscribe packet;
    if (const auto bad = read_unsubscribe(body, version_, packet)) return protocol_fault(*bad);
    std::vector<Code> codes;
    for (Filter filter; packet.filters.next(filter);) {
        auto& all = session_->subscriptions;
        const auto found = all.find(filter.text);
        codes.push_back(found != all.end() ? Code::success : Code::no_subscription);
        if (found == all.end()) continue;
        broker_.unsubscribe(*found->second);
        std::erase_if(backlog_, [&](const Backlog& one) { return one.filter == filter.text; });
        all.erase(found);
    }
    std::string reply;
    append_unsuback(reply, version_, packet.id, codes);
    broker_.stats().packet_out(Type::unsuback);
    reply_when_saved(std::move(reply));
}

// --- retained messages of a new subscription

void Client::start_backlog(const Subscription& subscription, bool retain) {
    std::erase_if(backlog_, [&](const Backlog& one) { return one.filter == subscription.filter; });
    Backlog& backlog = backlog_.emplace_back();
    backlog.filter = subscription.filter;
    backlog.as.qos = subscription.qos;
    backlog.as.retain = retain;
    if (subscription.identifier != 0) backlog.as.identifiers = {subscription.identifier};
    Hub* hub = broker_.parts().hub;
    if (hub == nullptr || !may_match_gateway(subscription.filter)) return;
    hub->visit_last(
        [&subscription](const Frame& frame) {
            const auto topic = gateway_topic(frame.channel());
            return !topic.empty() && topic_matches(subscription.filter, topic);
        },
        [&backlog](const FramePtr& frame) { backlog.frames.push_back(frame); });
}

/// Some of them, while the queue is short: a wide filter must not fill it.
void Client::fill_backlog(std::size_t& left) {
    for (; !backlog_.empty() && left > 0 && queued_ < kWriteAhead; --left) {
        Backlog& backlog = backlog_.front();
        const auto add = [&](const MessagePtr& message) {
            Outgoing out = backlog.as;
            out.message = message;
            out.qos = std::min(out.qos, message->qos());
            queued_ += out.bytes();
            queue_.push(std::move(out));
        };
        if (!backlog.raw_done) {
            backlog.after =
                broker_.retained().visit(backlog.filter, backlog.after, 1, broker_.now(), add);
            backlog.raw_done = backlog.after.empty();
            continue;
        }
        if (backlog.frames_at == backlog.frames.size()) {
            backlog_.erase(backlog_.begin());
            continue;
        }
        const FramePtr frame = std::move(backlog.frames[backlog.frames_at++]);
        const auto topic = gateway_topic(frame->channel());
        Message::Parts parts;
        parts.topic = topic;
        parts.payload = frame->json();
        parts.qos = 1;
        add(std::make_shared<const Message>(parts));
    }
}

// --- messages out

std::size_t Client::Outgoing::bytes() const {
    return passed_on ? 0 : message->bytes() + kEntryBytes;
}

Client::Outgoing Client::outgoing(const MessagePtr& message, const Delivery& how) {
    Outgoing out;
    out.message = message;
    out.qos = how.qos;
    out.retain = how.retain;
    out.identifiers.assign(how.identifiers.begin(), how.identifiers.end());
    return out;
}

void Client::deliver(const MessagePtr& message, const Delivery& how, Place place,
                     std::uint16_t again) {
    if (state_ != State::open) return;
    Outgoing out = outgoing(message, how);
    out.place = place;
    out.again = again;
    enqueue(std::move(out));
    broker_.dirty(*this);
}

void Client::deliver_shared(const MessagePtr& message, const Delivery& how,
                            const std::shared_ptr<Group>& group, bool passed_on) {
    if (state_ != State::open) return;
    Outgoing out = outgoing(message, how);
    if (how.qos > 0) {
        out.group = group;
        out.passed_on = passed_on;
    }
    enqueue(std::move(out));
    broker_.dirty(*this);
}

void Client::enqueue(Outgoing out) {
    if (overflowed_ && !out.group) return;
    const std::size_t bytes = out.bytes();
    if (out.place.value != 0) {  // has_room() bounds it, the rest is in the log
        ++logged_;
    } else if (!out.passed_on && queued_ + bytes > broker_.limits().client_queue_bytes &&
               !make_room(bytes)) {
        if (out.qos == 0) {
            broker_.stats().dropped("queue-full");
            return;
        }
        // A subscription of QoS 1 never skips in silence: flush() ends it, outside of this message.
        overflowed_ = true;
        if (!out.group) return;
    }
    queued_ += bytes;
    queue_.push(std::move(out));
}

/// Drops what was promised to nobody, oldest first. One message always has room.
bool Client::make_room(std::size_t bytes) {
    const auto most = broker_.limits().client_queue_bytes;
    queue_.remove_if([&](const Outgoing& one) {
        if (one.qos != 0 || queued_ + bytes <= most) return false;
        queued_ -= one.bytes();
        broker_.stats().dropped("queue-full");
        return true;
    });
    return queued_ + bytes <= most || queue_.empty();
}

bool Client::has_room() const {
    return logged_ < broker_.limits().mqtt_logged_queue &&
           queued_ < broker_.limits().client_queue_bytes;
}

bool Client::ready_for_more() const {
    return logged_ <= broker_.limits().mqtt_logged_queue / 2 &&
           queued_ <= broker_.limits().client_queue_bytes / 2;
}

Seq Client::handled(Seq upto) const {
    for (std::size_t i = 0; i < queue_.size(); ++i) {
        const Outgoing& one = queue_[i];
        if (one.place.value != 0 && one.again == 0)
            upto = std::min(upto, Seq{one.place.seq().value - 1});
    }
    return upto;
}

bool Client::owes_retained() const {
    const auto waits = [](const Outgoing& one) { return one.place.value == 0 && one.qos > 0; };
    for (std::size_t i = 0; i < queue_.size(); ++i)
        if (waits(queue_[i])) return true;
    return !backlog_.empty() ||
           std::any_of(session_->in_flight.begin(), session_->in_flight.end(),
                       [](const InFlight& one) { return one.place.value == 0; });
}

/// False: its window is full.
bool Client::write_one(const Outgoing& one) {
    Delivery delivery;
    delivery.qos = one.qos;
    delivery.retain = one.retain;
    delivery.identifiers = one.identifiers;
    if (one.message->expires()) {
        const auto left = *one.message->expires() - broker_.now();
        if (left <= std::chrono::nanoseconds(0)) {
            broker_.stats().expired.add();
            session_->settle(one.again);
            return true;
        }
        delivery.expires_in =
            static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(left).count());
    }
    if (publish_size(*one.message, version_, delivery) > most_packet_) {
        broker_.stats().dropped("packet-size");  // as if delivered (v5 3.1.2-25)
        session_->settle(one.again);
        return true;
    }
    if (one.qos > 0) {
        if (unacked_ >= window_ || (one.group && !shared_room())) return false;
        ++unacked_;
        delivery.duplicate = one.again != 0;
        delivery.id = one.again != 0 ? one.again : session_->fly(one.place);
        if (one.group) {
            session_->in_flight.back().message = one.message;
            session_->in_flight.back().group = one.group;
            shared_ += one.message->bytes();
        }
    }
    append_publish(out_, *one.message, version_, delivery);
    broker_.stats().packet_out(Type::publish);
    broker_.stats().publish_out(one.qos);
    return true;
}

/// What of a group it has not confirmed: the other members get it.
Client::Shared Client::take_shared() {
    Shared out;
    for (const InFlight& one : session_->in_flight)
        if (one.group) out.emplace_back(one.group, one.message);
    for (std::size_t i = 0; i < queue_.size(); ++i)
        if (queue_[i].group) out.emplace_back(queue_[i].group, queue_[i].message);
    return out;
}

void Client::write_queue() {
    while (!queue_.empty() && out_.size() < kWriteAhead) {
        if (!write_one(queue_.front())) return;
        queued_ -= queue_.front().bytes();
        if (queue_.front().place.value != 0) --logged_;
        queue_.pop();
    }
    broker_.catch_up(*session_);
}

void Client::say(std::string_view bytes) {
    out_ += bytes;
    broker_.dirty(*this);
}

void Client::flush() {
    if (state_ == State::gone || state_ == State::fresh || held_) return;
    if (state_ == State::refused && broker_.now() < until_) return;
    if (overflowed_ && state_ == State::open) return end(Code::quota, "slow-subscriber", true);
    std::size_t left = kRetainedATurn;
    while (!full_) {
        if (state_ == State::open) {
            fill_backlog(left);
            write_queue();
        }
        if (out_.empty()) break;
        const iovec part{out_.data(), out_.size()};
        const auto written = connection_->write({&part, 1});
        broker_.stats().bytes_out.add(written.bytes);
        out_.erase(0, written.bytes);
        full_ = written.state == HeldConnection::State::full;
        if (written.state == HeldConnection::State::gone) return on_closed("network");
    }
    if (state_ == State::open) {
        if (left == 0 && !backlog_.empty()) broker_.dirty(*this);
        // Who does not take our answers is not asked for more.
        if (out_.size() > kWriteAhead)
            pause(Pause::output);
        else
            unpause(Pause::output);
    }
    if (!out_.empty() || (state_ != State::refused && state_ != State::ending)) return;
    if (state_ == State::refused) {
        state_ = State::ending;
        until_ = broker_.now() + std::chrono::seconds(2);
        schedule();
    }
    connection_->finish();
}

void Client::on_writable() {
    full_ = false;
    flush();
}

}  // namespace fog::mqtt
