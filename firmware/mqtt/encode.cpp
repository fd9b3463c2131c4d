#include "firmware/mqtt/encode.hpp"

#include "firmware/mqtt/properties.hpp"

namespace fog::mqtt {
namespace {

void put(std::string& out, std::uint8_t byte) {
    out += static_cast<char>(byte);
}
void put16(std::string& out, std::uint16_t value) {
    put(out, static_cast<std::uint8_t>(value >> 8U));
    put(out, static_cast<std::uint8_t>(value));
}
void put32(std::string& out, std::uint32_t value) {
    put16(out, static_cast<std::uint16_t>(value >> 16U));
    put16(out, static_cast<std::uint16_t>(value));
}
std::size_t varint_size(std::size_t value) {
    return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4;
}
void put_varint(std::string& out, std::size_t value) {
    do {
        const auto low = static_cast<std::uint8_t>(value & 0x7FU);
        value >>= 7U;
        put(out, value != 0 ? low | 0x80U : low);
    } while (value != 0);
}
void put_text(std::string& out, std::string_view text) {
    text = text.substr(0, 0xFFFF);
    put16(out, static_cast<std::uint16_t>(text.size()));
    out += text;
}
void put_id(std::string& out, Property id) {
    put(out, static_cast<std::uint8_t>(id));
}
void put_reason(std::string& out, std::string_view reason) {
    if (reason.empty()) return;
    put_id(out, Property::reason_string);
    put_text(out, reason);
}
void put_user(std::string& out, std::string_view name, std::string_view value) {
    put_id(out, Property::user);
    put_text(out, name);
    put_text(out, value);
}
void put_header(std::string& out, Type type, std::size_t length, std::uint8_t flags = 0) {
    put(out, static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4U | flags));
    put_varint(out, length);
}

std::string connack_properties(const Connack& of) {
    std::string out;
    if (of.session_expiry) put_id(out, Property::session_expiry), put32(out, *of.session_expiry);
    if (of.receive_maximum != 0xFFFF)
        put_id(out, Property::receive_maximum), put16(out, of.receive_maximum);
    if (of.maximum_packet != 0)
        put_id(out, Property::maximum_packet), put32(out, of.maximum_packet);
    if (!of.assigned_id.empty()) put_id(out, Property::assigned_id), put_text(out, of.assigned_id);
    if (of.alias_maximum != 0) put_id(out, Property::alias_maximum), put16(out, of.alias_maximum);
    put_reason(out, of.reason);
    if (of.missed != 0) {
        put_user(out, "fogline-missed", std::to_string(of.missed));
        put_user(out, "fogline-from", std::to_string(of.missed_from));
    }
    if (of.no_shared) put_id(out, Property::shared), put(out, 0);
    if (of.server_keep_alive)
        put_id(out, Property::server_keep_alive), put16(out, *of.server_keep_alive);
    return out;
}

void append_codes(std::string& out, Type type, Version version, std::uint16_t id,
                  std::span<const Code> codes) {
    const bool v5 = version == Version::v5;
    put_header(out, type, 2 + (v5 ? 1 : 0) + codes.size());
    put16(out, id);
    if (v5) put(out, 0);
    for (const Code code : codes) {
        const auto byte = static_cast<std::uint8_t>(code);
        put(out, v5 || byte <= 2 ? byte : std::uint8_t{0x80});
    }
}

struct Sizes {
    std::size_t properties = 0, length = 0;
};
Sizes sizes_of(const Message& message, Version version, const Delivery& delivery) {
    Sizes out;
    out.length =
        message.topic_field().size() + (delivery.qos > 0 ? 2 : 0) + message.payload().size();
    if (version == Version::v3) return out;
    out.properties = message.properties().size() + (delivery.expires_in ? 5 : 0);
    for (const auto id : delivery.identifiers) out.properties += 1 + varint_size(id);
    out.length += varint_size(out.properties) + out.properties;
    return out;
}

}  // namespace

