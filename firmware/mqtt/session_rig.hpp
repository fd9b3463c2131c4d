#pragma once

// Test support: the broker's rig with a hub and a log behind it, and ends that keep a session.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/text.hpp"
#include "firmware/mqtt/broker_rig.hpp"
#include "firmware/push/push_rig.hpp"

namespace fog::mqtt::rig {

/// A world with a hub and a log behind the broker: what the pipeline does to an owed publish is
/// done by process().
struct Lasting {
    explicit Lasting(Limits limits = {}) : world({}, limits) { restart(true); }
    ~Lasting() {
        world.broker->close_all();
        world.broker.reset();
    }

    /// The broker ends without a word and another one takes over what is kept.
    void restart(bool first = false) {
        if (!first) {
            process();
            world.broker.reset();
            hub.reset();
        }
        world.turn();
        hub = std::make_unique<Hub>(HubParts{world.loop,
                                             world.limits,
                                             world.clock,
                                             world.metrics,
                                             world.tokens,
                                             {"gw", &points, &boots},
                                             &log,
                                             [](std::function<void()>) { return false; }});
        hub->reset({fog::rig::kEpoch, Seq{seq}});
        BrokerParts parts{world.loop,
                          world.ring,
                          world.pace,
                          world.clock,
                          world.limits,
                          world.metrics,
                          world.tokens,
                          hub.get(),
                          [](std::string_view topic) { return topic.starts_with("free/"); },
                          [](std::string_view topic) { return topic.ends_with("/set"); }};
        parts.log = &log;
        parts.run_on_api = [this](const std::function<void()>& job) {
            if (busy) return false;
            ++pages;
            job();
            return true;
        };
        parts.boot = boot;
        parts.tell = [this](const std::string& members) { told.push_back(members); };
        world.broker = std::make_unique<Broker>(parts, BrokerOptions{});
        std::vector<SavedRow> rows;
        for (const auto& [key, value] : kept) rows.push_back({key, value});
        world.broker->open(std::move(rows), 0, {});
        world.turn();
    }
    /// Everything in the ring becomes records and rows, is pushed, logged and committed.
    void process() {
        for (; done < world.ring.items.size(); ++done) {
            const auto item = world.ring.items[done];
            if (item.kind == IngestKind::state) {
                if (item.payload.empty())
                    kept.erase(item.topic);
                else
                    kept[item.topic] =
                        Bytes(as_bytes(item.payload).begin(), as_bytes(item.payload).end());
                continue;
            }
            if (!item.mark.empty()) kept[item.mark] = Bytes{std::byte{1}};
            if (item.owed) publish(item);
        }
        world.commit(done);
    }
    void publish(const FakeRing::Item& item) {
        Event event;
        event.kind = EventKind::raw;
        event.channel = "mqtt/" + item.topic;
        event.boot = boot;
        event.received = item.received;
        event.members = "\"topic\":\"" + item.topic + "\",\"payload\":\"" + item.payload +
                        "\",\"owed\":true,\"client\":\"" + item.source.substr(7) + "\"";
        if (item.retained) event.members += ",\"retain\":true";
        if (!item.properties.empty()) {
            event.members += ",\"props64\":\"";
            append_base64(event.members, item.properties);
            event.members += '"';
        }
        record({Seq{++seq}, Lane::bulk, 0, event});
    }
    void record(const Record& one) {
        log.append(one);
        hub->publish(std::make_shared<const std::vector<Record>>(1, one));
        world.turn();
    }
    /// One more record; with a short memory all before it are in the log only.
    void flood() {
        Event event;
        event.channel = "system/x";
        record({Seq{++seq}, Lane::bulk, 0, event});
    }

    /// Rows of the state table but the one that is always there.
    std::size_t rows() const { return kept.size() - kept.count(std::string(kRetainedFrom)); }

    World world;
    PointDirectory points;
    BootTable boots;
    fog::rig::MemoryLog log;
    std::unique_ptr<Hub> hub;
    std::map<std::string, Bytes> kept;
    std::vector<std::string> told;
    BootId boot{1};  // from the next restart() on
    std::uint64_t seq = 100;
    std::size_t done = 0, pages = 0;
    bool busy = false;  // nothing reads the log
};

inline Limits short_memory() {
    Limits limits;
    limits.push_ring_bytes = 1;
    return limits;
}

inline const std::string kExpiry = wire("11 00 00 0e 10");  // an hour

inline std::string connect_v5(Peer& peer, std::string_view id, bool clean = false) {
    auto packet = Peer::connect_packet(Version::v5, id, kExpiry);
    if (!clean) packet[9] = '\xc0';
    return peer.send_raw(packet);
}
inline std::string connect_v3(Peer& peer, std::string_view id) {
    auto packet = Peer::connect_packet(Version::v3, id);
    packet[9] = '\xc0';
    return peer.send_raw(packet);
}
inline std::string five(std::string_view payload) {
    return wire("32") + static_cast<char>(8 + payload.size()) + wire("00 03 'a/b' 00 07 00") +
           std::string(payload);
}
/// A PUBLISH to v5 with QoS 1 on a/b.
inline std::string heard(char first, std::uint16_t id, std::string_view payload) {
    return std::string(1, first) + static_cast<char>(8 + payload.size()) + wire("00 03 'a/b'") +
           std::string{'\0', static_cast<char>(id), '\0'} + std::string(payload);
}
/// State rows under a prefix that would be found by the next start.
inline std::size_t rows(const Lasting& on, std::string_view prefix) {
    std::size_t out = 0;
    for (const auto& [key, value] : on.kept) out += key.starts_with(prefix) ? 1 : 0;
    return out;
}

}  // namespace fog::mqtt::rig
