#include <doctest/doctest.h>

#include <future>

#include "tests/support/fake_http.hpp"
#include "tests/support/gateway.hpp"
#include "tests/support/mosquitto.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kRule = R"({"title":"Store too warm","bind":{"device":"cold*"},
    "inputs":{"t":{"point":"{device}/t"}},
    "condition":{"op":"threshold","in":"t","H":25,"hysteresis":2},
    "action":[{"type":"alarm","severity":"high","text":"{t}"}]})";

}  // namespace

TEST_CASE("settings api: the status tells alarms, uplinks, clock and storage at a glance") {
    Gateway gateway;
    gateway.write("uplinks.d/cloud.toml", "type = \"mqtt\"\nurl = \"mqtt://127.0.0.1:1\"\n");
    gateway.start();
    REQUIRE(gateway.put("/api/v1/rules/warm", kRule, {{"If-None-Match", "*"}}).status == 201);
    for (const auto* reading : {R"({"t":20})", R"({"t":30})"})
        REQUIRE(gateway.post("/api/v1/ingest/cold1", reading).status == 200);
    Json status;
    const bool raised = eventually([&] {
        status = gateway.get("/api/v1/status").json();
        return status["alarms"]["high"] == 1;
    });
    REQUIRE_MESSAGE(raised, gateway.get("/api/v1/rules").body);
    CHECK(status["alarms"]["unack"] == 1);
    CHECK(status["alarms"]["critical"] == 0);
    CHECK(status["uplinks"]["down"] == 1);
    CHECK(status["uplinks"]["up"] == 0);
    CHECK(status["clock"]["trusted"].is_boolean());
    CHECK(status["storage"]["used_bytes"] > 0);
    CHECK(status["storage"]["max_bytes"] > status["storage"]["used_bytes"]);
    CHECK(status["storage"].contains("days_left"));
    CHECK(status["gateway"]["id"] == status["gw"]);
    Json uplink;
    CHECK(eventually([&] {
        uplink = gateway.get("/api/v1/uplinks/cloud").json();
        return uplink["backlog"]["records"] >= 2 &&
               !uplink["last_error"].get<std::string>().empty();
    }));
    CHECK(uplink["backlog"]["oldest_age_s"].is_number());
    CHECK(uplink["backlog"]["lanes"]["alarm"] == 1);
    const auto ledger = gateway.get("/api/v1/uplinks/cloud/ledger").json();
    CHECK(ledger["sum"]["difference"] == 0);
    CHECK(ledger["lanes"]["live"]["difference"] == 0);
}

TEST_CASE("settings api: new devices wait when they shall, and are kept or ignored") {
    Gateway gateway;
    gateway.start();
    const auto before = gateway.get("/api/v1/registry");
    REQUIRE(before.status == 200);
    CHECK(before.json()["new"]["announced"] == "auto");
    CHECK(before.json()["fixed"] == false);
    const auto policy = [&gateway](std::string_view body, const std::string& etag) {
        return gateway.put("/api/v1/registry", body, {{"If-Match", etag}});
    };
    CHECK(gateway.put("/api/v1/registry", R"({"new":{}})").status == 428);
    CHECK(policy(R"({"new":{}})", "\"no\"").status == 412);
    CHECK(policy(R"({"new":{"announced":"perhaps"}})", before.etag).status == 422);
    const auto set = policy(R"({"new":{"announced":"ask"}})", before.etag);
    REQUIRE(set.status == 200);
    CHECK(set.json()["new"]["announced"] == "ask");
    CHECK(set.json()["new"]["generic"] == "auto");
    CHECK(set.etag != before.etag);

    REQUIRE(gateway.put("/api/v1/rules/warm", kRule, {{"If-None-Match", "*"}}).status == 201);
    REQUIRE(gateway.post("/api/v1/ingest/cold1", R"({"t":30})").status == 200);
    const auto fresh = gateway.get("/api/v1/devices?show=new").json();
    REQUIRE(fresh["total"] == 1);
    CHECK(fresh["items"][0]["id"] == "cold1");
    CHECK(fresh["items"][0]["admission"] == "provisional");
    CHECK(gateway.get("/api/v1/alarms").json()["items"].empty());
    CHECK(gateway.post("/api/v1/devices/cold1/keep", {}).json()["admission"] == "active");
    CHECK(gateway.get("/api/v1/devices?show=new").json()["total"] == 0);
    REQUIRE(gateway.post("/api/v1/ingest/cold1", R"({"t":31})").status == 200);
    CHECK(eventually([&] { return !gateway.get("/api/v1/alarms").json()["items"].empty(); }));
    CHECK(gateway.post("/api/v1/devices/cold1/ignore", {}).status == 409);

    REQUIRE(gateway.post("/api/v1/ingest/noise", R"({"t":1})").status == 200);
    CHECK(gateway.post("/api/v1/devices/noise/ignore", {}).status == 200);
    CHECK(gateway.post("/api/v1/ingest/noise", R"({"t":2})").json()["accepted"] == 0);
    CHECK(gateway.get("/api/v1/devices").json()["total"] == 1);
    CHECK(gateway.get("/api/v1/devices?show=ignored").json()["items"][0]["id"] == "noise");
    CHECK(gateway.metric("fogline_ingest_ignored_total") == 1);
    CHECK(gateway.post("/api/v1/devices/nobody/keep", {}).status == 404);
    CHECK(gateway.get("/api/v1/devices?show=odd").status == 400);
}

