#include <doctest/doctest.h>

#include "firmware/mqtt/broker_rig.hpp"

using namespace fog;
using namespace fog::mqtt;
using namespace fog::mqtt::rig;

namespace {

const std::string kConnackV3 = wire("20 02 00 00");
// Receive maximum 500, 4 MiB, 32 aliases.
const std::string kConnackV5 = wire("20 0e 00 00 0b 21 01 f4 27 00 40 00 00 22 00 20");

}  // namespace

TEST_CASE("connect: both versions are told what is served") {
    World world;
    Peer three(world), five(world), nameless(world);
    CHECK(three.connect_v3("a") == kConnackV3);
    CHECK(five.connect_v5("b") == kConnackV5);
    const auto assigned = nameless.connect_v5("");
    CHECK(assigned.find(wire("12 00 15 'auto-'")) != std::string::npos);
    CHECK(world.broker->size() == 3);
}

TEST_CASE("connect: a session that cannot be kept is refused or told") {
    World world;
    Peer five(world), three(world);
    const auto connack = five.connect_v5("a", wire("11 00 00 0e 10"));
    CHECK(connack.find(wire("11 00 00 00 00 21")) != std::string::npos);
    CHECK(three.send("10 15 00 04 'MQTT' 04 c0 00 3c 00 01 'b' 00 01 'u' 00 03 'all'") ==
          wire("20 02 00 03"));
    CHECK(three.line->finished);
    CHECK(world.counter("fogline_mqtt_refused_total", "persistent-session") == 1);
}

TEST_CASE("connect: a wrong password is answered after a second, ten of them close the door") {
    World world;
    const auto packet = wire("10 17 00 04 'MQTT' 04 c2 00 3c 00 01 'a' 00 01 'u' 00 05 'wrong'");
    for (int i = 0; i < 9; ++i) {
        Peer peer(world);
        CHECK(peer.send_raw(packet).empty());
        world.seconds(2);
        CHECK(peer.got() == wire("20 02 00 04"));
    }
    CHECK(!world.broker->banned("10.0.0.1"));
    Peer last(world);
    last.send_raw(packet);
    CHECK(world.broker->banned("10.0.0.1"));
    world.seconds(2);
    CHECK(last.got() == wire("20 02 00 05"));
    world.seconds(60);
    CHECK(!world.broker->banned("10.0.0.1"));
}

TEST_CASE("connect: without a password only where access is open, and then to publish only") {
    World closed;
    Peer out(closed);
    const auto packet = wire("10 0d 00 04 'MQTT' 04 02 00 00 00 01 'a'");
    out.send_raw(packet);
    closed.seconds(2);
    CHECK(out.got() == wire("20 02 00 04"));
    BrokerOptions options;
    options.open = true;
    World open(options);
    Peer in(open);
    CHECK(in.send_raw(packet) == kConnackV3);
    CHECK(in.send("82 06 00 01 00 01 '#' 00") == wire("90 03 00 01 80"));
    in.send("30 05 00 03 'a/b'");
    REQUIRE(open.ring.items.size() == 1);
    in.send("30 09 00 07 'a/b/set'");  // commands are not for anybody
    in.send("30 0c 00 0a 'fogline/v1'");
    CHECK(open.ring.items.size() == 1);
    CHECK(open.counter("fogline_mqtt_refused_total", "publish-denied") == 2);
}

TEST_CASE("publish: PUBACK comes after the commit, in the order of arrival") {
    World world;
    Peer peer(world);
    peer.connect_v5();
    CHECK(peer.send("32 09 00 03 'a/b' 00 01 00 'x'").empty());
    // Not ingested and nobody there: needs no commit, and yet waits for its turn.
    CHECK(peer.send("32 0b 00 06 'free/b' 00 02 00").empty());
    CHECK(peer.send("32 09 00 03 'a/b' 00 03 00 'y'").empty());
    REQUIRE(world.ring.items.size() == 2);
    CHECK(world.ring.items[0].awaited);
    CHECK(world.ring.items[0].topic == "a/b");
    CHECK(world.ring.items[0].payload == "x");
    CHECK(world.ring.items[0].source == "client:abc");
    world.commit(1);
    CHECK(peer.got() == wire("40 02 00 01 40 03 00 02 10"));
    world.commit(2);
    CHECK(peer.got() == wire("40 02 00 03"));
}

