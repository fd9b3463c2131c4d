#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/rule_world.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;

std::string example(const std::string& name) {
    std::stringstream text;
    std::ifstream file(std::string(FOG_SOURCE_DIR) + "/rules/examples/" + name);
    REQUIRE(file.good());
    text << file.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("examples: each one loads without faults") {
    std::size_t count = 0;
    for (const auto& file :
         std::filesystem::directory_iterator(std::string(FOG_SOURCE_DIR) + "/rules/examples")) {
        RuleWorld w;
        CAPTURE(file.path().string());
        w.good(file.path().stem().string(), example(file.path().filename().string()));
        CHECK(w.engine->list().at(0).active);
        ++count;
    }
    CHECK(count >= 3);
}

TEST_CASE("examples: freezer-warm waits ten minutes, and for a closed door") {
    RuleWorld w;
    const PointId t = w.add("freezer-1", "temp", "Cel");
    const PointId door = w.add("freezer-1", "door");
    w.good("freezer-warm", example("freezer-warm.toml"));
    w.push(door, std::string("closed"));
    for (int minute = 0; minute < 10; ++minute) w.push(t, -14.0, 1min);  // held nine so far
    CHECK(w.changes().empty());
    w.push(t, -13.5, 1min);
    REQUIRE(w.out.events.size() == 1);
    CHECK(json_member(w.out.events[0].event.members, "text") ==
          "Freezer too warm: -13.5 Cel for 10 min, limit -15 Cel");
    CHECK(w.changes() == Lines{"freezer-1/freezer-warm#1 raised active-unack H"});
}

TEST_CASE("examples: quiet-uplink keeps small moves at home") {
    RuleWorld w;
    const PointId level = w.add("tank-7", "level", "%");
    w.good("quiet-uplink", example("quiet-uplink.toml"));
    CHECK(w.push(level, 50.0).drop == Drop::no);
    CHECK(w.push(level, 50.4, 1s).drop == Drop::uplink);
    CHECK(w.push(level, 50.5, 1s).drop == Drop::no);
}

TEST_CASE("examples: heat-exchanger derives the difference and raises after a quarter of an hour") {
    RuleWorld w;
    const PointId supply = w.add("hx-2", "supply_temp", "Cel");
    const PointId back = w.add("hx-2", "return_temp", "[degF]");
    const PointId flow = w.add("hx-2", "flow", "m3/h");
    w.good("heat-exchanger", example("heat-exchanger.toml"));
    for (int minute = 0; minute <= 15; ++minute) {
        w.now += 1min;
        w.push_batch({w.sample(supply, 60.0), w.sample(back, 136.4), w.sample(flow, 1.2)});
    }
    REQUIRE(!w.out.derived.empty());
    CHECK(std::get<double>(w.out.derived.back().value) == doctest::Approx(2));
    CHECK(w.changes() == Lines{"hx-2/heat-exchanger#1 raised active-unack on"});
}

}  // namespace fog
