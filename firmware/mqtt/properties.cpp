#include "firmware/mqtt/properties.hpp"

namespace fog::mqtt {
namespace {

constexpr std::uint64_t kForwarded = bit(Property::payload_format) | bit(Property::content_type) |
                                     bit(Property::response_topic) | bit(Property::correlation) |
                                     bit(Property::user);

constexpr Refusal kMalformed{Code::malformed, "property", false};
constexpr Refusal kForbidden{Code::protocol, "property-value", false};

bool has_wildcard(std::string_view topic) {
    return topic.find_first_of("+#") != std::string_view::npos;
}

/// Numbers; true if `id` is one.
bool read_number(Property id, Reader& in, Properties& out) {
    switch (static_cast<unsigned>(id)) {
        case static_cast<unsigned>(Property::payload_format):
            out.payload_format = in.u8();
            return true;
        case static_cast<unsigned>(Property::request_problem):
            out.request_problem = in.u8();
            return true;
        case static_cast<unsigned>(Property::request_response):
            out.request_response = in.u8();
            return true;
        case static_cast<unsigned>(Property::receive_maximum):
            out.receive_maximum = in.u16();
            return true;
        case static_cast<unsigned>(Property::alias_maximum):
            out.alias_maximum = in.u16();
            return true;
        case static_cast<unsigned>(Property::alias):
            out.alias = in.u16();
            return true;
        case static_cast<unsigned>(Property::message_expiry):
            out.message_expiry = in.u32();
            return true;
        case static_cast<unsigned>(Property::session_expiry):
            out.session_expiry = in.u32();
            return true;
        case static_cast<unsigned>(Property::will_delay):
            out.will_delay = in.u32();
            return true;
        case static_cast<unsigned>(Property::maximum_packet):
            out.maximum_packet = in.u32();
            return true;
        case static_cast<unsigned>(Property::subscription_id):
            out.subscription_id = in.varint();
            return true;
        default:
            return false;
    }
}

/// Texts and bytes; false: no property that a client may send.
bool read_text(Property id, Reader& in, Properties& out) {
    switch (static_cast<unsigned>(id)) {
        case static_cast<unsigned>(Property::content_type):
            out.content_type = in.text();
            return true;
        case static_cast<unsigned>(Property::response_topic):
            out.response_topic = in.text();
            return true;
        case static_cast<unsigned>(Property::correlation):
            out.correlation = in.binary();
            return true;
        case static_cast<unsigned>(Property::auth_method):
            out.auth_method = in.text();
            return true;
        case static_cast<unsigned>(Property::auth_data):
            out.auth_data = in.binary();
            return true;
        case static_cast<unsigned>(Property::reason_string):
            out.reason = in.text();
            return true;
        case static_cast<unsigned>(Property::user):
            in.text();
            in.text();
            return true;
        default:
            return false;
    }
}

MaybeRefusal check_values(const Properties& of) {
    if (of.payload_format > 1 || of.request_problem > 1 || of.request_response > 1)
        return kForbidden;
    if (of.receive_maximum == 0 || of.maximum_packet == 0) return kForbidden;
    if (of.has(Property::subscription_id) && of.subscription_id == 0) return kForbidden;
    if (of.has(Property::alias) && of.alias == 0) return Refusal{Code::bad_alias, "alias", false};
    if (has_wildcard(of.response_topic)) return kForbidden;
    if (of.has(Property::auth_data) && !of.has(Property::auth_method)) return kForbidden;
    return std::nullopt;
}

}  // namespace

MaybeRefusal read_properties(Reader& in, std::uint64_t allowed, Properties& out) {
    out.raw = in.take(in.varint());
    if (!in.ok()) return kMalformed;
    Reader block(out.raw);
    while (!block.done()) {
        const std::uint32_t id = block.varint();
        if (!block.ok() || id >= 64 || (allowed & (std::uint64_t{1} << id)) == 0) return kMalformed;
        const auto property = static_cast<Property>(id);
        if (out.has(property) && property != Property::user)
            return Refusal{Code::protocol, "property-twice", false};
        out.seen |= bit(property);
        if (!read_number(property, block, out) && !read_text(property, block, out))
            return kMalformed;
        if (!block.ok()) return kMalformed;
    }
    return check_values(out);
}

void append_forwarded(std::string_view raw, std::string& out) {
    Reader block(raw);
    Properties scratch;
    while (block.ok() && !block.done()) {
        const auto from = block.rest();
        const auto id = block.varint();
        const auto property = static_cast<Property>(id);
        if (id >= 64 ||
            (!read_number(property, block, scratch) && !read_text(property, block, scratch)))
            return;
        if (block.ok() && (kForwarded & (std::uint64_t{1} << id)) != 0)
            out += from.substr(0, from.size() - block.rest().size());
    }
}

}  // namespace fog::mqtt