TEST_CASE(
    "publish: QoS 2 is stored once, however often it comes, and the order of answers is kept") {
    World world;
    Peer five(world), three(world);
    five.connect_v5("a");
    three.connect_v3("b");
    CHECK(five.send("34 09 00 03 'a/b' 00 01 00 'x'").empty());
    CHECK(five.send("3c 09 00 03 'a/b' 00 01 00 'x'").empty());  // the first is not on flash yet
    three.send("34 08 00 03 'a/b' 00 01 'y'");
    REQUIRE(world.ring.items.size() == 2);
    CHECK(world.ring.items[0].mark.empty());  // its session ends with the connection
    world.commit(2);
    CHECK(five.got() == wire("50 02 00 01 50 02 00 01"));
    CHECK(three.got() == wire("50 02 00 01"));
    CHECK(five.send("3c 09 00 03 'a/b' 00 01 00 'x'") == wire("50 02 00 01"));
    CHECK(world.ring.items.size() == 2);
    CHECK(world.counter("fogline_mqtt_duplicates_total", "") == 2);
    CHECK(five.send("62 02 00 01") == wire("70 02 00 01"));
    CHECK(five.send("62 02 00 01") == wire("70 03 00 01 92"));
    CHECK(three.send("62 02 00 01 62 02 00 09") == wire("70 02 00 01 70 02 00 09"));
    // The id is free for another message.
    five.send("34 09 00 03 'a/b' 00 01 00 'z'");
    CHECK(world.ring.items.size() == 3);
    // Refused: the exchange is over.
    world.commit(3, {3});
    CHECK(five.got() == wire("50 03 00 01 97"));
    five.send("3c 09 00 03 'a/b' 00 01 00 'z'");
    CHECK(world.ring.items.size() == 4);
    CHECK(five.send("34 09 00 04 '$a/b' 00 02 00").empty());
    world.commit(4);
    CHECK(five.got() == wire("50 02 00 01 50 03 00 02 87"));
}

TEST_CASE("publish: the receive maximum counts QoS 2 until PUBCOMP") {
    BrokerOptions options;
    options.receive_maximum = 2;
    World world(options);
    Peer peer(world);
    peer.connect_v5();
    peer.send("34 08 00 03 'a/b' 00 01 00 34 08 00 03 'a/b' 00 02 00");
    world.commit(2);
    CHECK(peer.got() == wire("50 02 00 01 50 02 00 02"));
    peer.send("62 02 00 01");
    CHECK(peer.send("32 08 00 03 'a/b' 00 03 00").empty());
    CHECK(peer.send("32 08 00 03 'a/b' 00 04 00")[2] == '\x93');
}

TEST_CASE("publish: what the store gave up is not acknowledged") {
    World world;
    Peer five(world), three(world);
    five.connect_v5("a");
    three.connect_v3("b");
    five.send("32 09 00 03 'a/b' 00 01 00 'x'");
    three.send("32 08 00 03 'a/b' 00 01 'x'");
    three.send("32 08 00 03 'a/b' 00 02 'y'");
    world.commit(3, {1, 2});
    CHECK(five.got() == wire("40 03 00 01 97"));
    CHECK(three.got().empty());
    CHECK(three.line->finished);
}

