#include <doctest/doctest.h>

#include "cloud-uplink/pump/pump.hpp"
#include "firmware/core/text.hpp"
#include "tests/support/memory_sink_log.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;

Node text(std::string value) {
    return Node(Node::Data(std::move(value)));
}

Node list(std::initializer_list<const char*> words) {
    Node::Array out;
    for (const char* word : words) out.push_back(text(word));
    return Node(Node::Data(std::move(out)));
}

Node minimal() {
    Node node;
    node.set("type", text("mqtt"));
    node.set("url", text("mqtt://127.0.0.1:1"));
    return node;
}

std::string faults_of(const Node& node) {
    std::vector<Fault> faults;
    check_uplink("cloud", node, Limits{}, faults);
    std::string out;
    for (const Fault& fault : faults) out += to_text(fault) + "\n";
    return out;
}

PointInfo point(std::string device, std::string name, bool diagnostic = false) {
    return {PointId{1}, std::move(device), std::move(name), "", "", diagnostic};
}

Selection selection(const Node& node) {
    std::vector<Fault> faults;
    auto out = check_uplink("cloud", node, Limits{}, faults);
    CHECK(faults.empty());
    return out;
}

Record event(EventKind kind, std::string device, Lane lane = Lane::live) {
    Record record;
    record.lane = lane;
    Event body;
    body.kind = kind;
    body.device = std::move(device);
    record.body = body;
    return record;
}

TEST_CASE("uplink config: type and url are enough") {
    CHECK(faults_of(minimal()).empty());
    SystemClock clock;
    Metrics metrics;
    Limits limits;
    MemorySinkLog log;
    auto pump = make_pump("cloud", minimal(),
                          {log, {"gw-1", nullptr, nullptr}, limits, clock, metrics, {}});
    REQUIRE(pump);
    CHECK((*pump)->id() == "cloud");
    CHECK((*pump)->status().type == "mqtt");
    CHECK((*pump)->status().state == PumpState::stopped);
}

TEST_CASE("uplink config: every fault is found in one pass and says what to do") {
    Node node = minimal();
    node.set("topic", text("fogline/{gw}/{device}"));
    node.set("events_topic", text("fogline/{pt}"));
    node.set("lanes", list({"alarm", "livee"}));
    node.set("points", list({"a/+"}));
    node.set("order", text("strikt"));
    node.set("retry_min", text("1 ms"));
    node.set("windw", text("20"));
    const std::string faults = faults_of(node);
    INFO(faults);
    CHECK(faults.find("no placeholder {device}; allowed here: {gw} {dev} {pt} {lane}") !=
          std::string::npos);
    CHECK(faults.find("{pt} has no meaning in this topic") != std::string::npos);
    CHECK(faults.find("did you mean 'live'?") != std::string::npos);
    CHECK(faults.find("'a/+' is not a glob") != std::string::npos);
    CHECK(faults.find("did you mean 'strict'?") != std::string::npos);
    CHECK(faults.find("'retry_min' is 1 ms") != std::string::npos);
    CHECK(faults.find("windw") != std::string::npos);
    CHECK(faults.find("did you mean 'window'?") != std::string::npos);
}

TEST_CASE("uplink config: an unknown type is named with the nearest known one") {
    Node node = minimal();
    node.set("type", text("mqt"));
    const std::string faults = faults_of(node);
    CHECK(faults.find("E0401") != std::string::npos);
    CHECK(faults.find("no sink of type 'mqt'") != std::string::npos);
    CHECK(faults.find("did you mean 'mqtt'?") != std::string::npos);
    SystemClock clock;
    Metrics metrics;
    Limits limits;
    MemorySinkLog log;
    auto pump =
        make_pump("cloud", node, {log, {"gw-1", nullptr, nullptr}, limits, clock, metrics, {}});
    REQUIRE_FALSE(pump);
    CHECK(pump.error().code == Errc::bad_config);
    CHECK(pump.error().what.starts_with("uplink cloud: "));
}

