#include "firmware/mqtt/session.hpp"

#include <doctest/doctest.h>

#include "firmware/mqtt/session_rig.hpp"

using namespace fog;
using namespace fog::mqtt;
using namespace fog::mqtt::rig;

TEST_CASE("session: kept after the connection, what came meanwhile is read from the log") {
    bool disk = false, restart = false;
    SUBCASE("from memory") {}
    SUBCASE("from the log") {
        disk = true;
    }
    SUBCASE("after a restart") {
        restart = true;
    }
    Lasting on(disk ? short_memory() : Limits{});
    Peer pub(on.world);
    pub.connect_v5("p");
    {
        Peer sub(on.world);
        CHECK(connect_v5(sub, "s")[2] == '\0');
        // SUBACK waits until the subscription survives a restart.
        CHECK(sub.send("82 09 00 01 00 00 03 'a/b' 01").empty());
        on.process();
        CHECK(sub.got() == wire("90 04 00 01 00 01"));
        pub.send_raw(five("one"));
        CHECK(sub.got().empty());  // it comes with its number
        on.process();
        CHECK(sub.got() == heard('\x32', 1, "one"));
        sub.send("40 02 00 01");
        sub.cut();
    }
    pub.send_raw(five("two"));
    pub.send_raw(five("three"));
    on.process();
    if (disk) on.flood();
    if (restart) {
        on.world.seconds(2);
        on.restart();
    }
    Peer again(on.world);
    const auto got = connect_v5(again, "s");
    CHECK(got[2] == '\1');
    CHECK(got.ends_with(heard('\x32', 2, "two") + heard('\x32', 3, "three")));
    // Nothing of it comes twice.
    again.send("40 02 00 02 40 02 00 03");
    again.cut();
    Peer third(on.world);
    const auto rest = connect_v5(third, "s");
    CHECK(rest[2] == '\1');
    CHECK(rest.find("two") == std::string::npos);
    CHECK(on.told.empty());
    CHECK((on.pages > 0) == (disk || restart));
}

TEST_CASE("session: a DISCONNECT right behind CONNECT, while the log is looked up") {
    bool forgotten = false, busy = false;
    SUBCASE("kept") {}
    SUBCASE("over") {
        forgotten = true;
    }
    SUBCASE("kept, the log cannot be read for long") {
        busy = true;
    }
    SUBCASE("over, the log cannot be read for long") {
        forgotten = busy = true;
    }
    Lasting on(short_memory());
    Peer pub(on.world), sub(on.world), hasty(on.world), other(on.world);
    pub.connect_v5("p");
    connect_v5(other, "t");
    connect_v5(sub, "s");
    sub.send("82 09 00 01 00 00 03 'a/b' 01");
    on.process();
    sub.cut();
    pub.send_raw(five("one"));
    on.process();
    on.flood();
    on.busy = busy;
    auto packet = Peer::connect_packet(Version::v5, "s", kExpiry);
    packet[9] = '\xc0';
    const auto goodbye = wire(forgotten ? "e0 07 00 05 11 00 00 00 00" : "e0 00");
    auto got = hasty.send_raw(packet + goodbye);
    if (busy) {
        on.world.seconds(8);
        got = hasty.got();
    }
    CHECK(got.substr(0, 1) == "\x20");
    CHECK(hasty.line->closed);
    on.busy = false;
    Peer again(on.world);
    const auto back = connect_v5(again, "s");
    CHECK(back[2] == (forgotten ? '\0' : '\1'));
    CHECK((back.find("one") != std::string::npos) == !forgotten);
}

TEST_CASE("session: after the end nothing of it is written any more") {
    Lasting on;
    Peer sub(on.world);
    connect_v5(sub, "s");
    sub.send("82 09 00 01 00 00 03 'a/b' 01");
    on.process();
    on.world.broker->quiesce();
    on.world.broker->close_all();
    on.world.turn();
    const auto rows = on.world.ring.items.size();
    on.world.seconds(601);
    on.world.commit(rows);
    CHECK(on.world.ring.items.size() == rows);
    CHECK(on.kept.count("mqtt.session/s") == 1);
}

TEST_CASE("session: 3.1.1 with clean session 0, sent again with DUP and the same id") {
    Lasting on;
    Peer pub(on.world), first(on.world), second(on.world);
    pub.connect_v5("p");
    CHECK(connect_v3(first, "s") == wire("20 02 00 00"));
    first.send("82 08 00 01 00 03 'a/b' 01");
    on.process();
    first.got();
    for (const char* text : {"x", "y", "z"}) pub.send_raw(five(text));
    on.process();
    CHECK(first.got() == wire("32 08 00 03 'a/b' 00 01 'x' 32 08 00 03 'a/b' 00 02 'y'"
                              " 32 08 00 03 'a/b' 00 03 'z'"));
    first.send("40 02 00 02");
    first.cut();
    pub.send_raw(five("w"));
    on.process();
    CHECK(connect_v3(second, "s") ==
          wire("20 02 01 00 3a 08 00 03 'a/b' 00 01 'x' 3a 08 00 03 'a/b' 00 03 'z'"
               " 32 08 00 03 'a/b' 00 04 'w'"));
    // Also when the one who has to say so did not survive.
    on.world.seconds(2);
    on.restart();
    Peer third(on.world);
    CHECK(connect_v3(third, "s") ==
          wire("20 02 01 00 3a 08 00 03 'a/b' 00 01 'x' 3a 08 00 03 'a/b' 00 03 'z'"
               " 3a 08 00 03 'a/b' 00 04 'w'"));
}

