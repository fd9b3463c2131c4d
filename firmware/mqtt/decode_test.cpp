#include <doctest/doctest.h>

#include "firmware/mqtt/hex_test.hpp"
#include "firmware/mqtt/packet.hpp"

using namespace fog::mqtt;

namespace {

constexpr std::size_t kMost = 4U << 20U;

/// The header of a whole packet; the body in `body`.
Header header_of(const std::string& packet, std::string_view& body) {
    Header header;
    const auto got = read_header(packet, kMost, header);
    REQUIRE(!got.more);
    REQUIRE(!got.refusal);
    REQUIRE(header.whole() == packet.size());
    body = std::string_view(packet).substr(header.size);
    return header;
}

Code connect_code(std::string_view body, Connect& out) {
    out = {};
    const auto bad = read_connect(body, out);
    return bad ? bad->code : Code::success;
}

}  // namespace

TEST_CASE("framing: a header is judged as soon as it is there, never before") {
    Header header;
    CHECK(read_header("", kMost, header).more);
    CHECK(read_header(wire("30"), kMost, header).more);
    CHECK(read_header(wire("30 ff ff"), kMost, header).more);
    CHECK(!read_header(wire("30 85 01"), kMost, header).more);
    CHECK(header.type == Type::publish);
    CHECK(header.length == 133);
    CHECK(header.size == 3);
    const auto large = read_header(wire("30 ff ff ff 7f"), kMost, header);
    REQUIRE(large.refusal);
    CHECK(large.refusal->code == Code::too_large);
    const auto code = [&header](std::string_view bytes) {
        const auto got = read_header(wire(bytes), kMost, header);
        REQUIRE(got.refusal);
        return got.refusal->code;
    };
    CHECK(code("30 ff ff ff ff") == Code::malformed);  // length over four bytes
    CHECK(code("00 00") == Code::malformed);
    CHECK(code("11") == Code::malformed);  // reserved flags
    CHECK(code("60 02") == Code::malformed);
    CHECK(code("80 02") == Code::malformed);
    for (const char* server : {"20", "90", "b0", "d0"}) CHECK(code(server) == Code::protocol);
}

TEST_CASE("connect: the fields of 3.1.1 are views into the packet") {
    const auto packet = wire(
        "10 21 00 04 'MQTT' 04 ee 00 3c 00 03 'abc' 00 03 'w/t' 00 02 'hi' 00 01 'u' 00 04 'pass'");
    std::string_view body;
    CHECK(header_of(packet, body).type == Type::connect);
    Connect got;
    REQUIRE(!read_connect(body, got));
    CHECK(got.version == Version::v3);
    CHECK(got.clean);
    CHECK(got.keep_alive == 60);
    CHECK(got.client_id == "abc");
    CHECK(got.user == "u");
    CHECK(got.password == "pass");
    REQUIRE(got.will);
    CHECK(got.will->topic == "w/t");
    CHECK(got.will->payload == "hi");
    CHECK(got.will->qos == 1);
    CHECK(got.will->retain);
    CHECK(got.client_id.data() > packet.data());
    CHECK(got.client_id.data() < packet.data() + packet.size());
}

TEST_CASE("connect: properties of 5.0, also of the will") {
    Connect got;
    REQUIRE(connect_code(wire("00 04 'MQTT' 05 06 00 0a 10 11 00 00 00 78 21 00 14 27 00 00 01 00 "
                              "17 00 00 00 08 18 00 00 00 05 01 01 00 01 't' 00 00"),
                         got) == Code::malformed);  // one byte of the block is foreign
    const std::string whole = wire(
        "00 04 'MQTT' 05 06 00 0a 0f 11 00 00 00 78 21 00 14 27 00 00 01 00 "
        "17 00 00 00 07 18 00 00 00 05 01 01 00 01 't' 00 00");
    REQUIRE(connect_code(whole, got) == Code::success);
    CHECK(got.version == Version::v5);
    CHECK(got.properties.session_expiry == 120);
    CHECK(got.properties.receive_maximum == 20);
    CHECK(got.properties.maximum_packet == 256);
    CHECK(got.properties.request_problem == 0);
    REQUIRE(got.will);
    CHECK(got.will->properties.will_delay == 5);
    CHECK(got.will->properties.payload_format == 1);
    CHECK(got.will->topic == "t");
    CHECK(got.client_id.empty());
}

