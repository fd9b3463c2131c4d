#include <doctest/doctest.h>

#include "firmware/http/ws_frame.hpp"
#include "firmware/push/push_rig.hpp"

namespace fog {
extern const TransportInfo websocket_transport;
}

using fog::rig::PushRig;
using fog::rig::RawClient;

namespace {

std::string handshake(std::string_view query, std::string_view extra) {
    return "GET /api/v1/stream" + std::string(query) +
           " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, "
           "Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
           std::string(extra) + "\r\n";
}

std::string masked(std::string_view payload, unsigned first = 0x81) {
    std::string out(1, static_cast<char>(first));
    if (payload.size() < 126) {
        out += static_cast<char>(0x80U | payload.size());
    } else {
        out += static_cast<char>(0x80U | 126U);
        out += static_cast<char>(payload.size() >> 8U);
        out += static_cast<char>(payload.size() & 0xFFU);
    }
    const char mask[4] = {0x11, 0x22, 0x33, 0x44};
    out.append(mask, 4);
    for (std::size_t i = 0; i < payload.size(); ++i)
        out += static_cast<char>(payload[i] ^ mask[i % 4]);
    return out;
}

std::string close_code(std::uint16_t code) {
    return {static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)};
}

/// Open connection with all rights.
struct Ws : RawClient {
    explicit Ws(PushRig& rig, std::string_view query = "",
                std::string_view extra = "Authorization: Bearer all\r\n")
        : RawClient(rig.port) {
        send(handshake(query, extra));
        REQUIRE(until("\r\n\r\n"));
        REQUIRE(got.find("HTTP/1.1 101 ") == 0);
    }
    void say(std::string_view json) { send(masked(json)); }
};

}  // namespace

TEST_CASE("websocket: the handshake is answered as RFC 6455 says") {
    PushRig rig({&fog::websocket_transport});
    Ws client(rig, "",
              "Authorization: Bearer all\r\nSec-WebSocket-Protocol: other, fogline.v1.json\r\n");
    CHECK(client.got.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") !=
          std::string::npos);
    CHECK(client.got.find("Sec-WebSocket-Protocol: fogline.v1.json\r\n") != std::string::npos);
}

TEST_CASE("websocket: bad handshakes are refused before the upgrade") {
    PushRig rig({&fog::websocket_transport});
    const auto refused = [&](const std::string& request, std::string_view status,
                             std::string_view slug) {
        RawClient client(rig.port);
        client.send(request);
        REQUIRE(client.until(slug));
        CHECK(client.got.find("HTTP/1.1 " + std::string(status)) == 0);
    };
    auto old = handshake("", "Authorization: Bearer all\r\n");
    old.replace(old.find("Version: 13"), 11, "Version: 12");
    refused(old, "426", "websocket-version");
    refused(handshake("", "Authorization: Bearer all\r\nSec-WebSocket-Protocol: other\r\n"), "400",
            "sub-protocol");
    refused(handshake("", "Authorization: Bearer wrong\r\n"), "401", "token-invalid");
    refused(handshake("?channel=samples/%23", ""), "401", "token-invalid");
    refused(handshake("", "Authorization: Bearer all\r\nOrigin: http://evil.example\r\n"), "403",
            "origin-refused");
}

TEST_CASE("websocket: URL parameters subscribe, live records carry pos") {
    PushRig rig({&fog::websocket_transport});
    rig.publish({rig.sample(1, 3)});
    Ws client(rig, "?channel=samples/%23");
    REQUIRE(client.until("\"last\":true}"));
    CHECK(client.got.find("\"ev\":\"first\",\"how\":\"snapshot\"") != std::string::npos);
    rig.publish({rig.sample(1, 4)});
    REQUIRE(client.until("\"v\":4"));
    REQUIRE(client.until(",\"pos\":\"" + rig.position(102) + "\"}"));
}

