#include "firmware/mqtt/session.hpp"

#include <limits>
#include <utility>

#include "firmware/core/pack.hpp"

namespace fog::mqtt {
namespace {

constexpr std::uint8_t kForm = 1;
constexpr std::uint8_t kNoLocal = 4, kAsPublished = 8;  // beside the QoS
constexpr std::uint8_t kRetainedAgain = 1;
constexpr std::uint8_t kRetain = 2, kWillExpires = 4;  // of a will, beside the QoS
constexpr std::string_view kShared = "$share/";
constexpr std::size_t kMostInFlight = 1'000;        // far more than any window
constexpr std::uint64_t kMostSeq = UINT64_MAX / 4;  // a place counts twice as far

/// False: there is none, or one that does not fit.
template <class T>
bool number(Unpacker& from, T& out, std::uint64_t most = std::numeric_limits<T>::max()) {
    const std::uint64_t value = from.varint();
    if (!from.ok() || value > most) return false;
    out = static_cast<T>(value);
    return true;
}

}  // namespace

std::string received_key(std::string_view client, std::uint16_t packet) {
    std::string out(kReceivedKey);
    out += std::to_string(packet);
    out += '/';
    out += client;
    return out;
}

SharedFilter read_shared(std::string_view text) {
    if (!text.starts_with(kShared)) return {};
    text.remove_prefix(kShared.size());
    const auto slash = text.find('/');
    if (slash == 0 || slash == std::string_view::npos ||
        text.substr(0, slash).find_first_of("+#") != std::string_view::npos)
        return {};
    return {text.substr(0, slash), text.substr(slash + 1)};
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
    if (!number(from, out.expiry)) return false;
    const auto count = from.varint();
    for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
        auto one = std::make_unique<Subscription>();
        one->session = &out;
        one->filter = from.text();
        const std::uint8_t flags = from.u8();
        one->qos = flags & 3U;
        one->no_local = (flags & kNoLocal) != 0;
        one->as_published = (flags & kAsPublished) != 0;
        if (!number(from, one->identifier) || !number(from, one->from.value, kMostSeq) ||
            one->qos > 1)
            return false;
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
    Session read;
    Cursor where;
    read.retained_again = (from.u8() & kRetainedAgain) != 0;
    where.epoch = from.fixed<std::uint64_t>();
    bool fits = number(from, where.left);
    for (Seq* seq : {&read.reached, &read.first_owed})
        fits = number(from, seq->value, kMostSeq) && fits;
    fits = number(from, read.next_id) && number(from, read.missed) &&
           number(from, read.missed_from.value, kMostSeq) && fits;
    std::uint64_t count = 0;
    fits = number(from, count, kMostInFlight) && fits;
    for (std::uint64_t i = 0; fits && i < count; ++i) {
        InFlight one;
        fits = number(from, one.id) && number(from, one.place.value) && one.id != 0 &&
               one.place.value > 1 && read.find(one.id) == nullptr;
        read.in_flight.push_back(one);
    }
    if (!fits || !from.ok() || !from.empty()) return false;
    out.retained_again = read.retained_again;
    out.reached = read.reached;
    out.first_owed = read.first_owed;
    out.next_id = read.next_id;
    out.missed = read.missed;
    out.missed_from = read.missed_from;
    out.in_flight = std::move(read.in_flight);
    cursor = where;
    return true;
}

Bytes pack_will(const StoredWill& will, std::string_view identity, std::uint64_t credential) {
    Bytes out;
    Packer to(out);
    to.u8(kForm);
    to.u8(static_cast<std::uint8_t>(will.qos | (will.retain ? kRetain : 0U) |
                                    (will.expiry ? kWillExpires : 0U)));
    to.text(identity);
    to.varint(credential);
    to.varint(will.delay);
    to.varint(will.expiry.value_or(0));
    to.text(will.topic);
    to.text(will.properties);
    to.text(will.payload);
    return out;
}

bool unpack_will(std::span<const std::byte> bytes, KeptWill& out) {
    Unpacker from(bytes);
    if (from.u8() != kForm) return false;
    const std::uint8_t flags = from.u8();
    StoredWill& will = out.will;
    will.qos = flags & 1U;
    will.retain = (flags & kRetain) != 0;
    out.identity = from.text();
    out.credential = from.varint();
    std::uint32_t expiry = 0;
    if (!number(from, will.delay) || !number(from, expiry)) return false;
    if ((flags & kWillExpires) != 0) will.expiry = expiry;
    will.topic = from.text();
    will.properties = from.text();
    will.payload = from.text();
    out.bytes = bytes.size();
    return from.ok() && from.empty() && flags < 8 && !will.topic.empty() &&
           will.topic.size() <= 0xFFFF;
}

}  // namespace fog::mqtt
