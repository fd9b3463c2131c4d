#include "firmware/mqtt/websocket.hpp"

#include <doctest/doctest.h>

#include "firmware/mqtt/broker_rig.hpp"

using namespace fog;
using namespace fog::mqtt;
using namespace fog::mqtt::rig;

namespace {

/// A frame as a client sends it, short payloads only.
std::string masked(unsigned first, std::string_view payload) {
    REQUIRE(payload.size() < 126);
    std::string out(1, static_cast<char>(first));
    out += static_cast<char>(0x80U | payload.size());
    const std::string_view mask = "\x11\x22\x33\x44";
    out += mask;
    for (std::size_t i = 0; i < payload.size(); ++i)
        out += static_cast<char>(payload[i] ^ mask[i % 4]);
    return out;
}

constexpr unsigned kBinary = 0x82;

/// A broker's client behind a WebSocket; bytes of frames in and out.
struct Far {
    explicit Far(World& in) : world(in), line(std::make_shared<Line>()) {
        world.broker->accept(
            std::make_unique<WebSocketConnection>(std::make_unique<FakeConnection>(line)),
            "10.0.0.1", Transport::websocket);
    }
    std::string send(const std::string& bytes) {
        if (!line->closed) line->owner->on_input(std::as_bytes(std::span(bytes)));
        return got();
    }
    std::string got() {
        world.turn();
        return std::exchange(line->sent, {});
    }
    World& world;
    std::shared_ptr<Line> line;
};

const std::string kPing = wire("c0 00");
const std::string kPong = wire("82 02 d0 00");

}  // namespace

TEST_CASE("mqtt over websocket: packets span frames and share them, an answer is one frame") {
    World world;
    const auto connect = Peer::connect_packet(Version::v3, "abc");
    const std::string connack = wire("82 04 20 02 00 00");
    for (std::size_t cut = 0; cut <= connect.size(); ++cut) {
        World fresh;  // one client after another with the same id would be slowed down
        Far far(fresh);
        const auto first = far.send(masked(kBinary, connect.substr(0, cut)));
        const auto second = far.send(masked(kBinary, connect.substr(cut) + kPing + kPing));
        CHECK(first + second == (cut < connect.size() ? wire("82 08 20 02 00 00 d0 00 d0 00")
                                                      : connack + wire("82 04 d0 00 d0 00")));
    }
    // A fragmented message, one byte at a time, a ping of WebSocket in between.
    Far far(world);
    const auto bytes =
        masked(0x02, connect.substr(0, 7)) + masked(0x89, "hi") + masked(0x80, connect.substr(7));
    std::string all;
    for (const char c : bytes) all += far.send(std::string(1, c));
    CHECK(all == wire("8a 02 'hi'") + connack);
    CHECK(world.metrics.gauge("fogline_mqtt_clients", "version=\"3.1.1\",transport=\"websocket\"")
              .get() == 1);
}

TEST_CASE("mqtt over websocket: a full kernel cuts frames anywhere, none is torn or repeated") {
    for (std::size_t step = 1; step < 9; ++step) {
        World world;
        Far far(world);
        far.send(masked(kBinary, Peer::connect_packet(Version::v3, "abc")));
        far.line->room = 0;
        far.send(masked(kBinary, kPing));
        far.send(masked(kBinary, kPing));
        far.send(masked(0x89, "old") + masked(0x89, "new"));
        std::string all = far.got();
        for (int i = 0; i < 40; ++i) {
            far.line->room = step;
            far.line->owner->on_writable();
            all += far.got();
        }
        CAPTURE(step);
        // Each frame is whole: what was announced is what came.
        std::string payload;
        bool pong = false;
        while (!all.empty()) {
            const auto size = static_cast<std::size_t>(static_cast<unsigned char>(all[1]));
            REQUIRE(all.size() >= 2 + size);
            const auto body = all.substr(2, size);
            if (all[0] == '\x8a') {
                CHECK(body == "new");
                pong = true;
            } else {
                CHECK(all[0] == '\x82');
                payload += body;
            }
            all.erase(0, 2 + size);
        }
        CHECK(pong);
        CHECK(payload == wire("d0 00 d0 00"));
    }
}

TEST_CASE("mqtt over websocket: text and broken frames end it with their code") {
    World world;
    const auto connect = masked(kBinary, Peer::connect_packet(Version::v3, "abc"));
    Far text(world);
    text.send(connect);
    const auto answer = text.send(masked(0x81, "hello"));
    CHECK(answer.substr(0, 1) == wire("88"));
    CHECK(answer.find(wire("03 eb")) == 2);
    CHECK(text.line->closed);
    CHECK(world.counter("fogline_mqtt_closed_total", "ws-text-frame") == 1);
    Far bare(world);
    bare.send(connect);
    CHECK(bare.send(wire("82 02 c0 00")).find(wire("03 ea")) == 2);  // not masked
    CHECK(bare.line->closed);
    CHECK(world.counter("fogline_mqtt_closed_total", "ws-frame") == 1);
    Far polite(world);
    polite.send(connect);
    CHECK(polite.send(masked(0x88, wire("03 e8"))) == wire("88 02 03 e8"));
    CHECK(polite.line->closed);
}

TEST_CASE("mqtt over websocket: DISCONNECT of ours is a frame, then the WebSocket is closed") {
    World world;
    Far far(world);
    far.send(masked(kBinary, Peer::connect_packet(Version::v5, "abc")));
    world.broker->close_all();
    const auto last = far.got();
    CHECK(last.substr(0, 1) == "\x82");
    CHECK(last.ends_with(wire("88 02 03 e8")));
    CHECK(far.line->finished);
}

