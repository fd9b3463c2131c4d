#include "sim/cloud/mqtt_packet.hpp"

#include "firmware/core/text.hpp"

namespace fog::sim {
namespace {

constexpr std::size_t kFilters = 64;

Error bad(std::string what) {
    return {Errc::bad_frame, "MQTT: " + std::move(what), {}};
}

/// Reads the fields of a body; after the first that is not there everything is empty and bad.
class Fields {
public:
    explicit Fields(std::string_view body) : rest_(body) {}
    bool ok() const { return ok_; }
    bool empty() const { return rest_.empty(); }
    std::string_view rest() const { return rest_; }

    std::string_view take(std::size_t n) {
        if (n > rest_.size()) {
            ok_ = false;
            rest_ = {};
            return {};
        }
        const std::string_view out = rest_.substr(0, n);
        rest_.remove_prefix(n);
        return out;
    }
    unsigned byte() {
        const std::string_view b = take(1);
        return b.empty() ? 0 : static_cast<unsigned char>(b[0]);
    }
    std::uint16_t word() {
        const unsigned high = byte();
        return static_cast<std::uint16_t>(high << 8U | byte());
    }
    std::string_view binary() { return take(word()); }
    std::string text() {
        const std::string_view out = binary();
        if (!valid_utf8(out) || out.find('\0') != std::string_view::npos) ok_ = false;
        return std::string(out);
    }
    /// A length of 1 to 4 bytes.
    std::size_t length() {
        std::size_t value = 0;
        for (unsigned shift = 0; shift < 28; shift += 7) {
            const unsigned b = byte();
            value |= static_cast<std::size_t>(b & 0x7FU) << shift;
            if ((b & 0x80U) == 0) return value;
        }
        ok_ = false;
        return 0;
    }
    /// Properties of version 5 are read over.
    void properties(int version) {
        if (version >= 5) take(length());
    }

private:
    std::string_view rest_;
    bool ok_ = true;
};

void put_word(std::string& out, std::size_t value) {
    out += static_cast<char>(value >> 8U & 0xFFU);
    out += static_cast<char>(value & 0xFFU);
}

void put_text(std::string& out, std::string_view text) {
    put_word(out, text.size());
    out += text;
}

std::string frame_of(MqttType type, unsigned flags, std::string_view body) {
    std::string out(1, static_cast<char>(static_cast<unsigned>(type) << 4U | flags));
    std::size_t size = body.size();
    do {
        const std::size_t low = size & 0x7FU;
        size >>= 7U;
        out += static_cast<char>(low | (size > 0 ? 0x80U : 0U));
    } while (size > 0);
    out += body;
    return out;
}

}  // namespace

Result<std::optional<MqttFrame>> read_mqtt_frame(std::string_view bytes, std::size_t most) {
    if (bytes.size() < 2) return std::optional<MqttFrame>{};
    MqttFrame frame;
    const auto first = static_cast<unsigned char>(bytes[0]);
    if (first >> 4U == 0) return bad("packet type 0");
    frame.type = static_cast<MqttType>(first >> 4U);
    frame.flags = first & 0x0FU;
    std::size_t size = 0, at = 1;
    for (unsigned shift = 0;; shift += 7, ++at) {
        if (shift == 28) return bad("a length of more than four bytes");
        if (at == bytes.size()) return std::optional<MqttFrame>{};
        const auto b = static_cast<unsigned char>(bytes[at]);
        size |= static_cast<std::size_t>(b & 0x7FU) << shift;
        if ((b & 0x80U) == 0) break;
    }
    ++at;
    if (size + at > most) return Error{Errc::storage_full, "MQTT: packet too large", {}};
    if (bytes.size() - at < size) return std::optional<MqttFrame>{};
    frame.body = bytes.substr(at, size);
    frame.used = at + size;
    return std::optional<MqttFrame>{frame};
}

Result<MqttConnect> read_mqtt_connect(const MqttFrame& frame) {
    Fields in(frame.body);
    MqttConnect out;
    const std::string name = in.text();
    out.version = static_cast<int>(in.byte());
    if (!in.ok() || name != "MQTT") return bad("CONNECT of another protocol");
    if (out.version != 4 && out.version != 5) {
        return Error{Errc::refused, "MQTT: version " + std::to_string(out.version), {}};
    }
    const unsigned flags = in.byte();
    if ((flags & 1U) != 0) return bad("CONNECT with a reserved flag");
    out.clean = (flags & 2U) != 0;
    out.keep_alive = in.word();
    in.properties(out.version);
    out.client_id = in.text();
    if ((flags & 4U) != 0) {
        MqttPublish will;
        in.properties(out.version);
        will.topic = in.text();
        will.payload = in.binary();
        will.qos = static_cast<int>(flags >> 3U & 3U);
        will.retain = (flags & 0x20U) != 0;
        if (will.qos == 3) return bad("a will of QoS 3");
        out.will = std::move(will);
    }
    if ((flags & 0x80U) != 0) out.user = in.text();
    if ((flags & 0x40U) != 0) out.password = in.binary();
    if (!in.ok() || !in.empty()) return bad("CONNECT that does not add up");
    return out;
}

Result<MqttPublish> read_mqtt_publish(const MqttFrame& frame, int version) {
    Fields in(frame.body);
    MqttPublish out;
    out.qos = static_cast<int>(frame.flags >> 1U & 3U);
    out.retain = (frame.flags & 1U) != 0;
    out.duplicate = (frame.flags & 8U) != 0;
    if (out.qos == 3) return bad("PUBLISH of QoS 3");
    out.topic = in.text();
    if (out.qos > 0) out.id = in.word();
    in.properties(version);
    if (!in.ok() || (out.qos > 0 && out.id == 0)) return bad("PUBLISH that does not add up");
    if (out.topic.empty() || out.topic.find_first_of("#+") != std::string::npos) {
        return bad("PUBLISH to '" + out.topic + "'");
    }
    out.payload = in.rest();
    return out;
}

Result<MqttSubscribe> read_mqtt_subscribe(const MqttFrame& frame, int version) {
    Fields in(frame.body);
    MqttSubscribe out;
    out.id = in.word();
    in.properties(version);
    while (in.ok() && !in.empty()) {
        if (out.filters.size() == kFilters) return bad("more than 64 filters");
        MqttSubscribe::Filter filter;
        filter.text = in.text();
        if (frame.type == MqttType::subscribe) filter.qos = static_cast<int>(in.byte() & 3U);
        out.filters.push_back(std::move(filter));
    }
    if (!in.ok() || out.id == 0 || out.filters.empty() || frame.flags != 2) {
        return bad("SUBSCRIBE that does not add up");
    }
    return out;
}

Result<std::uint16_t> read_mqtt_ack(const MqttFrame& frame) {
    Fields in(frame.body);
    const std::uint16_t id = in.word();
    if (!in.ok()) return bad("an acknowledgement without an id");
    return id;
}

std::string mqtt_connack(int version, unsigned code, const MqttConnackOptions& options) {
    std::string body(1, '\0');  // no session is ever present
    body += static_cast<char>(code);
    if (version >= 5) {
        std::string properties;
        if (options.receive_maximum > 0) {
            properties += '\x21';
            put_word(properties, options.receive_maximum);
        }
        properties += '\x24';  // Maximum QoS
        properties += '\x01';
        if (options.packet_limit > 0) {
            properties += '\x27';
            put_word(properties, options.packet_limit >> 16U);
            put_word(properties, options.packet_limit & 0xFFFFU);
        }
        if (!options.assigned_id.empty()) {
            properties += '\x12';
            put_text(properties, options.assigned_id);
        }
        body += static_cast<char>(properties.size());
        body += properties;
    }
    return frame_of(MqttType::connack, 0, body);
}

std::string mqtt_publish(int version, const MqttPublish& message) {
    std::string body;
    put_text(body, message.topic);
    if (message.qos > 0) put_word(body, message.id);
    if (version >= 5) body += '\0';
    body += message.payload;
    const unsigned flags = static_cast<unsigned>(message.qos) << 1U | (message.retain ? 1U : 0U);
    return frame_of(MqttType::publish, flags, body);
}

std::string mqtt_puback(int version, std::uint16_t id, unsigned code) {
    std::string body;
    put_word(body, id);
    if (version >= 5 && code != 0) body += static_cast<char>(code);
    return frame_of(MqttType::puback, 0, body);
}

std::string mqtt_suback(int version, std::uint16_t id, const std::vector<unsigned>& codes) {
    std::string body;
    put_word(body, id);
    if (version >= 5) body += '\0';
    for (const unsigned code : codes) body += static_cast<char>(code);
    return frame_of(MqttType::suback, 0, body);
}

std::string mqtt_unsuback(int version, std::uint16_t id, std::size_t filters) {
    std::string body;
    put_word(body, id);
    if (version >= 5) body.append(1 + filters, '\0');
    return frame_of(MqttType::unsuback, 0, body);
}

std::string mqtt_pingresp() {
    return frame_of(MqttType::pingresp, 0, {});
}

std::string mqtt_disconnect(unsigned code) {
    return frame_of(MqttType::disconnect, 0, std::string(1, static_cast<char>(code)));
}

}  // namespace fog::sim
