#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "firmware/mqtt/session_rig.hpp"

using namespace fog;
using namespace fog::mqtt;
using namespace fog::mqtt::rig;

namespace {

/// A v3 client with QoS 0 will 'bye' on w/t.
std::string with_will(std::string_view id, std::string_view token = "all") {
    std::string body = wire("00 04 'MQTT' 04 c6 00 3c");
    for (const std::string_view one :
         {id, std::string_view("w/t"), std::string_view("bye"), std::string_view("u"), token})
        body += std::string(1, 0) + static_cast<char>(one.size()) + std::string(one);
    return std::string("\x10") + static_cast<char>(body.size()) + body;
}
const std::string kBye = wire("30 08 00 03 'w/t' 'bye'");

/// Hears wills.
struct Watch : Peer {
    explicit Watch(Lasting& on) : Peer(on.world) {
        connect_v3("watch");
        send("82 08 00 01 00 03 'w/t' 00");
    }
};

}  // namespace

TEST_CASE("will, restart: waits a minute for its client, then it is published once") {
    Lasting on;
    Peer dev(on.world);
    dev.send_raw(with_will("d"));
    on.process();
    CHECK(rows(on, kWillKey) == 1);
    on.restart();
    Watch watch(on);
    on.world.seconds(59);
    CHECK(watch.got().empty());
    on.world.seconds(2);
    CHECK(watch.got() == kBye);
    on.process();
    CHECK(rows(on, kWillKey) == 0);
    on.restart();
    Watch after(on);
    on.world.seconds(61);
    CHECK(after.got().empty());
}

TEST_CASE("will, restart: its client's return cancels it, somebody else's does not") {
    Lasting on;
    Peer one(on.world), two(on.world);
    one.send_raw(with_will("one"));
    two.send_raw(with_will("two"));
    on.process();
    on.restart();
    Watch watch(on);
    Peer back(on.world), other(on.world);
    back.connect_v3("one");
    CHECK(watch.got().empty());
    CHECK(other.send_raw(with_will("two", "nothing")) == wire("20 02 00 00"));
    CHECK(watch.got() == kBye);  // that client is gone for good
    on.process();
    CHECK(rows(on, kWillKey) == 1);  // the other one's
    on.world.seconds(61);
    CHECK(watch.got().empty());
    other.cut();
    CHECK(watch.got() == kBye);
    on.process();
    CHECK(rows(on, kWillKey) == 0);
}

TEST_CASE("will, restart: none after DISCONNECT, none by the stop itself, a long delay counts") {
    Lasting on;
    Peer gone(on.world), there(on.world), slow(on.world), watch(on.world);
    gone.send_raw(with_will("gone"));
    gone.send("e0 00");
    there.send_raw(with_will("there"));
    // Session expiry 600, will delay 120.
    slow.send(
        "10 2b 00 04 'MQTT' 05 c4 00 3c 05 11 00 00 02 58 00 01 's' 05 18 00 00 00 78"
        " 00 03 'w/t' 00 03 'bye' 00 01 'u' 00 03 'all'");
    watch.connect_v3("watch");
    watch.send("82 08 00 01 00 03 'w/t' 00");
    on.world.broker->quiesce();
    there.cut();
    on.world.broker->close_all();
    on.world.turn();
    CHECK(watch.got().empty());
    on.process();
    CHECK(rows(on, kWillKey) == 2);
    on.restart();
    Watch later(on);
    on.world.seconds(61);
    CHECK(later.got() == kBye);
    CHECK(later.send("c0 00") == wire("d0 00"));
    on.world.seconds(58);
    CHECK(later.got().empty());
    on.world.seconds(3);
    CHECK(later.got() == kBye);
}

TEST_CASE("will, restart: what is stored of them is bounded, and told") {
    Limits limits;
    limits.mqtt_retained_bytes = 30;  // wills have as much
    Lasting on(limits);
    Peer one(on.world), two(on.world);
    one.send_raw(with_will("one"));
    two.send_raw(with_will("two"));
    CHECK(on.world.counter("fogline_mqtt_refused_total", "will-not-stored") == 1);
    one.send("e0 00");
    Peer three(on.world);
    three.send_raw(with_will("three"));
    CHECK(on.world.counter("fogline_mqtt_refused_total", "will-not-stored") == 1);
    on.kept["mqtt.will/x"] = Bytes{std::byte{1}};
    on.restart();
    CHECK(on.world.counter("fogline_mqtt_refused_total", "will-row") == 1);
}

