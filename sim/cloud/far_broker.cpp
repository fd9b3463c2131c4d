#include "sim/cloud/far_broker.hpp"

#include <pthread.h>

#include "firmware/core/topic.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;
using K = FaultKind;

// Reason codes of MQTT 5.0.
constexpr unsigned kMalformed = 0x81, kProtocolError = 0x82, kBadVersion = 0x84, kTakenOver = 0x8E,
                   kKeepAlive = 0x8D, kReceiveMaximum = 0x93, kTooLarge = 0x95, kAdmin = 0x98,
                   kQosNotSupported = 0x9B;

MonoTime mono_now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

FarBroker::FarBroker(FarRecorder& recorder, std::uint64_t seed, const std::string& name)
    : recorder_(recorder), faults_(seed, "far/" + name), loop_(*this) {}

FarBroker::~FarBroker() {
    stop();
}

Result<std::uint16_t> FarBroker::start(const std::string& address, std::uint16_t port) {
    auto listening = loop_.listen(address, port);
    if (!listening) return std::move(listening).error();
    thread_ = std::thread([this] { loop_.run(); });
    pthread_setname_np(thread_.native_handle(), "fog-sim-far");
    return listening->port;
}

void FarBroker::stop() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
}

void FarBroker::set(const FaultSpec& fault, bool begins) {
    // A thousand may wait: more than faults can be.
    [[maybe_unused]] const bool posted =
        loop_.post([this, fault, begins] { faults_.set(fault, begins); });
}

void FarBroker::opened(Stream& stream, std::uint64_t) {
    clients_[stream.id()].heard = mono_now();
    clients_[stream.id()].silence = 10s;  // until CONNECT
}

void FarBroker::heard(Stream& stream) {
    const auto found = clients_.find(stream.id());
    if (found == clients_.end()) return stream.close();
    Client& client = found->second;
    client.heard = mono_now();
    const FaultSpec* limit = faults_.find(K::packet_limit);
    const std::size_t most =
        limit != nullptr ? static_cast<std::size_t>(limit->bytes) : kPacketBytes;
    std::size_t used = 0;
    while (!stream.dead()) {
        // CONNECT may always be as long as it is: the limit is told in its answer.
        const auto frame =
            read_mqtt_frame(stream.heard().substr(used), client.known ? most : kPacketBytes);
        if (!frame) {
            kick(stream, client, frame.error().code == Errc::storage_full ? kTooLarge : kMalformed);
            break;
        }
        if (!*frame) break;
        if (!handle(stream, client, **frame)) break;
        used += (*frame)->used;
    }
    stream.consume(used);
    if (stream.ended()) stream.finish();
}

void FarBroker::closed(Stream& stream) {
    const auto found = clients_.find(stream.id());
    if (found == clients_.end()) return;
    const Client gone = std::move(found->second);
    clients_.erase(found);
    if (gone.will && !gone.goodbye) accept(*gone.will);
}

std::optional<MonoTime> FarBroker::due(MonoTime now) {
    for (auto it = late_.begin(); it != late_.end();) {
        if (it->at > now) {
            ++it;
            continue;
        }
        if (Stream* stream = loop_.find(it->stream)) {
            stream->send(it->bytes);
            if (clients_[it->stream].unacked > 0) --clients_[it->stream].unacked;
        }
        it = late_.erase(it);
    }
    std::optional<MonoTime> next;
    const auto sooner = [&next](MonoTime at) { next = next ? std::min(*next, at) : at; };
    for (auto& [id, client] : clients_) {
        if (client.silence.count() == 0) continue;
        Stream* stream = loop_.find(id);
        if (stream == nullptr) continue;
        if (now - client.heard > client.silence) {
            kick(*stream, client, kKeepAlive);
        } else {
            sooner(client.heard + client.silence);
        }
    }
    for (const LateAck& ack : late_) sooner(ack.at);
    return next;
}