TEST_CASE("session: ends by clean start, by its expiry and by DISCONNECT with expiry 0") {
    Lasting on;
    const auto subscribed = [&on](std::string_view id) {
        Peer peer(on.world);
        connect_v5(peer, id);
        peer.send("82 09 00 01 00 00 03 'a/b' 01");
        on.process();
        peer.cut();
    };
    for (const char* id : {"c", "e", "d"}) subscribed(id);
    CHECK(on.rows() == 3);
    Peer clean(on.world), ended(on.world), back(on.world);
    CHECK(connect_v5(clean, "c", true)[2] == '\0');
    CHECK(connect_v5(ended, "d")[2] == '\1');
    ended.send("e0 07 00 05 11 00 00 00 00");
    CHECK(connect_v5(back, "d")[2] == '\0');
    for (Peer* one : {&clean, &back}) one->send("e0 07 00 05 11 00 00 00 00");
    on.world.seconds(3'601);
    Peer over(on.world);
    CHECK(connect_v5(over, "e")[2] == '\0');
    CHECK(on.world.metrics.counter("fogline_mqtt_sessions_expired_total", {}).get() == 1);
    // Expiry cannot be raised from 0.
    Peer plain(on.world);
    plain.connect_v5("f");
    CHECK(plain.send("e0 07 00 05 11 00 00 00 05")[2] == '\x82');
    over.send("e0 07 00 05 11 00 00 00 00");
    on.process();
    CHECK(on.rows() == 0);
}

TEST_CASE("session: a SUBACK that found no room leaves with the next one that did") {
    Lasting on;
    Peer sub(on.world);
    connect_v5(sub, "s");
    on.process();
    on.world.ring.full = true;
    sub.send("82 09 00 01 00 00 03 'a/b' 01");
    on.world.ring.full = false;
    CHECK(sub.send("82 09 00 02 00 00 03 'a/c' 01").empty());
    on.process();
    CHECK(sub.got() == wire("90 04 00 01 00 01 90 04 00 02 00 01"));
    // Or when it is tried again.
    on.world.ring.full = true;
    sub.send("82 09 00 03 00 00 03 'a/d' 01");
    on.world.seconds(1);
    on.world.ring.full = false;
    on.world.seconds(1);
    on.process();
    CHECK(sub.got() == wire("90 04 00 03 00 01"));
}

TEST_CASE("session: what the log lost is told, and the retained values follow") {
    Lasting on(short_memory());
    Peer pub(on.world), sub(on.world), again(on.world);
    pub.connect_v5("p");
    pub.send("31 0a 00 03 'a/b' 00 'kept'");
    connect_v5(sub, "s");
    sub.send("82 09 00 01 00 00 03 'a/b' 21");
    on.process();
    sub.cut();
    for (int i = 0; i < 5; ++i) pub.send_raw(five("gone"));
    on.process();
    on.flood();
    on.log.evict(Seq{on.seq});
    const auto got = connect_v5(again, "s");
    CHECK(got[2] == '\1');
    CHECK(got.find("fogline-missed") != std::string::npos);
    CHECK(got.ends_with(wire("30 0a 00 03 'a/b' 00 'kept'")));
    CHECK(on.told.size() == 1);
    CHECK(on.world.metrics.counter("fogline_mqtt_session_missed_total", {}).get() >= 5);
}

TEST_CASE("session: one that was owed nothing lost nothing") {
    Lasting on(short_memory());
    Peer sub(on.world), again(on.world);
    connect_v5(sub, "s");
    sub.send("82 09 00 01 00 00 03 'a/b' 01");
    on.process();
    sub.cut();
    on.flood();
    on.flood();
    on.log.evict(Seq{on.seq});
    const auto got = connect_v5(again, "s");
    CHECK(got[2] == '\1');
    CHECK(got.find("fogline-missed") == std::string::npos);
    CHECK(on.told.empty());
}

TEST_CASE("session: a slow one reads from the log, nothing is lost or doubled") {
    Limits limits = short_memory();
    limits.mqtt_logged_queue = 4;
    limits.replay_page = 3;
    Lasting on(limits);
    Peer pub(on.world), sub(on.world);
    pub.connect_v5("p");
    connect_v5(sub, "s");
    sub.send("82 09 00 01 00 00 03 'a/b' 01");
    on.process();
    sub.got();
    on.flood();
    sub.line->room = 0;
    for (int i = 10; i < 50; ++i) pub.send_raw(five(std::to_string(i)));
    on.process();
    sub.line->room = SIZE_MAX;
    sub.line->owner->on_writable();
    std::string all;
    for (int i = 0; i < 20; ++i) all += sub.got();
    std::string expected;
    for (int i = 10; i < 50; ++i)
        expected += heard('\x32', static_cast<std::uint16_t>(i - 9), std::to_string(i));
    CHECK(all == expected);
    CHECK(on.pages > 5);
    pub.send_raw(five("live"));
    on.process();
    CHECK(sub.got() == heard('\x32', 41, "live"));
}

TEST_CASE(
    "session: topics that are not ingested are kept for it, properties and expiry with them") {
    Lasting on;
    Peer pub(on.world), sub(on.world);
    pub.connect_v5("p");
    connect_v5(sub, "s");
    sub.send("82 0b 00 01 00 00 05 'free/' 01");
    on.process();
    sub.cut();
    // An hour, content type t; and one that lives for a second.
    pub.send("32 14 00 05 'free/' 00 01 09 02 00 00 0e 10 03 00 01 't' 'x'");
    pub.send("32 10 00 05 'free/' 00 02 05 02 00 00 00 01 'y'");
    REQUIRE(on.world.ring.items.size() >= 2);
    CHECK(on.world.ring.items.back().apart);
    on.process();
    CHECK(pub.got() == wire("40 02 00 01 40 02 00 02"));
    on.world.seconds(10);
    Peer again(on.world);
    const auto got = connect_v5(again, "s");
    CHECK(got.ends_with(wire("32 14 00 05 'free/' 00 01 09 02 00 00 0e 06 03 00 01 't' 'x'")));
}

TEST_CASE("session: beyond the limit v5 is told, 3.1.1 refused; foreigners do not get one") {
    Limits limits;
    limits.mqtt_sessions = 1;
    Lasting on(limits);
    Peer one(on.world), two(on.world), three(on.world), other(on.world);
    connect_v5(one, "a");
    CHECK(connect_v5(two, "b").find(wire("11 00 00 00 00")) != std::string::npos);
    CHECK(connect_v3(three, "c") == wire("20 02 00 03"));
    one.cut();
    CHECK(other.send("10 19 00 04 'MQTT' 04 c2 00 3c 00 01 'a' 00 01 'u' 00 07 'nothing'") ==
          wire("20 02 00 02"));
}

TEST_CASE("session: while nothing can be promised there are no new ones") {
    Lasting on;
    {
        Peer known(on.world);
        connect_v5(known, "a");
        on.process();
        known.cut();
    }
    on.world.broker->degraded(true);
    on.world.turn();
    const auto none = wire("11 00 00 00 00");
    Peer known(on.world), fresh(on.world), old(on.world), later(on.world);
    const auto back = connect_v5(known, "a");
    CHECK(back[2] == '\1');
    CHECK(back.find(none) == std::string::npos);
    CHECK(connect_v5(fresh, "b").find(none) != std::string::npos);
    CHECK(connect_v3(old, "c") == wire("20 02 00 03"));
    on.world.broker->degraded(false);
    on.world.turn();
    CHECK(connect_v3(later, "c") == wire("20 02 00 00"));
}

TEST_CASE("take-over: two clients that fight over one id are slowed down, and told") {
    Lasting on;
    std::vector<std::unique_ptr<Peer>> peers;
    const auto connect = [&] {
        peers.push_back(std::make_unique<Peer>(on.world));
        return peers.back()->connect_v3("dev");
    };
    for (int i = 0; i < 6; ++i) CHECK(connect() == wire("20 02 00 00"));
    CHECK(on.told.empty());
    CHECK(connect().empty());
    REQUIRE(on.told.size() == 1);
    CHECK(on.told[0].find("\"addresses\":[\"10.0.0.1\",\"10.0.0.1\"]") != std::string::npos);
    on.world.seconds(4);
    CHECK(peers.back()->got().empty());
    on.world.seconds(2);
    CHECK(peers.back()->got() == wire("20 02 00 00"));
    CHECK(peers.back()->send("c0 00") == wire("d0 00"));
    // Later it is one take-over again.
    on.world.seconds(10);
    CHECK(connect() == wire("20 02 00 00"));
    CHECK(on.told.size() == 1);
}

TEST_CASE("session: a will with delay waits, and its client's return cancels it") {
    Lasting on;
    Peer watch(on.world), back(on.world);
    watch.connect_v3("w");
    watch.send("82 08 00 01 00 03 'w/t' 00");
    const auto dying = [&on] {
        Peer dev(on.world);
        // Session expiry 60, will delay 5.
        CHECK(dev.send("10 2b 00 04 'MQTT' 05 c4 00 3c 05 11 00 00 00 3c 00 01 'd' 05 18 00 00 00"
                       " 05 00 03 'w/t' 00 03 'bye' 00 01 'u' 00 03 'all'")[3] == '\0');
        dev.cut();
    };
    dying();
    on.world.seconds(3);
    CHECK(watch.got().empty());
    connect_v5(back, "d");
    on.world.seconds(4);
    CHECK(watch.got().empty());
    back.cut();
    dying();
    on.world.seconds(6);
    CHECK(watch.got() == wire("30 08 00 03 'w/t' 'bye'"));
}
