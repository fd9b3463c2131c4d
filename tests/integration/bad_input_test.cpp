#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/gateway.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/support/pty.hpp"
#include "tests/support/sse_client.hpp"

using namespace fog;

namespace {

bool has(const std::string& text, std::string_view words) {
    return text.find(words) != std::string::npos;
}

/// What a program prints and its exit code.
struct Ran {
    std::optional<int> code;
    std::string text;
};
Ran run(const std::vector<std::string>& words) {
    const TempFolder folder;
    Child child(words, folder.path() / "out");
    const auto code = child.wait();
    return {code, text_of(folder.path() / "out")};
}

/// Still takes a reading, stores it and tells it.
void check_works(const Gateway& gateway) {
    CHECK(gateway.post("/api/v1/ingest/probe", R"({"alive":1})").status == 200);
    CHECK(gateway.point("probe", "alive").value("v", 0) == 1);
}

Json link_of(const Gateway& gateway, std::string_view id) {
    const Json status = gateway.get("/api/v1/status").json();
    for (const auto& link : status["links"])
        if (link["id"] == id) return link;
    return {};
}

}  // namespace

TEST_CASE(
    "bad input: a second daemon on the same state folder says so and leaves the first alone") {
    Gateway gateway;
    gateway.start();
    const auto second =
        run({FOG_BIN_DIR "/foglined", "--config", gateway.config(), "--state",
             gateway.path("state"), "--runtime", gateway.path("run2"), "--set", "http.port=0"});
    CHECK_MESSAGE(second.code == 75, second.text);
    CHECK_MESSAGE(has(second.text, "is in use by process "), second.text);
    CHECK(has(second.text, "another state folder"));
    check_works(gateway);
}

TEST_CASE("bad input: a state folder that cannot be made is an error that names it") {
    Gateway gateway;
    std::ofstream(gateway.path("file")) << "no folder";
    const auto path = gateway.path("file/state");  // below a file, so root fails too
    const auto ran = run({FOG_BIN_DIR "/foglined", "--config", gateway.config(), "--state", path,
                          "--runtime", gateway.path("run")});
    REQUIRE(ran.code.has_value());
    CHECK(*ran.code >= 64);
    CHECK(*ran.code < 80);
    CHECK_MESSAGE(has(ran.text, gateway.path("file").string()), ran.text);
}

TEST_CASE("bad input: a port in use is an error that names address and port") {
    Gateway first, second;
    first.start();
    const std::string port = std::to_string(first.port());
    const auto ran =
        run({FOG_BIN_DIR "/foglined", "--config", second.config(), "--state", second.path("state"),
             "--runtime", second.path("run"), "--set", "http.port=" + port});
    REQUIRE(ran.code.has_value());
    CHECK_MESSAGE(*ran.code != 0, ran.text);
    CHECK_MESSAGE(has(ran.text, port), ran.text);
    CHECK_MESSAGE(has(ran.text, "is taken by foglined (pid "), ran.text);
    check_works(first);
}

TEST_CASE("bad input: a damaged database is kept aside, reported, and the gateway runs") {
    Gateway gateway;
    gateway.start();
    check_works(gateway);
    REQUIRE(gateway.stop() == 0);
    for (const char* rest : {"state/log.db-wal", "state/log.db-shm"})
        std::filesystem::remove(gateway.path(rest));
    std::ofstream(gateway.path("state/log.db"), std::ios::binary | std::ios::trunc)
        << std::string(64 << 10, 'x');
    gateway.start();
    bool kept = false;
    for (const auto& entry : std::filesystem::directory_iterator(gateway.path("state")))
        kept = kept || entry.path().filename().string().starts_with("log.corrupt");
    CHECK(kept);
    CHECK_MESSAGE(has(gateway.log(), "damaged"), gateway.log());
    const auto log = gateway.get("/api/v1/log").json();
    CHECK(log["replaced"] == true);
    CHECK(log.contains("damage"));
    check_works(gateway);
}

TEST_CASE("bad input: a missing serial port waits, says so, and works when it appears") {
    Pty pty;
    Gateway gateway;
    const auto port = gateway.path("by-id-scale");
    gateway.write("ports.d/scale.toml",
                  "type = \"line_ascii\"\nport = \"" + port.string() + "\"\n");
    gateway.start();
    CHECK(eventually([&] {
        const auto link = link_of(gateway, "serial:scale");
        return link.is_object() && link["up"] == false && has(link["words"], port.string());
    }));
    INFO(gateway.get("/api/v1/status").body);
    check_works(gateway);
    std::filesystem::create_symlink(pty.path(), port);
    CHECK(eventually([&] {
        const auto link = link_of(gateway, "serial:scale");
        return link.is_object() && link["up"] == true;
    }));
    REQUIRE(pty.write("T=21.5\n"));
    CHECK(eventually([&] { return gateway.point("scale", "t").is_object(); }));
}

