#include "firmware/mqtt/session.hpp"

#include <doctest/doctest.h>

#include "firmware/core/text.hpp"
#include "firmware/mqtt/broker_rig.hpp"
#include "firmware/mqtt/raw_message.hpp"
#include "firmware/push/push_rig.hpp"

using namespace fog;
using namespace fog::mqtt;
using namespace fog::mqtt::rig;

namespace {

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
        parts.boot = BootId{1};
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
        event.boot = BootId{1};
        event.received = world.clock.mono();
        event.members = "\"topic\":\"" + item.topic + "\",\"payload\":\"" + item.payload +
                        "\",\"owed\":true,\"client\":\"" + item.source.substr(7) + "\"";
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

    World world;
    PointDirectory points;
    BootTable boots;
    fog::rig::MemoryLog log;
    std::unique_ptr<Hub> hub;
    std::map<std::string, Bytes> kept;
    std::vector<std::string> told;
    std::uint64_t seq = 100;
    std::size_t done = 0, pages = 0;
    bool busy = false;  // nothing reads the log
};

Limits short_memory() {
    Limits limits;
    limits.push_ring_bytes = 1;
    return limits;
}

const std::string kExpiry = wire("11 00 00 0e 10");  // an hour

std::string connect_v5(Peer& peer, std::string_view id, bool clean = false) {
    auto packet = Peer::connect_packet(Version::v5, id, kExpiry);
    if (!clean) packet[9] = '\xc0';
    return peer.send_raw(packet);
}
std::string connect_v3(Peer& peer, std::string_view id) {
    auto packet = Peer::connect_packet(Version::v3, id);
    packet[9] = '\xc0';
    return peer.send_raw(packet);
}
std::string five(std::string_view payload) {
    return wire("32") + static_cast<char>(8 + payload.size()) + wire("00 03 'a/b' 00 07 00") +
           std::string(payload);
}
/// A PUBLISH to v5 with QoS 1 on a/b.
std::string heard(char first, std::uint16_t id, std::string_view payload) {
    return std::string(1, first) + static_cast<char>(8 + payload.size()) + wire("00 03 'a/b'") +
           std::string{'\0', static_cast<char>(id), '\0'} + std::string(payload);
}

}  // namespace

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
    CHECK(on.kept.size() == 3);
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
    CHECK(on.kept.empty());
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
    CHECK(on.kept.size() == 2);
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
