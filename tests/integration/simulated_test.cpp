#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/gateway.hpp"
#include "tests/support/mosquitto.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

constexpr const char* kRule = R"(
bind = { device = "*" }
inputs.t = { point = "{device}/temp" }
condition = { op = "threshold", in = "t", H = "25 Cel", hysteresis = "1 K" }
[[action]]
type = "alarm"
text = "{device} at {t}"
)";

// Both get hot after two seconds; what begins with 'toys' comes over the link of fogsim.
constexpr const char* kScenario = R"(
name = "one of each"
duration = "6 s"
[vars]
listener = ""
[[device]]
id = "toy-1"
personality = "mqtt.json"
interval = "250 ms"
link = { prefix = "toys", qos = 1 }
point.temp = { unit = "Cel", signal = { steps = [["0 s", 20.0], ["2 s", 30.0]] }, sensor = { noise = 0.1 } }
[[device]]
id = "toy-2"
personality = "mqtt.json"
interval = "250 ms"
link = { prefix = "toys", qos = 1, url = "${listener}" }
point.temp = { unit = "Cel", signal = { steps = [["0 s", 20.0], ["2 s", 30.0]] }, sensor = { noise = 0.1 } }
[[device]]
id = "real-1"
personality = "mqtt.json"
interval = "250 ms"
link = { prefix = "plant", qos = 1 }
point.temp = { unit = "Cel", signal = { steps = [["0 s", 20.0], ["2 s", 30.0]] }, sensor = { noise = 0.1 } }
)";

/// A gateway with two links for fogsim and one for real devices, a sink that takes all and one that
/// takes what is real.
struct Site {
    Mosquitto devices, cloud;
    Gateway gateway;
    TempFolder folder;
    Child far_cloud, far_lab;

    Site() {
        const auto source = [this](const char* id, const char* topics, const char* more) {
            return std::string("[[mqtt.source]]\nid = \"") + id + "\"\nurl = \"" + devices.url() +
                   "\"\ntopics = [\"" + topics + "\"]\n" + more;
        };
        gateway.write("fogline.toml",
                      "[http]\nlisten = [\"127.0.0.1\"]\nport = 0\n"
                      "[mqtt.listener]\naccess = \"open\"\nbind = [\"127.0.0.1\"]\nport = 0\n"
                      "simulated = true\n" +
                          source("fogsim", "toys/#", "simulated = true\n") +
                          source("plant", "plant/#", ""));
        gateway.write("uplinks.d/cloud.toml",
                      "type = \"mqtt\"\nevents = [\"alarm\"]\nurl = \"" + cloud.url() + "\"\n");
        gateway.write("uplinks.d/lab.toml",
                      "type = \"mqtt\"\nevents = [\"alarm\"]\nsimulated = true\ntopic = "
                      "\"lab/{gw}/{dev}/{pt}\"\n"
                      "state_topic = \"\"\nevents_topic = \"lab/{gw}/events/{kind}\"\nurl = \"" +
                          cloud.url() + "\"\n");
        gateway.write("rules.d/hot.toml", kRule);
        gateway.start();
        far_cloud = recorder("fogline/#", "far-cloud.jsonl", "sim-far-cloud");
        far_lab = recorder("lab/#", "far-lab.jsonl", "sim-far-lab");
        REQUIRE(eventually([this] {
            const std::string log = cloud.log_text();
            const Json links = gateway.get("/api/v1/status").json()["links"];
            return log.find("as sim-far-cloud") != std::string::npos &&
                   log.find("as sim-far-lab") != std::string::npos && links.size() == 2 &&
                   !text_of(gateway.path("run/mqtt.port")).empty() &&
                   std::ranges::all_of(links, [](const Json& link) { return link["up"] == true; });
        }));
    }
    Child recorder(const char* topics, const char* file, const char* client) const {
        return Child({FOG_BIN_DIR "/fogsim", "far", "mqtt", "--url", cloud.url(), "--client-id",
                      client, "--topic", topics, "--out", path(file)},
                     path(std::string(file) + ".txt"));
    }
    std::string listener() const {
        const std::string port = text_of(gateway.path("run/mqtt.port"));
        return "mqtt://127.0.0.1:" + port.substr(0, port.find('\n'));
    }
    std::string path(std::string_view name) const { return folder.path() / name; }
    bool has(std::string_view file, std::string_view text) const {
        return text_of(path(file)).find(text) != std::string::npos;
    }
    std::uint64_t accepted(const std::string& sink, const char* lane) const {
        const Json ledger = gateway.get("/api/v1/uplinks/" + sink + "/ledger").json();
        return ledger["lanes"][lane].value("accepted", std::uint64_t{0});
    }
    std::uint64_t withheld(const std::string& sink) const {
        const std::string metrics = gateway.get("/metrics").body;
        const std::string name =
            "fogline_uplink_withheld_total{sink=\"" + sink + "\",reason=\"simulated\"} ";
        const auto at = metrics.find(name);
        REQUIRE(at != std::string::npos);
        return std::strtoull(metrics.c_str() + at + name.size(), nullptr, 10);
    }
};

}  // namespace

TEST_CASE("simulated: readings and alarms of fogsim reach only the sink that asks for them") {
    if (!Mosquitto::available()) {
        MESSAGE("skipped: mosquitto is not installed");
        return;
    }
    Site site;
    std::ofstream(site.path("each.toml")) << kScenario;
    Child run({FOG_BIN_DIR "/fogsim", "run", site.path("each.toml"), "--mqtt", site.devices.url(),
               "--set", "listener=" + site.listener(), "--out", site.path("run"), "--quiet"},
              site.path("run.txt"));
    REQUIRE_MESSAGE(run.wait(60s) == 0, text_of(site.path("run.txt")));

    // The same far side: when the alarm that came last is there, all before it is.
    REQUIRE(eventually([&] {
        return site.has("far-lab.jsonl", "\"alarm\":\"toy-1/hot\"") &&
               site.has("far-lab.jsonl", "\"alarm\":\"toy-2/hot\"") &&
               site.has("far-lab.jsonl", "\"alarm\":\"real-1/hot\"") &&
               site.has("far-cloud.jsonl", "\"alarm\":\"real-1/hot\"") &&
               site.accepted("cloud", "live") > 20 && site.accepted("lab", "live") > 3 * 20;
    }));
    CHECK(site.has("far-lab.jsonl", "\"dev\":\"toy-1\""));
    CHECK(site.has("far-lab.jsonl", "\"dev\":\"real-1\""));
    CHECK(site.has("far-cloud.jsonl", "\"dev\":\"real-1\""));
    CHECK_FALSE(site.has("far-cloud.jsonl", "toy-"));
    CHECK(site.accepted("lab", "alarm") == 3);
    CHECK(site.accepted("cloud", "alarm") == 1);

    // Nothing vanishes without a number: what the cloud was not owed stands in its count.
    // The ledger counts with the commit.
    CHECK(eventually([&] {
        const auto total = site.accepted("lab", "live") + site.accepted("lab", "alarm") -
                           site.accepted("cloud", "live") - site.accepted("cloud", "alarm");
        return site.withheld("cloud") == total;
    }));
    CHECK(site.withheld("cloud") > 2 * 20);
    CHECK(site.withheld("lab") == 0);

    CHECK(site.gateway.get("/api/v1/devices/toy-1").json().value("simulated", false));
    CHECK(site.gateway.get("/api/v1/devices/toy-2").json().value("simulated", false));
    CHECK_FALSE(site.gateway.get("/api/v1/devices/real-1").json().contains("simulated"));
}