std::uint8_t v3_connect_code(Code code) {
    switch (static_cast<unsigned>(code)) {
        case static_cast<unsigned>(Code::success):
            return 0;
        case static_cast<unsigned>(Code::bad_version):
            return 1;
        case static_cast<unsigned>(Code::bad_client_id):
            return 2;
        case static_cast<unsigned>(Code::bad_login):
            return 4;
        case static_cast<unsigned>(Code::denied):
        case static_cast<unsigned>(Code::banned):
            return 5;
        default:
            return 3;
    }
}

void append_connack(std::string& out, Version version, const Connack& connack) {
    const std::uint8_t flags = connack.session_present ? 1 : 0;
    if (version == Version::v3) {
        put_header(out, Type::connack, 2);
        put(out, flags);
        put(out, v3_connect_code(connack.code));
        return;
    }
    const auto properties = connack_properties(connack);
    put_header(out, Type::connack, 2 + varint_size(properties.size()) + properties.size());
    put(out, flags);
    put(out, static_cast<std::uint8_t>(connack.code));
    put_varint(out, properties.size());
    out += properties;
}

void append_ack(std::string& out, Version version, Type type, std::uint16_t id, Code code,
                std::string_view reason) {
    const std::uint8_t flags = type == Type::pubrel ? 2 : 0;
    if (version == Version::v3 || (code == Code::success && reason.empty())) {
        put_header(out, type, 2, flags);
        put16(out, id);
        return;
    }
    std::string properties;
    put_reason(properties, reason);
    const bool none = properties.empty();
    put_header(out, type, 3 + (none ? 0 : varint_size(properties.size()) + properties.size()),
               flags);
    put16(out, id);
    put(out, static_cast<std::uint8_t>(code));
    if (none) return;
    put_varint(out, properties.size());
    out += properties;
}

void append_suback(std::string& out, Version version, std::uint16_t id,
                   std::span<const Code> codes) {
    append_codes(out, Type::suback, version, id, codes);
}

void append_unsuback(std::string& out, Version version, std::uint16_t id,
                     std::span<const Code> codes) {
    append_codes(out, Type::unsuback, version, id,
                 version == Version::v5 ? codes : std::span<const Code>());
}

void append_pingresp(std::string& out) {
    put_header(out, Type::pingresp, 0);
}

void append_disconnect(std::string& out, Code code, std::string_view reason) {
    std::string properties;
    put_reason(properties, reason);
    const bool none = properties.empty();
    put_header(out, Type::disconnect,
               1 + (none ? 0 : varint_size(properties.size()) + properties.size()));
    put(out, static_cast<std::uint8_t>(code));
    if (none) return;
    put_varint(out, properties.size());
    out += properties;
}

Message::Message(const Parts& parts)
    : qos_(parts.qos), retain_(parts.retain), expires_(parts.expires) {
    bytes_.reserve(2 + parts.topic.size() + parts.properties.size() + parts.payload.size());
    put_text(bytes_, parts.topic);
    topic_end_ = static_cast<std::uint32_t>(bytes_.size());
    append_forwarded(parts.properties, bytes_);
    payload_at_ = static_cast<std::uint32_t>(bytes_.size());
    bytes_ += parts.payload;
}

std::size_t publish_size(const Message& message, Version version, const Delivery& delivery) {
    const auto length = sizes_of(message, version, delivery).length;
    return 1 + varint_size(length) + length;
}

void append_publish(std::string& out, const Message& message, Version version,
                    const Delivery& delivery) {
    const Sizes sizes = sizes_of(message, version, delivery);
    put_header(out, Type::publish, sizes.length,
               static_cast<std::uint8_t>(delivery.qos << 1U | (delivery.retain ? 1U : 0U) |
                                         (delivery.duplicate ? 8U : 0U)));
    out += message.topic_field();
    if (delivery.qos > 0) put16(out, delivery.id);
    if (version == Version::v5) {
        put_varint(out, sizes.properties);
        if (delivery.expires_in) {
            put_id(out, Property::message_expiry);
            put32(out, *delivery.expires_in);
        }
        for (const auto id : delivery.identifiers) {
            put_id(out, Property::subscription_id);
            put_varint(out, id);
        }
        out += message.properties();
    }
    out += message.payload();
}

}  // namespace fog::mqtt