TEST_CASE("publish: while the disk fails v5 is told, 3.1.1 is kept waiting") {
    World world;
    Peer five(world), three(world);
    five.connect_v5("a");
    three.connect_v3("b");
    five.send("32 09 00 03 'a/b' 00 01 00 'x'");
    three.send("32 08 00 03 'a/b' 00 01 'x'");
    world.broker->degraded(true);
    world.turn();
    CHECK(five.got() == wire("40 03 00 01 97"));
    CHECK(five.send("32 09 00 03 'a/b' 00 02 00 'y'") == wire("40 03 00 02 97"));
    CHECK(world.ring.items.size() == 3);
    CHECK(!world.ring.items[2].awaited);
    CHECK(three.got().empty());
    world.broker->degraded(false);
    world.commit(3);
    CHECK(three.got() == wire("40 02 00 01"));
    CHECK(five.got().empty());
}

TEST_CASE("publish: a window of one runs at commit speed, many slow ones share commits") {
    World world;
    Peer peer(world);
    peer.connect_v3();
    peer.send("32 07 00 03 'a/b' 00 01");
    CHECK(world.pace.asked == std::vector<std::uint64_t>{1});
    world.commit(1);
    // A sender that had five in flight is expected to send more.
    for (int i = 0; i < 5; ++i) peer.send("32 07 00 03 'a/b' 00 01");
    for (int i = 0; i < 200; ++i) {
        world.commit(world.ring.items.size());
        peer.send("32 07 00 03 'a/b' 00 01 32 07 00 03 'a/b' 00 02");
    }
    world.commit(world.ring.items.size());
    const auto before = world.pace.asked.size();
    peer.send("32 07 00 03 'a/b' 00 01");
    CHECK(world.pace.asked.size() == before);
}

TEST_CASE("publish: without a waiting window nobody waits for others") {
    World world({}, {}, 0s);
    Peer peer(world);
    peer.connect_v3();
    for (int i = 0; i < 5; ++i) peer.send("32 07 00 03 'a/b' 00 01");
    for (int i = 0; i < 20; ++i) {
        world.commit(world.ring.items.size());
        peer.send("32 07 00 03 'a/b' 00 01");
        CHECK(world.pace.asked.back() == world.ring.items.size());
    }
}

TEST_CASE("publish: more than the receive maximum") {
    BrokerOptions options;
    options.receive_maximum = 2;
    World world(options);
    Peer five(world), three(world);
    five.connect_v5("a");
    three.connect_v3("b");
    const std::string once = "32 08 00 03 'a/b' 00 01 00 ";
    CHECK(five.send(once + once + once) == wire("e0 14 93 12 1f 00 0f 'receive-maximum'"));
    CHECK(five.line->finished);
    // 3.1.1 is not read until there is room.
    three.send("32 07 00 03 'a/b' 00 01 32 07 00 03 'a/b' 00 02 32 07 00 03 'a/b' 00 03");
    CHECK(!three.line->reading);
    CHECK(world.ring.items.size() == 4);
    world.commit(4);
    CHECK(three.got() == wire("40 02 00 01 40 02 00 02"));
    CHECK(three.line->reading);
    world.commit(5);
    CHECK(three.got() == wire("40 02 00 03"));
}

TEST_CASE("publish: a full ring stops reading, nothing is taken twice") {
    World world;
    Peer peer(world);
    peer.connect_v3();
    world.ring.full = true;
    peer.send("32 07 00 03 'a/b' 00 01 c0 00");
    CHECK(!peer.line->reading);
    CHECK(world.ring.items.empty());
    world.ring.full = false;
    world.seconds(1);
    CHECK(world.ring.items.size() == 1);
    CHECK(peer.line->reading);
    CHECK(peer.got() == wire("d0 00"));
}

