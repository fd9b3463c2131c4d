#include "firmware/mqtt/topics.hpp"

#include <doctest/doctest.h>

#include "firmware/mqtt/wheel.hpp"

using namespace fog;
using namespace fog::mqtt;

using Patterns = std::vector<std::string>;

TEST_CASE("topics: channels of the gateway and their MQTT names") {
    CHECK(gateway_topic("samples/boiler-1/supply_temp") == "fogline/v1/boiler-1/supply_temp");
    CHECK(gateway_topic("samples/boiler-1/state") == "fogline/v1/boiler-1/state_");
    CHECK(gateway_topic("devices/boiler-1/state") == "fogline/v1/boiler-1/state");
    CHECK(gateway_topic("alarms/boiler-1/hot") == "fogline/v1/alarms/boiler-1/hot");
    CHECK(gateway_topic("uplinks/cloud").empty());
    CHECK(is_gateway_topic("fogline"));
    CHECK(is_gateway_topic("fogline/v1/x"));
    CHECK(!is_gateway_topic("foglines/x"));
}

TEST_CASE("topics: a filter means all its parts") {
    CHECK(hub_patterns("a/+") == Patterns{"mqtt/a/+"});
    CHECK(hub_patterns("fogline/v1/b/+") == Patterns{"samples/b/+", "devices/b/state"});
    CHECK(hub_patterns("fogline/v1/b/state_") == Patterns{"samples/b/state"});
    CHECK(hub_patterns("fogline/v1/alarms/#") == Patterns{"alarms/#"});
    CHECK(hub_patterns("#") == Patterns{"mqtt/#", "samples/#", "devices/#", "alarms/#"});
    CHECK(hub_patterns("fogline/#") == Patterns{"samples/#", "devices/#", "alarms/#"});
}

TEST_CASE("topics: nothing is narrowed in silence") {
    Principal panel{"panel", scope::kReadLive, {"samples/boiler/#"}, {}, 2, false};
    CHECK(may_subscribe(panel, "fogline/v1/boiler/temp"));
    CHECK(!may_subscribe(panel, "fogline/v1/boiler/+"));  // its state too
    CHECK(!may_subscribe(panel, "fogline/v1/+/temp"));
    CHECK(!may_subscribe(panel, "tele/#"));
    Principal all{"admin", scope::kAll, {"#"}, {}, 1, false};
    CHECK(may_subscribe(all, "#"));
    all.scopes = scope::kIngest;
    CHECK(!may_subscribe(all, "a"));
}

TEST_CASE("wheel: visits come in their tick, those beyond its length early") {
    Wheel<int> wheel(8);
    std::vector<int> seen;
    const auto visit = [&seen](int id) { seen.push_back(id); };
    CHECK(wheel.add(3, 3) == 3);
    CHECK(wheel.add(0, 1) == 1);
    CHECK(wheel.add(100, 7) == 7);
    wheel.advance(2, visit);
    CHECK(seen == std::vector<int>{1});
    wheel.advance(3, visit);
    CHECK(seen == std::vector<int>{1, 3});
    wheel.advance(20, visit);
    CHECK(seen == std::vector<int>{1, 3, 7});
}
