#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

// Packets of MQTT 3.1.1 and 5.0 as a server reads them. Everything is parsed in place: the views of
// what was read point into the caller's bytes and live as long as these. Pure, never allocates.

namespace fog::mqtt {

enum class Version : std::uint8_t { v3 = 4, v5 = 5 };

enum class Type : std::uint8_t {
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
std::string_view to_text(Type type);

/// Reason codes of MQTT 5.0 that are sent or looked at here.
enum class Code : std::uint8_t {
    success = 0x00,
    granted_1 = 0x01,
    granted_2 = 0x02,
    with_will = 0x04,
    no_subscribers = 0x10,
    no_subscription = 0x11,
    unspecified = 0x80,
    malformed = 0x81,
    protocol = 0x82,
    implementation = 0x83,
    bad_version = 0x84,
    bad_client_id = 0x85,
    bad_login = 0x86,
    denied = 0x87,
    unavailable = 0x88,
    busy = 0x89,
    banned = 0x8A,
    shutting_down = 0x8B,
    bad_method = 0x8C,
    keep_alive = 0x8D,
    taken_over = 0x8E,
    bad_filter = 0x8F,
    bad_topic = 0x90,
    id_not_found = 0x92,
    receive_maximum = 0x93,
    bad_alias = 0x94,
    too_large = 0x95,
    quota = 0x97,
    administrative = 0x98,
    bad_payload = 0x99,
    no_qos = 0x9B,
    no_shared = 0x9E,
    connection_rate = 0x9F,
};

/// Why bytes are not accepted: the code that MQTT 5.0 has for it, and a word for the counters.
struct Refusal {
    Code code = Code::malformed;
    std::string_view reason;  // a literal: "property", "packet-id" ...
    bool silent = false;      // close without a word: the far side may not even speak MQTT
};
using MaybeRefusal = std::optional<Refusal>;

// --- framing

struct Header {
    Type type = Type::connect;
    std::uint8_t flags = 0;
    std::uint8_t size = 0;     // of the fixed header
    std::uint32_t length = 0;  // of what follows it
    std::size_t whole() const { return std::size_t{size} + length; }
};
/// The fixed header at the begin of `bytes`; more = false and no refusal: it is in `out`. Judges
/// type, flags and length (Code::too_large beyond `most` bytes in all) before the body is there.
struct HeaderResult {
    bool more = false;  // not enough bytes yet
    MaybeRefusal refusal;
};
HeaderResult read_header(std::string_view bytes, std::size_t most, Header& out);

// --- properties

enum class Property : std::uint8_t {
    payload_format = 1,
    message_expiry = 2,
    content_type = 3,
    response_topic = 8,
    correlation = 9,
    subscription_id = 11,
    session_expiry = 17,
    assigned_id = 18,
    server_keep_alive = 19,
    auth_method = 21,
    auth_data = 22,
    request_problem = 23,
    will_delay = 24,
    request_response = 25,
    response_info = 26,
    server_reference = 28,
    reason_string = 31,
    receive_maximum = 33,
    alias_maximum = 34,
    alias = 35,
    maximum_qos = 36,
    retain_available = 37,
    user = 38,
    maximum_packet = 39,
    wildcards = 40,
    identifiers = 41,
    shared = 42,
};
constexpr std::uint64_t bit(Property property) {
    return std::uint64_t{1} << static_cast<unsigned>(property);
}

/// The properties of one packet; what was not sent keeps the default of the standard.
struct Properties {
    std::uint64_t seen = 0;
    std::uint32_t message_expiry = 0, session_expiry = 0, will_delay = 0;
    std::uint32_t maximum_packet = 0xFFFFFFFF, subscription_id = 0;
    std::uint16_t receive_maximum = 0xFFFF, alias_maximum = 0, alias = 0;
    std::uint8_t payload_format = 0, request_problem = 1, request_response = 0;
    std::string_view content_type, response_topic, correlation, auth_method, auth_data, reason;
    std::string_view raw;  // all of them, without their length
    bool has(Property property) const { return (seen & bit(property)) != 0; }
};

// --- packets; `body` is what follows the fixed header

struct Will {
    std::string_view topic, payload;
    std::uint8_t qos = 0;
    bool retain = false;
    Properties properties;
};
struct Connect {
    Version version = Version::v3;  // set even when the packet is refused for its version
    bool clean = true;
    std::uint16_t keep_alive = 0;
    std::string_view client_id;
    std::optional<std::string_view> user, password;
    std::optional<Will> will;
    Properties properties;
};
MaybeRefusal read_connect(std::string_view body, Connect& out);

struct Publish {
    std::string_view topic;  // empty: the alias says it
    std::string_view payload;
    std::uint16_t id = 0;  // 0 with QoS 0
    std::uint8_t qos = 0;
    bool retain = false, duplicate = false;
    Properties properties;
};
MaybeRefusal read_publish(const Header& header, std::string_view body, Version version,
                          Publish& out);

/// PUBACK, PUBREC, PUBREL, PUBCOMP.
struct Ack {
    std::uint16_t id = 0;
    Code code = Code::success;
};
MaybeRefusal read_ack(Type type, std::string_view body, Version version, Ack& out);

struct Filter {
    std::string_view text;
    std::uint8_t qos = 0;
    bool no_local = false, as_published = false;
    std::uint8_t retain_handling = 0;
};
/// The filters of a SUBSCRIBE or UNSUBSCRIBE that was read; one after the other.
class FilterList {
public:
    FilterList() = default;
    FilterList(std::string_view bytes, bool options, std::size_t count)
        : bytes_(bytes), options_(options), count_(count) {}
    std::size_t size() const { return count_; }
    bool next(Filter& out);

private:
    std::string_view bytes_;
    bool options_ = false;
    std::size_t count_ = 0;
};
struct Subscribe {
    std::uint16_t id = 0;
    FilterList filters;
    Properties properties;
};
/// Texts are checked as UTF-8; whether a filter is one is for the caller: SUBACK says so.
MaybeRefusal read_subscribe(std::string_view body, Version version, Subscribe& out);
MaybeRefusal read_unsubscribe(std::string_view body, Version version, Subscribe& out);

struct Disconnect {
    Code code = Code::success;
    Properties properties;
};
MaybeRefusal read_disconnect(std::string_view body, Version version, Disconnect& out);

}  // namespace fog::mqtt
