#include "firmware/mqtt/raw_message.hpp"

#include <nlohmann/json.hpp>

#include "firmware/mqtt/properties.hpp"

namespace fog::mqtt {
namespace {

using Json = nlohmann::json;

int digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

bool read_base64(std::string_view text, std::string& out) {
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    std::uint32_t bits = 0;
    unsigned have = 0;
    for (const char c : text) {
        const int value = digit(c);
        if (value < 0) return false;
        bits = bits << 6U | static_cast<std::uint32_t>(value);
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out += static_cast<char>(bits >> have & 0xFFU);
    }
    return true;
}

bool read_text(const Json& from, const char* key, std::string& out) {
    const auto found = from.find(key);
    if (found == from.end() || !found->is_string()) return false;
    out = found->get_ref<const std::string&>();
    return true;
}

/// Splits what logged_properties() made.
bool read_logged(const std::string& block, RawMessage& out) {
    std::string sized;
    for (auto left = block.size();;) {
        const auto low = static_cast<char>(left & 0x7FU);
        left >>= 7U;
        sized += left != 0 ? static_cast<char>(low | '\x80') : low;
        if (left == 0) break;
    }
    sized += block;
    Reader in(sized);
    Properties properties;
    constexpr std::uint64_t kAllowed = bit(Property::message_expiry) |
                                       bit(Property::payload_format) | bit(Property::content_type) |
                                       bit(Property::response_topic) | bit(Property::correlation) |
                                       bit(Property::user);
    if (read_properties(in, kAllowed, properties)) return false;
    if (properties.has(Property::message_expiry)) out.expiry = properties.message_expiry;
    append_forwarded(properties.raw, out.properties);
    return true;
}

}  // namespace

std::optional<RawMessage> read_raw_message(std::string_view members) {
    // Most raw events are owed to nobody: told without reading them.
    if (members.find("\"owed\":true") == std::string_view::npos) return std::nullopt;
    std::string text;
    text.reserve(members.size() + 2);
    text.append("{").append(members).append("}");
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object() || !json.value("owed", Json()).is_boolean()) return std::nullopt;
    RawMessage out;
    std::string encoded;
    if (!read_text(json, "topic", out.topic) || out.topic.empty()) return std::nullopt;
    if (!read_text(json, "payload", out.payload)) {
        if (!read_text(json, "payload64", encoded) || !read_base64(encoded, out.payload))
            return std::nullopt;
    }
    read_text(json, "client", out.client);
    const auto retain = json.find("retain");
    out.retain = retain != json.end() && *retain == true;
    std::string block;
    encoded.clear();
    if (read_text(json, "props64", encoded) &&
        (!read_base64(encoded, block) || !read_logged(block, out)))
        return std::nullopt;
    return out;
}

std::string logged_properties(std::string_view forwarded, std::optional<std::uint32_t> expiry) {
    std::string out;
    if (expiry) {
        out += static_cast<char>(Property::message_expiry);
        for (unsigned shift = 32; shift > 0; shift -= 8)
            out += static_cast<char>(*expiry >> (shift - 8) & 0xFFU);
    }
    out += forwarded;
    return out;
}

}  // namespace fog::mqtt