TEST_CASE("mqtt over websocket: a Close that does not fit follows, a ping does not replace it") {
    struct Nobody : HeldConnection::Owner {
        void on_writable() override {}
        void on_input(std::span<const std::byte>) override {}
        void on_closed(std::string_view) override {}
    };
    for (const std::size_t room : {0U, 1U, 3U}) {
        CAPTURE(room);
        const auto line = std::make_shared<Line>();
        Nobody owner;
        WebSocketConnection socket(std::make_unique<FakeConnection>(line));
        socket.own(&owner);
        if (room == 0) {  // the Close waits behind a pong that does not fit
            line->room = 1;
            const auto first = masked(0x89, "a");
            line->owner->on_input(std::as_bytes(std::span(first)));
        }
        line->room = room;
        socket.finish();
        CHECK(!line->finished);
        const auto ping = masked(0x89, "hi");
        line->owner->on_input(std::as_bytes(std::span(ping)));
        CHECK(!line->finished);
        line->room = SIZE_MAX;
        line->owner->on_writable();
        CHECK(line->sent == (room == 0 ? wire("8a 01 'a'") : "") + wire("88 02 03 e8"));
        CHECK(line->finished);
    }
}

TEST_CASE("mqtt: who comes with a certificate is the device of its name") {
    struct Proven : HeldConnection {
        Proven(std::shared_ptr<Line> line, std::string name)
            : below(std::move(line)), name(std::move(name)) {}
        void own(Owner* owner) override { below.own(owner); }
        Written write(std::span<const iovec> parts) override { return below.write(parts); }
        void read(bool on) override { below.read(on); }
        void finish() override { below.finish(); }
        std::optional<std::string> certificate_name() const override { return name; }
        FakeConnection below;
        std::string name;
    };
    World world;
    bool known = true;
    BrokerParts parts = world.broker->parts();
    parts.knows_device = [&known](std::string_view name) { return known && name == "press-4"; };
    world.broker = std::make_unique<Broker>(parts, BrokerOptions{});
    const auto connect = [&world](std::string name, std::string_view packet) {
        auto line = std::make_shared<Line>();
        world.broker->accept(std::make_unique<Proven>(line, std::move(name)), "10.0.0.1",
                             Transport::tls);
        const auto bytes = wire(packet);
        line->owner->on_input(std::as_bytes(std::span(bytes)));
        world.turn();
        return line;
    };
    constexpr std::string_view kNoUser = "10 0d 00 04 'MQTT' 04 02 00 3c 00 01 'a'";
    constexpr std::string_view kItsName =
        "10 16 00 04 'MQTT' 04 82 00 3c 00 01 'b' 00 07 'press-4'";
    constexpr std::string_view kOtherName =
        "10 16 00 04 'MQTT' 04 82 00 3c 00 01 'c' 00 07 'press-5'";
    const auto one = connect("press-4", kNoUser);
    CHECK(std::exchange(one->sent, {}) == wire("20 02 00 00"));
    CHECK(connect("press-4", kItsName)->sent == wire("20 02 00 00"));
    CHECK(connect("press-4", kOtherName)->sent == wire("20 02 00 05"));
    CHECK(connect("press-5", kNoUser)->sent == wire("20 02 00 05"));
    for (const char* odd : {"", "a b", "a/b", "a+", "\xc3\xa4"})
        CHECK(connect(odd, kNoUser)->sent == wire("20 02 00 05"));
    CHECK(connect(std::string(65, 'a'), kNoUser)->sent == wire("20 02 00 05"));
    CHECK(world.counter("fogline_mqtt_refused_total", "certificate-user") == 1);
    CHECK(world.counter("fogline_mqtt_refused_total", "certificate-unknown") == 1);
    CHECK(world.counter("fogline_mqtt_refused_total", "certificate-name") == 6);
    // It may subscribe everything and publish what devices publish.
    const auto packet = wire("82 06 00 01 00 01 '#' 01");
    one->owner->on_input(std::as_bytes(std::span(packet)));
    world.turn();
    CHECK(std::exchange(one->sent, {}) == wire("90 03 00 01 01"));
    known = false;
    world.seconds(1);
    CHECK(world.counter("fogline_mqtt_closed_total", "certificate-unknown") == 2);
    CHECK(one->finished);
}

TEST_CASE("mqtt: a TLS handshake has ten seconds and is counted when it does not end") {
    struct Shaking : HeldConnection {
        explicit Shaking(std::shared_ptr<Line> line) : below(std::move(line)) {}
        void own(Owner* owner) override { below.own(owner); }
        Written write(std::span<const iovec> parts) override { return below.write(parts); }
        void read(bool on) override { below.read(on); }
        void finish() override { below.finish(); }
        bool shaking_hands() const override { return true; }
        FakeConnection below;
    };
    World world;
    const auto line = std::make_shared<Line>();
    world.broker->accept(std::make_unique<Shaking>(line), "10.0.0.1", Transport::tls);
    world.seconds(9);
    CHECK(!line->closed);
    world.seconds(3);
    CHECK(line->closed);
    CHECK(world.counter("fogline_mqtt_tls_failures_total", "timeout") == 1);
    const auto other = std::make_shared<Line>();
    world.broker->accept(std::make_unique<Shaking>(other), "10.0.0.1", Transport::tls);
    other->owner->on_closed("tls-certificate-missing");
    world.turn();
    CHECK(world.counter("fogline_mqtt_tls_failures_total", "certificate-missing") == 1);
}