TEST_CASE("publish: aliases, and their faults") {
    World world;
    Peer peer(world), unset(world), high(world);
    peer.connect_v5("a");
    peer.send("30 09 00 03 'a/b' 03 23 00 05");
    peer.send("30 07 00 00 03 23 00 05 'x'");
    REQUIRE(world.ring.items.size() == 2);
    CHECK(world.ring.items[1].topic == "a/b");
    unset.connect_v5("b");
    CHECK(unset.send("30 06 00 00 03 23 00 05")[2] == '\x82');
    high.connect_v5("c");
    CHECK(high.send("30 06 00 00 03 23 00 21")[2] == '\x94');
}

TEST_CASE("subscribe: overlapping filters are one copy with all identifiers") {
    World world;
    Peer sub(world), pub(world);
    sub.connect_v5("s");
    pub.connect_v5("p");
    CHECK(sub.send("82 0b 00 01 02 0b 07 00 03 'a/+' 00") == wire("90 04 00 01 00 00"));
    CHECK(sub.send("82 09 00 02 02 0b 08 00 01 '#' 02") == wire("90 04 00 02 00 01"));
    pub.send("32 0a 00 03 'a/b' 00 01 00 'hi'");
    // Delivered at once, by the higher QoS; the acknowledgement of the sender waits.
    const auto got = sub.got();
    const bool one = got == wire("32 0e 00 03 'a/b' 00 01 04 0b 07 0b 08 'hi'") ||
                     got == wire("32 0e 00 03 'a/b' 00 01 04 0b 08 0b 07 'hi'");
    CHECK(one);
    CHECK(sub.send("40 02 00 01").empty());
    CHECK(sub.send("a2 0b 00 03 00 00 03 'a/+' 00 01 'x'") == wire("b0 05 00 03 00 00 11"));
}

TEST_CASE("subscribe: no-local, retain as published, and what is refused") {
    World world;
    Peer peer(world);
    peer.connect_v5();
    CHECK(peer.send("82 09 00 01 00 00 03 'a/b' 04") == wire("90 04 00 01 00 00"));
    CHECK(peer.send("30 06 00 03 'a/b' 00").empty());
    CHECK(peer.send("82 09 00 01 00 00 03 'a/b' 08") == wire("90 04 00 01 00 00"));
    CHECK(peer.send("31 07 00 03 'a/b' 00 'x'") == wire("31 07 00 03 'a/b' 00 'x'"));
    CHECK(peer.send("82 0b 00 02 00 00 05 'a/#/b' 00") == wire("90 04 00 02 00 8f"));
    CHECK(peer.send("82 10 00 03 00 00 0a '$share/g/a' 00") == wire("90 04 00 03 00 00"));
    CHECK(peer.send("82 0b 00 04 00 00 05 '$SYS/' 00")[5] == '\x87');
    Peer narrow(world);
    CHECK(narrow.send("10 18 00 04 'MQTT' 04 c2 00 3c 00 01 'n' 00 01 'u' 00 06 'narrow'") ==
          kConnackV3);
    CHECK(narrow.send("82 0c 00 01 00 01 '#' 01 00 03 'a/b' 00") == wire("90 04 00 01 80 80"));
    CHECK(narrow.send("82 1a 00 02 00 15 'fogline/v1/boiler/all' 01") == wire("90 03 00 02 01"));
}

TEST_CASE("retained: kept, sent to new subscribers, cleared by an empty payload") {
    World world;
    Peer pub(world), sub(world), late(world);
    pub.connect_v3("p");
    pub.send("31 06 00 03 'a/b' 'x'");
    pub.send("31 06 00 03 'a/c' 'y'");
    sub.connect_v3("s");
    CHECK(sub.send("82 08 00 01 00 03 'a/+' 00") ==
          wire("90 03 00 01 00 31 06 00 03 'a/b' 'x' 31 06 00 03 'a/c' 'y'"));
    CHECK(pub.send("31 05 00 03 'a/b'").empty());
    CHECK(sub.got() == wire("30 05 00 03 'a/b'"));
    late.connect_v5("l");
    CHECK(late.send("82 09 00 01 00 00 03 'a/+' 00") ==
          wire("90 04 00 01 00 00 31 07 00 03 'a/c' 00 'y'"));
    // Retain handling 2: none; 1: not for a subscription that is there.
    CHECK(late.send("82 09 00 01 00 00 03 'a/+' 10") == wire("90 04 00 01 00 00"));
    CHECK(late.send("82 09 00 01 00 00 03 'a/#' 20") == wire("90 04 00 01 00 00"));
    CHECK(world.ring.items.size() == 3);
}

