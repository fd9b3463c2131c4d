#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/result.hpp"

namespace fog::sim {

// MQTT 3.1.1 and 5.0 as a server needs it, QoS 0 and 1. Everything here is pure; what does not
// decode is Errc::bad_frame.

enum class MqttType : std::uint8_t {
    connect = 1,
    connack = 2,
    publish = 3,
    puback = 4,
    pubrec = 5,
    pubrel = 6,
    pubcomp = 7,
    subscribe = 8,
    suback = 9,
    unsubscribe = 10,
    unsuback = 11,
    pingreq = 12,
    pingresp = 13,
    disconnect = 14,
    auth = 15,
};

/// A frame: fixed header and what follows.
struct MqttFrame {
    MqttType type = MqttType::connect;
    unsigned flags = 0;
    std::string_view body;
    std::size_t used = 0;
};
/// The first frame of `bytes`; nothing if it is not whole yet. bad_frame: no MQTT; storage_full:
/// longer than `most`.
Result<std::optional<MqttFrame>> read_mqtt_frame(std::string_view bytes, std::size_t most);

struct MqttPublish {
    std::string topic, payload;
    int qos = 0;
    bool retain = false, duplicate = false;
    std::uint16_t id = 0;
};

struct MqttConnect {
    int version = 4;  // 4 = 3.1.1, 5 = 5.0
    bool clean = true;
    std::uint16_t keep_alive = 0;
    std::string client_id, user, password;
    std::optional<MqttPublish> will;
};

struct MqttSubscribe {
    std::uint16_t id = 0;
    struct Filter {
        std::string text;
        int qos = 0;
    };
    std::vector<Filter> filters;
};

/// Errc::refused: a protocol version we don't speak.
Result<MqttConnect> read_mqtt_connect(const MqttFrame& frame);
Result<MqttPublish> read_mqtt_publish(const MqttFrame& frame, int version);
/// SUBSCRIBE and UNSUBSCRIBE.
Result<MqttSubscribe> read_mqtt_subscribe(const MqttFrame& frame, int version);
Result<std::uint16_t> read_mqtt_ack(const MqttFrame& frame);

struct MqttConnackOptions {
    unsigned receive_maximum = 0, packet_limit = 0;  // 0 = not said
    std::string assigned_id;
};
std::string mqtt_connack(int version, unsigned code, const MqttConnackOptions& options = {});
std::string mqtt_publish(int version, const MqttPublish& message);
std::string mqtt_puback(int version, std::uint16_t id, unsigned code = 0);
std::string mqtt_suback(int version, std::uint16_t id, const std::vector<unsigned>& codes);
std::string mqtt_unsuback(int version, std::uint16_t id, std::size_t filters);
std::string mqtt_pingresp();
std::string mqtt_disconnect(unsigned code);  // version 5 only

}  // namespace fog::sim
