// QoS 2 and answers that wait for a commit, and the rows of sessions.
#include <doctest/doctest.h>

#include "firmware/mqtt/raw_message.hpp"
#include "firmware/mqtt/session.hpp"
#include "firmware/mqtt/session_rig.hpp"

using namespace fog;
using namespace fog::mqtt;
using namespace fog::mqtt::rig;

TEST_CASE("session: ids of QoS 2 outlive connection and daemon, in one commit with the message") {
    Lasting on;
    {
        Peer dev(on.world);
        connect_v5(dev, "d");
        dev.send("34 09 00 03 'a/b' 00 05 00 'x' 34 0b 00 05 'free/' 00 06 00 'y'");
        on.process();
        CHECK(dev.got() == wire("50 02 00 05 50 02 00 06"));
        CHECK(on.kept.count("mqtt.qos2/5/d") == 1);
        dev.cut();
    }
    on.restart();
    const auto before = on.world.ring.items.size();
    Peer again(on.world);
    connect_v5(again, "d");
    CHECK(again.send("3c 09 00 03 'a/b' 00 05 00 'x'") == wire("50 02 00 05"));
    CHECK(on.world.ring.items.size() == before);
    // PUBCOMP waits until it is on flash that the id is free.
    CHECK(again.send("62 02 00 05 62 02 00 06").empty());
    on.process();
    CHECK(again.got() == wire("70 02 00 05 70 02 00 06"));
    CHECK(on.kept.count("mqtt.qos2/5/d") == 0);
    // What was refused after its connection was gone is new when it comes again.
    again.send("34 09 00 03 'a/b' 00 07 00 'z'");
    again.cut();
    on.world.commit(on.world.ring.items.size(), {on.world.ring.items.size()});
    Peer third(on.world);
    connect_v5(third, "d");
    const auto count = on.world.ring.items.size();
    third.send("3c 09 00 03 'a/b' 00 07 00 'z'");
    CHECK(on.world.ring.items.size() == count + 1);
}

TEST_CASE("session: a QoS 2 publish sent again hears what became of the first one") {
    Lasting on;
    Peer dev(on.world), other(on.world), again(on.world);
    connect_v5(dev, "d");
    other.connect_v5("o");
    dev.send("34 09 00 03 'a/b' 00 07 00 'x'");
    const auto entry = on.world.ring.items.size();
    dev.cut();
    for (int i = 0; i < 10; ++i) other.send_raw(five("y"));
    const auto last = on.world.ring.items.size();
    REQUIRE(last == entry + 10);
    connect_v5(again, "d");
    CHECK(again.send("3c 09 00 03 'a/b' 00 07 00 'x'").empty());
    on.world.commit(entry, {entry});
    on.world.commit(last);
    CHECK(again.got() == wire("50 03 00 07 97"));
    std::string all;
    for (int i = 0; i < 10; ++i) all += wire("40 02 00 07");
    CHECK(other.got() == all);
}

