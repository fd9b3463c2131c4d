#pragma once

// Test support: a broker on a loop that only turns when told, connections and a ring in memory.

#include <boost/asio/io_context.hpp>
#include <map>
#include <string>
#include <vector>

#include "firmware/core/reading.hpp"
#include "firmware/http/http_rig.hpp"
#include "firmware/mqtt/broker.hpp"
#include "firmware/mqtt/client.hpp"
#include "firmware/mqtt/hex_test.hpp"

namespace fog::mqtt::rig {

using namespace std::chrono_literals;

/// What a broker sees of a connection; shared with the test.
struct Line {
    std::string sent;             // by the broker
    std::size_t room = SIZE_MAX;  // then the kernel is full
    bool reading = true, finished = false, closed = false;
    HeldConnection::Owner* owner = nullptr;
};

class FakeConnection final : public HeldConnection {
public:
    explicit FakeConnection(std::shared_ptr<Line> line) : line_(std::move(line)) {}
    ~FakeConnection() override { line_->closed = true; }
    void own(Owner* owner) override { line_->owner = owner; }
    Written write(std::span<const iovec> parts) override {
        Written done;
        for (const auto& part : parts) {
            const auto count = std::min(line_->room, part.iov_len);
            line_->sent.append(static_cast<const char*>(part.iov_base), count);
            line_->room -= count;
            done.bytes += count;
            if (count < part.iov_len) done.state = State::full;
        }
        return done;
    }
    void read(bool on) override { line_->reading = on; }
    void finish() override { line_->finished = true; }

private:
    std::shared_ptr<Line> line_;
};

class FakeRing final : public IngestRing {
public:
    struct Item {
        std::string source, topic, payload;
        bool retained = false, awaited = false;
        IngestKind kind = IngestKind::message;
        bool owed = false, apart = false;
        std::string properties, mark;
        MonoTime received;
    };
    Push push(const IngestItem& item, std::chrono::milliseconds, IngestWaiter) override {
        return take(item, false);
    }
    Push push_awaited(const IngestItem& item, std::uint64_t& number) override {
        const auto done = take(item, true);
        number = items.size();
        return done;
    }
    bool pop(IngestItem&, std::uint64_t&, bool&, IngestWaiter&,
             std::chrono::milliseconds) override {
        return false;
    }
    void release(std::uint64_t) override {}
    void wake() override {}
    void close() override {}
    RingCounts counts() const override { return {}; }

    std::vector<Item> items;  // the entry's number is its place, from 1
    bool full = false;

private:
    Push take(const IngestItem& item, bool awaited) {
        if (full) return Push::full;
        items.push_back({std::string(item.source), std::string(item.topic),
                         std::string(as_text(item.payload)), item.retained, awaited, item.kind,
                         item.owed, item.apart, std::string(item.properties),
                         std::string(item.mark), item.received});
        return Push::ok;
    }
};

struct FakePace final : CommitPace {
    void hurry(std::uint64_t entry) override { asked.push_back(entry); }
    std::chrono::nanoseconds window() const override { return waits; }
    std::chrono::nanoseconds waits{};
    std::vector<std::uint64_t> asked;
};

struct World {
    explicit World(BrokerOptions options = {}, Limits with = {},
                   std::chrono::nanoseconds ack_wait = std::chrono::milliseconds(20))
        : limits(with) {
        pace.waits = ack_wait;
        broker = std::make_unique<Broker>(
            BrokerParts{loop, ring, pace, clock, limits, metrics, tokens, nullptr,
                        [](std::string_view topic) { return topic.starts_with("free/"); },
                        [](std::string_view topic) { return topic.ends_with("/set"); }},
            options);
        turn();
    }
    ~World() { turn(); }

    void turn() {
        loop.context().restart();
        loop.context().poll();
    }
    void seconds(int count) {
        for (int i = 0; i < count; ++i) {
            clock.advance(1s);
            broker->on_second();
            turn();
        }
    }
    void commit(std::uint64_t entry, std::vector<std::uint64_t> refused = {}) {
        broker->committed({entry, std::move(refused)});
        turn();
    }
    double counter(std::string_view name, std::string_view reason) {
        const auto label =
            reason.empty() ? std::string() : "reason=\"" + std::string(reason) + "\"";
        return static_cast<double>(metrics.counter(name, label).get());
    }

    EventLoop loop;
    FakeRing ring;
    FakePace pace;
    FakeClock clock;
    Limits limits;
    Metrics metrics;
    fog::rig::Tokens tokens;
    std::unique_ptr<Broker> broker;
};

/// One far end, in bytes.
struct Peer {
    explicit Peer(World& in) : world(in), line(std::make_shared<Line>()) {
        world.broker->accept(std::make_unique<FakeConnection>(line), "10.0.0.1");
    }
    /// Bytes as in wire(); what came back since the last call.
    std::string send(std::string_view text) { return send_raw(wire(text)); }
    std::string send_raw(std::string_view bytes) {
        if (!line->closed)
            line->owner->on_input(std::as_bytes(std::span(bytes.data(), bytes.size())));
        return got();
    }
    std::string got() {
        world.turn();
        return std::exchange(line->sent, {});
    }
    /// Network failure.
    void cut() {
        line->owner->on_closed("network");
        world.turn();
    }
    std::string connect_v3(std::string_view id = "abc") {
        return send_raw(connect_packet(Version::v3, id));
    }
    std::string connect_v5(std::string_view id = "abc", std::string_view properties = {}) {
        return send_raw(connect_packet(Version::v5, id, properties));
    }
    /// With token "all" as password.
    static std::string connect_packet(Version version, std::string_view id,
                                      std::string_view properties = {}) {
        const bool v5 = version == Version::v5;
        std::string body = wire("00 04 'MQTT'") + std::string(1, v5 ? 5 : 4) + wire("c2 00 3c");
        if (v5) body += static_cast<char>(properties.size()) + std::string(properties);
        const auto text = [&body](std::string_view one) {
            body += std::string(1, 0) + static_cast<char>(one.size()) + std::string(one);
        };
        text(id), text("u"), text("all");
        return std::string("\x10") + static_cast<char>(body.size()) + body;
    }

    World& world;
    std::shared_ptr<Line> line;
};

}  // namespace fog::mqtt::rig
