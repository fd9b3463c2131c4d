#include "sim/record/scrub.hpp"

#include <doctest/doctest.h>

#include "firmware/core/text.hpp"

namespace fog::sim {
namespace {

using nlohmann::json;

TEST_CASE("scrub: secrets go by their names and out of addresses, the rest stays") {
    json node = json::parse(
        R"({"password":"hunter2","nested":[{"api_key":17,"Token":"t","limit":5}],
            "url":"mqtts://user:sesame@broker:8883/x","at":"a@b","token_bucket":{"size":3}})");
    remove_secrets(node);
    const std::string text = node.dump();
    for (const char* gone : {"hunter2", "17", "\"t\"", "user", "sesame"})
        CHECK_MESSAGE(text.find(gone) == std::string::npos, text);
    CHECK(node["url"] == "mqtts://(removed)@broker:8883/x");
    CHECK(node["nested"][0]["limit"] == 5);
    CHECK(node["at"] == "a@b");
    CHECK(node["token_bucket"]["size"] == 3);
}

TEST_CASE("scrub: names become letters, the same everywhere, and patterns still fit") {
    Namer namer;
    json rule = json::parse(R"({"k":"rule","id":"freezer-warm","by":"anna","rule":{
        "title":"Cold store of Miller","bind":{"device":"freezer-*"},
        "inputs":{"miller_temp":{"point":"{device}/temp"},"door":{"point":"hall/door_2"}},
        "condition":{"op":"expr","when":"miller_temp > -15[Cel] and door == \"door\""},
        "action":[{"type":"alarm","text":"call Miller: {miller_temp}","severity":"high"}]}})");
    namer.apply(rule);
    json record =
        json::parse(R"({"k":"record","seq":1,"dev":"freezer-3","pt":"temp","v":-3.5,"ch":"x"})");
    namer.apply(record);
    json event = json::parse(
        R"({"k":"record","dev":"freezer-3","ev":"alarm","ch":"alarms/freezer-3/freezer-warm",
        "d":{"alarm":"freezer-3/freezer-warm","change":"raised","text":"Miller","by":"anna","v":1}})");
    namer.apply(event);
    const std::string all = rule.dump() + record.dump() + event.dump();
    for (const char* gone : {"iller", "freezer", "temp", "hall", "anna"})
        CHECK_MESSAGE(all.find(gone) == std::string::npos, all);
    CHECK(glob_matches(rule["rule"]["bind"]["device"].get<std::string>(),
                       record["dev"].get<std::string>()));
    CHECK(rule["rule"]["inputs"].size() == 2);
    CHECK(rule["rule"]["condition"]["when"].get<std::string>().ends_with("== \"door\""));
    CHECK(event["d"]["alarm"] ==
          record["dev"].get<std::string>() + "/" + rule["id"].get<std::string>());
    CHECK(event["d"]["change"] == "raised");
    CHECK(record["v"] == -3.5);
}

}  // namespace
}  // namespace fog::sim
