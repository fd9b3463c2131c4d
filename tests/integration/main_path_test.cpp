#include <doctest/doctest.h>

#include <algorithm>

#include "drivers/sim_device.hpp"
#include "tests/support/gateway.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/support/pty.hpp"
#include "tests/support/sse_client.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kRule = R"(title = "Store too warm"
bind = { device = "cold*" }
inputs.t = { point = "{device}/ds18b20.temperature" }
condition = { op = "threshold", in = "t", H = "25 Cel", hysteresis = "2 K" }
action = [ { type = "alarm", severity = "high", text = "{title}: {t}" } ]
)";
constexpr std::string_view kRuleOverApi = R"({"title":"Garden too warm","bind":{"device":"garden"},
    "inputs":{"t":{"point":"{device}/ds18b20.temperature"}},
    "condition":{"op":"threshold","in":"t","H":"25 Cel","hysteresis":"2 K"},
    "action":[{"type":"alarm","severity":"low","text":"{t}"}]})";

/// Everything the cloud broker got, in the order of arrival, by an outside judge.
class Cloud {
public:
    explicit Cloud(const Mosquitto& broker)
        : file_(folder_.path() / "got"),
          child_({"mosquitto_sub", "-p", std::to_string(broker.port()), "-q", "1", "-t",
                  "fogline/#", "-t", "test/ready", "-F", "%t %p"},
                 file_) {
        eventually([&] {
            run_program({"mosquitto_pub", "-p", std::to_string(broker.port()), "-t", "test/ready",
                         "-m", "{}"});
            return !text_of(file_).empty();
        });
    }
    /// A message below this topic whose JSON has these members.
    bool has(const std::string& topic, const Json& members) const {
        return eventually([&] {
            std::ifstream lines(file_);
            for (std::string line; std::getline(lines, line);) {
                const auto space = line.find(' ');
                if (!line.starts_with(topic) || space == std::string::npos) continue;
                const auto got = Json::parse(line.substr(space + 1), nullptr, false);
                if (got.is_object() && contains(got, members)) return true;
            }
            return false;
        });
    }

private:
    static bool contains(const Json& got, const Json& members) {
        return std::ranges::all_of(members.items(), [&](const auto& one) {
            return got.contains(one.key()) && got.at(one.key()) == one.value();
        });
    }
    TempFolder folder_;
    std::filesystem::path file_;
    Child child_;
};

/// A gateway between a broker for the devices and one that plays the cloud.
struct Site {
    Mosquitto devices, cloud;
    Gateway gateway;
    Cloud far{cloud};

    Site() {
        gateway.configure(mqtt_source(devices.url()));
        gateway.write("uplinks.d/cloud.toml", "type = \"mqtt\"\nurl = \"" + cloud.url() + "\"\n");
    }
    /// Waits for the source: what a device says before is not for us to hear.
    void start() {
        gateway.start();
        REQUIRE_MESSAGE(link_up("mqtt:devices"), gateway.get("/api/v1/status").body, gateway.log());
    }
    bool link_up(const std::string& id) const {
        return eventually([&] {
            const Json status = gateway.get("/api/v1/status").json();
            return std::ranges::any_of(status["links"], [&](const Json& link) {
                return link["id"] == id && link["up"] == true;
            });
        });
    }
    void publish(const std::string& topic, const std::string& payload) const {
        REQUIRE(run_program({"mosquitto_pub", "-p", std::to_string(devices.port()), "-q", "1", "-t",
                             topic, "-m", payload}) == 0);
    }
    void temperature(const std::string& device, const std::string& value) const {
        publish("tele/" + device + "/SENSOR",
                R"({"Time":"2026-11-21T10:13:52","DS18B20":{"Temperature":)" + value +
                    R"(},"TempUnit":"C"})");
    }
    SseClient listen(const std::string& query) const {
        SseClient client;
        REQUIRE(client.open(gateway.port(), gateway.token(), query));
        REQUIRE(client.until([](const auto& event) { return event.name == "first"; }));
        return client;
    }
};