TEST_CASE("uplink config: a batch may not go to a topic per point") {
    Node node = minimal();
    node.set("payload", text("batch"));
    CHECK(faults_of(node).empty());
    node.set("topic", text("x/{dev}/{pt}"));
    CHECK(faults_of(node).find("{pt} has no meaning in this topic") != std::string::npos);
}

TEST_CASE("selection: by default all lanes, all points but diagnostics, and the usual events") {
    const Selection all = selection(minimal());
    Record sample;
    sample.body = Sample{};
    const PointInfo plain = point("boiler-1", "temp");
    const PointInfo rssi = point("boiler-1", "rssi", true);
    CHECK(all.takes(sample, &plain));
    CHECK_FALSE(all.takes(sample, &rssi));
    CHECK(all.takes(sample, nullptr));
    CHECK(all.takes(event(EventKind::alarm, "boiler-1"), nullptr));
    CHECK_FALSE(all.takes(event(EventKind::uplink, "gateway"), nullptr));
    CHECK_FALSE(all.takes(event(EventKind::raw, "boiler-1"), nullptr));
}

TEST_CASE("selection: what is simulated is taken only by a sink that says so") {
    Node node = minimal();
    Record sample;
    sample.body = Sample{};
    sample.sample().flags = flag::kSimulated;
    Record alarm = event(EventKind::alarm, "boiler-1");
    alarm.event().flags = flag::kSimulated;
    const PointInfo plain = point("boiler-1", "temp");
    CHECK_FALSE(selection(node).takes(sample, &plain));
    CHECK_FALSE(selection(node).takes(sample, nullptr));
    CHECK_FALSE(selection(node).takes(alarm, nullptr));
    CHECK_FALSE(selection(node).takes_simulated());
    Node yes;
    yes.data.emplace<bool>(true);
    node.set("simulated", yes);
    CHECK(selection(node).takes(sample, &plain));
    CHECK(selection(node).takes(alarm, nullptr));
    node.set("simulated", text("yes"));
    CHECK(faults_of(node).find("simulated") != std::string::npos);
}

TEST_CASE("selection: lanes, devices, points and exclusions narrow it") {
    Node node = minimal();
    node.set("lanes", list({"alarm", "live"}));
    node.set("devices", list({"boiler-*", "pump-?"}));
    node.set("points", list({"*/temp*", "pump-1/rpm"}));
    node.set("exclude", list({"boiler-9", "*/temp_raw"}));
    const Selection some = selection(node);
    CHECK(some.takes_point(point("boiler-1", "temp")));
    CHECK(some.takes_point(point("boiler-1", "temp_out")));
    CHECK(some.takes_point(point("pump-1", "rpm")));
    CHECK_FALSE(some.takes_point(point("pump-2", "rpm")));
    CHECK_FALSE(some.takes_point(point("boiler-1", "temp_raw")));
    CHECK_FALSE(some.takes_point(point("boiler-9", "temp")));
    CHECK_FALSE(some.takes_point(point("pump-12", "temp")));
    CHECK_FALSE(some.takes_point(point("fridge", "temp")));
    CHECK(some.takes(event(EventKind::alarm, "boiler-2", Lane::alarm), nullptr));
    CHECK_FALSE(some.takes(event(EventKind::alarm, "fridge", Lane::alarm), nullptr));
    CHECK_FALSE(some.takes(event(EventKind::alarm, "boiler-2", Lane::bulk), nullptr));
    Record unknown;
    unknown.body = Sample{};
    CHECK_FALSE(some.takes(unknown, nullptr));
}

TEST_CASE("selection: globs") {
    CHECK(glob_matches("*", ""));
    CHECK(glob_matches("a*b*c", "a--b--b--c"));
    CHECK_FALSE(glob_matches("a*b*c", "a--b--b--"));
    CHECK(glob_matches("??", "ab"));
    CHECK_FALSE(glob_matches("??", "abc"));
    CHECK(glob_matches("**x", "yyx"));
    CHECK_FALSE(glob_matches("", "x"));
    CHECK_FALSE(glob_matches(std::string(100, '*') + "b", std::string(10'000, 'a')));
}

}  // namespace
}  // namespace fog
