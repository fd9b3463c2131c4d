#include "firmware/mqtt/retained.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <limits>
#include <memory>

#include "firmware/core/pack.hpp"
#include "firmware/core/topic.hpp"

namespace fog::mqtt {
namespace {

constexpr std::uint8_t kForm = 1;
constexpr std::uint8_t kExpires = 4;    // beside the QoS
constexpr std::uint8_t kWriter = 8;     // the boot that wrote it follows; else the one it came in
constexpr std::size_t kRowHead = 4096;  // of a ring entry: everything but payload and properties

/// Far beyond any expiry, and a difference to now does not overflow.
bool sensible(std::chrono::nanoseconds time) {
    constexpr std::chrono::nanoseconds kMost = std::chrono::seconds(2LL * UINT32_MAX);
    return time <= kMost && time >= -kMost;
}

bool same_content(const Message& a, const Message& b) {
    return a.payload() == b.payload() && a.properties() == b.properties() && !a.expires() &&
           !b.expires();
}

}  // namespace

bool Retained::takes(const MessagePtr& message) const {
    if (message->payload().empty()) return true;
    if (message->bytes() + kRowHead > limits_.ring_bytes / 4) return false;  // no row takes it
    const auto found = by_topic_.find(message->topic());
    const std::size_t freed = found != by_topic_.end() ? found->second.message->bytes() : 0;
    if (found == by_topic_.end() && by_topic_.size() >= limits_.mqtt_retained) return false;
    return bytes_ - freed + message->bytes() <= limits_.mqtt_retained_bytes;
}

/// A topic is in changed_ while its row is not what it should be.
void Retained::change(const std::string& topic, bool logged, bool has_row) {
    Change& change = changed_[topic];
    change.logged = change.logged && logged;
    change.has_row = change.has_row || has_row;
}

void Retained::remove(ByTopic::iterator at, bool logged) {
    bytes_ -= at->second.message->bytes();
    if (at->second.has_row)
        change(at->first, logged, true);
    else
        changed_.erase(at->first);
    by_topic_.erase(at);
}

bool Retained::set(const MessagePtr& message, TakenAt at, bool logged) {
    if (!takes(message)) return false;
    put(message, at, logged);
    return true;
}

void Retained::put(const MessagePtr& message, TakenAt at, bool logged) {
    const auto found = by_topic_.find(message->topic());
    if (message->payload().empty()) {
        if (found == by_topic_.end()) return;
        if (!logged && may_be_read(found->second)) outdated_ = true;
        return remove(found, logged);
    }
    const std::string topic(message->topic());
    if (found != by_topic_.end()) {
        if (!same_content(*message, *found->second.message))
            change(topic, logged, found->second.has_row);
        bytes_ -= found->second.message->bytes();
        found->second.message = message;
        found->second.at = at;
    } else {
        // One that was removed a moment ago still has its row.
        const auto removed = changed_.find(topic);
        const bool has_row =
            saving_.count(topic) != 0 || (removed != changed_.end() && removed->second.has_row);
        by_topic_.emplace(topic, Entry{message, at, has_row});
        change(topic, logged, has_row);
    }
    if (logged) by_topic_.find(topic)->second.recorded = checkpoint_;
    bytes_ += message->bytes();
}

void Retained::set_if_newer(const MessagePtr& message, TakenAt at, bool restarted) {
    const auto found = by_topic_.find(message->topic());
    if (found == by_topic_.end() || found->second.at < at) {
        put(message, at, true);
        if (restarted) changed_[std::string(message->topic())].logged = false;
        return;
    }
    found->second.recorded = checkpoint_;
}

std::string Retained::visit(std::string_view filter, const std::string& after, std::size_t most,
                            MonoTime now,
                            const std::function<void(const MessagePtr&)>& each) const {
    const auto shown = [now](const MessagePtr& one) {
        return !one->expires() || *one->expires() > now;
    };
    if (filter.find_first_of("+#") == std::string_view::npos) {
        const auto found = by_topic_.find(filter);
        if (found != by_topic_.end() && shown(found->second.message)) each(found->second.message);
        return {};
    }
    for (auto at = by_topic_.upper_bound(after); at != by_topic_.end(); ++at) {
        if (!topic_matches(filter, at->first) || !shown(at->second.message)) continue;
        each(at->second.message);
        if (--most == 0) return at->first;
    }
    return {};
}

void Retained::sweep(MonoTime now) {
    for (auto at = by_topic_.begin(); at != by_topic_.end();) {
        const auto next = std::next(at);
        const auto& expires = at->second.message->expires();
        if (expires && *expires <= now) {
            // Its row and its record say themselves that it has expired; an older record does not.
            if (at->second.message->qos() == 0 && may_be_read(at->second)) outdated_ = true;
            remove(at, true);
        }
        at = next;
    }
}

MonoTime Retained::newest(BootId boot) const {
    MonoTime out{};
    for (const auto& [topic, one] : by_topic_)
        if (one.at.boot == boot) out = std::max(out, one.at.time);
    return out;
}

// --- rows

bool Retained::restore(std::string_view topic, std::span<const std::byte> row, BootId boot,
                       MonoTime now) {
    const auto found = by_topic_.find(topic);
    if (row.empty()) {
        if (found != by_topic_.end()) {
            bytes_ -= found->second.message->bytes();
            by_topic_.erase(found);
        }
        changed_.erase(std::string(topic));
        return true;
    }
    const auto read = unpack_retained(topic, row, boot, now);
    if (!read) return false;
    if (found != by_topic_.end() && found->second.at > read->at) {
        found->second.has_row = true;
        return true;
    }
    put(read->message, read->at, false);
    saved(std::string(topic));
    if (read->moved) change(std::string(topic), false, true);
    return true;
}

void Retained::begin_save(bool all, bool expiring) {
    if (expiring)
        for (const auto& [topic, one] : by_topic_)
            if (one.message->expires()) change(topic, true, one.has_row);
    if (all) ++checkpoint_;
    for (auto at = changed_.begin(); at != changed_.end();) {
        const auto next = std::next(at);
        if (all || !at->second.logged) {
            // It may be there still, from before a row of it was written in between.
            Change& to = saving_[at->first];
            to.logged = to.logged && at->second.logged;
            to.has_row = to.has_row || at->second.has_row;
            changed_.erase(at);
        }
        at = next;
    }
}

bool Retained::save(MonoTime now, BootId boot, std::size_t most, const Put& put) {
    std::size_t out = 0;
    while (!saving_.empty()) {
        if (out >= most) return false;
        const auto at = saving_.begin();
        const auto found = by_topic_.find(at->first);
        Bytes row;
        if (found != by_topic_.end())
            row = pack_retained(*found->second.message, found->second.at, boot, now);
        const bool needed = !row.empty() || at->second.has_row;
        if (needed && !put(at->first, row)) return false;
        out += row.size() + at->first.size();
        if (found != by_topic_.end()) found->second.has_row = true;
        saving_.erase(at);
    }
    return true;
}

std::size_t Retained::unsaved() const {
    const auto only_here = [](const auto& one) { return !one.second.logged; };
    return static_cast<std::size_t>(std::count_if(changed_.begin(), changed_.end(), only_here) +
                                    std::count_if(saving_.begin(), saving_.end(), only_here));
}

void Retained::saved(const std::string& topic) {
    changed_.erase(topic);
    if (const auto found = by_topic_.find(topic); found != by_topic_.end())
        found->second.has_row = true;
}

Bytes pack_retained(const Message& message, TakenAt at, BootId boot, MonoTime now) {
    Bytes out;
    Packer to(out);
    to.u8(kForm);
    to.u8(static_cast<std::uint8_t>(message.qos() | (message.expires() ? kExpires | kWriter : 0U)));
    to.varint(at.boot.value);
    to.zigzag(at.time.time_since_epoch().count());
    if (message.expires()) {
        to.varint(boot.value);
        to.zigzag(message.expires()->time_since_epoch().count());
        to.zigzag((*message.expires() - now).count());
    }
    to.text(message.properties());
    to.text(message.payload());
    return out;
}

std::optional<RetainedRow> unpack_retained(std::string_view topic, std::span<const std::byte> row,
                                           BootId boot, MonoTime now) {
    Unpacker from(row);
    if (from.u8() != kForm) return std::nullopt;
    const std::uint8_t flags = from.u8();
    RetainedRow out;
    const std::uint64_t taken_in = from.varint();
    if (topic.empty() || topic.size() > 0xFFFF || flags > (kWriter | kExpires | 2U) ||
        (flags & 3U) > 2 || taken_in > std::numeric_limits<std::uint32_t>::max())
        return std::nullopt;
    out.at.boot.value = static_cast<std::uint32_t>(taken_in);
    const std::chrono::nanoseconds time{from.zigzag()};
    out.at.time = MonoTime{time};
    Message::Parts parts;
    parts.topic = topic;
    parts.qos = flags & 3U;
    parts.retain = true;
    if ((flags & kExpires) != 0) {
        const auto writer = (flags & kWriter) != 0 ? from.varint() : taken_in;
        const std::chrono::nanoseconds expires{from.zigzag()};
        // Time without power does not count.
        const std::chrono::nanoseconds left{from.zigzag()};
        if (!sensible(expires) || !sensible(left)) return std::nullopt;
        out.moved = writer != boot.value;
        parts.expires = out.moved ? now + left : MonoTime{expires};
    }
    parts.properties = from.text();
    parts.payload = from.text();
    if (!from.ok() || !from.empty() || parts.payload.empty() || !sensible(time))
        return std::nullopt;
    out.message = std::make_shared<const Message>(parts);
    return out;
}

}  // namespace fog::mqtt