/// The alarm is raised, acknowledged over the API and cleared, for subscribers and the cloud.
void raise_and_clear(const Site& site, SseClient& alarms, const std::string& device,
                     const std::string& rule) {
    const std::string id = device + "/" + rule;
    site.temperature(device, "20.6");
    site.temperature(device, "25.5");
    REQUIRE(alarms.until_record({{"alarm", id}, {"change", "raised"}}));
    CHECK(site.far.has("fogline/", {{"alarm", id}, {"change", "raised"}}));
    const auto listed = site.gateway.get("/api/v1/alarms").json();
    REQUIRE(listed["items"].size() == 1);
    CHECK(listed["items"][0]["state"] == "active-unack");
    const std::string ack = "/api/v1/alarms/" + device + "%2F" + rule + "/ack";
    CHECK(site.gateway.post(ack, R"({"nota":"typo"})").status == 422);
    CHECK(site.gateway.post(ack, R"({"note":"seen"})").status == 200);
    REQUIRE(alarms.until_record({{"alarm", id}, {"change", "acked"}}));
    site.temperature(device, "24");  // still within the hysteresis
    site.temperature(device, "22.5");
    REQUIRE(alarms.until_record({{"alarm", id}, {"change", "cleared"}}));
    CHECK(alarms.events.back().record().value("state", "") == "normal");
    CHECK(site.far.has("fogline/", {{"alarm", id}, {"change", "cleared"}}));
    CHECK(site.gateway.get("/api/v1/alarms").json()["items"].empty());
    const auto raised = std::ranges::count_if(alarms.events, [&](const auto& event) {
        return event.record().is_object() && event.record().value("alarm", "") == id;
    });
    CHECK(raised == 3);  // raised, acked, cleared: 24 degrees changed nothing
}

bool skipped() {
    if (Mosquitto::available()) return false;
    MESSAGE("skipped: mosquitto is not installed");
    return true;
}

}  // namespace

TEST_CASE("main path: a Tasmota payload becomes device, live event and cloud message by itself") {
    if (skipped()) return;
    Site site;
    site.start();
    auto live = site.listen("channel=samples/%23");
    site.temperature("cold1", "20.6");
    const Json wanted = {
        {"dev", "cold1"}, {"pt", "ds18b20.temperature"}, {"v", 20.6}, {"u", "Cel"}};
    CHECK(live.until_record(wanted));
    CHECK(site.far.has("fogline/", wanted));
    CHECK(site.far.has(
        "fogline/" + live.events.back().record().value("gw", "?") + "/cold1/ds18b20.temperature ",
        wanted));
    const auto devices = site.gateway.get("/api/v1/devices").json();
    REQUIRE(devices["items"].size() == 1);
    const auto& device = devices["items"][0];
    CHECK(device["id"] == "cold1");
    REQUIRE(device["points"].size() == 1);
    CHECK(device["points"][0]["pt"] == "ds18b20.temperature");
    CHECK(device["points"][0]["v"] == 20.6);
    CHECK(device["points"][0]["u"] == "Cel");
    CHECK(site.gateway.stop() == 0);
}

TEST_CASE("main path: readings posted over HTTP are answered once on flash and sent on") {
    if (skipped()) return;
    Site site;
    site.start();
    auto live = site.listen("channel=samples/%23");
    const auto answer = site.gateway.post("/api/v1/ingest/pump-1", R"({"flow":3.25,"on":true})");
    REQUIRE(answer.status == 200);
    CHECK(answer.json()["accepted"] == 2);
    CHECK(answer.json()["committed"] == true);
    CHECK(live.until_record({{"dev", "pump-1"}, {"pt", "flow"}, {"v", 3.25}}));
    CHECK(live.until_record({{"dev", "pump-1"}, {"pt", "on"}, {"v", true}}));
    CHECK(site.far.has("fogline/", {{"dev", "pump-1"}, {"pt", "flow"}, {"v", 3.25}}));
}

