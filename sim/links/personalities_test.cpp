#include "sim/links/personalities.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "sim/world/make_node.hpp"

namespace fog::sim {
namespace {

std::vector<Fault> faults_of(const char* personality, Node link, const char* fault = nullptr) {
    const Node point = table({{"p", table({{"signal", whole(1)}})}});
    const Node device = table({{"id", text("d-{n}")},
                               {"count", whole(3)},
                               {"personality", text(personality)},
                               {"link", std::move(link)},
                               {"point", point}});
    Node root = table({{"name", text("x")}, {"device", list({device})}});
    if (fault != nullptr) {
        const Node row =
            table({{"at", text("1 s")}, {"on", text("device/d-*")}, {"kind", text(fault)}});
        root.set("fault", list({row}));
    }
    std::vector<Fault> faults;
    const Scenario scenario = parse_scenario(root, {}, faults);
    check_links(scenario, faults);
    return faults;
}

TEST_CASE("personalities: link options are checked once per block") {
    CHECK(faults_of("mqtt.json", table({{"qos", whole(1)}})).empty());
    const auto qos = faults_of("mqtt.json", table({{"qos", whole(2)}}));
    REQUIRE(qos.size() == 1);
    CHECK(qos[0].detail == "'qos' is 2, allowed is 0 to 1");
    CHECK(faults_of("mqtt.json", table({{"prefx", text("a")}})).size() == 1);
    CHECK(faults_of("mqtt.plain", table({{"qos", whole(0)}, {"level", text("A")}})).size() == 1);
}

TEST_CASE("personalities: an unknown one gets a hint") {
    const auto near = faults_of("mqtt.jsn", table({}));
    REQUIRE(near.size() == 1);
    CHECK(near[0].detail == "no personality 'mqtt.jsn'");
    CHECK(near[0].hint == "did you mean 'mqtt.json'?");
    CHECK(faults_of("modbus.tcp", table({})).at(0).hint.find("mqtt.json") != std::string::npos);
}

TEST_CASE("personalities: a fault must fit the link of its device") {
    CHECK(faults_of("mqtt.json", table({}), "silent").empty());
    CHECK(faults_of("mqtt.json", table({}), "clean_disconnect").empty());
    const auto unplug = faults_of("mqtt.json", table({}), "unplug");
    REQUIRE(unplug.size() == 1);
    CHECK(unplug[0].detail == "fault 'unplug' does not fit 'd-1', which is mqtt.json");
    CHECK(faults_of("mqtt.json", table({}), "blackhole").at(0).detail ==
          "fault 'blackhole' acts on tcp proxy, found 'device/d-*'");
    CHECK(faults_of("mqtt.json", table({}), "unplugg").at(0).hint == "did you mean 'unplug'?");
}

TEST_CASE("personalities: every name appears once, sorted") {
    const auto names = personality_names();
    CHECK(std::is_sorted(names.begin(), names.end()));
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
    CHECK(std::count(names.begin(), names.end(), "mqtt.json") == 1);
}

}  // namespace
}  // namespace fog::sim