TEST_CASE("settings api: what the configuration says about new devices is not changed here") {
    Gateway gateway;
    gateway.configure("[registry]\nnew = \"ignore\"\n");
    gateway.start();
    const auto now = gateway.get("/api/v1/registry");
    CHECK(now.json()["fixed"] == true);
    CHECK(now.json()["new"]["structured"] == "ignore");
    CHECK(gateway.put("/api/v1/registry", R"({"new":{"generic":"auto"}})", {{"If-Match", now.etag}})
              .status == 422);
    CHECK(gateway.get("/api/v1/status").json()["simulator"] == false);
}

TEST_CASE("settings api: the name is set with its version, shown at once and kept") {
    Gateway gateway;
    gateway.start();
    const auto before = gateway.get("/api/v1/gateway");
    REQUIRE(before.status == 200);
    const std::string body = R"({"name":"Boiler house","time_zone":"Europe/Berlin"})";
    CHECK(gateway.put("/api/v1/gateway", body).status == 428);
    const auto stale = gateway.put("/api/v1/gateway", body, {{"If-Match", "\"old\""}});
    CHECK(stale.status == 412);
    CHECK(stale.json()["current"]["etag"] == before.etag);
    CHECK(stale.json()["current"]["value"] == before.json());
    const auto saved = gateway.put("/api/v1/gateway", body, {{"If-Match", before.etag}});
    REQUIRE_MESSAGE(saved.status == 200, saved.body);
    CHECK(gateway.get("/api/v1/status").json()["name"] == "Boiler house");
    for (const auto* bad : {R"({"name":""})", R"({"name":"x","time_zone":"../x"})", R"([1])",
                            R"({"name":"x","colour":"red"})"})
        CHECK(gateway.put("/api/v1/gateway", bad, {{"If-Match", saved.etag}}).status == 422);
    REQUIRE(gateway.stop() == 0);
    gateway.start();
    CHECK(gateway.get("/api/v1/gateway").json()["time_zone"] == "Europe/Berlin");
    REQUIRE(gateway.stop() == 0);
    gateway.configure("[gateway]\nname = \"plant-7\"\n");
    gateway.start();
    const auto fixed = gateway.get("/api/v1/gateway");
    CHECK(fixed.json()["name"] == "plant-7");
    CHECK(fixed.json()["name_fixed"] == true);
    const auto refused = gateway.put("/api/v1/gateway", body, {{"If-Match", fixed.etag}});
    CHECK(refused.status == 422);
    CHECK(refused.json()["errors"][0]["pointer"] == "/name");
}

TEST_CASE("settings api: who saves or deletes a rule too late gets what is there now") {
    Gateway gateway;
    gateway.start();
    const auto made = gateway.put("/api/v1/rules/warm", kRule, {{"If-None-Match", "*"}});
    REQUIRE(made.status == 201);
    for (const auto* method : {"PUT", "DELETE"}) {
        CAPTURE(method);
        const auto missing = gateway.send(method, "/api/v1/rules/warm", kRule);
        CHECK(missing.status == 428);
        const auto stale =
            gateway.send(method, "/api/v1/rules/warm", kRule, {{"If-Match", "\"old\""}});
        CHECK(stale.status == 412);
        CHECK(stale.etag == made.etag);
        const auto current = stale.json()["current"];
        CHECK(current["etag"] == made.etag);
        CHECK(current["value"]["title"] == "Store too warm");
        CHECK(current["text"].get<std::string>().find("title = \"Store too warm\"") !=
              std::string::npos);
    }
    CHECK(gateway.put("/api/v1/rules/warm", kRule, {{"If-None-Match", "*"}}).status == 412);
    CHECK(gateway.put("/api/v1/rules/none", kRule, {{"If-Match", "\"x\""}}).status == 412);
    CHECK(gateway.send("DELETE", "/api/v1/rules/warm", {}, {{"If-Match", made.etag}}).status ==
          200);
}

