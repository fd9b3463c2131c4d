#include <doctest/doctest.h>

#include "firmware/push/push_rig.hpp"

namespace fog {
extern const TransportInfo sse_transport;
}

using fog::rig::PushRig;
using fog::rig::RawClient;
using namespace std::chrono_literals;

namespace {

/// A hub whose time moves only when told.
struct TimedRig {
    fog::FakeClock time;
    PushRig rig;

    TimedRig() : rig({&fog::sse_transport}, [this](PushRig& one) { one.clock = &time; }) {}
    /// Lets time pass until the client hears it: what was written when is known to the hub alone.
    bool pass_until(RawClient& client, const std::string& text) {
        for (int i = 0; i < 20; ++i) {
            time.advance(3s);
            if (client.until(text, 600ms)) return true;
        }
        return false;
    }
};

}  // namespace

TEST_CASE("sse: after the tick of silence a comment keeps the line, with the position reached") {
    TimedRig timed;
    RawClient client(timed.rig.port), other(timed.rig.port);
    other.send(timed.rig.get("/api/v1/stream?channel=app/%23&tick=5s&tick_form=event"));
    REQUIRE(other.until("event: first"));
    client.send(timed.rig.get("/api/v1/stream?channel=samples/boiler/%23&snapshot=0&tick=20s"));
    REQUIRE(client.until("event: first"));
    // Another device's record: nothing for this client, but its position moves.
    timed.rig.publish({timed.rig.sample(1500, 1)});
    timed.time.advance(17s);
    timed.rig.publish({timed.rig.sample(1, 2)});
    REQUIRE(client.until("\"v\":2"));
    timed.rig.publish({timed.rig.sample(1500, 3)});
    const auto before = client.got.size();
    timed.time.advance(17s);  // no 20 s since the sample, even shortened by a tenth
    REQUIRE(other.until(timed.rig.position(timed.rig.seq)));  // all were looked at
    client.until("", 0ms);
    CHECK(client.got.size() == before);
    REQUIRE(timed.pass_until(client, "id: " + timed.rig.position(timed.rig.seq) + "\n\n"));
    CHECK(client.got.find("event: tick") == std::string::npos);
}

TEST_CASE("sse: tick_form=event tells clock and position; an untrusted clock is null") {
    TimedRig timed;
    RawClient client(timed.rig.port);
    client.send(timed.rig.get("/api/v1/stream?channel=%23&snapshot=0&tick=5s&tick_form=event"));
    REQUIRE(client.until("event: first"));
    REQUIRE(timed.pass_until(client, "event: tick\ndata: {\"ev\":\"tick\",\"clock\":\"2026-11-"));
    REQUIRE(client.until("\"pos\":\"" + timed.rig.position(timed.rig.seq) + "\"}"));
    timed.time.set_trusted(false);
    CHECK(timed.pass_until(client, "{\"ev\":\"tick\",\"clock\":null,"));
}

TEST_CASE("sse: a client that takes no byte for half a minute is closed and counted") {
    TimedRig timed;
    RawClient stalled(timed.rig.port, 4096);
    stalled.send(timed.rig.get("/api/v1/stream?channel=%23&snapshot=0"));
    REQUIRE(stalled.until("event: first"));
    RawClient other(timed.rig.port);
    other.send(timed.rig.get("/api/v1/stream?channel=app/%23&tick=5s&tick_form=event"));
    REQUIRE(other.until("event: first"));
    const auto closed = [&](const char* reason) {
        return timed.rig.metrics
            .counter("fogline_push_closed_total", "reason=\"" + std::string(reason) + "\"")
            .get();
    };
    for (int i = 0; i < 400; ++i) {
        std::vector<fog::Record> records;
        for (std::uint32_t point = 1; point <= 20; ++point)
            records.push_back(timed.rig.sample(point, i));
        timed.rig.publish(std::move(records));
    }
    for (int i = 0; i < 9; ++i) timed.time.advance(3s);
    REQUIRE(other.until("event: tick"));  // all were looked at
    CHECK(closed("stalled") == 0);
    for (int i = 0; i < 20 && closed("stalled") == 0; ++i) {
        other.got.clear();
        REQUIRE(timed.pass_until(other, "event: tick"));
    }
    CHECK(closed("stalled") == 1);
    CHECK(stalled.until_end());
}

TEST_CASE("sse: half a minute before its token expires a client is told, then ended") {
    TimedRig timed;
    fog::Principal guest = timed.rig.tokens.known.at("all");
    guest.credential = 9;
    guest.expires = timed.time.wall() + 60s;
    timed.rig.tokens.known["guest"] = guest;
    RawClient client(timed.rig.port);
    client.send(
        timed.rig.get("/api/v1/stream?channel=%23&snapshot=0", "Authorization: Bearer guest\r\n"));
    REQUIRE(client.until("event: first"));
    timed.time.advance(31s);
    REQUIRE(client.until("event: expiring\ndata: {\"ev\":\"expiring\",\"at\":\""));
    CHECK(client.got.find("event: bye") == std::string::npos);
    timed.time.advance(30s);
    REQUIRE(client.until("\"reason\":\"token-expired\""));
    for (int i = 0; i < 20 && !client.until_end(600ms); ++i) timed.time.advance(3s);
    CHECK(client.ended);
    CHECK(client.count("event: expiring") == 1);
}