TEST_CASE("message expiry: the rest of it is sent on, nothing after its end") {
    World world;
    Peer pub(world), sub(world);
    pub.connect_v5("p");
    sub.connect_v5("s");
    sub.send("82 09 00 01 00 00 03 'a/b' 00");
    sub.line->room = 0;
    pub.send("31 0c 00 03 'a/b' 05 02 00 00 00 05 'x'");
    pub.send("30 0c 00 03 'a/b' 05 02 00 00 00 03 'y'");
    world.seconds(4);
    Peer late(world);
    late.connect_v5("l");
    CHECK(late.send("82 09 00 01 00 00 03 'a/b' 00") ==
          wire("90 04 00 01 00 00 31 0c 00 03 'a/b' 05 02 00 00 00 01 'x'"));
    world.seconds(2);
    Peer later(world);
    later.connect_v5("m");
    CHECK(later.send("82 09 00 01 00 00 03 'a/b' 00") == wire("90 04 00 01 00 00"));
}

TEST_CASE("take-over: the older connection of the same client is told and closed") {
    World world;
    Peer old(world), fresh(world), other(world);
    old.connect_v5("dev");
    CHECK(fresh.connect_v5("dev") == kConnackV5);
    CHECK(old.got()[2] == '\x8e');
    CHECK(old.line->finished);
    // Another identity does not get the id.
    CHECK(other.send("10 1b 00 04 'MQTT' 04 c2 00 3c 00 03 'dev' 00 01 'u' 00 07 'nothing'") ==
          wire("20 02 00 02"));
    CHECK(fresh.send("c0 00") == wire("d0 00"));
}

TEST_CASE("will: published when the connection fails, not after DISCONNECT") {
    World world;
    Peer sub(world);
    sub.connect_v3("s");
    sub.send("82 08 00 01 00 03 'w/t' 00");
    const auto with_will = wire(
        "10 1f 00 04 'MQTT' 04 c6 00 3c 00 01 'd' 00 03 'w/t' 00 03 'bye' 00 01 'u' 00 03 'all'");
    {
        Peer dev(world);
        CHECK(dev.send_raw(with_will) == kConnackV3);
        dev.send("e0 00");
        CHECK(sub.got().empty());
    }
    Peer dev(world);
    dev.send_raw(with_will);
    dev.cut();
    CHECK(sub.got() == wire("30 08 00 03 'w/t' 'bye'"));
    REQUIRE(world.ring.items.size() == 1);
    CHECK(world.ring.items[0].payload == "bye");
}

TEST_CASE("time: keep-alive, CONNECT and slow packets have their deadlines") {
    World world;
    Peer dev(world), mute(world), slow(world);
    dev.connect_v5("d");  // 60 s
    slow.connect_v5("s");
    slow.send("30 ff 7f 00 03 'a'");
    world.seconds(4);
    CHECK(!mute.line->closed);
    world.seconds(3);
    CHECK(mute.line->closed);
    CHECK(world.counter("fogline_mqtt_closed_total", "connect-timeout") == 1);
    world.seconds(6);
    CHECK(slow.got()[2] == '\x81');
    world.seconds(60);
    CHECK(dev.send("c0 00") == wire("d0 00"));
    world.seconds(89);
    CHECK(dev.got().empty());
    world.seconds(3);
    CHECK(dev.got()[2] == '\x8d');
}

