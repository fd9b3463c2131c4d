#include "firmware/mqtt/packet.hpp"
#include "firmware/mqtt/properties.hpp"
#include "firmware/mqtt/reader.hpp"

namespace fog::mqtt {
namespace {

constexpr std::uint64_t kConnect = bit(Property::session_expiry) | bit(Property::receive_maximum) |
                                   bit(Property::maximum_packet) | bit(Property::alias_maximum) |
                                   bit(Property::request_response) |
                                   bit(Property::request_problem) | bit(Property::user) |
                                   bit(Property::auth_method) | bit(Property::auth_data);
constexpr std::uint64_t kMessage = bit(Property::payload_format) | bit(Property::message_expiry) |
                                   bit(Property::content_type) | bit(Property::response_topic) |
                                   bit(Property::correlation) | bit(Property::user);
constexpr std::uint64_t kWill = kMessage | bit(Property::will_delay);
// A subscription identifier in a client's PUBLISH is foreign as well (v5 3.3.4-6).
constexpr std::uint64_t kPublish = kMessage | bit(Property::alias);
constexpr std::uint64_t kAck = bit(Property::reason_string) | bit(Property::user);
constexpr std::uint64_t kSubscribe = bit(Property::subscription_id) | bit(Property::user);
constexpr std::uint64_t kUnsubscribe = bit(Property::user);
constexpr std::uint64_t kDisconnect = kAck | bit(Property::session_expiry);

constexpr Refusal malformed(std::string_view reason) {
    return {Code::malformed, reason, false};
}
constexpr Refusal protocol(std::string_view reason) {
    return {Code::protocol, reason, false};
}

/// Flags that are fixed by the type (2.2.2 of both texts).
bool flags_fit(Type type, std::uint8_t flags) {
    if (type == Type::publish) return true;
    const bool two = type == Type::pubrel || type == Type::subscribe || type == Type::unsubscribe;
    return flags == (two ? 2 : 0);
}

bool only_servers_send(Type type) {
    return type == Type::connack || type == Type::suback || type == Type::unsuback ||
           type == Type::pingresp;
}

MaybeRefusal read_protocol(Reader& in, Connect& out) {
    const auto name = in.text();
    const std::uint8_t level = in.u8();
    if (!in.ok()) return Refusal{Code::malformed, "connect", true};
    const bool old = name == "MQIsdp" || (name == "MQTT" && (level == 3 || (level & 0x80U) != 0));
    if (!old && name != "MQTT") return Refusal{Code::protocol, "protocol-name", true};
    out.version = !old && level >= 5 ? Version::v5 : Version::v3;
    if (level == 4 || level == 5) {
        if (!old) return std::nullopt;
    }
    return Refusal{Code::bad_version, "protocol-level", false};
}

MaybeRefusal read_will(Reader& in, std::uint8_t flags, Version version, Will& out) {
    out.qos = flags >> 3U & 3U;
    out.retain = (flags & 0x20U) != 0;
    if (version == Version::v5)
        if (auto bad = read_properties(in, kWill, out.properties)) return bad;
    out.topic = in.text();
    out.payload = in.binary();
    if (!in.ok()) return malformed("will");
    if (out.topic.empty() || out.topic.find_first_of("+#") != std::string_view::npos)
        return Refusal{Code::bad_topic, "will-topic", false};
    return std::nullopt;
}

/// The tail that PUBACK and its kin share with DISCONNECT: a code and properties, both optional.
MaybeRefusal read_code(Reader& in, std::uint64_t allowed, Code& code, Properties& properties) {
    if (in.done()) return std::nullopt;
    code = static_cast<Code>(in.u8());
    if (in.done()) return std::nullopt;
    if (auto bad = read_properties(in, allowed, properties)) return bad;
    return in.done() ? std::nullopt : MaybeRefusal(malformed("trailing-bytes"));
}

/// Packet id and, for v5, properties; then the filters, checked to the end.
MaybeRefusal read_filters(std::string_view body, Version version, std::uint64_t allowed,
                          bool options, Subscribe& out) {
    Reader in(body);
    out.id = in.u16();
    if (!in.ok()) return malformed("truncated");
    if (out.id == 0) return protocol("packet-id");
    if (version == Version::v5)
        if (auto bad = read_properties(in, allowed, out.properties)) return bad;
    const auto list = in.rest();
    std::size_t count = 0;
    while (in.ok() && !in.done()) {
        in.text();
        if (options) {
            const std::uint8_t bits = in.u8();
            if ((bits & (version == Version::v5 ? 0xC0U : 0xFCU)) != 0 || (bits & 3U) == 3)
                return malformed("subscribe-options");
            if ((bits >> 4U) == 3) return protocol("retain-handling");
        }
        ++count;
    }
    if (!in.ok()) return malformed("filter");
    if (count == 0) return protocol("no-filter");
    out.filters = FilterList(list, options, count);
    return std::nullopt;
}

}  // namespace

std::string_view to_text(Type type) {
    switch (type) {
        case Type::connect:
            return "connect";
        case Type::connack:
            return "connack";
        case Type::publish:
            return "publish";
        case Type::puback:
            return "puback";
        case Type::pubrec:
            return "pubrec";
        case Type::pubrel:
            return "pubrel";
        case Type::pubcomp:
            return "pubcomp";
        case Type::subscribe:
            return "subscribe";
        case Type::suback:
            return "suback";
        case Type::unsubscribe:
            return "unsubscribe";
        case Type::unsuback:
            return "unsuback";
        case Type::pingreq:
            return "pingreq";
        case Type::pingresp:
            return "pingresp";
        case Type::disconnect:
            return "disconnect";
        case Type::auth:
            return "auth";
    }
    return "unknown";
}

HeaderResult read_header(std::string_view bytes, std::size_t most, Header& out) {
    if (bytes.empty()) return {true, {}};
    const auto first = static_cast<unsigned char>(bytes[0]);
    if ((first >> 4U) == 0) return {false, malformed("packet-type")};
    out.type = static_cast<Type>(first >> 4U);
    out.flags = first & 0x0FU;
    if (!flags_fit(out.type, out.flags)) return {false, malformed("header-flags")};
    if (only_servers_send(out.type)) return {false, protocol("server-packet")};
    out.length = 0;
    for (std::uint8_t at = 1; at <= 4; ++at) {
        if (at >= bytes.size()) return {true, {}};
        const auto byte = static_cast<unsigned char>(bytes[at]);
        out.length |= std::uint32_t{byte & 0x7FU} << (7U * (at - 1U));
        if ((byte & 0x80U) != 0) continue;
        out.size = static_cast<std::uint8_t>(at + 1);
        if (out.whole() > most) return {false, Refusal{Code::too_large, "packet-size", false}};
        return {};
    }
    return {false, malformed("length")};
}

MaybeRefusal read_connect(std::string_view body, Connect& out) {
    Reader in(body);
    if (auto bad = read_protocol(in, out)) return bad;
    const std::uint8_t flags = in.u8();
    out.keep_alive = in.u16();
    if (!in.ok() || (flags & 1U) != 0) return malformed("connect-flags");
    out.clean = (flags & 2U) != 0;
    const bool will = (flags & 4U) != 0;
    if (will ? (flags & 0x18U) == 0x18U : (flags & 0x38U) != 0) return malformed("will-flags");
    const bool user = (flags & 0x80U) != 0;
    const bool password = (flags & 0x40U) != 0;
    if (password && !user && out.version == Version::v3) return malformed("connect-flags");
    if (out.version == Version::v5)
        if (auto bad = read_properties(in, kConnect, out.properties)) return bad;
    out.client_id = in.text();
    if (!in.ok()) return malformed("client-id");
    if (will)
        if (auto bad = read_will(in, flags, out.version, out.will.emplace())) return bad;
    if (user) out.user = in.text();
    if (password) out.password = in.binary();
    if (!in.done()) return malformed("connect");
    return std::nullopt;
}

MaybeRefusal read_publish(const Header& header, std::string_view body, Version version,
                          Publish& out) {
    out.qos = header.flags >> 1U & 3U;
    out.retain = (header.flags & 1U) != 0;
    out.duplicate = (header.flags & 8U) != 0;
    if (out.qos == 3) return malformed("qos");
    if (out.duplicate && out.qos == 0) return malformed("dup");
    Reader in(body);
    out.topic = in.text();
    if (!in.ok()) return malformed("topic");
    if (out.qos > 0) {
        out.id = in.u16();
        if (in.ok() && out.id == 0) return protocol("packet-id");
    }
    if (!in.ok()) return malformed("truncated");
    if (version == Version::v5)
        if (auto bad = read_properties(in, kPublish, out.properties)) return bad;
    out.payload = in.rest();
    if (out.topic.empty() && !out.properties.has(Property::alias)) return protocol("empty-topic");
    if (out.topic.find_first_of("+#") != std::string_view::npos)
        return Refusal{Code::bad_topic, "topic-wildcard", false};
    return std::nullopt;
}

MaybeRefusal read_ack(Type type, std::string_view body, Version version, Ack& out) {
    Reader in(body);
    out.id = in.u16();
    if (!in.ok()) return malformed("truncated");
    if (out.id == 0) return protocol("packet-id");
    if (version == Version::v3)
        return in.done() ? std::nullopt : MaybeRefusal(malformed("trailing-bytes"));
    Properties ignored;
    if (auto bad = read_code(in, kAck, out.code, ignored)) return bad;
    const bool second = type == Type::pubrel || type == Type::pubcomp;
    if (second && out.code != Code::success && out.code != Code::id_not_found)
        return protocol("reason-code");
    return std::nullopt;
}

bool FilterList::next(Filter& out) {
    if (bytes_.empty()) return false;
    Reader in(bytes_);
    out = {};
    out.text = in.binary();
    if (options_) {
        const std::uint8_t bits = in.u8();
        out.qos = bits & 3U;
        out.no_local = (bits & 4U) != 0;
        out.as_published = (bits & 8U) != 0;
        out.retain_handling = bits >> 4U & 3U;
    }
    bytes_ = in.rest();
    return in.ok();
}

MaybeRefusal read_subscribe(std::string_view body, Version version, Subscribe& out) {
    return read_filters(body, version, kSubscribe, true, out);
}

MaybeRefusal read_unsubscribe(std::string_view body, Version version, Subscribe& out) {
    return read_filters(body, version, kUnsubscribe, false, out);
}

MaybeRefusal read_disconnect(std::string_view body, Version version, Disconnect& out) {
    Reader in(body);
    if (version == Version::v3)
        return body.empty() ? std::nullopt : MaybeRefusal(malformed("trailing-bytes"));
    return read_code(in, kDisconnect, out.code, out.properties);
}

}  // namespace fog::mqtt