/// False: the connection is over.
bool FarBroker::handle(Stream& stream, Client& client, const MqttFrame& frame) {
    if (!client.known) {
        if (frame.type == MqttType::connect) return connect(stream, client, frame);
        stream.close();
        return false;
    }
    switch (frame.type) {
        case MqttType::publish:
            return publish(stream, client, frame);
        case MqttType::subscribe:
            return subscribe(stream, client, frame);
        case MqttType::unsubscribe:
            return unsubscribe(stream, client, frame);
        case MqttType::pingreq:
            stream.send(mqtt_pingresp());
            return true;
        case MqttType::puback:  // what we deliver is not sent again
            return true;
        case MqttType::disconnect:
            // Version 5 can say "with will".
            client.goodbye = frame.body.empty() || frame.body[0] != '\x04';
            stream.close();
            return false;
        case MqttType::connect:
        case MqttType::connack:
        case MqttType::pubrec:
        case MqttType::pubrel:
        case MqttType::pubcomp:
        case MqttType::suback:
        case MqttType::unsuback:
        case MqttType::pingresp:
        case MqttType::auth:
            break;
    }
    kick(stream, client, kProtocolError);
    return false;
}

bool FarBroker::connect(Stream& stream, Client& client, const MqttFrame& frame) {
    auto hello = read_mqtt_connect(frame);
    if (!hello) {
        if (hello.error().code == Errc::refused) {
            // 3.1.1 has code 1 for it; a later client understands it as well.
            stream.send(mqtt_connack(4, 1));
        }
        stream.finish();
        return false;
    }
    MqttConnackOptions options;
    if (hello->client_id.empty()) {
        if (hello->version == 4 && !hello->clean) {
            stream.send(mqtt_connack(4, 2));
            stream.finish();
            return false;
        }
        hello->client_id = options.assigned_id = "far-" + std::to_string(++last_assigned_);
    }
    for (auto& [id, other] : clients_) {
        if (!other.known || other.id != hello->client_id || id == stream.id()) continue;
        if (Stream* old = loop_.find(id)) kick(*old, other, kTakenOver);
    }
    client.known = true;
    client.version = hello->version;
    client.id = std::move(hello->client_id);
    client.will = std::move(hello->will);
    // One and a half times what was promised; 0 = no promise.
    client.silence = std::chrono::seconds{hello->keep_alive + hello->keep_alive / 2};
    if (const FaultSpec* fault = faults_.find(K::receive_maximum)) {
        options.receive_maximum = fault->count;
    }
    if (const FaultSpec* fault = faults_.find(K::packet_limit)) {
        options.packet_limit = static_cast<unsigned>(std::max<std::uint64_t>(fault->bytes, 1));
    }
    stream.send(mqtt_connack(client.version, 0, options));
    if (faults_.strikes(K::kick_after_connect) != nullptr) {
        kick(stream, client, kAdmin);
        return false;
    }
    return true;
}

/// Version 5 is told why, 3.1.1 just sees the end.
void FarBroker::kick(Stream& stream, const Client& client, unsigned code) {
    if (client.known && client.version >= 5) stream.send(mqtt_disconnect(code));
    if (!client.known && code == kBadVersion) stream.send(mqtt_connack(4, 1));
    stream.finish();
}

bool FarBroker::publish(Stream& stream, Client& client, const MqttFrame& frame) {
    const auto message = read_mqtt_publish(frame, client.version);
    if (!message || message->qos == 2) {
        kick(stream, client, message ? kQosNotSupported : kMalformed);
        return false;
    }
    const FaultSpec* window = faults_.find(K::receive_maximum);
    if (window != nullptr && message->qos == 1 && client.unacked >= window->count) {
        kick(stream, client, kReceiveMaximum);
        return false;
    }
    const FaultSpec* on = faults_.find(K::kick_on);
    const auto holds = [&on](const std::string& text) {
        return text.find(on->match) != std::string::npos;
    };
    if (on != nullptr && (holds(message->topic) || holds(message->payload)) &&
        faults_.strikes(K::kick_on) != nullptr) {
        kick(stream, client, kAdmin);
        return false;
    }
    if (const FaultSpec* refused = faults_.strikes(K::reason)) {
        if (client.version < 5) {  // has no way to say so
            stream.finish();
            return false;
        }
        if (message->qos == 1) stream.send(mqtt_puback(5, message->id, refused->code));
        return true;
    }
    accept(*message);
    if (message->qos == 1) acknowledge(stream, client, message->id);
    if (faults_.strikes(K::ack_then_kick) == nullptr) return true;
    kick(stream, client, kAdmin);
    return false;
}