TEST_CASE("slow subscribers: QoS 0 is dropped oldest first, QoS 1 is never skipped") {
    Limits limits;
    limits.client_queue_bytes = 1'000;
    World world({}, limits);
    Peer zero(world), one(world), pub(world);
    zero.connect_v3("z");
    one.connect_v5("o");
    pub.connect_v3("p");
    zero.send("82 06 00 01 00 01 '#' 00");
    one.send("82 07 00 01 00 00 01 '#' 01");
    zero.line->room = one.line->room = 0;
    for (int i = 0; i < 40; ++i) pub.send("32 08 00 03 'a/b' 00 01 'x'");
    CHECK(world.counter("fogline_mqtt_dropped_total", "queue-full") > 10);
    CHECK(world.counter("fogline_mqtt_closed_total", "slow-subscriber") == 1);
    CHECK(pub.line->reading);
}

TEST_CASE("window: at most as many in flight as the receiver takes") {
    World world;
    Peer sub(world), pub(world);
    sub.connect_v5("s", wire("21 00 02"));
    pub.connect_v3("p");
    sub.send("82 09 00 01 00 00 03 'a/b' 01");
    for (int i = 0; i < 3; ++i) pub.send("32 08 00 03 'a/b' 00 01 'x'");
    CHECK(sub.got() == wire("32 09 00 03 'a/b' 00 01 00 'x' 32 09 00 03 'a/b' 00 02 00 'x'"));
    CHECK(sub.send("40 02 00 01") == wire("32 09 00 03 'a/b' 00 03 00 'x'"));
}

TEST_CASE("refusals: v5 has the code, 3.1.1 the closed connection, others go on") {
    World world;
    Peer beside(world);
    beside.connect_v3("beside");
    struct Row {
        const char* bytes;
        int code;
    };
    for (const Row& row :
         {Row{"10 00", 0x82}, Row{"36 06 00 01 't' 00 01 00", 0x81},
          Row{"38 04 00 01 't' 00", 0x81}, Row{"32 06 00 01 't' 00 00 00", 0x82},
          Row{"30 03 00 00 00", 0x82}, Row{"30 06 00 03 'a/#' 00", 0x90}, Row{"f0 00", 0x82},
          Row{"20 00", 0x82}, Row{"00 00", 0x81}, Row{"c1 00", 0x81}, Row{"30 ff ff ff 7f", 0x95},
          Row{"82 03 00 01 00", 0x82}, Row{"30 0a 00 01 't' 08 02 00 00 00 01 02", 0x81}}) {
        CAPTURE(row.bytes);
        Peer five(world), three(world);
        five.connect_v5("f");
        const auto said = five.send(row.bytes);
        REQUIRE(said.size() > 2);
        CHECK(said[0] == '\xe0');
        CHECK(static_cast<unsigned char>(said[2]) == row.code);
        CHECK(five.line->finished);
        five.cut();
        three.connect_v3("t");
        if (row.code != 0x82 || row.bytes[0] != '3') three.send(row.bytes);
    }
    CHECK(beside.send("c0 00") == wire("d0 00"));
    Peer stranger(world), old(world);
    CHECK(stranger.send("'GET / HTTP/1.1'").empty());
    CHECK(stranger.line->closed);
    CHECK(old.send("10 0e 00 06 'MQIsdp' 03 02 00 3c 00 00") == wire("20 02 00 01"));
}

TEST_CASE("stop: clients are told, no will leaves") {
    World world;
    Peer sub(world), dev(world);
    sub.connect_v5("s");
    sub.send("82 09 00 01 00 00 03 'w/t' 00");
    dev.send(
        "10 1f 00 04 'MQTT' 04 c6 00 3c 00 01 'd' 00 03 'w/t' 00 03 'bye' 00 01 'u' 00 03 'all'");
    world.broker->quiesce();
    CHECK(!dev.line->reading);
    world.broker->close_all();
    CHECK(sub.got()[2] == '\x8b');
    CHECK(world.ring.items.empty());
}