TEST_CASE("websocket: auth, subscribe, unsubscribe, ping are answered with their ids") {
    PushRig rig({&fog::websocket_transport});
    Ws client(rig, "", "");
    client.say(R"({"op":"subscribe","id":1,"sub":"a","channel":["samples/#"]})");
    REQUIRE(client.until(R"("re":1,"ok":false)"));
    client.say(R"({"op":"auth","id":"x","token":"all"})");
    REQUIRE(client.until(R"({"ev":"reply","re":"x","ok":true,"d":{"expires":null}})"));
    client.say(R"({"op":"subscribe","id":2,"sub":"a","channel":["samples/#"]})");
    REQUIRE(client.until("\"last\":true}"));
    const auto reply = client.got.find(R"({"ev":"reply","re":2,"ok":true,"d":{}})");
    const auto first = client.got.find(R"({"ev":"first","sub":"a")");
    REQUIRE(reply != std::string::npos);
    CHECK(reply < first);
    rig.publish({rig.sample(1, 8)});
    REQUIRE(client.until("\"v\":8"));
    client.say(R"({"op":"ping","id":3})");
    REQUIRE(client.until(R"("re":3,"ok":true,"d":{"clock":)"));
    client.say(R"({"op":"unsubscribe","id":4,"sub":"a"})");
    REQUIRE(client.until(R"("re":4,"ok":true)"));
    rig.publish({rig.sample(1, 99)});
    client.say(R"({"op":"unsubscribe","id":5,"sub":"a"})");
    REQUIRE(client.until(R"("re":5,"ok":false)"));
    CHECK(client.got.find("\"v\":99") == std::string::npos);
}

TEST_CASE("websocket: an alarm is acknowledged with its note by who may, and by nobody else") {
    struct Desk final : fog::AlarmDesk {
        void acknowledge(const std::string& alarm, const std::string& note,
                         const fog::Principal& by, Done done) override {
            if (alarm != "boiler/hot")
                return done(fog::Error{fog::Errc::not_found, "no alarm '" + alarm + "'", {}});
            said = note + " by " + by.name;
            done({});
        }
        std::string said;  // fog-io's, read after the answer came
    } desk;
    PushRig rig({&fog::websocket_transport}, [&desk](PushRig& one) { one.alarms = &desk; });
    Ws client(rig);
    client.say(R"({"op":"ack","id":1,"alarm":"boiler/hot","note":"on my way"})");
    REQUIRE(client.until(R"("re":1,"ok":true,"d":{"state":"acknowledged"})"));
    CHECK(desk.said == "on my way by admin");
    client.say(R"({"op":"ack","id":2,"alarm":"boiler/cold"})");
    REQUIRE(client.until(R"("re":2,"ok":false)"));
    CHECK(client.until("no alarm 'boiler/cold'"));
    Ws viewer(rig, "", "Authorization: Bearer narrow\r\n");
    viewer.say(R"({"op":"ack","id":3,"alarm":"boiler/hot"})");
    REQUIRE(viewer.until(R"("re":3,"ok":false)"));
    CHECK(viewer.until("needs ack:alarms"));
}

TEST_CASE("websocket: a record of two subscriptions is sent once") {
    PushRig rig({&fog::websocket_transport});
    Ws client(rig);
    client.say(R"({"op":"subscribe","id":1,"sub":"a","channel":["samples/#"],"snapshot":"0"})");
    client.say(
        R"({"op":"subscribe","id":2,"sub":"b","channel":["samples/boiler/+","#"],"snapshot":"0"})");
    REQUIRE(client.until(R"({"ev":"first","sub":"b")"));
    rig.publish({rig.sample(1, 8), rig.sample(2, 9)});
    REQUIRE(client.until("\"v\":9"));
    CHECK(client.count("\"ev\":\"sample\"") == 2);
}

TEST_CASE(
    "websocket: what is not built yet and what is wrong gets a problem, the socket stays open") {
    PushRig rig({&fog::websocket_transport});
    Ws client(rig);
    const std::vector<std::pair<std::string, std::string>> rows = {
        {R"({"op":"publish","id":1,"items":[{"channel":"app/x","data":{}}]})", "not-available"},
        {R"({"op":"command","id":2,"dev":"x","args":{}})", "not-available"},
        {R"({"op":"ack","id":3,"alarm":"a/b"})", "not-available"},
        {R"({"op":"subscrib","id":4})", "Did you mean 'subscribe'?"},
        {R"({"op":"subscribe","id":5,"channel":["room#1"]})", "channel-invalid"},
        {R"({"op":"subscribe","id":6,"channel":["samples/#"],"filtre":"x"})",
         "Did you mean 'filter'?"},
        {R"({"op":"subscribe","id":7,"channel":{"a":1}})", "wrong type"},
        {R"([1])", "json-invalid"},
        {R"({"op":)", "json-invalid"},
        {std::string(100, '['), "json-invalid"}};
    for (const auto& [text, expected] : rows) {
        const std::string& said = text;  // Clang 14 captures no structured binding
        client.got.clear();
        client.say(said);
        CHECK_MESSAGE(client.until(expected), said);
        CHECK(client.got.find("\"ok\":false") != std::string::npos);
    }
    client.say(R"({"op":"ping","id":9})");
    CHECK(client.until(R"("re":9,"ok":true)"));
}

TEST_CASE("websocket: ten malformed messages in a minute end it with 4400") {
    PushRig rig({&fog::websocket_transport});
    Ws client(rig);
    for (int i = 0; i < 10; ++i) client.say("{");
    REQUIRE(client.until_end());
    CHECK(client.got.find(close_code(4400)) != std::string::npos);
    CHECK(client.count("json-invalid") >= 9);
}

TEST_CASE("websocket: frame faults close with the code that names them") {
    PushRig rig({&fog::websocket_transport});
    const auto closes = [&](const std::string& bytes, std::uint16_t code) {
        CAPTURE(code);
        Ws client(rig);
        client.got.clear();
        client.send(bytes);
        REQUIRE(client.until_end());
        REQUIRE(client.got.size() >= 4);
        CHECK(static_cast<unsigned char>(client.got[0]) == 0x88);
        CHECK(client.got.substr(2, 2) == close_code(code));
    };
    closes(std::string("\x81\x02hi", 4), 1002);           // not masked
    closes(masked("x", 0xC1), 1002);                      // reserved bit
    closes(masked("x", 0x83), 1002);                      // reserved opcode
    closes(masked("x", 0x80), 1002);                      // continuation of nothing
    closes(masked("x", 0x09), 1002);                      // fragmented ping
    closes(masked(std::string(200, 'x'), 0x89), 1002);    // long ping
    closes(masked("x", 0x82), 1003);                      // binary
    closes(masked("\xFF\xFE"), 1007);                     // not UTF-8
    closes(masked("x", 0x01) + masked("y", 0x81), 1002);  // message inside a message
    closes(masked(close_code(1005), 0x88), 1002);         // code nobody may send
    closes(std::string("\x81\xFF\x00\x00\x00\x00\x00\x10\x00\x00"
                       "abcd",
                       14),
           1009);
}

TEST_CASE("websocket: ping is answered with its payload, close with its code") {
    PushRig rig({&fog::websocket_transport});
    Ws client(rig);
    client.got.clear();
    client.send(masked("abc", 0x89));
    REQUIRE(client.until("abc"));
    CHECK(client.got == std::string("\x8A\x03"
                                    "abc"));
    client.got.clear();
    client.send(masked(close_code(1000) + "bye", 0x88));
    REQUIRE(client.until_end());
    CHECK(client.got.substr(2, 2) == close_code(1000));
}

TEST_CASE("websocket: messages in the same packet as the handshake are heard") {
    PushRig rig({&fog::websocket_transport});
    RawClient client(rig.port);
    client.send(handshake("", "Authorization: Bearer all\r\n") + masked(R"({"op":"ping","id":1})"));
    CHECK(client.until(R"("re":1,"ok":true)"));
}

TEST_CASE("websocket: flooding is refused, then closed with 4429") {
    PushRig rig({&fog::websocket_transport});
    Ws client(rig);
    std::string flood;
    for (int i = 0; i < 300; ++i) flood += masked(R"({"op":"ping","id":1})");
    client.send(flood);
    REQUIRE(client.until_end());
    CHECK(client.got.find("rate-exceeded") != std::string::npos);
    CHECK(client.got.find(close_code(4429)) != std::string::npos);
}