TEST_CASE("connect: what is wrong has the code of the standard") {
    Connect got;
    const auto refused = [&got](std::string_view bytes) {
        got = {};
        const auto bad = read_connect(wire(bytes), got);
        REQUIRE(bad);
        return *bad;
    };
    CHECK(refused("00 04 'HTTP' 04 02 00 00 00 00").silent);
    CHECK(refused("00 01").silent);
    // Level 3, a bridge's 0x84 and MQIsdp are told in the form of 3.1.1; level 6 in that of 5.0.
    for (const char* old : {"00 04 'MQTT' 03 02 00 00 00 00", "00 04 'MQTT' 84 02 00 00 00 00",
                            "00 06 'MQIsdp' 03 02 00 00 00 00"}) {
        CHECK(refused(old).code == Code::bad_version);
        CHECK(got.version == Version::v3);
    }
    CHECK(refused("00 04 'MQTT' 06 02 00 00 00 00 00").code == Code::bad_version);
    CHECK(got.version == Version::v5);
    for (const char* bytes : {
             "00 04 'MQTT' 04 03 00 00 00 00",                  // reserved flag
             "00 04 'MQTT' 04 22 00 00 00 00",                  // will retain without will
             "00 04 'MQTT' 04 1e 00 00 00 00 00 01 't' 00 00",  // will QoS 3
             "00 04 'MQTT' 04 42 00 00 00 00 00 01 'p'",        // password without user, 3.1.1
             "00 04 'MQTT' 04 02 00 00 00 05 'ab'",             // truncated
             "00 04 'MQTT' 04 02 00 00 00 02 c3 28",            // not UTF-8
             "00 04 'MQTT' 04 02 00 00 00 02 'a' 00",           // U+0000
             "00 04 'MQTT' 04 02 00 00 00 01 'a' 'x'",          // more than its fields
             "00 04 'MQTT' 05 02 00 00 03 23 00 01 00 00",      // alias in CONNECT
             "00 04 'MQTT' 05 02 00 00 80 00 00 00",  // property length not in shortest form
         }) {
        CAPTURE(bytes);
        CHECK(refused(bytes).code == Code::malformed);
    }
    CHECK(refused("00 04 'MQTT' 05 02 00 00 0a 11 00 00 00 01 11 00 00 00 01 00 00").code ==
          Code::protocol);
    CHECK(refused("00 04 'MQTT' 05 02 00 00 0a 11 00 00 00 01 11 00 00 00 01 00 00").reason ==
          "property-twice");
    CHECK(refused("00 04 'MQTT' 05 02 00 00 03 21 00 00 00 00").code == Code::protocol);
    CHECK(refused("00 04 'MQTT' 05 02 00 00 05 27 00 00 00 00 00 00").code == Code::protocol);
    CHECK(refused("00 04 'MQTT' 05 02 00 00 02 17 02 00 00").code == Code::protocol);
    CHECK(refused("00 04 'MQTT' 04 06 00 00 00 00 00 01 '#' 00 00").code == Code::bad_topic);
}

TEST_CASE("publish: fields, and the payload where it is") {
    const auto packet = wire("3d 0b 00 03 'a/b' 00 07 'data'");
    std::string_view body;
    const Header header = header_of(packet, body);
    Publish got;
    REQUIRE(!read_publish(header, body, Version::v3, got));
    CHECK(got.topic == "a/b");
    CHECK(got.id == 7);
    CHECK(got.qos == 2);
    CHECK(got.retain);
    CHECK(got.duplicate);
    CHECK(got.payload == "data");
    CHECK(got.payload.data() == packet.data() + packet.size() - 4);
    const auto five =
        wire("32 19 00 01 't' 00 01 11 01 01 02 00 00 00 3c 23 00 05 26 00 01 'k' 00 01 'v' 'pp'");
    const Header second = header_of(five, body);
    got = {};
    REQUIRE(!read_publish(second, body, Version::v5, got));
    CHECK(got.properties.message_expiry == 60);
    CHECK(got.properties.alias == 5);
    CHECK(got.payload == "pp");
}

