#include <doctest/doctest.h>

#include "firmware/mqtt/session_rig.hpp"

using namespace fog;
using namespace fog::mqtt;
using namespace fog::mqtt::rig;

namespace {

/// A v5 member of $share/g/a/# that subscribes with `options`.
struct Member : Peer {
    Member(World& in, std::string_view id, std::string_view options = "01",
           std::string_view properties = {})
        : Peer(in) {
        connect_v5(id, properties);
        answer = send("82 12 00 01 00 00 0c '$share/g/a/#' " + std::string(options));
    }
    std::string answer;
};

/// QoS 1 on a/b from a v3 client, one letter.
void publish(Peer& from, char letter, char id = 1) {
    from.send_raw(wire("32 08 00 03 'a/b' 00") + id + letter);
}
std::string heard_one(char id, char letter) {
    return wire("32 09 00 03 'a/b' 00") + id + '\0' + letter;
}

}  // namespace

TEST_CASE("shared: each message goes to one member, in turn, beside plain subscriptions") {
    World world;
    Peer pub(world), plain(world);
    pub.connect_v3("p");
    plain.connect_v3("plain");
    plain.send("82 08 00 01 00 03 'a/b' 00");
    Member one(world, "one"), two(world, "two");
    CHECK(one.answer == wire("90 04 00 01 00 01"));
    for (const char letter : {'1', '2', '3', '4'}) publish(pub, letter);
    CHECK(one.got() == heard_one(1, '1') + heard_one(2, '3'));
    CHECK(two.got() == heard_one(1, '2') + heard_one(2, '4'));
    CHECK(plain.got().size() == 4 * 8);
    CHECK(world.metrics.gauge("fogline_mqtt_groups", {}).get() == 1);
    // Leaving and the last one's end.
    CHECK(one.send("a2 11 00 02 00 00 0c '$share/g/a/#'") == wire("b0 04 00 02 00 00"));
    publish(pub, '5');
    CHECK(one.got().empty());
    CHECK(two.got() == heard_one(3, '5'));
    two.send("a2 11 00 02 00 00 0c '$share/g/a/#'");
    CHECK(world.metrics.gauge("fogline_mqtt_groups", {}).get() == 0);
    publish(pub, '6');
    CHECK(two.got().empty());
}

TEST_CASE("shared: what a lost member had not confirmed goes to another one at once") {
    World world;
    Peer pub(world);
    pub.connect_v3("p");
    Member one(world, "one"), two(world, "two");
    for (const char letter : {'1', '2', '3'}) publish(pub, letter);
    CHECK(two.got() == heard_one(1, '2'));
    one.got();
    one.send("40 02 00 01");  // '1' is confirmed
    one.cut();
    CHECK(two.got() == heard_one(2, '3'));  // DUP 0
    CHECK(world.metrics.counter("fogline_mqtt_passed_on_total", {}).get() == 1);
    // Nobody is left: counted.
    two.cut();
    CHECK(world.counter("fogline_mqtt_dropped_total", "group-gone") == 2);
}

