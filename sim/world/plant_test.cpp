#include "sim/world/plant.hpp"

#include <doctest/doctest.h>

#include "sim/world/make_node.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

PlantSpec made(const Node& node) {
    std::vector<Fault> faults;
    PlantSpec spec = read_plant(node, faults);
    for (const Fault& fault : faults) FAIL_CHECK(to_text(fault));
    return spec;
}

Node room() {
    return table({{"id", text("room")},
                  {"kind", text("first_order")},
                  {"start", number(-20)},
                  {"ambient", number(22)},
                  {"tau", text("10 min")},
                  {"gain", table({{"compressor", number(-42)}, {"door", number(30)}})},
                  {"input", table({{"compressor", number(1)}, {"door", number(0)}})}});
}

TEST_CASE("plant: a first order room stays, warms with the door and turns when it closes") {
    Inputs inputs;
    Plants plants({made(room())}, inputs);
    CHECK(plants.value(0, "", 10min) == doctest::Approx(-20));
    inputs.set("room.door", 10min, 1);
    const double open = plants.value(0, "", 15min);
    CHECK(open == doctest::Approx(-20 + 30 * (1 - 0.6065)).epsilon(0.01));
    inputs.set("room.door", 15min, 0);
    CHECK(plants.value(0, "", 16min) < open);
}

TEST_CASE("plant: a state is the same however often somebody looked") {
    Inputs inputs;
    inputs.add("room.door", {90s, 0s, 1});
    Plants once({made(room())}, inputs), often({made(room())}, inputs);
    for (int i = 0; i < 1'000; ++i) often.value(0, "", 251ms * i);
    CHECK(once.value(0, "", 10min) == often.value(0, "", 10min));
}

TEST_CASE("plant: a tank fills within its walls, a motor follows its demand and warms") {
    Inputs inputs;
    inputs.add("tank.inlet", {0s, 0s, 1});
    inputs.add("fan.demand", {0s, 0s, 1});
    Plants plants({made(table({{"id", text("tank")},
                               {"kind", text("tank")},
                               {"area", number(2)},
                               {"height", number(3)},
                               {"flow", table({{"inlet", number(0.1)}})},
                               {"input", table({{"inlet", number(0)}})}})),
                   made(table({{"id", text("fan")},
                               {"kind", text("motor")},
                               {"tau", text("2 s")},
                               {"rated", number(1000)},
                               {"load", number(100)}}))},
                  inputs);
    CHECK(plants.value(0, "", 20s) == doctest::Approx(1));
    CHECK(plants.value(0, "", 10min) == 3);
    CHECK(plants.value(1, "speed", 1min) == doctest::Approx(1000));
    CHECK(plants.value(1, "temp", 1h) == doctest::Approx(60));
    CHECK(plants.find("fan") == 1);
    CHECK_FALSE(plants.find("pump"));
}

TEST_CASE("plant: faults are named") {
    std::vector<Fault> faults;
    Node node = room();
    node.find("gain")->set("dor", number(1));
    node.set("tau", text("0 s"));
    read_plant(node, faults);
    REQUIRE(faults.size() == 2);
    CHECK(faults[0].detail == "'tau' must be more than zero");
    CHECK(faults[1].hint == "did you mean 'door'?");
}

}  // namespace
}  // namespace fog::sim
