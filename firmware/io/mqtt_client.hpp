#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/node.hpp"
#include "firmware/core/result.hpp"

namespace fog {

struct MqttOptions {
    std::string url;  // mqtt://host:port, mqtts://host:port
    std::string client_id;
    std::string user, password;
    std::string ca_file, cert_file, key_file;  // PEM; ca_file empty = the system's store
    std::chrono::seconds keep_alive{30};
    bool clean_session = false;
    int window = 20;  // messages in flight, both for Paho's buffer and inflight
    std::string will_topic, will_payload;
    int will_qos = 1;
    bool will_retain = true;
};

/// Reads url, client_id, user, password, ca_file, cert_file, key_file, keep_alive from a config
/// object (shared by drivers/mqtt and the MQTT sink); faults go to the view.
MqttOptions read_mqtt_options(ConfigView& config);

/// Paho's async client behind an interface of ours: no exception leaves, no Paho type either.
/// One instance is one connection at a time; reconnecting is the owner's business (no automatic
/// reconnect, no persistence, no offline buffer).
/// Thread: one owner calls; handlers run on Paho's threads, must return soon and may not throw.
class MqttClient {
public:
    struct Message {
        std::string_view topic;
        std::span<const std::byte> payload;
        int qos = 0;
        bool retained = false;
        bool duplicate = false;
    };
    struct Handlers {
        /// PUBACK for a QoS 1 message leaves when this returns (Paho 1.2, MQTTAsync).
        std::function<void(const Message&)> message;
        std::function<void(std::string why)> lost;
        /// The far side acknowledged (QoS 1) or the bytes left (QoS 0); `token` is from publish().
        std::function<void(std::int64_t token, bool delivered, std::string why)> delivered;
    };

    MqttClient(MqttOptions options, Handlers handlers);
    ~MqttClient();
    MqttClient(const MqttClient&) = delete;
    MqttClient& operator=(const MqttClient&) = delete;

    /// Blocks until connected, refused or `timeout`; about 2 s where another client of the process
    /// is idle (Paho polls its sockets once a second). Errc: unreachable, timeout, denied (bad
    /// credentials, not authorised), bad_config (certificate, URL). `session_present` tells
    /// whether the broker kept the session.
    Result<bool> connect(std::chrono::milliseconds timeout);
    /// Blocks until granted or `timeout`.
    Result<void> subscribe(std::span<const std::string> filters, int qos,
                           std::chrono::milliseconds timeout);
    /// Hands a message over; its outcome comes by `delivered` with `token` (chosen by the caller).
    Result<void> publish(std::int64_t token, std::string_view topic, std::string_view payload,
                         int qos, bool retain);
    bool connected() const;
    /// Says goodbye if connected; outstanding messages stay unreported.
    void disconnect(std::chrono::milliseconds timeout);
    /// Any thread: a connect() or subscribe() that waits returns Errc::busy, and so do later ones.
    void interrupt();
    /// Cuts the connection without a goodbye. The one call allowed inside `message`: the PUBACK of
    /// that message then does not leave. Other clients of this process at the same address and port
    /// may be cut too; they reconnect.
    void sever();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fog
