#include <doctest/doctest.h>

#include "firmware/mqtt/retained.hpp"
#include "firmware/mqtt/session_rig.hpp"

using namespace fog;
using namespace fog::mqtt;
using namespace fog::mqtt::rig;

namespace {

/// What a new v3 subscriber of a/# is sent at once.
std::string retained(Lasting& on, std::string_view id = "look") {
    Peer peer(on.world);
    peer.connect_v3(id);
    const auto got = peer.send("82 08 00 01 00 03 'a/#' 01");
    peer.send("e0 00");
    on.world.turn();
    return got.substr(std::min<std::size_t>(got.size(), 5));
}

std::size_t rows(const Lasting& on, std::string_view prefix) {
    std::size_t out = 0;
    for (const auto& [key, value] : on.kept) out += key.starts_with(prefix) ? 1 : 0;
    return out;
}

}  // namespace

TEST_CASE("retained, restart: QoS 1 is there as it was acknowledged, also deletions") {
    Lasting on;
    Peer pub(on.world);
    pub.connect_v5("p");
    CHECK(pub.send("33 0a 00 03 'a/b' 00 01 00 'xy'").empty());
    on.process();
    CHECK(pub.got() == wire("40 02 00 01"));
    pub.send("33 0a 00 03 'a/c' 00 02 00 'zz'");
    pub.send("33 0b 00 03 'a/b' 00 03 00 'new'");
    on.process();
    CHECK(rows(on, kRetainedKey) == 0);  // an append to the log, no row each
    on.restart();
    CHECK(retained(on) == wire("33 0a 00 03 'a/b' 00 01 'new' 33 09 00 03 'a/c' 00 02 'zz'"));
    Peer again(on.world);
    again.connect_v5("p");
    again.send("33 08 00 03 'a/b' 00 04 00");
    on.process();
    on.restart();
    CHECK(retained(on) == wire("33 09 00 03 'a/c' 00 01 'zz'"));
}

TEST_CASE("retained, restart: QoS 0 is there as it was at most retained_every ago") {
    Lasting on;
    Peer pub(on.world);
    pub.connect_v3("p");
    pub.send("31 07 00 03 'a/b' 'v1'");
    pub.send("31 07 00 03 'a/c' 'v1'");
    on.world.seconds(61);
    on.process();
    CHECK(rows(on, kRetainedKey) == 2);
    pub.send("31 05 00 03 'a/c'");
    pub.send("31 07 00 03 'a/b' 'v2'");
    on.world.seconds(30);
    on.process();
    on.restart();
    CHECK(retained(on) == wire("31 07 00 03 'a/b' 'v1' 31 07 00 03 'a/c' 'v1'"));
    Peer more(on.world);
    more.connect_v3("p");
    more.send("31 05 00 03 'a/c'");
    more.send("31 07 00 03 'a/b' 'v3'");
    on.world.seconds(61);
    on.process();
    on.restart();
    CHECK(rows(on, kRetainedKey) == 1);
    CHECK(retained(on) == wire("31 07 00 03 'a/b' 'v3'"));
    // The same value again is no reason to write.
    Peer same(on.world);
    same.connect_v3("p");
    const auto before = on.world.ring.items.size();
    same.send("31 07 00 03 'a/b' 'v3'");
    on.world.seconds(61);
    CHECK(on.world.ring.items.size() == before + 1);
}