TEST_CASE("bad input: an unknown TOML key is told with place and suggestion") {
    const Gateway gateway;
    gateway.write("fogline.toml", "[http]\nport = 0\n  prt = 1\n");
    const auto ran = run({FOG_BIN_DIR "/foglined", "--check-config", "--config", gateway.config()});
    CHECK_MESSAGE(ran.code == 78, ran.text);
    CHECK_MESSAGE(has(ran.text, "unknown key 'prt'"), ran.text);
    CHECK_MESSAGE(has(ran.text, "did you mean 'port'?"), ran.text);
    CHECK_MESSAGE(has(ran.text, "fogline.toml:3:3"), ran.text);
}

TEST_CASE("bad input: a rule with a syntax error is told with place and hint; others work") {
    Gateway gateway;
    gateway.write(
        "rules.d/good.toml",
        "inputs.t = { point = \"probe/temp\" }\n"
        "condition = { op = \"threshold\", in = \"t\", H = \"25 Cel\", hysteresis = \"1 K\" }\n"
        "action = [ { type = \"alarm\" } ]\n");
    gateway.write("rules.d/torn.toml", "title = \"never ends\ninputs.t = 1\n");
    gateway.write("rules.d/word.toml",
                  "inputs.t = { point = \"probe/temp\" }\n"
                  "condition = { op = \"expr\", when = \"t > > 3\" }\n"
                  "action = [ { type = \"alarm\" } ]\n");
    gateway.start();
    const auto rules = gateway.get("/api/v1/rules").json();
    INFO(rules.dump());
    REQUIRE(rules["faults"].size() >= 1);
    CHECK(rules["faults"][0].value("line", 0) == 1);
    CHECK(rules["faults"][0].value("col", 0) > 0);
    CHECK(!rules["faults"][0].value("hint", "").empty());
    bool found = false;
    for (const auto& rule : rules["items"]) {
        if (rule["id"] == "good") CHECK(rule["active"] == true);
        if (rule["id"] != "word") continue;
        found = true;
        CHECK(rule["active"] == false);
        REQUIRE(!rule["faults"].empty());
        CHECK(rule["faults"][0].value("line", 0) == 2);
        CHECK(rule["faults"][0].value("col", 0) > 0);
        CHECK(!rule["faults"][0].value("detail", "").empty());
    }
    CHECK(found);
    CHECK(gateway.post("/api/v1/ingest/probe", R"({"temp":30})").status == 200);
    CHECK(eventually([&] { return gateway.get("/api/v1/alarms").json()["items"].size() == 1; }));
}

TEST_CASE("bad input: what HTTP clients send wrong is refused by name and leaves it running") {
    Gateway gateway;
    gateway.start();
    const auto refused = [&](std::string_view body) {
        const auto answer = gateway.post("/api/v1/ingest/probe", body);
        INFO(body.substr(0, 80));
        INFO(answer.body);
        CHECK(answer.status == 400);
    };
    refused(R"({"temp":)");
    refused("{\"temp\":\"\xff\xfe\"}");
    refused(R"({"temp":NaN})");
    refused("");
    // The answer leaves before the body is read; a client that still writes may not see it.
    const auto large = gateway.post("/api/v1/ingest/probe", std::string(5 << 20, '1')).status;
    CHECK((large == 413 || large == 0));
    CHECK(gateway.post("/api/v1/ingest/" + std::string(65, 'd'), "1").status == 400);
    CHECK(gateway.post("/api/v1/ingest/probe?ack=perhaps", "1").status == 400);
    for (const char* when : {"9999999999999999", "-5", "\"0000-13-45T99:99:99Z\""}) {
        const auto answer =
            gateway.post("/api/v1/ingest/probe", "{\"ts\":" + std::string(when) + ",\"temp\":1}");
        CHECK_MESSAGE(answer.status == 200, answer.body);
    }
    const auto unknown =
        gateway.post("/api/v1/tokens", R"({"name":"x","scopes":["ingest"],"color":"red"})");
    CHECK_MESSAGE(unknown.status == 422, unknown.body);
    CHECK(has(unknown.body, "color"));
    const auto rule = gateway.put("/api/v1/rules/odd", R"({"titel":"x"})");
    CHECK_MESSAGE(rule.status == 422, rule.body);
    CHECK(has(rule.body, "titel"));
    const auto wide = gateway.post("/api/v1/rules/check", std::string(2 << 20, ' ')).status;
    CHECK((wide == 413 || wide == 0));
    CHECK(gateway.get("/api/v1/stream?channel=samples/%23&sinse=now").status == 400);
    check_works(gateway);
}

