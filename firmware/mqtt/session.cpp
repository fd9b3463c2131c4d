#include "firmware/mqtt/session.hpp"

#include "firmware/core/pack.hpp"

namespace fog::mqtt {
namespace {

constexpr std::uint8_t kForm = 1;
constexpr std::uint8_t kNoLocal = 4, kAsPublished = 8;  // beside the QoS
constexpr std::uint8_t kRetainedAgain = 1;
constexpr std::size_t kMostInFlight = 1'000;  // far more than any window

}  // namespace

std::string received_key(std::string_view client, std::uint16_t packet) {
    std::string out(kReceivedKey);
    out += std::to_string(packet);
    out += '/';
    out += client;
    return out;
}

Bytes pack_session(const Session& session) {
    Bytes out;
    Packer to(out);
    to.u8(kForm);
    to.text(session.identity);
    to.varint(session.credential);
    to.varint(session.expiry);
    to.varint(session.subscriptions.size());
    for (const auto& [filter, one] : session.subscriptions) {
        to.text(filter);
        to.u8(static_cast<std::uint8_t>(one->qos | (one->no_local ? kNoLocal : 0) |
                                        (one->as_published ? kAsPublished : 0)));
        to.varint(one->identifier);
        to.varint(one->from.value);
    }
    return out;
}

bool unpack_session(std::span<const std::byte> bytes, Session& out) {
    Unpacker from(bytes);
    if (from.u8() != kForm) return false;
    out.identity = from.text();
    out.credential = from.varint();
    out.expiry = static_cast<std::uint32_t>(from.varint());
    const auto count = from.varint();
    for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
        auto one = std::make_unique<Subscription>();
        one->session = &out;
        one->filter = from.text();
        const std::uint8_t flags = from.u8();
        one->qos = flags & 3U;
        one->no_local = (flags & kNoLocal) != 0;
        one->as_published = (flags & kAsPublished) != 0;
        one->identifier = static_cast<std::uint32_t>(from.varint());
        one->from.value = from.varint();
        if (!from.ok() || one->qos > 1) return false;
        const std::string filter = one->filter;
        out.subscriptions.emplace(filter, std::move(one));
    }
    return from.ok() && from.empty();
}

Bytes pack_cursor(const Session& session, Seq reached, std::uint64_t epoch, std::uint32_t left) {
    Bytes out;
    Packer to(out);
    to.u8(kForm);
    to.u8(session.retained_again ? kRetainedAgain : 0);
    to.fixed(epoch);
    to.varint(left);
    to.varint(reached.value);
    to.varint(session.first_owed.value);
    to.varint(session.next_id);
    to.varint(session.missed);
    to.varint(session.missed_from.value);
    std::uint64_t count = 0;
    for (const InFlight& one : session.in_flight) count += one.place.value != 0 ? 1 : 0;
    to.varint(count);
    for (const InFlight& one : session.in_flight) {
        if (one.place.value == 0) continue;
        to.varint(one.id);
        to.varint(one.place.value);
    }
    return out;
}

bool unpack_cursor(std::span<const std::byte> bytes, Session& out, Cursor& cursor) {
    Unpacker from(bytes);
    if (from.u8() != kForm) return false;
    out.retained_again = (from.u8() & kRetainedAgain) != 0;
    cursor.epoch = from.fixed<std::uint64_t>();
    cursor.left = static_cast<std::uint32_t>(from.varint());
    out.reached.value = from.varint();
    out.first_owed.value = from.varint();
    out.next_id = static_cast<std::uint16_t>(from.varint());
    out.missed = from.varint();
    out.missed_from.value = from.varint();
    const auto count = from.varint();
    out.in_flight.clear();
    for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
        InFlight one;
        one.id = static_cast<std::uint16_t>(from.varint());
        one.place.value = from.varint();
        if (!from.ok() || one.id == 0 || one.place.value == 0 || out.find(one.id) != nullptr)
            return false;
        out.in_flight.push_back(one);
        if (out.in_flight.size() > kMostInFlight) return false;
    }
    return from.ok() && from.empty();
}

}  // namespace fog::mqtt