TEST_CASE("retained, restart: what went without a record does not come back with an older one") {
    Limits limits;
    limits.mqtt_logged_properties = 4;
    Lasting on(limits);
    Peer pub(on.world);
    pub.connect_v5("p");
    pub.send("33 09 00 03 'a/b' 00 01 00 'x'");
    pub.send("33 09 00 03 'a/c' 00 02 00 'y'");
    pub.send("33 09 00 03 'a/d' 00 03 00 'z'");
    on.process();
    SUBCASE("a deletion with QoS 0, and one with QoS 0 that expires") {
        pub.send("31 06 00 03 'a/b' 00");
        pub.send("31 0c 00 03 'a/c' 05 02 00 00 00 05 'w'");
        on.world.seconds(60);  // what the ring has is waited for
        on.process();
        on.world.seconds(1);
        on.process();
        on.restart();
        CHECK(retained(on) == wire("33 08 00 03 'a/d' 00 01 'z'"));
        // The record is older than the row, and still there after the next start.
        Peer again(on.world);
        again.connect_v5("p");
        again.send("31 07 00 03 'a/d' 00 'v'");
        on.world.seconds(61);
        on.process();
        on.restart();
        CHECK(retained(on) == wire("31 06 00 03 'a/d' 'v'"));
        Peer last(on.world);
        last.connect_v5("p");
        last.send("31 06 00 03 'a/d' 00");
        on.world.seconds(60);
        on.process();
        on.world.seconds(1);
        on.restart();
        CHECK(retained(on).empty());
    }
    SUBCASE("a deletion with QoS 1 and more properties than the log takes") {
        pub.got();
        pub.send("33 0f 00 03 'a/b' 00 04 07 26 00 01 'a' 00 01 'b'");
        on.process();
        CHECK(pub.got() == wire("40 02 00 04"));
        on.restart();
        CHECK(retained(on) == wire("33 08 00 03 'a/c' 00 01 'y' 33 08 00 03 'a/d' 00 02 'z'"));
    }
}

TEST_CASE("retained, restart: the later of row and record holds, whichever it is") {
    Lasting on;
    Peer pub(on.world);
    pub.connect_v3("p");
    pub.send("33 09 00 03 'a/b' 00 01 'v1'");
    pub.send("31 07 00 03 'a/b' 'v2'");  // row
    on.world.seconds(61);
    pub.send("33 09 00 03 'a/c' 00 02 'w1'");  // record after the rows
    on.process();
    on.restart();
    CHECK(retained(on) == wire("31 07 00 03 'a/b' 'v2' 33 09 00 03 'a/c' 00 01 'w1'"));
    // After ten minutes everything has a row, and older records are not looked at.
    on.world.seconds(700);
    on.process();
    CHECK(rows(on, kRetainedKey) == 2);
    on.log.evict(Seq{on.seq});
    on.restart();
    CHECK(retained(on) == wire("31 07 00 03 'a/b' 'v2' 33 09 00 03 'a/c' 00 01 'w1'"));
    CHECK(on.world.counter("fogline_mqtt_refused_total", "retained-log") == 0);
}

TEST_CASE("retained, restart: what left the log is told, what came after it is there") {
    Lasting on;
    Peer pub(on.world);
    pub.connect_v3("p");
    pub.send("33 09 00 03 'a/b' 00 01 'v1'");
    on.process();
    on.log.evict(Seq{on.seq});
    pub.send("33 09 00 03 'a/c' 00 02 'w1'");
    on.process();
    on.restart();
    CHECK(retained(on) == wire("33 09 00 03 'a/c' 00 01 'w1'"));
    CHECK(on.world.counter("fogline_mqtt_refused_total", "retained-log") == 1);
}

TEST_CASE("retained, restart: a clean stop writes all of them") {
    Lasting on;
    Peer pub(on.world);
    pub.connect_v3("p");
    pub.send("31 07 00 03 'a/b' 'v1'");
    on.world.broker->quiesce();
    on.process();
    CHECK(on.world.broker->save_retained());
    on.restart();
    CHECK(retained(on) == wire("31 07 00 03 'a/b' 'v1'"));
}

TEST_CASE("retained, restart: what no record can hold is a row before it is acknowledged") {
    Limits limits;
    limits.payload_bytes = 4;
    Lasting on(limits);
    Peer pub(on.world);
    pub.connect_v3("p");
    pub.send("33 0d 00 06 'free/x' 00 07 'abc'");
    CHECK(on.world.ring.items.back().kind == IngestKind::message);
    pub.send("33 0f 00 06 'free/x' 00 08 'large'");
    CHECK(on.world.ring.items.back().kind == IngestKind::state);
    CHECK(on.world.ring.items.back().awaited);
    CHECK(pub.got().empty());
    on.process();
    CHECK(pub.got() == wire("40 02 00 07 40 02 00 08"));
    on.restart();
    Peer look(on.world);
    look.connect_v3("look");
    CHECK(look.send("82 0b 00 01 00 06 'free/x' 00") ==
          wire("90 03 00 01 00 31 0d 00 06 'free/x' 'large'"));
    // What does not fit the ring is not kept at all.
    on.world.limits.ring_bytes = 4096;
    Peer five(on.world);
    five.connect_v5("q");
    CHECK(five.send("33 10 00 06 'free/x' 00 09 00 'small'") == wire("40 03 00 09 97"));
}

