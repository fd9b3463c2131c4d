#include "drivers/mqtt/dialects/topics.hpp"

#include <doctest/doctest.h>

using namespace fog;

TEST_CASE("topics: our own, the broker's, commands and logs are never ingested") {
    for (const char* topic : {"$SYS/broker/uptime", "$aws/things/x", "fogline/v1/a/b", "fogline",
                              "cmnd/plug/POWER", "zigbee2mqtt/x/set", "x/command", "shelly-1/rpc",
                              "esp/debug", "zigbee2mqtt/bridge/logging"}) {
        CAPTURE(topic);
        CHECK(never_ingested(topic));
    }
    for (const char* topic : {"foglines/x", "a/settings", "set", "shelly-1/events/rpc", "a/set/b",
                              "x/logging", "tele/cold1/SENSOR"}) {
        CAPTURE(topic);
        CHECK_FALSE(never_ingested(topic));
    }
}

TEST_CASE("topics: an object belongs to the topic without its verb and report prefix") {
    CHECK(place_of_object("plant/press4/telemetry").device == "plant/press4");
    CHECK(place_of_object("tele/cold1/SENSOR").device == "cold1");
    CHECK(place_of_object("tele/site/cold1/SENSOR").device == "site/cold1");
    CHECK(place_of_object("plant/press4").device == "plant/press4");
    CHECK(place_of_object("/plant/press4/").device == "plant/press4");
    CHECK(place_of_object("telemetry").device == "mqtt");
    CHECK(place_of_object("tele").device == "tele");
    CHECK(place_of_object("/").device == "mqtt");
}

TEST_CASE("topics: a scalar is the last level of its parent") {
    const auto place = place_of_scalar("garden/north/soil_moisture");
    CHECK(place.device == "garden/north");
    CHECK(place.last == "soil_moisture");
    CHECK(place_of_scalar("temperature").device == "mqtt");
    CHECK(place_of_scalar("temperature").last == "temperature");
    CHECK(place_of_scalar("stat/cold1/POWER").device == "cold1");
}
