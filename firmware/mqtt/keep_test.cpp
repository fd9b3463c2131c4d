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