TEST_CASE("publish: what is wrong has the code of the standard") {
    const auto code = [](unsigned flags, std::string_view bytes, Version version) {
        Header header;
        header.type = Type::publish;
        header.flags = static_cast<std::uint8_t>(flags);
        Publish got;
        const auto text = wire(bytes);
        const auto bad = read_publish(header, text, version, got);
        return bad ? bad->code : Code::success;
    };
    CHECK(code(0, "00 01 't'", Version::v3) == Code::success);
    CHECK(code(6, "00 01 't' 00 01", Version::v3) == Code::malformed);  // QoS 3
    CHECK(code(8, "00 01 't'", Version::v3) == Code::malformed);        // DUP with QoS 0
    CHECK(code(2, "00 01 't' 00 00", Version::v3) == Code::protocol);   // packet id 0
    CHECK(code(2, "00 01 't' 00", Version::v3) == Code::malformed);
    CHECK(code(0, "00 00", Version::v3) == Code::protocol);
    CHECK(code(0, "00 03 'a/#'", Version::v3) == Code::bad_topic);
    CHECK(code(0, "00 02 c3 28", Version::v3) == Code::malformed);
    CHECK(code(0, "00 00 03 23 00 01 'x'", Version::v5) == Code::success);
    CHECK(code(0, "00 00 03 23 00 00", Version::v5) == Code::bad_alias);
    CHECK(code(0, "00 01 't' 02 0b 01", Version::v5) == Code::malformed);  // only servers send it
    CHECK(code(0, "00 01 't' 05 08 00 02 '+x'", Version::v5) == Code::protocol);
}

TEST_CASE("acks: short and long forms") {
    Ack ack;
    CHECK(!read_ack(Type::puback, wire("00 09"), Version::v3, ack));
    CHECK(ack.id == 9);
    CHECK(read_ack(Type::puback, wire("00 09 00"), Version::v3, ack)->code == Code::malformed);
    CHECK(read_ack(Type::puback, wire("00 00"), Version::v3, ack)->code == Code::protocol);
    CHECK(!read_ack(Type::puback, wire("00 09 97"), Version::v5, ack));
    CHECK(ack.code == Code::quota);
    CHECK(!read_ack(Type::puback, wire("00 09 80 04 1f 00 01 'x'"), Version::v5, ack));
    CHECK(read_ack(Type::puback, wire("00 09 80 04 1f 00 01 'x' 'y'"), Version::v5, ack));
    CHECK(read_ack(Type::pubrel, wire("00 09 80"), Version::v5, ack)->code == Code::protocol);
}

TEST_CASE("subscribe: filters and options one after the other") {
    const auto body = wire("00 05 02 0b 07 00 03 'a/b' 2d 00 01 '#' 00");
    Subscribe got;
    REQUIRE(!read_subscribe(body, Version::v5, got));
    CHECK(got.id == 5);
    CHECK(got.properties.subscription_id == 7);
    REQUIRE(got.filters.size() == 2);
    Filter one;
    REQUIRE(got.filters.next(one));
    CHECK(one.text == "a/b");
    CHECK(one.qos == 1);
    CHECK(one.no_local);
    CHECK(one.as_published);
    CHECK(one.retain_handling == 2);
    REQUIRE(got.filters.next(one));
    CHECK(one.text == "#");
    CHECK(one.qos == 0);
    CHECK(!got.filters.next(one));
    const auto code = [](std::string_view bytes, Version version, bool un = false) {
        Subscribe out;
        const auto text = wire(bytes);
        const auto bad =
            un ? read_unsubscribe(text, version, out) : read_subscribe(text, version, out);
        return bad ? bad->code : Code::success;
    };
    CHECK(code("00 05", Version::v3) == Code::protocol);  // no filter
    CHECK(code("00 00 00 01 '#' 00", Version::v3) == Code::protocol);
    CHECK(code("00 05 00 01 '#' 04", Version::v3) == Code::malformed);
    CHECK(code("00 05 00 01 '#' 03", Version::v3) == Code::malformed);
    CHECK(code("00 05 00 00 01 '#' 40", Version::v5) == Code::malformed);
    CHECK(code("00 05 00 00 01 '#' 30", Version::v5) == Code::protocol);
    CHECK(code("00 05 02 0b 00 00 01 '#' 00", Version::v5) == Code::protocol);
    CHECK(code("00 05 04 0b 01 0b 02 00 01 '#' 00", Version::v5) == Code::protocol);
    CHECK(code("00 05 00 01 '#'", Version::v3, true) == Code::success);
    CHECK(code("00 05", Version::v3, true) == Code::protocol);
    CHECK(code("00 05 00 05 '#'", Version::v3, true) == Code::malformed);
}

TEST_CASE("disconnect: code and session expiry of 5.0, nothing of 3.1.1") {
    Disconnect got;
    CHECK(!read_disconnect("", Version::v5, got));
    CHECK(got.code == Code::success);
    CHECK(!read_disconnect(wire("04 05 11 00 00 00 09"), Version::v5, got));
    CHECK(got.code == Code::with_will);
    CHECK(got.properties.session_expiry == 9);
    CHECK(read_disconnect(wire("00"), Version::v3, got)->code == Code::malformed);
}
