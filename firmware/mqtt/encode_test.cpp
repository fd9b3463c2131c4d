#include "firmware/mqtt/encode.hpp"

#include <doctest/doctest.h>

#include "firmware/mqtt/hex_test.hpp"

using namespace fog::mqtt;

namespace {

std::string acked(Version version, Type type, Code code = Code::success,
                  std::string_view reason = {}) {
    std::string out;
    append_ack(out, version, type, 0x1234, code, reason);
    return out;
}

}  // namespace

TEST_CASE("connack: bytes of both versions") {
    std::string out;
    Connack connack;
    connack.session_present = true;
    append_connack(out, Version::v3, connack);
    CHECK(out == wire("20 02 01 00"));
    out.clear();
    append_connack(out, Version::v5, {});
    CHECK(out == wire("20 03 00 00 00"));
    out.clear();
    connack = {};
    connack.receive_maximum = 500;
    connack.alias_maximum = 32;
    connack.maximum_packet = 4U << 20U;
    connack.no_shared = true;
    connack.session_expiry = 0;
    connack.server_keep_alive = 1200;
    connack.assigned_id = "auto-1";
    append_connack(out, Version::v5, connack);
    CHECK(out == wire("20 21 00 00 1e 11 00 00 00 00 21 01 f4 27 00 40 00 00 12 00 06 "
                      "'auto-1' 22 00 20 2a 00 13 04 b0"));
    out.clear();
    connack = {};
    connack.code = Code::bad_login;
    append_connack(out, Version::v3, connack);
    append_connack(out, Version::v5, connack);
    CHECK(out == wire("20 02 00 04 20 03 00 86 00"));
}

TEST_CASE("connack: 3.1.1 has five words for a refusal") {
    CHECK(v3_connect_code(Code::bad_version) == 1);
    CHECK(v3_connect_code(Code::bad_client_id) == 2);
    CHECK(v3_connect_code(Code::quota) == 3);
    CHECK(v3_connect_code(Code::bad_login) == 4);
    CHECK(v3_connect_code(Code::denied) == 5);
}

TEST_CASE("acks: code and reason go to 5.0 only, and only where they say something") {
    CHECK(acked(Version::v3, Type::puback, Code::quota, "full") == wire("40 02 12 34"));
    CHECK(acked(Version::v5, Type::puback) == wire("40 02 12 34"));
    CHECK(acked(Version::v5, Type::puback, Code::no_subscribers) == wire("40 03 12 34 10"));
    CHECK(acked(Version::v5, Type::pubrec, Code::quota, "full") ==
          wire("50 0b 12 34 97 07 1f 00 04 'full'"));
    CHECK(acked(Version::v5, Type::pubrel, Code::id_not_found) == wire("62 03 12 34 92"));
    CHECK(acked(Version::v3, Type::pubcomp) == wire("70 02 12 34"));
}

TEST_CASE("suback, unsuback, pingresp, disconnect: bytes") {
    const Code codes[] = {Code::granted_1, Code::bad_filter};
    std::string out;
    append_suback(out, Version::v3, 5, codes);
    CHECK(out == wire("90 04 00 05 01 80"));
    out.clear();
    append_suback(out, Version::v5, 5, codes);
    CHECK(out == wire("90 05 00 05 00 01 8f"));
    out.clear();
    const Code gone[] = {Code::success, Code::no_subscription};
    append_unsuback(out, Version::v3, 6, gone);
    append_unsuback(out, Version::v5, 6, gone);
    append_pingresp(out);
    append_disconnect(out, Code::taken_over);
    append_disconnect(out, Code::protocol, "x");
    CHECK(out == wire("b0 02 00 06 b0 05 00 06 00 00 11 d0 00 e0 01 8e e0 06 82 04 1f 00 01 'x'"));
}

TEST_CASE("publish: one message, private bytes for each receiver") {
    Message::Parts parts;
    parts.topic = "a/b";
    parts.payload = "xy";
    const auto properties =
        wire("01 01 02 00 00 00 3c 23 00 05 26 00 01 'k' 00 01 'v' 03 00 01 'c'");
    parts.properties = properties;
    parts.qos = 1;
    const Message message(parts);
    CHECK(message.topic() == "a/b");
    CHECK(message.payload() == "xy");
    // Expiry and alias are hop by hop; the others go on in the order they came.
    CHECK(message.properties() == wire("01 01 26 00 01 'k' 00 01 'v' 03 00 01 'c'"));
    const auto sent = [&message](Version version, const Delivery& delivery) {
        std::string out;
        append_publish(out, message, version, delivery);
        CHECK(out.size() == publish_size(message, version, delivery));
        return out;
    };
    CHECK(sent(Version::v3, {}) == wire("30 07 00 03 'a/b' 'xy'"));
    Delivery delivery;
    delivery.qos = 1;
    delivery.retain = true;
    delivery.id = 0x0102;
    const std::uint32_t ids[] = {7, 200};
    delivery.identifiers = ids;
    delivery.expires_in = 9;
    CHECK(sent(Version::v3, delivery) == wire("33 09 00 03 'a/b' 01 02 'xy'"));
    CHECK(sent(Version::v5, delivery) ==
          wire("33 21 00 03 'a/b' 01 02 17 02 00 00 00 09 0b 07 0b c8 01 01 01 26 00 01 'k' 00 01 "
               "'v' 03 00 01 'c' 'xy'"));
}

TEST_CASE("publish: lengths around the steps of the variable byte integer") {
    for (const std::size_t size : {124UL, 125UL, 126UL, 16'380UL, 16'381UL, 16'382UL}) {
        const std::string payload(size, 'p');
        const Message message(Message::Parts{"t", payload});
        for (const auto version : {Version::v3, Version::v5}) {
            std::string out;
            append_publish(out, message, version, {});
            CHECK(out.size() == publish_size(message, version, {}));
            Header header;
            REQUIRE(!read_header(out, 1U << 20U, header).refusal);
            CHECK(header.whole() == out.size());
            Publish back;
            REQUIRE(
                !read_publish(header, std::string_view(out).substr(header.size), version, back));
            CHECK(back.payload == payload);
        }
    }
}
