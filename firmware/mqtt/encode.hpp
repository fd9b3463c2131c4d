#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "firmware/core/clock.hpp"
#include "firmware/mqtt/packet.hpp"

// Packets as a server writes them, appended to the caller's bytes. Pure.

namespace fog::mqtt {

/// What CONNACK of v5 says beside its code; what is at the default of the standard is left out.
struct Connack {
    bool session_present = false;
    Code code = Code::success;
    std::uint16_t receive_maximum = 0xFFFF, alias_maximum = 0;
    std::uint32_t maximum_packet = 0;             // 0 = no limit to tell
    std::optional<std::uint32_t> session_expiry;  // where it differs from what was asked
    std::optional<std::uint16_t> server_keep_alive;
    std::string_view assigned_id, reason;
    bool no_shared = false;
    std::uint64_t missed = 0, missed_from = 0;  // user properties fogline-missed, fogline-from
};
void append_connack(std::string& out, Version version, const Connack& connack);
/// The return code that MQTT 3.1.1 has for it: 1 to 5.
std::uint8_t v3_connect_code(Code code);

/// PUBACK, PUBREC, PUBREL or PUBCOMP; code and reason only go to v5.
void append_ack(std::string& out, Version version, Type type, std::uint16_t id,
                Code code = Code::success, std::string_view reason = {});
/// v3 knows 0, 1, 2 and 0x80 only.
void append_suback(std::string& out, Version version, std::uint16_t id,
                   std::span<const Code> codes);
void append_unsuback(std::string& out, Version version, std::uint16_t id,
                     std::span<const Code> codes);
void append_pingresp(std::string& out);
/// v5 only; v3 servers have no DISCONNECT.
void append_disconnect(std::string& out, Code code, std::string_view reason = {});

/// A message on its way to subscribers: topic, forwarded properties and payload are encoded once
/// and shared by all receivers of both versions. Immutable.
class Message {
public:
    struct Parts {
        std::string_view topic, payload;
        std::string_view properties = {};  // raw block of a v5 PUBLISH or will
        std::uint8_t qos = 0;
        bool retain = false;  // as it was published
        std::optional<MonoTime> expires = {};
    };
    explicit Message(const Parts& parts);

    std::string_view topic() const { return std::string_view(bytes_).substr(2, topic_end_ - 2); }
    std::string_view payload() const { return std::string_view(bytes_).substr(payload_at_); }
    std::string_view topic_field() const { return std::string_view(bytes_).substr(0, topic_end_); }
    std::string_view properties() const {
        return std::string_view(bytes_).substr(topic_end_, payload_at_ - topic_end_);
    }
    std::uint8_t qos() const { return qos_; }
    bool retain() const { return retain_; }
    const std::optional<MonoTime>& expires() const { return expires_; }
    std::size_t bytes() const { return bytes_.size(); }

private:
    std::string bytes_;  // topic with its length, forwarded properties, payload
    std::uint32_t topic_end_ = 0, payload_at_ = 0;
    std::uint8_t qos_ = 0;
    bool retain_ = false;
    std::optional<MonoTime> expires_;
};
using MessagePtr = std::shared_ptr<const Message>;

/// What differs from receiver to receiver.
struct Delivery {
    std::uint8_t qos = 0;
    bool retain = false;
    bool duplicate = false;
    std::uint16_t id = 0;                             // with QoS 1
    std::optional<std::uint32_t> expires_in;          // seconds left; v5 only
    std::span<const std::uint32_t> identifiers = {};  // of the subscriptions; v5 only
};
/// Size of the PUBLISH that append_publish() writes.
std::size_t publish_size(const Message& message, Version version, const Delivery& delivery);
void append_publish(std::string& out, const Message& message, Version version,
                    const Delivery& delivery);

}  // namespace fog::mqtt