TEST_CASE("session: answers that wait for a commit are bounded, and none is lost") {
    Lasting on;
    Peer dev(on.world);
    connect_v5(dev, "d");
    const auto count = [](std::string_view all, std::string_view one) {
        std::size_t found = 0;
        for (std::size_t at = 0; (at = all.find(one, at)) != std::string_view::npos; ++found)
            at += one.size();
        return found;
    };
    std::string packets = wire("34 09 00 03 'a/b' 00 07 00 'x'");
    std::string answer = wire("50 02 00 07");
    std::size_t sent = 1;
    bool degraded = false;
    SUBCASE("PUBLISH sent again") {
        for (; sent < 1'500; ++sent) packets += wire("3c 09 00 03 'a/b' 00 07 00 'x'");
    }
    SUBCASE("PUBREL of unknown ids") {
        for (; sent < 1'500; ++sent) packets += wire("62 02 00 01");
        answer = wire("70 03 00 01 92");
        --sent;
    }
    SUBCASE("nothing can be promised") {
        for (; sent < 1'500; ++sent) packets += wire("62 02 00 01");
        answer = wire("70 03 00 01 92");
        --sent;
        degraded = true;
    }
    SUBCASE("SUBSCRIBE") {
        packets.clear();
        for (sent = 0; sent < 100; ++sent) packets += wire("82 09 00 01 00 00 03 'a/b' 01");
        answer = wire("90 04 00 01 00 01");
    }
    CHECK(dev.send_raw(packets).empty());
    CHECK(!dev.line->reading);
    CHECK(on.world.ring.items.size() <= 20);
    std::string got;
    if (degraded) {
        on.world.broker->degraded(true);
        got = dev.got();
    }
    for (int i = 0; i < 10 && !degraded; ++i) {
        on.process();
        got += dev.got();
    }
    CHECK(count(got, answer) == sent);
    CHECK(dev.line->reading);
}

TEST_CASE("session: clients that come again and again leave no answers waiting") {
    Lasting on;
    std::string packets = wire("34 09 00 03 'a/b' 00 07 00 'x'");
    for (int i = 0; i < 900; ++i) packets += wire("3c 09 00 03 'a/b' 00 07 00 'x'");
    for (int i = 0; i < 20; ++i) {
        Peer dev(on.world);
        connect_v5(dev, "d");
        CHECK(dev.send_raw(packets).empty());
        dev.cut();
    }
    CHECK(on.world.metrics.gauge("fogline_mqtt_waiting_acks", {}).get() <= 8'192);
}

TEST_CASE("session: rows of no session go at the start") {
    Lasting on;
    {
        Peer dev(on.world);
        connect_v5(dev, "d");
        on.process();
        on.world.seconds(1);
        on.process();
    }
    REQUIRE(on.kept.count("mqtt.cursor/d") == 1);
    on.kept["mqtt.cursor/ghost"] = on.kept["mqtt.cursor/d"];
    on.kept["mqtt.qos2/5/ghost"] = Bytes{std::byte{1}};
    on.kept["mqtt.session/broken"] = Bytes{std::byte{9}};
    on.kept["mqtt.cursor/broken"] = on.kept["mqtt.cursor/d"];
    on.restart();
    on.world.seconds(1);
    on.process();
    CHECK(on.rows() == 2);
    CHECK(on.kept.count("mqtt.session/d") == 1);
    CHECK(on.kept.count("mqtt.cursor/d") == 1);
}

TEST_CASE("session rows: what was written is read, anything else refused") {
    Session session;
    session.identity = "token …ab12";
    session.credential = 7;
    session.expiry = 60;
    for (const char* filter : {"a/#", "b"}) {
        auto one = std::make_unique<fog::mqtt::Subscription>();
        one->filter = filter;
        one->qos = 1;
        one->identifier = 300;
        one->from = Seq{1ULL << 50U};
        session.subscriptions.emplace(filter, std::move(one));
    }
    session.fly(Place::of(Seq{9}, 1));
    session.fly({});
    Session read;
    const auto row = pack_session(session);
    REQUIRE(unpack_session(row, read));
    CHECK(read.identity == session.identity);
    CHECK(read.subscriptions.at("b")->from == Seq{1ULL << 50U});
    Cursor cursor;
    const auto place = pack_cursor(session, Seq{8}, 5, 60);
    REQUIRE(unpack_cursor(place, read, cursor));
    CHECK(cursor.epoch == 5);
    CHECK(read.reached == Seq{8});
    REQUIRE(read.in_flight.size() == 1);  // what is not of the log does not last
    CHECK(read.in_flight[0].place == Place::of(Seq{9}, 1));
    for (std::size_t cut = 0; cut < row.size(); ++cut) {
        Session part;
        CHECK(!unpack_session(std::span(row).first(cut), part));
    }
    for (std::size_t cut = 0; cut < place.size(); ++cut) {
        Session part;
        CHECK(!unpack_cursor(std::span(place).first(cut), part, cursor));
        CHECK(part.reached == Seq{});
        CHECK(part.next_id == 0);
        CHECK(part.in_flight.empty());
    }
    // Form, flags, epoch and seconds, then reached, first owed and the next id: 65,536.
    auto wide = Bytes(place.begin(), place.begin() + 11);
    for (const int byte : {8, 0, 0x80, 0x80, 4, 0, 0, 0}) wide.push_back(std::byte(byte));
    CHECK(!unpack_cursor(wide, read, cursor));
    wide[15] = std::byte{3};
    CHECK(unpack_cursor(wide, read, cursor));
}

TEST_CASE("raw message: bytes, properties and expiry come back; others are nobody's") {
    const auto read = read_raw_message(
        R"("topic":"a","payload64":"/wA=","owed":true,"client":"p","retain":true,"props64":"AgAAAAU=")");
    REQUIRE(read);
    CHECK(read->payload == std::string_view("\xff\0", 2));
    CHECK(read->expiry == 5U);
    CHECK(read->retain);
    CHECK(!read_raw_message(R"("topic":"a","payload":"x")"));
    CHECK(!read_raw_message(R"("topic":"a","payload":1,"owed":true)"));
    CHECK(!read_raw_message(R"("topic":"a","payload":"x","owed":true,"props64":"?")"));
    CHECK(!read_raw_message(R"({"owed":true)"));
}
