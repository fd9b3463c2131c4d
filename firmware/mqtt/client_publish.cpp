#include <algorithm>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/core/topic.hpp"
#include "firmware/mqtt/client.hpp"
#include "firmware/mqtt/topics.hpp"

namespace fog::mqtt {
namespace {

constexpr std::size_t kMostLate = 16;  // SUBACKs that wait for their rows

}  // namespace

bool Client::may_publish(std::string_view topic) const {
    if (topic.starts_with('$') || is_gateway_topic(topic)) return false;
    if (principal_.may(scope::kPublishApp)) return true;
    return principal_.may(scope::kIngest) && !broker_.parts().is_command(topic);
}

/// Whether the answer to this would be one too many to keep until a commit; ask_again() follows.
bool Client::too_many_answers(const Header& header) const {
    const std::size_t most = broker_.options().receive_maximum;
    switch (header.type) {
        case Type::publish:
            if ((header.flags & 6U) == 0) return false;
            // 3.1.1 has no word for "too many at once": not reading is one.
            return acks_.size() >= (version_ == Version::v3 ? most : 2 * most);
        case Type::pubrel:
            return acks_.size() >= 2 * most;
        case Type::subscribe:
        case Type::unsubscribe:
            return late_.size() >= kMostLate;
        default:
            return false;
    }
}

/// Reads on when answers have gone out.
void Client::ask_again() {
    if (acks_.size() < broker_.options().receive_maximum && late_.size() < kMostLate)
        unpause(Pause::window);
}

/// False: it stays unread until there is room.
bool Client::on_publish(const Header& header, std::string_view body) {
    Publish publish;
    auto fault = read_publish(header, body, version_, publish);
    if (!fault) fault = resolve_alias(publish);
    if (!fault) fault = check_quota(publish);
    if (fault) {
        protocol_fault(*fault);
        return true;
    }
    if (publish.qos == 2 && received_before(publish)) return true;
    if (const auto refusal = check_publish(publish)) {
        broker_.stats().packet_in(Type::publish);
        refuse_publish(publish, *refusal);
        return true;
    }
    if (!store_and_route(publish)) return false;
    broker_.stats().packet_in(Type::publish);
    broker_.stats().publish_in(publish.qos);
    if (publish.duplicate) broker_.stats().redelivered.add();
    return true;
}

/// Publishes whose exchange is not over (v5 4.9).
std::size_t Client::unanswered() const {
    if (session_->received.empty()) return acks_.size();
    std::size_t count = session_->received.size();
    for (std::size_t i = 0; i < acks_.size(); ++i) count += acks_[i].type == Type::puback ? 1 : 0;
    return count;
}

MaybeRefusal Client::check_quota(const Publish& publish) const {
    if (publish.qos == 0) return std::nullopt;
    if (publish.qos == 2 && session_->received.count(publish.id) != 0) return std::nullopt;
    if (version_ == Version::v5 && unanswered() >= broker_.options().receive_maximum)
        return Refusal{Code::receive_maximum, "receive-maximum", false};
    if (session_->received.size() >= broker_.limits().mqtt_received_ids)
        return Refusal{Code::receive_maximum, "qos2-ids", false};
    return std::nullopt;
}

/// QoS 2, sent again: nothing is stored, the answer waits for the first one's commit.
bool Client::received_before(const Publish& publish) {
    const auto found = session_->received.find(publish.id);
    if (found == session_->received.end()) return false;
    broker_.stats().packet_in(Type::publish);
    broker_.stats().repeated.add();
    const auto entry = found->second > broker_.decided() ? found->second : 0;
    acknowledge(Type::pubrec, publish.id, Code::success, entry);
    return true;
}

MaybeRefusal Client::resolve_alias(Publish& publish) {
    if (!publish.properties.has(Property::alias)) return std::nullopt;
    const std::size_t alias = publish.properties.alias;
    if (alias > broker_.limits().mqtt_aliases) return Refusal{Code::bad_alias, "alias", false};
    if (aliases_.size() <= alias) aliases_.resize(alias + 1);
    if (!publish.topic.empty()) {
        aliases_[alias] = publish.topic;
        return std::nullopt;
    }
    if (aliases_[alias].empty()) return Refusal{Code::protocol, "alias-not-set", false};
    publish.topic = aliases_[alias];
    return std::nullopt;
}

MaybeRefusal Client::check_publish(const Publish& publish) const {
    const Limits& limits = broker_.limits();
    if (!check_topic_name(publish.topic, limits.topic_bytes, limits.topic_levels))
        return Refusal{Code::bad_topic, "topic", false};
    if (!may_publish(publish.topic)) return Refusal{Code::denied, "publish-denied", false};
    if (publish.properties.payload_format == 1 && !valid_utf8(publish.payload))
        return Refusal{Code::bad_payload, "payload-format", false};
    // Only what the log can take as a whole may be acknowledged.
    if (publish.qos > 0 && publish.payload.size() > limits.payload_bytes &&
        !broker_.parts().not_ingested(publish.topic))
        return Refusal{Code::quota, "payload-size", false};
    return std::nullopt;
}

/// v5 hears why; 3.1.1 knows no refusal, and an acknowledgement would promise flash, so it is
/// closed (3.3.5 allows that).
void Client::refuse_publish(const Publish& publish, const Refusal& refusal) {
    broker_.stats().refused(refusal.reason);
    if (publish.qos == 0) return;
    if (version_ == Version::v3) return end(refusal.code, refusal.reason, true);
    acknowledge(publish.qos == 2 ? Type::pubrec : Type::puback, publish.id, refusal.code, 0);
}

bool Client::store_and_route(const Publish& publish) {
    Message::Parts parts;
    parts.topic = publish.topic;
    parts.payload = publish.payload;
    parts.properties = publish.properties.raw;
    parts.qos = publish.qos;
    parts.retain = publish.retain;
    if (publish.properties.has(Property::message_expiry))
        parts.expires = broker_.now() + std::chrono::seconds(publish.properties.message_expiry);
    const auto message = std::make_shared<const Message>(parts);
    const bool v5 = version_ == Version::v5;
    const bool keeps = !publish.retain || broker_.retained().takes(message);
    if (!keeps && v5) {
        refuse_publish(publish, {Code::quota, "retained-full", false});
        return true;
    }
    Broker::Ingest how;
    how.retain = publish.retain && keeps;  // a start retains what the log says
    how.duplicate = publish.duplicate;
    how.apart = broker_.parts().not_ingested(publish.topic);
    how.owed = broker_.owed(publish.topic, publish.qos, session_);
    if (how.owed && !broker_.fits_log(*message)) {
        refuse_publish(publish, {Code::quota, "payload-size", false});
        return true;
    }
    if (how.retain) {
        how.at = broker_.taken_now();
        broker_.log_retained(*message, how);
    }
    // The id of QoS 2 is on flash with its message.
    const bool marked = publish.qos == 2 && session_->lasting;
    const bool stored = !how.apart || how.owed || how.row || marked;
    how.awaited = stored && publish.qos > 0 && !(v5 && broker_.is_degraded());
    const std::string mark = marked && how.awaited ? received_key(id_, publish.id) : std::string();
    how.mark = mark;
    if (stored) {
        const auto pushed = broker_.ingest(id_, *message, how);
        if (pushed == IngestRing::Push::full) {
            broker_.stats().ring_full.add();
            pause(Pause::ring);
            broker_.stalled(*this);
            return false;
        }
        if (pushed == IngestRing::Push::closed) {
            pause(Pause::stop);
            return false;
        }
        if (pushed == IngestRing::Push::too_large) {
            refuse_publish(publish, {Code::quota, "payload-size", false});
            return true;
        }
    }
    if (publish.retain) broker_.retain(message, how);
    const auto receivers = broker_.route(message, session_);
    if (publish.qos == 0 || state_ != State::open) return true;
    auto code = stored || receivers > 0 ? Code::success : Code::no_subscribers;
    if (stored && !how.awaited) code = Code::quota;
    if (publish.qos == 2 && code < Code::unspecified)
        session_->received.emplace(publish.id, how.entry);
    acknowledge(publish.qos == 2 ? Type::pubrec : Type::puback, publish.id, code, how.entry);
    return true;
}

// --- acknowledgements, in the order their publishes came

void Client::acknowledge(Type type, std::uint16_t id, Code code, std::uint64_t entry) {
    acks_.push({entry, broker_.now(), id, code, type});
    if (entry == 0) return release_ready(0);
    broker_.pace().published(sender_, broker_.options().receive_maximum);
    broker_.await(*this, entry);
}

void Client::release_ready(std::uint64_t upto) {
    std::uint32_t durable = 0;
    const auto now = broker_.now();
    bool any = false;
    while (!acks_.empty() && acks_.front().entry <= upto) {
        const PendingAck ack = acks_.front();
        acks_.pop();
        append_ack(out_, version_, ack.type, ack.id, ack.code);
        broker_.stats().packet_out(ack.type);
        if (ack.type != Type::pubcomp) broker_.stats().acked(ack.code);
        broker_.stats().ack_wait.record(std::chrono::duration<double>(now - ack.read).count());
        durable += ack.entry != 0 ? 1 : 0;
        any = true;
    }
    if (!any) return;
    broker_.pace().acknowledged(sender_, durable, broker_.options().receive_maximum);
    broker_.dirty(*this);
}

void Client::release(std::uint64_t upto) {
    if (state_ != State::open) return;
    release_ready(upto);
    const auto held = std::find_if(late_.begin(), late_.end(), [upto](const LateReply& one) {
        return one.entry == 0 || one.entry > upto;
    });
    for (auto one = late_.begin(); one != held; ++one) say(one->bytes);
    late_.erase(late_.begin(), held);
    ask_again();
}

void Client::refuse(std::uint64_t entry) {
    if (state_ != State::open) return;
    broker_.stats().refused("store");
    // Not acknowledged, and closed, so that the client sends it again.
    if (version_ == Version::v3) return end(Code::quota, "store", true);
    for (std::size_t i = 0; i < acks_.size(); ++i)
        if (acks_[i].entry == entry) acks_[i].code = Code::quota;
}

/// v5 hears at once that nothing is promised; 3.1.1 waits until the store takes it or gives it up.
void Client::degraded() {
    if (state_ != State::open || version_ == Version::v3) return;
    std::uint32_t freed = 0;
    for (std::size_t i = 0; i < acks_.size(); ++i) {
        if (acks_[i].entry == 0 || acks_[i].type == Type::pubcomp) continue;
        if (acks_[i].type == Type::pubrec) broker_.drop_id(*session_, acks_[i].id);
        acks_[i].code = Code::quota;
        acks_[i].entry = 0;
        ++freed;
    }
    broker_.pace().acknowledged(sender_, freed, broker_.options().receive_maximum);
    release_ready(0);
    ask_again();
}

void Client::on_ack(Type type, std::string_view body) {
    Ack ack;
    if (const auto bad = read_ack(type, body, version_, ack)) return protocol_fault(*bad);
    if (type == Type::puback) {
        const InFlight* found = session_->find(ack.id);
        if (found == nullptr) return broker_.stats().refused("unknown-id");
        if (found->offered && unacked_ > 0) --unacked_;
        if (found->place.value != 0) session_->moved = true;
        if (found->group) shared_ -= found->message->bytes();
        session_->settle(ack.id);
        if (!queue_.empty() || !session_->live) broker_.dirty(*this);
        return;
    }
    // Nothing is sent with QoS 2: every id of it is unknown.
    broker_.stats().refused("unknown-id");
    if (type == Type::pubcomp) return;
    std::string out;
    append_ack(out, version_, Type::pubrel, ack.id, Code::id_not_found);
    broker_.stats().packet_out(Type::pubrel);
    say(out);
}

/// False: there is no room to write that the id is free; it stays unread.
bool Client::on_pubrel(std::string_view body) {
    Ack ack;
    if (const auto bad = read_ack(Type::pubrel, body, version_, ack)) {
        protocol_fault(*bad);
        return true;
    }
    if (session_->received.count(ack.id) == 0) {
        broker_.stats().refused("unknown-id");
        acknowledge(Type::pubcomp, ack.id, Code::id_not_found, 0);
        return true;
    }
    std::uint64_t entry = 0;
    if (!broker_.release_id(*session_, ack.id, entry)) {
        broker_.stats().ring_full.add();
        pause(Pause::ring);
        broker_.stalled(*this);
        return false;
    }
    acknowledge(Type::pubcomp, ack.id, Code::success, entry);
    return true;
}

}  // namespace fog::mqtt