TEST_CASE("main path: serial devices speaking lines and frames do the same") {
    if (skipped()) return;
    Pty line, frames;
    Site site;
    site.gateway.write("ports.d/scale-1.toml",
                       "type = \"line_ascii\"\nport = \"" + line.path() + "\"\n");
    site.gateway.write("ports.d/mcu.toml",
                       "type = \"nanopb_frame\"\nport = \"" + frames.path() + "\"\n");
    site.start();
    auto live = site.listen("channel=samples/%23");
    REQUIRE_MESSAGE(site.link_up("serial:scale-1"), site.gateway.get("/api/v1/status").body);
    REQUIRE(site.link_up("serial:mcu"));
    REQUIRE(line.write("T=21.5\n"));
    CHECK(live.until_record({{"dev", "scale-1"}, {"pt", "t"}, {"v", 21.5}}));
    CHECK(site.far.has("fogline/", {{"dev", "scale-1"}, {"pt", "t"}, {"v", 21.5}}));

    const auto sims = all_sim_devices();
    const auto sim = std::ranges::find(sims, "nanopb_frame", [](auto* one) { return one->name; });
    REQUIRE(sim != sims.end());
    const Node config;
    std::vector<Fault> faults;
    ConfigView view(config, faults);
    const auto device = (*sim)->make("node-7", view);
    const auto say = [&](const Bytes& bytes) {
        frames.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    };
    const auto now = [] { return MonoTime(std::chrono::steady_clock::now().time_since_epoch()); };
    const std::vector<SimPoint> points = {{"temp", 36.6, "Cel"}};
    say(device->report(1, points, now()));
    CHECK(eventually([&] {
        device->feed(as_bytes(frames.read_now()));
        say(device->tick(now()));
        return !device->take_acknowledged().empty();
    }));
    CHECK(live.until_record({{"dev", "node-7"}, {"pt", "temp"}, {"v", 36.6}, {"u", "Cel"}}));
    CHECK(site.far.has("fogline/", {{"dev", "node-7"}, {"pt", "temp"}, {"v", 36.6}}));
    CHECK(site.gateway.point("scale-1", "t").value("v", 0.0) == 21.5);
    CHECK(site.gateway.point("node-7", "temp").value("v", 0.0) == 36.6);
}

TEST_CASE("main path: a rule file in rules.d raises and clears an alarm everywhere") {
    if (skipped()) return;
    Site site;
    site.start();
    auto alarms = site.listen("channel=alarms/%23");
    site.gateway.write("rules.d/store-warm.toml", kRule);
    const auto reloaded = site.gateway.post("/api/v1/config/reload", "");
    REQUIRE(reloaded.status == 200);
    const Json told = reloaded.json();
    REQUIRE_MESSAGE(told["faults"].size() == 1, told.dump());
    CHECK(told["faults"][0]["code"] == "W0401");  // no such device yet: a warning
    raise_and_clear(site, alarms, "cold1", "store-warm");
}

TEST_CASE("main path: the same rule made over the API does too, and keeps its version") {
    if (skipped()) return;
    Site site;
    site.start();
    auto alarms = site.listen("channel=alarms/%23");
    const std::string path = "/api/v1/rules/garden-warm";
    const auto made = site.gateway.put(path, kRuleOverApi, {{"If-None-Match", "*"}});
    REQUIRE_MESSAGE(made.status == 201, made.body);
    REQUIRE(!made.etag.empty());
    CHECK(site.gateway.put(path, kRuleOverApi).status == 428);
    CHECK(site.gateway.put(path, kRuleOverApi, {{"If-Match", "\"other\""}}).status == 412);
    CHECK(site.gateway.put(path, kRuleOverApi, {{"If-Match", made.etag}}).status == 200);
    raise_and_clear(site, alarms, "garden", "garden-warm");
    REQUIRE(site.gateway.stop() == 0);
    site.gateway.start();
    CHECK(site.gateway.get(path).status == 200);  // it is a file like any other
}