TEST_CASE("bad input: what MQTT devices send wrong is counted or kept as raw; the rest works") {
    if (!Mosquitto::available()) {
        MESSAGE("skipped: mosquitto is not installed");
        return;
    }
    const Mosquitto broker;
    Gateway gateway;
    gateway.configure(mqtt_source(broker.url()));
    gateway.start();
    REQUIRE(eventually([&] {
        const auto link = link_of(gateway, "mqtt:devices");
        return link.is_object() && link["up"] == true;
    }));
    const auto publish = [&](const std::string& topic, const std::string& payload) {
        const auto file = gateway.path("payload");
        std::ofstream(file, std::ios::binary | std::ios::trunc) << payload;
        REQUIRE(run_program({"mosquitto_pub", "-p", std::to_string(broker.port()), "-q", "1", "-t",
                             topic, "-f", file}) == 0);
    };
    publish("bad/torn/sensor", R"({"temp":21.)");
    publish("bad/large/sensor", "{\"temp\":\"" + std::string(100'000, 'x') + "\"}");
    publish("bad/" + std::string(600, 't'), R"({"temp":1})");
    publish("bad/bytes/sensor", "{\"temp\":\"\xff\xfe\xc0\"}");
    publish("odd/nan/sensor", R"({"temp":"nan","hum":40})");
    publish("odd/ages/sensor", R"({"ts":99999999999999,"temp":4})");
    publish("odd/last/sensor", R"({"temp":5})");
    REQUIRE(eventually([&] { return gateway.point("odd-last", "temp").is_object(); }));
    const Json raw = gateway.get("/api/v1/raw").json();
    INFO(raw.dump().substr(0, 4000));
    const auto kept = [&raw](std::string_view topic) {
        return std::ranges::any_of(raw["items"], [topic](const Json& one) {
            return one["topic"].get<std::string>().starts_with(topic) &&
                   !one["why"].get<std::string>().empty();
        });
    };
    CHECK(kept("bad/torn"));
    CHECK(kept("bad/bytes"));
    const std::string metrics = gateway.get("/metrics").body;
    const auto counted = [&metrics](const std::string& line) { return has(metrics, line); };
    CHECK(counted("fogline_link_rejected_total{link=\"mqtt:devices\",reason=\"oversized\"} 2\n"));
    CHECK(counted("fogline_link_frames_total{link=\"mqtt:devices\"} 7\n"));
    CHECK(counted("# TYPE fogline_link_rejected_total counter\n"));
    const auto nan = gateway.point("odd-nan", "temp");
    INFO(nan.dump());
    CHECK(nan["v"].is_null());
    CHECK(nan["q"] == "bad.sensor-failure");
    CHECK(gateway.point("odd-nan", "hum").value("v", 0) == 40);
    CHECK(gateway.point("odd-ages", "temp").value("q", "") == "uncertain.time-estimated");
    CHECK(gateway.child().running());
    check_works(gateway);
}

TEST_CASE("bad input: a gateway without owner answers claim, page and health only") {
    Gateway gateway;
    gateway.launch();
    REQUIRE(eventually([&] { return !text_of(gateway.path("run/port")).empty(); },
                       std::chrono::seconds(30)));
    const std::string url = "http://127.0.0.1:" + text_of(gateway.path("run/port"));
    const auto ask = [&](std::string_view method, std::string_view what, std::string_view body) {
        return Gateway::call({url.substr(0, url.find('\n')), {}}, method, what, body, {});
    };
    REQUIRE(eventually([&] { return ask("GET", "/livez", "").status == 200; }));
    CHECK(ask("GET", "/", "").status == 200);
    CHECK(ask("GET", "/api/v1/claim", "").json()["claimed"] == false);
    for (const char* closed : {"/api/v1/devices", "/api/v1/status", "/api/v1/rules", "/metrics",
                               "/api/v1/stream?channel=%23"}) {
        const auto answer = ask("GET", closed, "");
        CHECK_MESSAGE((answer.status == 401 || answer.status == 403), closed << answer.status);
    }
    const auto refused = ask("POST", "/api/v1/ingest/probe", "1").status;
    CHECK((refused == 401 || refused == 403));
    CHECK(ask("POST", "/api/v1/claim", R"({"code":"WRNGCODE","passphrase":"a long sentence"})")
              .status >= 400);
    CHECK(ask("POST", "/api/v1/claim/set", R"({"passphrase":"a long sentence"})").status >= 400);
    gateway.start();  // again, and with an owner it works
    check_works(gateway);
}
