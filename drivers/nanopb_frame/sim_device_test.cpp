#include "drivers/sim_device.hpp"

#include <doctest/doctest.h>

#include "drivers/nanopb_frame/link_pair_test.hpp"

using namespace fog;
using namespace std::chrono_literals;

TEST_CASE("mcu sim: all kinds of values arrive as they were") {
    LinkPair pair;
    pair.report(1, {{"real", 21.125, "Cel"},
                    {"whole", std::int64_t{-9007199254740993}, ""},
                    {"flag", true, ""},
                    {"text", std::string("öffnen"), ""},
                    {"none", Value{}, "%"}});
    pair.pass(200ms);
    REQUIRE(pair.out.readings.size() == 5);
    CHECK(pair.out.readings[0].device_key == "mcu:node-7");
    CHECK(pair.out.readings[0].value == Value(21.125));
    CHECK(pair.out.readings[0].unit == "Cel");
    CHECK(pair.out.readings[1].value == Value(std::int64_t{-9007199254740993}));
    CHECK(pair.out.readings[2].value == Value(true));
    CHECK(pair.out.readings[3].value == Value(std::string("öffnen")));
    CHECK(is_null(pair.out.readings[4].value));
    CHECK(to_text(pair.out.readings[4].quality) == "bad.sensor-failure");
}

TEST_CASE("mcu sim: more points than fit one frame go in several, acknowledged as one") {
    LinkPair pair;
    std::vector<SimPoint> points;
    for (int number = 0; number < 60; ++number)
        points.push_back({"a_rather_long_point_name_" + std::to_string(number), 0.5 * number, "%"});
    pair.report(9, points);
    pair.pass(2s);
    CHECK(pair.out.readings.size() == 60);
    CHECK(pair.device->take_acknowledged() == std::vector<std::uint64_t>{9});
}

TEST_CASE("mcu sim: a new point makes a new schema") {
    LinkPair pair;
    pair.report(1, {{"a", 1.0, ""}});
    pair.pass(200ms);
    pair.report(2, {{"a", 2.0, ""}, {"b", 3.0, ""}});
    pair.pass(500ms);
    REQUIRE(pair.out.readings.size() == 3);
    CHECK(pair.out.readings[2].point == "b");
}

TEST_CASE("mcu sim: crc-16 is agreed on and a gateway that lost it is found again") {
    Node config;
    config.set("crc", {}).data = std::string("crc16");
    LinkPair pair(config);
    pair.report(1, {{"a", 1.0, ""}});
    pair.pass(200ms);
    CHECK(pair.out.readings.size() == 1);
    pair.codec->reset(Cause::reconnected);
    pair.report(2, {{"a", 2.0, ""}});
    pair.pass(1500ms);
    CHECK(pair.out.readings.size() == 2);
}

TEST_CASE("mcu sim: a full ring drops the oldest and says how many") {
    Node config;
    config.set("ring", {}).data = std::int64_t{16};
    LinkPair pair(config);
    pair.report(0, {{"a", 0.0, ""}});
    pair.pass(200ms);
    for (std::uint64_t id = 1; id <= 50; ++id)  // nobody listens
        pair.device->report(id, std::vector<SimPoint>{{"a", static_cast<double>(id), ""}},
                            pair.now);
    pair.pass(3s);
    std::size_t values = 0;
    for (const Reading& one : pair.out.readings) values += one.point == "a";
    CHECK(values == 1 + 16);
    CHECK(pair.codec->stats().device_dropped == 50 - 16);
    CHECK(pair.device->take_acknowledged().size() == 1 + 16);
}
