#include <doctest/doctest.h>

#include "firmware/http/http_rig.hpp"
#include "tests/support/gateway.hpp"
#include "tests/support/sse_client.hpp"

using namespace fog;

namespace {

/// Whole answer, head and body, to a bare request.
std::string raw(const Gateway& gateway, const std::string& path, const std::string& headers = {}) {
    rig::RawClient client(gateway.port());
    client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers +
                "\r\n");
    client.until_end();
    return client.got;
}

bool has(const std::string& text, std::string_view words) {
    return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("page api: the page comes with its policy, packed, and is asked for again") {
    Gateway gateway;
    gateway.start();
    const auto page = raw(gateway, "/", "Accept-Encoding: gzip\r\n");
    CHECK(has(page, "Content-Security-Policy: default-src 'none'; "));
    CHECK(has(page, "Content-Encoding: gzip\r\n"));
    CHECK(has(page, "Cache-Control: no-cache\r\n"));
    const auto at = page.find("ETag: ") + 6;
    const auto etag = page.substr(at, page.find('\r', at) - at);
    CHECK(has(raw(gateway, "/", "If-None-Match: " + etag + "\r\n"), "HTTP/1.1 304 "));
    CHECK(has(raw(gateway, "/"), "<html"));
    CHECK(has(raw(gateway, "/none.js"), "application/problem+json"));
}

TEST_CASE("page api: devices tell state, reason and sparks, are filtered and paged") {
    Gateway gateway;
    gateway.start();
    SseClient live;
    REQUIRE(live.open(gateway.port(), gateway.token(), "channel=devices/%23"));
    for (const auto* device : {"boiler-1", "boiler-2", "pump-1"})
        REQUIRE(gateway.post(std::string("/api/v1/ingest/") + device, R"({"t":21.5,"s":"on"})")
                    .status == 200);
    CHECK(live.until_record({{"dev", "pump-1"}, {"state", "online"}, {"from", "unknown"}}));
    const auto list = gateway.get("/api/v1/devices?spark=1&limit=2&filter=BOILER").json();
    REQUIRE_MESSAGE(list["items"].size() == 2, list.dump());
    CHECK(list["total"] == 2);
    const auto& device = list["items"][0];
    CHECK(device["id"] == "boiler-1");
    CHECK(device["state"] == "online");
    CHECK(device["reason"].get<std::string>().starts_with("data "));
    CHECK(device["age_ms"].is_number());
    CHECK(device["points"][0]["spark"] == Json::array({21.5}));
    CHECK_FALSE(device["points"][1].contains("spark"));
    auto page = gateway.get("/api/v1/devices?limit=2&points=0").json();
    CHECK(page["items"][0]["points"] == Json::array({"t", "s"}));
    CHECK(page["total"] == 3);
    page = gateway.get("/api/v1/devices?cursor=" + page["next"].get<std::string>()).json();
    REQUIRE(page["items"].size() == 1);
    CHECK(page["items"][0]["id"] == "pump-1");
    CHECK(page["next"].is_null());
}

TEST_CASE("page api: a point's history comes as columns, also after a restart") {
    Gateway gateway;
    gateway.start();
    for (const auto* value : {"21.5", "22.25", "null", "23"})
        REQUIRE(
            gateway.post("/api/v1/ingest/boiler", std::string("{\"t\":") + value + "}").status ==
            200);
    const auto check = [&gateway] {
        const auto answer = gateway.get("/api/v1/series/boiler/t");
        REQUIRE_MESSAGE(answer.status == 200, answer.body);
        const Json series = answer.json();
        CHECK(series["v"] == Json::array({21.5, 22.25, 23}));
        CHECK(series["t"].size() == 3);
        CHECK(series["count"] == 3);
        CHECK(series["exact"] == true);
        CHECK(series["reduced"] == false);
        CHECK(series["to"].get<std::int64_t>() - series["from"].get<std::int64_t>() == 3'600'000);
        CHECK(series["t"][0] >= series["from"]);
        CHECK(series["t"][2] <= series["to"]);
        return series;
    };
    const auto before = check();
    CHECK(gateway.stop() == 0);
    gateway.start();
    CHECK(check()["t"] == before["t"]);
    const std::string at = std::to_string(before["t"][1].get<std::int64_t>());
    const auto part = gateway.get("/api/v1/series/boiler/t?from=" + at + "&points=1").json();
    CHECK(part["reduced"] == true);
    CHECK(part["min"] == Json::array({22.25}));
    CHECK(part["max"] == Json::array({23}));
    for (const auto* bad : {"?from=yesterday", "?points=0", "?points=2001", "?from=20&to=10",
                            "?to=99999999999999999999", "?from=-5"}) {
        CAPTURE(bad);
        CHECK(gateway.get(std::string("/api/v1/series/boiler/t") + bad).status == 400);
    }
    CHECK(gateway.get("/api/v1/series/boiler/none").status == 404);
    CHECK(gateway.get("/api/v1/series/none/t").status == 404);
}

TEST_CASE("page api: the last message of a device tells who read it and what it became") {
    Gateway gateway;
    gateway.start();
    const std::string body = R"({"t":21.5,"name":"K\u00fche","on":true})";
    REQUIRE(gateway.post("/api/v1/ingest/boiler", body).status == 200);
    const auto message = gateway.get("/api/v1/devices/boiler/message").json();
    CHECK(message["payload"] == body);
    CHECK(message["bytes"] == body.size());
    CHECK(message["hex"].get<std::string>().starts_with("7b227422"));
    CHECK(message["source"] == "http");
    CHECK(message["dialect"] == "http");
    CHECK(message["runner_up"].is_null());
    CHECK(message["points"][0] == Json{{"pt", "t"}, {"v", 21.5}});
    const std::string large =
        "{\"text\":\"" + std::string(600, 'x') + "\",\"u\":\"" + std::string(600, 'y') + "\"}";
    REQUIRE(gateway.post("/api/v1/ingest/boiler", large).status == 200);
    const auto cut = gateway.get("/api/v1/devices/boiler/message").json();
    CHECK(cut["payload"].get<std::string>().size() == 1024);
    CHECK(cut["bytes"] == large.size());
    CHECK(gateway.get("/api/v1/devices/none/message").status == 404);
}

TEST_CASE("page api: events come from the log, newest first, by device, kind and time") {
    Gateway gateway;
    gateway.start();
    for (const auto* device : {"a", "b", "c"})
        REQUIRE(gateway.post(std::string("/api/v1/ingest/") + device, R"({"t":1})").status == 200);
    Json all;
    REQUIRE(eventually([&] {
        all = gateway.get("/api/v1/events-log?kind=device").json();
        return all["items"].size() == 3;
    }));
    CHECK(all["next"].is_null());
    CHECK(all["items"][0]["ev"] == "device");
    CHECK(all["items"][0]["d"]["state"] == "online");
    CHECK(all["items"][0]["d"]["seq"] > all["items"][2]["d"]["seq"]);
    auto page = gateway.get("/api/v1/events-log?kind=device&limit=2").json();
    REQUIRE(page["items"].size() == 2);
    page =
        gateway
            .get("/api/v1/events-log?kind=device&limit=2&cursor=" + page["next"].get<std::string>())
            .json();
    REQUIRE(page["items"].size() == 1);
    CHECK(page["items"][0] == all["items"][2]);
    const auto one = gateway.get("/api/v1/events-log?dev=b").json();
    REQUIRE(one["items"].size() == 1);
    CHECK(one["items"][0]["ch"] == "devices/b/state");
    CHECK(gateway.get("/api/v1/events-log?from=0&to=1000").json()["items"].empty());
    CHECK(gateway.get("/api/v1/events-log?kind=odd").status == 400);
    CHECK(gateway.get("/api/v1/events-log?cursor=x").status == 400);
}