TEST_CASE("retained, restart: a row with QoS 2 makes no record, its id is kept") {
    Limits limits;
    limits.payload_bytes = 4;
    Lasting on(limits);
    Peer pub(on.world);
    connect_v3(pub, "p");
    CHECK(pub.send("35 0f 00 06 'free/x' 00 08 'large'").empty());
    for (const auto& item : on.world.ring.items) CHECK(item.kind == IngestKind::state);
    on.process();
    CHECK(pub.got() == wire("50 02 00 08"));
    CHECK(on.kept.count("mqtt.qos2/8/p") == 1);
    on.restart();
    Peer back(on.world);
    connect_v3(back, "p");
    CHECK(back.send("3d 0f 00 06 'free/x' 00 08 'large'") == wire("50 02 00 08"));
    CHECK(back.send("62 02 00 08").empty());
    on.process();
    CHECK(on.kept.count("mqtt.qos2/8/p") == 0);
}

TEST_CASE("retained, restart: expiry goes on, and what is full stays full") {
    Limits limits;
    limits.mqtt_retained = 2;
    Lasting on(limits);
    Peer pub(on.world);
    pub.connect_v5("p");
    pub.send("33 0e 00 03 'a/b' 00 01 05 02 00 00 00 05 'x'");  // 5 s
    pub.send("31 0c 00 03 'a/c' 05 02 00 00 00 64 'y'");        // 100 s
    CHECK(pub.send("33 09 00 03 'a/d' 00 02 00 'z'") == "");
    on.process();
    CHECK(pub.got() == wire("40 02 00 01 40 03 00 02 97"));
    on.world.seconds(61);
    on.process();
    on.restart();
    Peer look(on.world);
    look.connect_v5("look");
    CHECK(look.send("82 09 00 01 00 00 03 'a/#' 00") ==
          wire("90 04 00 01 00 00 31 0c 00 03 'a/c' 05 02 00 00 00 27 'y'"));
    on.world.seconds(40);
    CHECK(retained(on).empty());
}

TEST_CASE("retained, restart: expiry goes on from boot to boot") {
    Lasting on;
    Peer pub(on.world);
    pub.connect_v5("p");
    pub.send("31 0c 00 03 'a/b' 05 02 00 00 00 c8 'x'");        // 200 s
    pub.send("33 0e 00 03 'a/c' 00 01 05 02 00 00 01 2c 'y'");  // 300 s, in the log
    on.world.seconds(61);
    on.process();
    on.boot = BootId{2};
    on.restart();  // 139 or 140 s are left of the one; the other begins again
    on.world.seconds(62);
    on.process();
    on.boot = BootId{3};
    on.restart();  // 79, and 239
    on.world.seconds(81);
    CHECK(retained(on) == wire("33 08 00 03 'a/c' 00 01 'y'"));
    on.process();
    on.restart();  // the same boot
    on.world.seconds(100);
    // A stop is exact.
    on.world.broker->quiesce();
    on.process();
    CHECK(on.world.broker->save_retained());
    on.boot = BootId{4};
    on.restart();
    on.world.seconds(50);
    CHECK_FALSE(retained(on).empty());
    on.world.seconds(15);
    CHECK(retained(on).empty());
}