void FarBroker::acknowledge(Stream& stream, Client& client, std::uint16_t id) {
    const std::string ack = mqtt_puback(client.version, id);
    if (faults_.strikes(K::no_ack) != nullptr) {
        ++client.unacked;
    } else if (faults_.strikes(K::unknown_ack) != nullptr) {
        const auto other = static_cast<std::uint16_t>(id % 65'535 + 1);
        stream.send(mqtt_puback(client.version, other));
    } else if (const FaultSpec* fault = faults_.strikes(K::late_ack)) {
        ++client.unacked;
        late_.push_back({mono_now() + fault->by, stream.id(), ack});
    } else {
        stream.send(ack);
        if (faults_.strikes(K::double_ack) != nullptr) stream.send(ack);
    }
}

bool FarBroker::subscribe(Stream& stream, Client& client, const MqttFrame& frame) {
    const auto wanted = read_mqtt_subscribe(frame, client.version);
    if (!wanted) {
        kick(stream, client, kMalformed);
        return false;
    }
    std::vector<unsigned> codes;
    std::vector<MqttSubscribe::Filter> fresh;
    for (MqttSubscribe::Filter filter : wanted->filters) {
        if (!check_topic_filter(filter.text, 65'535, 128) || client.filters.size() >= kFilters) {
            codes.push_back(0x80);
            continue;
        }
        filter.qos = std::min(filter.qos, 1);
        codes.push_back(static_cast<unsigned>(filter.qos));
        auto& all = client.filters;
        all.erase(std::remove_if(all.begin(), all.end(),
                                 [&filter](const auto& each) { return each.text == filter.text; }),
                  all.end());
        all.push_back(filter);
        fresh.push_back(std::move(filter));
    }
    stream.send(mqtt_suback(client.version, wanted->id, codes));
    for (const auto& filter : fresh) {
        for (const auto& [topic, message] : retained_) {
            if (topic_matches(filter.text, topic)) deliver(stream, client, message, filter.qos);
        }
    }
    return true;
}

bool FarBroker::unsubscribe(Stream& stream, Client& client, const MqttFrame& frame) {
    const auto wanted = read_mqtt_subscribe(frame, client.version);
    if (!wanted) {
        kick(stream, client, kMalformed);
        return false;
    }
    for (const auto& filter : wanted->filters) {
        auto& all = client.filters;
        all.erase(std::remove_if(all.begin(), all.end(),
                                 [&filter](const auto& each) { return each.text == filter.text; }),
                  all.end());
    }
    stream.send(mqtt_unsuback(client.version, wanted->id, wanted->filters.size()));
    return true;
}

void FarBroker::accept(const MqttPublish& message) {
    recorder_.take(message.topic, message.payload);
    ++accepted_;
    if (message.retain && message.payload.empty()) {
        retained_.erase(message.topic);
    } else if (message.retain && retained_.size() < kRetained) {
        retained_[message.topic] = message;
    }
    for (auto& [id, client] : clients_) {
        int granted = -1;
        for (const auto& filter : client.filters) {
            if (topic_matches(filter.text, message.topic)) granted = std::max(granted, filter.qos);
        }
        Stream* stream = granted < 0 ? nullptr : loop_.find(id);
        if (stream == nullptr) continue;
        MqttPublish copy = message;
        copy.retain = false;
        deliver(*stream, client, std::move(copy), granted);
    }
}

void FarBroker::deliver(Stream& stream, Client& client, MqttPublish message, int granted) {
    message.qos = std::min(message.qos, granted);
    message.duplicate = false;
    if (message.qos == 1) {
        client.last_id = static_cast<std::uint16_t>(client.last_id % 65'535 + 1);
        message.id = client.last_id;
    }
    stream.send(mqtt_publish(client.version, message));
}

}  // namespace fog::sim