TEST_CASE("will: where the ring is full it is published when there is room, once") {
    Lasting on;
    Peer kept(on.world);
    kept.send_raw(with_will("kept"));
    on.restart();
    Watch watch(on);
    Peer dev(on.world), slow(on.world);
    dev.send_raw(with_will("dev"));
    // Session expiry 600, will delay 50.
    slow.send(
        "10 2b 00 04 'MQTT' 05 c4 00 3c 05 11 00 00 02 58 00 01 's' 05 18 00 00 00 32"
        " 00 03 'w/t' 00 03 'bye' 00 01 'u' 00 03 'all'");
    CHECK(rows(on, kWillKey) == 1);
    on.process();
    CHECK(rows(on, kWillKey) == 3);
    on.world.ring.full = true;
    dev.cut();
    slow.cut();
    on.world.seconds(61);
    CHECK(watch.got().empty());
    on.process();
    CHECK(rows(on, kWillKey) == 3);
    on.world.ring.full = false;
    on.world.seconds(1);
    CHECK(watch.got() == kBye + kBye + kBye);
    on.process();
    CHECK(rows(on, kWillKey) == 0);
    on.world.seconds(61);
    CHECK(watch.got().empty());
    CHECK(on.world.counter("fogline_mqtt_refused_total", "will-not-ingested") == 0);
}

TEST_CASE("will: a client that never got its CONNACK has none") {
    Lasting on;
    Watch watch(on);
    std::vector<std::unique_ptr<Peer>> fighters;
    for (int i = 0; i < 6; ++i) {
        fighters.push_back(std::make_unique<Peer>(on.world));
        CHECK_FALSE(fighters.back()->send_raw(with_will("d")).empty());
    }
    CHECK(watch.got() == kBye + kBye + kBye + kBye + kBye);
    Peer held(on.world);
    CHECK(held.send_raw(with_will("d")).empty());
    CHECK(watch.got() == kBye);
    on.process();
    CHECK(rows(on, kWillKey) == 0);
    held.cut();
    CHECK(watch.got().empty());
    Peer later(on.world);
    later.send_raw(with_will("d"));
    on.world.seconds(6);
    on.process();
    CHECK(rows(on, kWillKey) == 1);
    later.cut();
    CHECK(watch.got() == kBye);
}

TEST_CASE("will: one that found the ring full at CONNECT is stored when there is room") {
    Lasting on;
    Peer dev(on.world);
    on.world.ring.full = true;
    CHECK(dev.send_raw(with_will("dev")) == wire("20 02 00 00"));
    on.world.ring.full = false;
    on.world.seconds(1);
    on.process();
    CHECK(rows(on, kWillKey) == 1);
    CHECK(on.world.counter("fogline_mqtt_refused_total", "will-not-stored") == 0);
}

TEST_CASE("will: a retained one the ring had no room for is written with the next rows") {
    Lasting on;
    Peer dev(on.world);
    auto packet = with_will("dev");
    packet[9] = '\xee';  // QoS 1, retained
    dev.send_raw(packet);
    on.restart();
    Peer other(on.world);
    on.world.ring.full = true;
    other.send_raw(with_will("dev", "nothing"));
    CHECK(on.world.counter("fogline_mqtt_refused_total", "will-not-ingested") == 1);
    CHECK(on.world.broker->retained().unsaved() == 1);
    on.world.ring.full = false;
    on.world.seconds(61);
    on.process();
    CHECK(rows(on, kRetainedKey) == 1);
}

TEST_CASE("will, restart: its row goes with it, and no delay is longer than the session's") {
    Lasting on;
    Peer slow(on.world);
    // Session expiry 10, will delay 120.
    slow.send(
        "10 2b 00 04 'MQTT' 05 c4 00 3c 05 11 00 00 00 0a 00 01 's' 05 18 00 00 00 78"
        " 00 03 'w/t' 00 03 'bye' 00 01 'u' 00 03 'all'");
    on.restart();
    Watch watch(on);
    on.world.seconds(60);
    CHECK(watch.got() == kBye);
    on.process();
    CHECK(rows(on, kWillKey) == 0);
}

TEST_CASE("will row: comes back, anything else is refused") {
    StoredWill will;
    will.topic = "w/t";
    will.payload = "bye";
    will.qos = 1;
    will.retain = true;
    will.delay = 7;
    will.expiry = 9;
    const auto row = pack_will(will, "me", 4);
    KeptWill read;
    REQUIRE(unpack_will(row, read));
    CHECK(read.identity == "me");
    CHECK(read.credential == 4);
    CHECK(read.will.topic == "w/t");
    CHECK(read.will.payload == "bye");
    CHECK(read.will.qos == 1);
    CHECK(read.will.retain);
    CHECK(read.will.delay == 7);
    CHECK(read.will.expiry == 9);
    for (std::size_t cut = 0; cut < row.size(); ++cut) {
        KeptWill none;
        CHECK_FALSE(unpack_will(std::span(row).first(cut), none));
    }
}
