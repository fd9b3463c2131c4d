#include <doctest/doctest.h>

#include "firmware/push/push_rig.hpp"

namespace fog {
extern const TransportInfo sse_transport;
}

using fog::rig::PushRig;
using fog::rig::RawClient;

namespace {

std::string json_of(const RawClient& client, std::string_view event) {
    const auto at = client.got.find("event: " + std::string(event) + "\ndata: ");
    if (at == std::string::npos) return {};
    const auto begin = client.got.find("data: ", at) + 6;
    return client.got.substr(begin, client.got.find('\n', begin) - begin);
}

}  // namespace

TEST_CASE("sse: a newcomer gets first, the last values as snapshot, then live events with ids") {
    PushRig rig({&fog::sse_transport});
    rig.publish({rig.sample(1, 20.5), rig.sample(2, 7), rig.sample(1, 21.5),
                 rig.alarm("hot", "active-unack")});
    RawClient client(rig.port);
    client.send(rig.get("/api/v1/stream?channel=samples/%23&channel=alarms/%23"));
    REQUIRE(client.until("\"last\":true}"));
    CHECK(client.got.find("HTTP/1.1 200 OK\r\n") == 0);
    CHECK(client.got.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    CHECK(client.got.find("Cache-Control: no-store, no-transform\r\n") != std::string::npos);
    CHECK(client.got.find("Fogline-Position: " + rig.position(104)) != std::string::npos);
    CHECK(client.got.find("retry: 2000\n") != std::string::npos);
    CHECK(json_of(client, "first").find("\"how\":\"snapshot\"") != std::string::npos);
    const auto snapshot = json_of(client, "snapshot");
    CHECK(snapshot.find("\"v\":21.5") != std::string::npos);
    CHECK(snapshot.find("\"v\":20.5") == std::string::npos);
    CHECK(snapshot.find("\"alarm\":\"hot\"") < snapshot.find("\"pt\":\"p2\""));
    rig.publish({rig.sample(1, 22.5)});
    REQUIRE(client.until("\"v\":22.5"));
    REQUIRE(client.until("id: " + rig.position(105) + "\n\n"));
    CHECK(client.got.find(
              "event: sample\ndata: "
              "{\"ev\":\"sample\",\"ch\":\"samples/boiler/p1\",\"d\":{\"gw\":\"gw-test\"") !=
          std::string::npos);
}

TEST_CASE("sse: a cleared alarm leaves the snapshot") {
    PushRig rig({&fog::sse_transport});
    rig.publish({rig.alarm("hot", "active-unack"), rig.alarm("cold", "active-unack"),
                 rig.alarm("hot", "normal")});
    RawClient client(rig.port);
    client.send(rig.get("/events/alarms/%23/"));
    REQUIRE(client.until("event: snapshot"));
    REQUIRE(client.until("\"last\":true}"));
    CHECK(client.got.find("\"alarm\":\"cold\"") != std::string::npos);
    CHECK(client.got.find("\"alarm\":\"hot\"") == std::string::npos);
}

TEST_CASE("sse: names=0 leaves out the event lines") {
    PushRig rig({&fog::sse_transport});
    RawClient client(rig.port);
    client.send(rig.get("/api/v1/stream?channel=samples/%23&names=0"));
    REQUIRE(client.until("\"ev\":\"snapshot\""));
    rig.publish({rig.sample(1, 1)});
    REQUIRE(client.until("\"ev\":\"sample\""));
    CHECK(client.got.find("event:") == std::string::npos);
}

TEST_CASE("sse: Last-Event-ID resumes from the ring without gap, duplicate or snapshot") {
    PushRig rig({&fog::sse_transport});
    std::vector<fog::Record> records;
    for (int i = 0; i < 50; ++i) records.push_back(rig.sample(1, i));
    rig.publish(records);
    RawClient client(rig.port);
    client.send(
        rig.get("/api/v1/stream?channel=samples/%23",
                "Authorization: Bearer all\r\nLast-Event-ID: " + rig.position(120) + "\r\n"));
    REQUIRE(client.until("id: " + rig.position(150) + "\n"));
    CHECK(client.got.find("\"how\":\"resumed\"") != std::string::npos);
    CHECK(client.got.find("\"replay\":30") != std::string::npos);
    CHECK(client.count("event: sample") == 30);
    CHECK(client.count("\"hist\":true") == 30);
    CHECK(client.got.find("event: snapshot") == std::string::npos);
    CHECK(client.got.find("event: gap") == std::string::npos);
}

TEST_CASE("sse: what the ring lost comes from the log, and live follows without hole") {
    PushRig rig({&fog::sse_transport}, [](PushRig& made) { made.limits.push_ring_bytes = 4096; });
    for (int batch = 0; batch < 30; ++batch) {
        std::vector<fog::Record> records;
        for (int i = 0; i < 100; ++i) records.push_back(rig.sample(1, i));
        rig.publish(records);
    }
    RawClient client(rig.port);
    client.send(rig.get("/api/v1/stream?channel=samples/%23&since=" + rig.position(100)));
    for (int i = 0; i < 20; ++i) rig.publish({rig.sample(1, i)});
    const auto last = rig.seq;
    REQUIRE(client.until("id: " + rig.position(last) + "\n"));
    CHECK(client.got.find("\"how\":\"resumed\"") != std::string::npos);
    CHECK(client.got.find("event: gap") == std::string::npos);
    REQUIRE(client.count("event: sample") == last - 100);
    std::size_t at = 0;
    for (std::uint64_t seq = 101; seq <= last; ++seq) {
        at = client.got.find("\"seq\":" + std::to_string(seq) + ",", at);
        REQUIRE_MESSAGE(at != std::string::npos, "missing or out of order: " << seq);
    }
}

TEST_CASE("sse: evicted history is told as a gap and followed by a snapshot") {
    PushRig rig({&fog::sse_transport}, [](PushRig& made) { made.limits.push_ring_bytes = 4096; });
    std::vector<fog::Record> records;
    for (int i = 0; i < 300; ++i)
        records.push_back(rig.sample(1 + static_cast<unsigned>(i) % 3, i));
    rig.publish(records);
    rig.log.evict(fog::Seq{200});
    RawClient client(rig.port);
    client.send(rig.get("/api/v1/stream?channel=%23&since=" + rig.position(150)));
    REQUIRE(client.until("\"last\":true}"));
    const auto first = client.got.find("\"how\":\"snapshot\"");
    const auto gap = client.got.find("event: gap");
    const auto sample = client.got.find("event: sample");
    const auto snapshot = client.got.find("event: snapshot");
    CHECK(first < gap);
    CHECK(gap < sample);
    CHECK(sample < snapshot);
    const auto told = json_of(client, "gap");
    CHECK(told.find("\"from\":\"" + rig.position(150)) != std::string::npos);
    CHECK(told.find("\"to\":\"" + rig.position(200)) != std::string::npos);
    CHECK(told.find("\"reason\":\"evicted\",\"missed\":50,\"exact\":true") != std::string::npos);
    CHECK(client.count("event: sample") == 200);
}

TEST_CASE("sse: a position of another log is a gap epoch-changed, never an error") {
    PushRig rig({&fog::sse_transport});
    rig.publish({rig.sample(1, 5)});
    for (const std::string& id :
         {std::string("0000000000000001.7"), rig.position(5000), std::string("nonsense")}) {
        RawClient client(rig.port);
        client.send(rig.get("/api/v1/stream?channel=samples/%23",
                            "Authorization: Bearer all\r\nLast-Event-ID: " + id + "\r\n"));
        REQUIRE(client.until("\"last\":true}"));
        CHECK(client.got.find("\"reason\":\"epoch-changed\"") != std::string::npos);
        CHECK(client.got.find("\"v\":5") != std::string::npos);
    }
}

TEST_CASE("sse: replay_max turns the older part into a gap replay-limit") {
    PushRig rig({&fog::sse_transport});
    std::vector<fog::Record> records;
    for (int i = 0; i < 100; ++i) records.push_back(rig.sample(1, i));
    rig.publish(records);
    RawClient client(rig.port);
    client.send(
        rig.get("/api/v1/stream?channel=samples/%23&replay_max=10&since=" + rig.position(100)));
    REQUIRE(client.until("\"last\":true}"));
    CHECK(client.got.find("\"reason\":\"replay-limit\"") != std::string::npos);
    CHECK(client.count("event: sample") == 10);
}

TEST_CASE("sse: since as a duration or earliest reads from the log") {
    PushRig rig({&fog::sse_transport});
    std::vector<fog::Record> records;
    for (int i = 0; i < 40; ++i) records.push_back(rig.sample(1, i));
    rig.publish(records);
    for (const std::string& since : {std::string("earliest"), std::string("1h")}) {
        RawClient client(rig.port);
        client.send(rig.get("/api/v1/stream?channel=samples/%23&since=" + since));
        REQUIRE(client.until("id: " + rig.position(140) + "\n"));
        CHECK(client.count("event: sample") == 40);
    }
}

TEST_CASE("sse: min_interval sends the first at once and the newest at the boundary with n") {
    PushRig rig({&fog::sse_transport});
    RawClient client(rig.port);
    client.send(rig.get("/api/v1/stream?channel=samples/%23&min_interval=200"));
    REQUIRE(client.until("event: snapshot"));
    rig.publish({rig.sample(1, 1)});
    for (int i = 2; i <= 9; ++i) rig.publish({rig.sample(1, i)});
    REQUIRE(client.until("\"v\":9"));
    CHECK(client.count("event: sample") == 2);
    CHECK(client.got.find("\"v\":1,") != std::string::npos);
    REQUIRE(client.until("\"n\":8}\nid: " + rig.position(109) + "\n"));
}

TEST_CASE(
    "sse: a client that does not read is conflated, loses nothing of the alarms, and others go "
    "on") {
    PushRig rig({&fog::sse_transport});
    RawClient stalled(rig.port, 4096);
    stalled.send(rig.get("/api/v1/stream?channel=%23"));
    REQUIRE(stalled.until("event: snapshot"));
    RawClient healthy(rig.port);
    healthy.send(rig.get("/api/v1/stream?channel=%23"));
    REQUIRE(healthy.until("event: snapshot"));
    const int rounds = 400;
    for (int round = 0; round < rounds; ++round) {
        std::vector<fog::Record> records;
        for (std::uint32_t point = 1; point <= 20; ++point)
            records.push_back(rig.sample(point, round));
        if (round % 40 == 0)
            records.push_back(rig.alarm("a" + std::to_string(round), "active-unack"));
        rig.publish(records);
        REQUIRE(healthy.until("id: " + rig.position(rig.seq) + "\n"));
        healthy.got.clear();
    }
    REQUIRE(stalled.until("id: " + rig.position(rig.seq) + "\n", std::chrono::seconds(30)));
    CHECK(stalled.count("event: alarm") == 10);
    CHECK(stalled.count("event: sample") < 20 * rounds);
    CHECK(stalled.got.find("event: gap") == std::string::npos);
    // Every sample was sent or stood for: the n of all events sum up.
    std::size_t stood_for = 0;
    for (auto at = stalled.got.find("event: sample"); at != std::string::npos;
         at = stalled.got.find("event: sample", at + 1)) {
        const auto end = stalled.got.find("\n\n", at);
        const auto n = stalled.got.find(",\"n\":", at);
        stood_for += n < end ? static_cast<std::size_t>(std::stoi(stalled.got.substr(n + 5))) : 1;
    }
    CHECK(stood_for == 20 * rounds);
    CHECK(rig.metrics.counter("fogline_push_conflated_total").get() > 0);
}

TEST_CASE("sse: slow=drop-oldest tells exactly how many samples left, then shows the state") {
    PushRig rig({&fog::sse_transport});
    RawClient stalled(rig.port, 4096);
    stalled.send(rig.get("/api/v1/stream?channel=%23&slow=drop-oldest"));
    REQUIRE(stalled.until("event: snapshot"));
    const int total = 8000;
    for (int i = 0; i < total / 20; ++i) {
        std::vector<fog::Record> records;
        for (std::uint32_t point = 1; point <= 20; ++point) records.push_back(rig.sample(point, i));
        rig.publish(records);
    }
    REQUIRE(stalled.until("event: gap", std::chrono::seconds(30)));
    const auto gap_at = stalled.got.find("event: gap");
    stalled.got.erase(0, 0);
    REQUIRE(
        stalled.until("\"last\":true}\nid: " + rig.position(rig.seq), std::chrono::seconds(30)));
    const auto missed_at = stalled.got.find("\"missed\":", gap_at);
    std::size_t missed = 0;
    for (auto at = missed_at; at != std::string::npos; at = stalled.got.find("\"missed\":", at + 1))
        missed += static_cast<std::size_t>(std::stoi(stalled.got.substr(at + 9)));
    CHECK(stalled.count("event: sample") + missed == total);
    CHECK(rig.metrics.counter("fogline_push_dropped_total", "reason=\"drop-oldest\"").get() ==
          missed);
}

TEST_CASE("sse: slow=catch-up misses nothing") {
    PushRig rig({&fog::sse_transport});
    RawClient stalled(rig.port, 4096);
    stalled.send(rig.get("/api/v1/stream?channel=%23&slow=catch-up"));
    REQUIRE(stalled.until("event: snapshot"));
    for (int i = 0; i < 300; ++i) {
        std::vector<fog::Record> records;
        for (std::uint32_t point = 1; point <= 20; ++point) records.push_back(rig.sample(point, i));
        rig.publish(records);
    }
    REQUIRE(stalled.until("id: " + rig.position(rig.seq) + "\n", std::chrono::seconds(30)));
    std::size_t at = 0;
    for (std::uint64_t seq = 101; seq <= rig.seq; ++seq) {
        at = stalled.got.find("\"seq\":" + std::to_string(seq) + ",", at);
        REQUIRE_MESSAGE(at != std::string::npos, "missing " << seq);
    }
    CHECK(stalled.got.find("event: gap") == std::string::npos);
}

TEST_CASE("sse: slow=close ends the stream of who does not keep up") {
    PushRig rig({&fog::sse_transport});
    RawClient stalled(rig.port, 4096);
    stalled.send(rig.get("/api/v1/stream?channel=%23&slow=close"));
    REQUIRE(stalled.until("event: snapshot"));
    for (int i = 0; i < 400; ++i) {
        std::vector<fog::Record> records;
        for (std::uint32_t point = 1; point <= 20; ++point) records.push_back(rig.sample(point, i));
        rig.publish(records);
    }
    CHECK(stalled.until_end(std::chrono::seconds(20)));
    CHECK(rig.metrics.counter("fogline_push_closed_total", "reason=\"slow\"").get() == 1);
}

TEST_CASE("sse: bad requests are refused with their problem") {
    PushRig rig({&fog::sse_transport});
    const std::vector<std::tuple<std::string, std::string, std::string, std::string>> rows = {
        {"/api/v1/stream", "all", "400", "channel-missing"},
        {"/api/v1/stream?channel=samples/", "all", "400", "channel-invalid"},
        {"/api/v1/stream?channel=sample/x", "all", "400", "did you mean"},
        {"/api/v1/stream?channel=samples/%23&chanel=x", "all", "400", "'channel'"},
        {"/api/v1/stream?channel=samples/%23&since=bogus", "all", "400", "position-invalid"},
        {"/api/v1/stream?channel=samples/%23&tick=1", "all", "400", "parameter-invalid"},
        {"/api/v1/stream?channel=samples/%23&filter=v%3E1", "all", "501", "not-available"},
        {"/api/v1/stream?channel=samples/%23&transport=poll", "all", "501", "not-available"},
        {"/api/v1/stream?channel=samples/%23&transport=pigeon", "all", "406", "not-acceptable"},
        {"/api/v1/stream?channel=alarms/%23", "narrow", "403", "alarms/#"},
        {"/api/v1/stream?channel=samples/boiler/%23&since=1h", "narrow", "403", "read:history"},
        {"/api/v1/stream?channel=samples/%23", "nothing", "403", "read:live"},
        {"/api/v1/stream?channel=samples/%23", "wrong", "401", "token-invalid"}};
    for (const auto& [target, token, status, text] : rows) {
        const std::string& asked = target;  // Clang 14 captures no structured binding
        CAPTURE(asked);
        RawClient client(rig.port);
        client.send(
            rig.get(target, "Connection: close\r\nAuthorization: Bearer " + token + "\r\n"));
        REQUIRE(client.until_end());
        CHECK(client.got.find("HTTP/1.1 " + status) == 0);
        CHECK(client.got.find("application/problem+json") != std::string::npos);
        CHECK(client.got.find("no-store") != std::string::npos);
        CHECK_MESSAGE(client.got.find(text) != std::string::npos, client.got);
    }
}

TEST_CASE("sse: POST takes the same parameters as JSON") {
    PushRig rig({&fog::sse_transport});
    const auto post = [&](const std::string& body, const std::string& type) {
        return "POST /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
               "all\r\nContent-Type: " +
               type + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    };
    RawClient client(rig.port);
    client.send(
        post(R"({"channel":["samples/boiler/+","alarms/#"],"min_interval":250,"snapshot":true})",
             "application/json"));
    REQUIRE(client.until("event: snapshot"));
    CHECK(client.got.find("\"min_interval\":250,\"conflate\":\"key\"") != std::string::npos);
    RawClient broken(rig.port);
    broken.send(post("{\"channel\":", "application/json"));
    REQUIRE(broken.until("json-invalid"));
    RawClient typed(rig.port);
    typed.send(post("channel=x", "text/plain"));
    REQUIRE(typed.until("media-type"));
    CHECK(typed.got.find("HTTP/1.1 415") == 0);
}

TEST_CASE("sse: a revoked credential ends its stream with bye") {
    PushRig rig({&fog::sse_transport});
    RawClient client(rig.port);
    client.send(
        rig.get("/api/v1/stream?channel=samples/boiler/%23", "Authorization: Bearer narrow\r\n"));
    REQUIRE(client.until("event: snapshot"));
    rig.on_loop([&] { rig.tokens.revoked = 2; });
    REQUIRE(client.until_end());
    CHECK(client.got.find("\"reason\":\"token-revoked\"") != std::string::npos);
}

TEST_CASE("sse: clients are listed, and one can be closed") {
    PushRig rig({&fog::sse_transport});
    RawClient client(rig.port);
    client.send(rig.get("/api/v1/stream?channel=samples/%23"));
    REQUIRE(client.until("event: snapshot"));
    RawClient admin(rig.port);
    admin.send(rig.get("/api/v1/push/clients"));
    REQUIRE(admin.until("\"next\":null"));
    const auto at = admin.got.find("\"conn\":\"") + 8;
    const auto conn = admin.got.substr(at, admin.got.find('"', at) - at);
    admin.send("DELETE /api/v1/push/clients/" + conn +
               " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer all\r\n\r\n");
    CHECK(client.until_end());
    RawClient viewer(rig.port);
    viewer.send(rig.get("/api/v1/push/clients", "Authorization: Bearer narrow\r\n"));
    REQUIRE(viewer.until("not-allowed"));
}

TEST_CASE("sse: draining says bye to all and refuses newcomers in a stream of their own") {
    PushRig rig({&fog::sse_transport});
    RawClient client(rig.port);
    client.send(rig.get("/api/v1/stream?channel=samples/%23"));
    REQUIRE(client.until("event: snapshot"));
    std::promise<void> drained;
    rig.on_loop([&] { rig.hub->drain([&] { drained.set_value(); }); });
    REQUIRE(client.until_end());
    CHECK(client.got.find("\"reason\":\"restart\"") != std::string::npos);
    CHECK(drained.get_future().wait_for(std::chrono::seconds(5)) == std::future_status::ready);
    RawClient late(rig.port);
    late.send(rig.get("/api/v1/stream?channel=samples/%23",
                      "Authorization: Bearer all\r\nAccept: text/event-stream\r\n"));
    REQUIRE(late.until("event: refused"));
    CHECK(late.got.find("HTTP/1.1 200") == 0);
}