// 127.0.0.2 is of this machine too, but no address a box without an owner listens on.
TEST_CASE("settings api: with default addresses the claim opens page and listener to the network") {
    Gateway gateway;
    gateway.write("fogline.toml", "[http]\nport = 0\n[mqtt.listener]\nport = 0\n");
    const auto port_in = [&](const char* file) {
        return static_cast<std::uint16_t>(std::atoi(text_of(gateway.path(file)).c_str()));
    };
    const auto both = [&](const char* ip) {
        return port_open(ip, port_in("run/port")) && port_open(ip, port_in("run/mqtt.port"));
    };
    gateway.launch();
    REQUIRE(eventually([&] { return both("127.0.0.1"); }, 30s));
    CHECK_FALSE(port_open("127.0.0.2", port_in("run/port")));
    CHECK_FALSE(port_open("127.0.0.2", port_in("run/mqtt.port")));
    const auto before = port_in("run/port");
    CHECK(gateway.control("POST", "/api/v1/claim/set", R"({"passphrase":"a long enough sentence"})")
              .status == 200);
    CHECK(eventually([&] { return both("127.0.0.2"); }));
    CHECK(both("127.0.0.1"));
    CHECK(port_in("run/port") == before);
    CHECK(gateway.stop() == 0);
    gateway.start();
    CHECK(eventually([&] { return both("127.0.0.2"); }));
    CHECK(gateway.get("/readyz").status == 200);
}

TEST_CASE("settings api: without a simulator its resources say so") {
    Gateway gateway;
    gateway.start();
    const auto answer = gateway.get("/api/v1/simulator");
    CHECK(answer.status == 404);
    CHECK(answer.json()["type"] == "/problems/no-simulator");
    CHECK(gateway.anonymous("GET", "/api/v1/simulator").status == 401);
}

TEST_CASE("settings api: the simulator is reached through the gateway, or said to be gone") {
    Gateway gateway;
    const std::string socket = gateway.path("run/sim.sock");
    gateway.configure("[simulator]\nsocket = \"" + socket + "\"\n");
    gateway.start();
    CHECK(gateway.get("/api/v1/simulator").status == 502);
    std::promise<void> release;
    auto released = release.get_future().share();
    {
        FakeHttp sim;
        const auto json = [](httplib::Response& response, const std::string& body) {
            response.set_content(body, "application/json");
        };
        sim.server.Get("/status",
                       [&](const auto&, auto& out) { json(out, R"({"paused":false})"); });
        sim.server.Post("/faults", [&](const auto& in, auto& out) { json(out, in.body); });
        sim.server.Delete(R"(/faults/(\w+))", [&](const auto& in, auto& out) {
            json(out, "{\"ended\":\"" + in.matches[1].str() + "\"}");
        });
        sim.server.Put(R"(/inputs/(.+))", [&](const auto& in, auto& out) {
            json(out, "{\"set\":\"" + in.matches[1].str() + "\"}");
        });
        sim.server.Post("/pause", [&](const auto&, auto& out) {
            out.status = 409;
            out.set_content(R"({"title":"paused already","status":409})",
                            "application/problem+json");
        });
        sim.server.Post("/resume", [&](const auto&, auto&) { released.wait(); });
        sim.start_unix(socket);
        CHECK(eventually([&] { return gateway.get("/api/v1/simulator").status == 200; }));
        CHECK(gateway.get("/api/v1/simulator").json()["paused"] == false);
        const auto fault = gateway.post("/api/v1/simulator/faults", R"({"kind":"unplug"})");
        CHECK(fault.json()["kind"] == "unplug");
        CHECK(gateway.send("DELETE", "/api/v1/simulator/faults/7").json()["ended"] == "7");
        CHECK(gateway.put("/api/v1/simulator/inputs/scale-1.weight", R"({"value":1})")
                  .json()["set"] == "scale-1.weight");
        CHECK(gateway.put("/api/v1/simulator/inputs/..%2Fpause", "{}").status == 404);
        const auto paused = gateway.post("/api/v1/simulator/pause", "");
        CHECK(paused.status == 409);
        CHECK(paused.json()["title"] == "paused already");
        CHECK(gateway.post("/api/v1/simulator/resume", "").status == 504);
        release.set_value();
    }
    CHECK(gateway.get("/api/v1/simulator").status == 502);
}