TEST_CASE("retained, restart: at the limit everything acknowledged is there, and stays") {
    Limits limits;
    limits.mqtt_retained = 2;
    Lasting on(limits);
    Peer pub(on.world);
    pub.connect_v3("p");
    pub.send("31 07 00 03 'a/b' 'v1'");
    pub.send("31 07 00 03 'a/c' 'v1'");
    on.world.seconds(61);
    on.process();
    pub.send("31 05 00 03 'a/b'");  // its row is still there
    pub.send("33 09 00 03 'a/d' 00 01 'v1'");
    on.process();
    CHECK(pub.got() == wire("40 02 00 01"));
    on.restart();
    CHECK(retained(on) ==
          wire("31 07 00 03 'a/b' 'v1' 31 07 00 03 'a/c' 'v1' 33 09 00 03 'a/d' 00 01 'v1'"));
    on.world.seconds(700);
    on.process();
    on.world.limits.mqtt_retained = 1;
    on.restart();
    on.world.seconds(61);
    on.process();
    CHECK(rows(on, kRetainedKey) == 3);
    CHECK(on.world.counter("fogline_mqtt_refused_total", "retained-row") == 0);
}

TEST_CASE("retained, restart: what was refused for want of room is not retained by a start") {
    Limits limits;
    limits.mqtt_retained = 1;
    Lasting on(limits);
    Peer kept(on.world), pub(on.world);
    connect_v3(kept, "k");
    kept.send("82 08 00 01 00 03 'a/#' 01");
    pub.connect_v3("p");
    pub.send("33 08 00 03 'a/b' 00 01 'v'");
    pub.send("33 08 00 03 'a/c' 00 02 'w'");  // for the session, in the log
    on.process();
    on.restart();
    CHECK(retained(on) == wire("33 08 00 03 'a/b' 00 01 'v'"));
}

TEST_CASE("retained, restart: rows that cannot be read are told and go, the rest is served") {
    Lasting on;
    on.kept["mqtt.retained/a/b"] = Bytes{std::byte{9}};
    on.restart();
    CHECK(on.world.counter("fogline_mqtt_refused_total", "retained-row") == 1);
    on.world.seconds(1);
    on.process();
    CHECK(on.kept.count("mqtt.retained/a/b") == 0);
}

TEST_CASE("retained rows: one that came and went while it was to be written is deleted") {
    const Limits limits;
    Retained retained(limits);
    const auto set = [&retained](std::string_view payload) {
        Message::Parts parts;
        parts.topic = "a/b";
        parts.payload = payload;
        REQUIRE(retained.set(std::make_shared<const Message>(parts)));
    };
    set("x");
    retained.begin_save(true, true);
    set("large");
    retained.saved("a/b");  // at once, before its turn
    set("");
    retained.begin_save(true, true);
    std::size_t deleted = 0;
    CHECK(retained.save({}, {}, SIZE_MAX, [&](const std::string&, const Bytes& row) {
        deleted += row.empty() ? 1 : 0;
        return true;
    }));
    CHECK(deleted == 1);
}

TEST_CASE("retained row: comes back; in another boot the rest of its expiry counts") {
    const MonoTime now{std::chrono::seconds(1'000)};
    Message::Parts parts;
    parts.topic = "a/b";
    parts.payload = "x";
    parts.qos = 1;
    parts.expires = now + 10s;
    const TakenAt at{BootId{3}, now - 5s};
    const auto row = pack_retained(Message(parts), at, BootId{3}, now);
    const auto same = unpack_retained("a/b", row, BootId{3}, MonoTime{});
    REQUIRE(same);
    CHECK(same->at == at);
    CHECK(same->message->payload() == "x");
    CHECK(same->message->qos() == 1);
    CHECK(*same->message->expires() == now + 10s);
    const auto other = unpack_retained("a/b", row, BootId{4}, MonoTime{} + 7s);
    REQUIRE(other);
    CHECK(*other->message->expires() == MonoTime{} + 17s);
    // Written again there it holds there, whenever it was taken in.
    const auto later = pack_retained(*other->message, at, BootId{4}, MonoTime{} + 9s);
    CHECK(*unpack_retained("a/b", later, BootId{4}, MonoTime{} + 12s)->message->expires() ==
          MonoTime{} + 17s);
    CHECK(*unpack_retained("a/b", later, BootId{5}, MonoTime{})->message->expires() ==
          MonoTime{} + 8s);
    for (std::size_t cut = 0; cut < row.size(); ++cut)
        CHECK_FALSE(unpack_retained("a/b", std::span(row).first(cut), BootId{3}, now));
}

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