TEST_CASE("shared: what is passed on does not close the member that gets it") {
    World world;
    Peer pub(world);
    pub.connect_v3("p");
    Member one(world, "one");
    const std::string payload(3'000, 'x');
    const auto body = wire("00 03 'a/b' 00 01") + payload;
    for (int i = 0; i < 100; ++i)
        pub.send_raw(wire("32") + static_cast<char>(0x80U | (body.size() & 0x7FU)) +
                     static_cast<char>(body.size() >> 7U) + body);
    Member two(world, "two");
    one.cut();
    CHECK(world.metrics.counter("fogline_mqtt_passed_on_total", {}).get() == 100);
    const std::size_t packet = 3 + body.size() + 1;  // and no properties
    std::size_t heard = 0;
    for (std::string got = two.got(), acks; !got.empty(); got = two.send_raw(acks)) {
        REQUIRE(got.size() % packet == 0);
        heard += got.size() / packet;
        acks.clear();
        for (std::size_t at = 0; at < got.size(); at += packet)
            acks += wire("40 02") + got.substr(at + 3 + 5, 2);
    }
    CHECK(heard == 100);
    CHECK(world.counter("fogline_mqtt_closed_total", "slow-subscriber") == 0);
}

TEST_CASE("shared: a member whose window is full is passed by") {
    World world;
    Peer pub(world);
    pub.connect_v3("p");
    Member narrow(world, "narrow", "01", wire("21 00 01")), wide(world, "wide");
    for (const char letter : {'1', '2', '3', '4'}) publish(pub, letter);
    CHECK(narrow.got() == heard_one(1, '1'));
    CHECK(wide.got() == heard_one(1, '2') + heard_one(2, '3') + heard_one(3, '4'));
    narrow.send("40 02 00 01");
    publish(pub, '5');
    CHECK(narrow.got() == heard_one(2, '5'));
}

TEST_CASE("shared: bytes in flight are bounded, one message always has room") {
    Limits limits;
    limits.client_queue_bytes = 1;
    World world({}, limits);
    Peer pub(world);
    pub.connect_v3("p");
    Member one(world, "one"), two(world, "two");
    for (const char letter : {'1', '2', '3', '4'}) publish(pub, letter);
    CHECK(one.got() == heard_one(1, '1'));
    CHECK(two.got() == heard_one(1, '2'));
    CHECK(one.send("40 02 00 01") == heard_one(2, '3'));
    CHECK(two.send("40 02 00 01") == heard_one(2, '4'));
    two.send("40 02 00 02");
    publish(pub, '5');
    publish(pub, '6');
    CHECK(one.got().empty());
    CHECK(two.got() == heard_one(3, '5'));
}

TEST_CASE("shared: a group that was made anew gets what its last member had not confirmed") {
    World world;
    Peer pub(world);
    pub.connect_v3("p");
    Member one(world, "one");
    publish(pub, '1');
    CHECK(one.got() == heard_one(1, '1'));
    one.send("a2 11 00 02 00 00 0c '$share/g/a/#'");
    Member two(world, "two");
    one.cut();
    CHECK(two.got() == heard_one(1, '1'));
    CHECK(world.counter("fogline_mqtt_dropped_total", "group-gone") == 0);
}

TEST_CASE("shared: no retained messages; what is refused, and why") {
    World world;
    Peer pub(world);
    pub.connect_v3("p");
    pub.send("31 06 00 03 'a/b' 'x'");
    Member one(world, "one");
    CHECK(one.answer == wire("90 04 00 01 00 01"));
    CHECK(one.got().empty());
    Peer bad(world);
    bad.connect_v5("bad");
    CHECK(bad.send("82 0f 00 01 00 00 09 '$share//x' 01") == wire("90 04 00 01 00 8f"));
    CHECK(bad.send("82 10 00 01 00 00 0a '$share/+/x' 01") == wire("90 04 00 01 00 8f"));
    CHECK(bad.send("82 0e 00 01 00 00 08 '$share/x' 01") == wire("90 04 00 01 00 8f"));
    CHECK(bad.send("82 13 00 01 00 00 0d '$share/g/$SYS' 01") == wire("90 04 00 01 00 87"));
    // "$share/", 248 letters and a slash are the most there may be in front of the filter.
    for (const std::size_t letters : {248U, 249U}) {
        const auto name = std::string(letters, 'n');
        const auto filter = "$share/" + name + "/x";
        std::string body = wire("00 01 00 01") + static_cast<char>(filter.size() - 256) + filter;
        body += '\1';
        const auto answer =
            bad.send_raw(wire("82") + static_cast<char>(0x80U | (body.size() & 0x7FU)) +
                         static_cast<char>(body.size() >> 7U) + body);
        CHECK(answer == (letters == 248 ? wire("90 04 00 01 00 01") : wire("90 04 00 01 00 8f")));
    }
    // No-local makes no sense there.
    CHECK(bad.send("82 12 00 01 00 00 0c '$share/g/a/#' 05")[2] == '\x82');
}

TEST_CASE("shared: a session that is kept is told that it cannot be a member") {
    Lasting on;
    Peer sub(on.world), plain(on.world);
    const auto connack = connect_v5(sub, "s");
    CHECK(connack.find(wire("2a 00")) != std::string::npos);
    CHECK(sub.send("82 12 00 01 00 00 0c '$share/g/a/#' 01").empty());
    on.process();
    CHECK(sub.got() == wire("90 04 00 01 00 9e"));
    CHECK(plain.connect_v5("c").find(wire("2a 00")) == std::string::npos);
}
