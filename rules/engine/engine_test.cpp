#include "rules/engine/engine.hpp"

#include <doctest/doctest.h>

#include "firmware/core/text.hpp"
#include "tests/support/rule_world.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kHot = R"(
title = "Too hot"
bind = { device = "boiler-*" }
inputs.t = { point = "{device}/temp", max_age = "1 min" }
[condition]
op = "threshold"
in = "t"
H = "80 Cel"
HH = "90 Cel"
hysteresis = "2 K"
[[action]]
type = "alarm"
severity = { H = "high", HH = "critical" }
text = "{title}: {t} on {device}, limit {limit}"
)";

std::string member(const EffectEvent& effect, std::string_view key) {
    return std::string(json_member(effect.event.members, key).value_or("-"));
}

}  // namespace

TEST_CASE("engine: an alarm is raised, escalated, acknowledged and cleared") {
    RuleWorld w;
    const PointId t = w.add("boiler-1", "temp", "Cel");
    w.good("hot", kHot);
    w.push(t, 79.0);
    CHECK(w.changes() == Lines{});
    w.push(t, 80.5, 1s);
    REQUIRE(w.out.events.size() == 1);
    const EffectEvent raised = w.out.events[0];
    CHECK(raised.lane == Lane::alarm);
    CHECK(raised.event.channel == "alarms/boiler-1/hot");
    CHECK(raised.event.device == "boiler-1");
    CHECK(raised.event.received == w.now);
    CHECK(member(raised, "alarm") == "boiler-1/hot");
    CHECK(member(raised, "occurrence") == "boiler-1/hot#1");
    CHECK(member(raised, "pt") == "temp");
    CHECK(member(raised, "severity") == "high");
    CHECK(member(raised, "v") == "80.5");
    CHECK(member(raised, "u") == "Cel");
    CHECK(member(raised, "limit") == "80");
    CHECK(member(raised, "text") == "Too hot: 80.5 Cel on boiler-1, limit 80 Cel");
    CHECK(w.changes() == Lines{"boiler-1/hot#1 raised active-unack H"});
    w.push(t, 91.0, 1s);
    CHECK(w.changes() == Lines{"boiler-1/hot#1 escalated active-unack HH"});
    const auto acked = w.engine->ack_alarm("boiler-1/hot", "eve", "on my way", w.at(), w.out);
    REQUIRE(acked.has_value());
    CHECK(*acked == AlarmState::active_acked);
    CHECK(member(w.out.events.at(0), "by") == "eve");
    CHECK(member(w.out.events.at(0), "note") == "on my way");
    CHECK(w.changes() == Lines{"boiler-1/hot#1 acked active-acked HH"});
    CHECK(*w.engine->ack_alarm("boiler-1/hot", "eve", "", w.at(), w.out) ==
          AlarmState::active_acked);
    CHECK(w.changes() == Lines{});
    const auto list = w.engine->alarms();
    REQUIRE(list.size() == 1);
    CHECK(list[0].acked_by == "eve");
    CHECK(list[0].severity == Severity::critical);
    w.push(t, 78.5, 1s);
    CHECK(w.changes() == Lines{"boiler-1/hot#1 deescalated active-acked H"});
    w.push(t, 78.0, 1s);
    CHECK(member(w.out.events.at(0), "text") == "Too hot: 78 Cel on boiler-1, limit 80 Cel");
    CHECK(w.changes() == Lines{"boiler-1/hot#1 cleared normal H"});
    CHECK(w.engine->alarms().empty());
    CHECK(!w.engine->ack_alarm("boiler-1/cold", "eve", "", w.at(), w.out).has_value());
}

TEST_CASE("engine: every matching device has an instance, also one that appears later") {
    RuleWorld w;
    const PointId one = w.add("boiler-1", "temp", "Cel");
    w.add("pump-1", "temp", "Cel");
    w.good("hot", kHot);
    const PointId two = w.add("boiler-2", "temp", "Cel");
    w.add("boiler-3", "pressure", "bar");
    w.push(one, 85.0);
    w.push(two, 85.0);
    CHECK(w.changes() ==
          Lines{"boiler-1/hot#1 raised active-unack H", "boiler-2/hot#1 raised active-unack H"});
    const auto rules = w.engine->list();
    REQUIRE(rules.size() == 1);
    REQUIRE(rules[0].instances.size() == 2);
    CHECK(rules[0].instances[0].state == "yes");
    CHECK(rules[0].fires == 2);
}

TEST_CASE("engine: a point in Fahrenheit is judged against the limit in Celsius") {
    RuleWorld w;
    const PointId t = w.add("boiler-us", "temp", "[degF]");
    w.good("hot", kHot);
    w.push(t, 175.9);
    CHECK(w.changes().empty());
    w.push(t, 176.1);
    CHECK(w.changes().size() == 1);
}

TEST_CASE("engine: for is held without a break, and fires between samples") {
    RuleWorld w;
    const PointId t = w.add("gw", "t", "Cel");
    w.good("slow", R"(
inputs.t = { point = "gw/t", max_age = "1 h" }
condition = { op = "threshold", H = "30 Cel", hysteresis = "1 K", for = "10 min", keep_for = "5 min" }
[[action]]
type = "alarm"
text = "{t} for {held}"
)");
    w.push(t, 31.0);
    w.push(t, 29.9, 9min);
    w.push(t, 31.0, 1min);
    w.wait(9min + 59s);
    CHECK(w.changes().empty());
    REQUIRE(w.engine->next_timer().has_value());
    w.wait(1s);
    REQUIRE(w.out.events.size() == 1);
    CHECK(member(w.out.events[0], "text") == "31 Cel for 10 min");
    CHECK(w.changes() == Lines{"gateway/slow#1 raised active-unack H"});
    w.push(t, 29.0, 1s);
    w.wait(4min);
    CHECK(w.changes().empty());
    w.wait(1min);
    CHECK(w.changes() == Lines{"gateway/slow#1 cleared returned-unack H"});
}

TEST_CASE("engine: at equal time samples go before timers") {
    RuleWorld w;
    const PointId t = w.add("gw", "t", "Cel");
    w.good("slow", R"(
inputs.t = { point = "gw/t" }
condition = { op = "threshold", H = "30 Cel", for = "10 s" }
action = [ { type = "alarm" } ]
)");
    w.push(t, 31.0);
    w.push(t, 20.0, 10s);
    w.wait(0s);
    CHECK(w.changes().empty());
}

TEST_CASE("engine: the samples of one message are one evaluation") {
    RuleWorld w;
    const PointId a = w.add("dev", "a");
    const PointId b = w.add("dev", "b");
    w.good("both", R"(
inputs.a = { point = "dev/a" }
inputs.b = { point = "dev/b" }
condition = { op = "expr", when = "a != b" }
action = [ { type = "alarm" } ]
)");
    w.push_batch({w.sample(a, 1.0), w.sample(b, 1.0)});
    w.now += 1s;
    w.push_batch({w.sample(a, 2.0), w.sample(b, 2.0)});
    CHECK(w.changes().empty());
    CHECK(w.engine->list()[0].evaluations == 2);
    w.push(a, 3.0, 1s);
    CHECK(w.changes() == Lines{"gateway/both#1 raised active-unack on"});
}

TEST_CASE(
    "engine: unknown neither raises nor clears; the sensor that died has an alarm of its own") {
    RuleWorld w;
    const PointId t = w.add("boiler-1", "temp", "Cel");
    w.good("hot", kHot);
    w.push(t, 85.0);
    w.clear();
    w.push(t, 10.0, 30s, Quality::bad(Reason::sensor_failure));
    CHECK(w.changes() == Lines{"boiler-1/hot#1 stale active-unack H"});
    w.wait(29s);
    CHECK(w.changes().empty());
    w.wait(1s);
    CHECK(w.changes() == Lines{"boiler-1/no-data.temp#1 raised active-unack on"});
    w.push(t, 85.0, 10s);
    CHECK(w.changes() == Lines{"boiler-1/hot#1 unstale active-unack H",
                               "boiler-1/no-data.temp#1 cleared returned-unack on"});
}

TEST_CASE("engine: one no-data alarm per point, whatever number of rules reads it") {
    RuleWorld w;
    const PointId t = w.add("boiler-1", "temp", "Cel");
    w.good("hot", kHot);
    w.good("hot-too", kHot);
    w.good("quiet", R"(
inputs.t = { point = "boiler-1/temp", max_age = "10 s" }
no_data = "hold"
condition = { op = "threshold", H = "300 Cel" }
action = [ { type = "alarm" } ]
)");
    w.push(t, 20.0);
    w.wait(30s);
    CHECK(w.changes().empty());
    w.wait(30s);
    CHECK(w.changes() == Lines{"boiler-1/no-data.temp#1 raised active-unack on"});
}

TEST_CASE("engine: no_data = clear closes the alarm and says why") {
    RuleWorld w;
    const PointId t = w.add("dev", "t", "Cel");
    w.good("brief", R"(
inputs.t = { point = "dev/t", max_age = "10 s" }
no_data = "clear"
condition = { op = "threshold", H = "30 Cel" }
action = [ { type = "alarm" } ]
)");
    w.push(t, 31.0);
    w.clear();
    w.wait(10s);
    REQUIRE(w.out.events.size() == 1);
    CHECK(member(w.out.events[0], "reason") == "no data");
    CHECK(w.changes() == Lines{"gateway/brief#1 closed normal H"});
}

TEST_CASE("engine: a guard that is not true keeps the condition from becoming true, no more") {
    RuleWorld w;
    const PointId t = w.add("fridge", "t", "Cel");
    const PointId door = w.add("fridge", "door");
    w.good("warm", R"(
inputs.t = { point = "fridge/t" }
inputs.door = { point = "fridge/door", trigger = false }
no_data = "hold"
[condition]
op = "threshold"
in = "t"
H = "8 Cel"
HH = "12 Cel"
only_if = 'door == "closed"'
[[action]]
type = "alarm"
)");
    w.push(t, 9.0);
    CHECK(w.changes().empty());  // the door is unknown
    w.push(door, std::string("open"));
    w.push(t, 9.1);
    CHECK(w.changes().empty());
    w.push(door, std::string("closed"));
    CHECK(w.changes().empty());  // no trigger
    w.push(t, 9.2);
    CHECK(w.changes() == Lines{"gateway/warm#1 raised active-unack H"});
    w.push(door, std::string("open"));
    w.push(t, 13.0);
    CHECK(w.changes().empty());  // nor does it become worse
    w.push(t, 7.0);
    CHECK(w.changes() == Lines{"gateway/warm#1 cleared returned-unack H"});
}

TEST_CASE("engine: a duplicate does not refresh max_age, late samples do not replace, steps do") {
    RuleWorld w;
    const PointId t = w.add("boiler-1", "temp", "Cel");
    w.good("hot", kHot);
    const WallTime at{std::chrono::seconds(5000)};
    w.push(t, 20.0, 0s, {}, at);
    w.push(t, 20.0, 50s, {}, at);
    w.wait(10s);
    CHECK(w.changes() == Lines{"boiler-1/no-data.temp#1 raised active-unack on"});
    w.push(t, 21.0, 0s, {}, at + 10s);
    w.clear();
    w.push(t, 95.0, 1s, {}, at + 5s);
    CHECK(w.changes().empty());
    w.push(t, 95.0, 1s, {}, at + 6s);
    CHECK(w.changes().empty());
    w.push(t, 95.0, 1s, {}, at + 7s);  // the third in a row that goes on: the clock was set back
    CHECK(w.changes() == Lines{"boiler-1/hot#1 raised active-unack HH"});
    w.push(t, 20.0, 1s, {}, at + 7s);  // another value of the same time replaces it
    CHECK(w.changes() == Lines{"boiler-1/hot#1 cleared returned-unack HH"});
}

TEST_CASE("engine: history does not touch live state, unless an input asks for it") {
    RuleWorld w;
    const PointId t = w.add("boiler-1", "temp", "Cel");
    w.good("hot", kHot);
    Record late = w.sample(t, 95.0);
    late.sample().flags = flag::kHistoric;
    w.push_batch({late});
    CHECK(w.changes().empty());
    w.good("old", R"(
inputs.t = { point = "boiler-1/temp", historical = "evaluate" }
condition = { op = "threshold", H = "30 Cel" }
action = [ { type = "alarm" } ]
)");
    late.seq = Seq{++w.seq};
    w.push_batch({late});
    CHECK(w.changes() == Lines{"gateway/old#1 raised active-unack H"});
}

TEST_CASE("engine: a retained value is not accepted as known") {
    RuleWorld w;
    const PointId t = w.add("boiler-1", "temp", "Cel");
    w.good("hot", kHot);
    w.push(t, 95.0, 0s, Quality::uncertain(Reason::last_known));
    CHECK(w.changes().empty());
    w.push(t, 95.0, 0s, Quality::uncertain(Reason::calibrating));
    CHECK(w.changes().size() == 1);
}

TEST_CASE("engine: a deadband withholds raw samples from the uplink") {
    RuleWorld w;
    const PointId t = w.add("dev", "t", "Cel");
    w.good("thin", R"(
inputs.t = { point = "dev/t" }
step = [ { op = "deadband", in = "t", abs = "0.5 Cel", max_silence = "10 min", out = "moved" } ]
action = [ { type = "drop", scope = "uplink", while = "withheld" } ]
)");
    CHECK(w.push(t, 20.0).drop == Drop::no);
    CHECK(w.push(t, 20.4, 1s).drop == Drop::uplink);
    CHECK(w.push(t, 20.5, 1s).drop == Drop::no);
    CHECK(w.push(t, 20.2, 1s).drop == Drop::uplink);
    CHECK(w.push(t, 20.2, 10min).drop == Drop::no);
    CHECK(w.engine->list()[0].withheld == 2);
    CHECK(w.engine->list()[0].instances[0].state == "filter");
}

TEST_CASE("engine: routes change the lane and the sinks; several rules are merged strictly") {
    RuleWorld w;
    const PointId t = w.add("dev", "t", "Cel");
    const PointId other = w.add("dev", "x");
    w.good("a", R"(
inputs.t = { point = "dev/t" }
condition = { op = "threshold", H = "30 Cel" }
[[action]]
type = "route"
lane = "alarm"
while = "active"
[[action]]
type = "route"
lane = "bulk"
sinks = ["cloud", "plant"]
while = "always"
)");
    w.good("b", R"(
inputs.t = { point = "dev/t" }
action = [ { type = "route", sinks = ["plant", "lab"] } ]
)");
    const Routing calm = w.push(t, 20.0);
    CHECK(calm.has_lane);
    CHECK(calm.lane == Lane::bulk);
    REQUIRE(calm.sinks != nullptr);
    CHECK(*calm.sinks == std::vector<std::string>{"plant"});
    CHECK(w.push(t, 31.0).lane == Lane::alarm);
    w.push(other, 1.0);
    CHECK(w.out.routing.empty());
    // Entries stand in the order of the batch.
    w.push_batch({w.sample(other, 1.0), w.sample(t, 31.0)});
    REQUIRE(w.out.routing.size() == 2);
    CHECK(!w.out.routing[0].has_lane);
    CHECK(w.out.routing[1].lane == Lane::alarm);
}

TEST_CASE("engine: a derived value has a unit, the worst quality and the latest source time") {
    RuleWorld w;
    const PointId a = w.add("tank-1", "in", "Cel");
    const PointId b = w.add("tank-1", "out", "[degF]");
    w.good("delta", R"(
bind = { device = "tank-*" }
inputs.a = { point = "{device}/in" }
inputs.b = { point = "{device}/out" }
action = [ { type = "derive", point = "{device}/delta", value = "a - b", unit = "K" } ]
)");
    const WallTime at{std::chrono::seconds(5000)};
    w.push(a, 30.0, 0s, {}, at);
    CHECK(w.out.derived.empty());
    w.push(b, 68.0, 1s, Quality::uncertain(Reason::calibrating), at + 1s);
    REQUIRE(w.out.derived.size() == 1);
    const Derived& made = w.out.derived[0];
    CHECK(made.device == "tank-1");
    CHECK(made.point == "delta");
    CHECK(made.unit == "K");
    CHECK(std::get<double>(made.value) == doctest::Approx(10));
    CHECK(made.quality == Quality::uncertain(Reason::calibrating));
    CHECK(made.source_time == at + 1s);
    w.clear();
    w.push(a, Value{}, 1s, Quality::bad(Reason::no_comms));
    REQUIRE(w.out.derived.size() == 1);  // it says once that it knows nothing
    CHECK(is_null(w.out.derived[0].value));
    w.push(b, 69.0, 1s);
    CHECK(w.out.derived.size() == 1);
}

TEST_CASE("engine: what a rule derives must not come back to it") {
    RuleWorld w;
    w.good("one", R"(
inputs.a = { point = "dev/a" }
action = [ { type = "derive", point = "dev/b", value = "a" } ]
)");
    const auto faults = w.load("two", R"(
inputs.b = { point = "dev/b" }
action = [ { type = "derive", point = "dev/a", value = "b" } ]
)");
    REQUIRE(!faults.empty());
    CHECK(faults[0].code == "R0403");
    CHECK(faults[0].detail == "the derived value comes back: two -> one -> two");
}

TEST_CASE("engine: a rule that does not load leaves its last good version active") {
    RuleWorld w;
    const PointId t = w.add("boiler-1", "temp", "Cel");
    w.good("hot", kHot);
    const auto faults = w.load("hot", "inputs.t = { pint = \"boiler-1/temp\" }\n", 2);
    CHECK(!faults.empty());
    w.push(t, 85.0);
    CHECK(w.changes().size() == 1);
    const auto list = w.engine->list();
    CHECK(list[0].version == 1);
    CHECK(list[0].active);
    CHECK(!list[0].faults.empty());
}

TEST_CASE(
    "engine: an edited limit keeps the state, another shape starts fresh but keeps the alarm") {
    RuleWorld w;
    const PointId t = w.add("boiler-1", "temp", "Cel");
    w.good("hot", kHot);
    w.push(t, 85.0);
    w.clear();
    std::string edited(kHot);
    edited.replace(edited.find("80 Cel"), 6, "70 Cel");
    w.good("hot", edited, 2);
    CHECK(w.changes().empty());
    w.push(t, 69.0, 1s);
    CHECK(w.changes().empty());  // 70 - 2 K is not reached
    w.push(t, 68.0, 1s);
    CHECK(w.changes() == Lines{"boiler-1/hot#1 cleared returned-unack H"});
}

TEST_CASE("engine: removing or switching off a rule closes its alarm with the reason") {
    RuleWorld w;
    const PointId t = w.add("boiler-1", "temp", "Cel");
    w.good("hot", kHot);
    w.push(t, 85.0);
    w.clear();
    w.good("hot", "mode = \"off\"\n" + std::string(kHot), 2);
    REQUIRE(w.out.events.size() == 1);
    CHECK(member(w.out.events[0], "reason") == "rule removed");
    CHECK(w.changes() == Lines{"boiler-1/hot#1 closed normal H"});
    w.push(t, 95.0, 1s);
    CHECK(w.changes().empty());
    w.good("hot", kHot, 3);
    w.push(t, 95.0, 1s);
    CHECK(w.changes() == Lines{"boiler-1/hot#2 raised active-unack HH"});
    CHECK(w.engine->remove("hot", w.at(), w.out));
    CHECK(w.changes() == Lines{"boiler-1/hot#2 closed normal HH"});
    CHECK(!w.engine->remove("hot", w.at(), w.out));
}

TEST_CASE("engine: a latched alarm is reset by a person, not while it is active") {
    RuleWorld w;
    const PointId t = w.add("dev", "t", "Cel");
    w.good("trip", R"(
inputs.t = { point = "dev/t" }
condition = { op = "threshold", H = "30 Cel" }
action = [ { type = "alarm", latch = true } ]
)");
    w.push(t, 31.0);
    CHECK(w.engine->reset_alarm("gateway/trip", "eve", "", w.at(), w.out).error().code ==
          Errc::conflict);
    CHECK(w.engine->ack_alarm("gateway/trip", "eve", "", w.at(), w.out).has_value());
    w.push(t, 20.0, 1s);
    CHECK(w.engine->alarms().at(0).state == AlarmState::latched_acked);
    CHECK(*w.engine->reset_alarm("gateway/trip", "eve", "", w.at(), w.out) == AlarmState::normal);
}

TEST_CASE("engine: a unit that changes recompiles, or stops the instance when it no longer fits") {
    RuleWorld w;
    const PointId t = w.add("boiler-1", "temp", "Cel");
    w.good("hot", kHot);
    PointInfo info = *w.points.find(t);
    info.unit = "[degF]";
    w.points.set(info);
    w.engine->point_appeared(t, w.at(), w.out);
    w.push(t, 176.1);
    CHECK(w.changes() == Lines{"boiler-1/hot#1 raised active-unack H"});
    info.unit = "bar";
    w.points.set(info);
    w.engine->point_appeared(t, w.at(), w.out);
    CHECK(w.engine->list()[0].instances[0].state == "faulted");
    REQUIRE(!w.out.events.empty());
    CHECK(w.out.events.back().event.channel == "rules/hot");
    w.push(t, 20.0, 1s);
    CHECK(w.out.events.size() == 1);
}

TEST_CASE("engine: limits on rules and instances are kept") {
    RuleWorld w;
    w.limits.rules = 1;
    w.limits.rule_instances = 2;
    w.restart();
    for (int i = 0; i < 3; ++i) w.add("boiler-" + std::to_string(i), "temp", "Cel");
    auto faults = w.load("hot", kHot);
    REQUIRE(!faults.empty());
    CHECK(faults[0].code == "R0506");
    w.limits.rule_instances = 10;
    w.engine->remove("hot", w.at(), w.out);
    w.good("hot", kHot);
    faults = w.load("more", kHot);
    REQUIRE(!faults.empty());
    CHECK(faults[0].code == "R0505");
}

TEST_CASE("engine: the same records give the same effects, byte for byte") {
    const auto run = [] {
        RuleWorld w;
        std::vector<PointId> points;
        for (int i = 0; i < 5; ++i)
            points.push_back(w.add("boiler-" + std::to_string(i), "temp", "Cel"));
        w.good("hot", kHot);
        w.good("hotter", kHot);
        unsigned random = 7;
        for (int i = 0; i < 2000; ++i) {
            random = random * 1664525U + 1013904223U;
            w.push(points[random >> 8U & 3U], 60.0 + (random >> 16U & 63U), 700ms);
        }
        std::string all;
        for (const EffectEvent& effect : w.out.events) all += effect.event.members + "\n";
        return all;
    };
    const std::string once = run();
    CHECK(once.size() > 10'000);
    CHECK(once == run());
}

}  // namespace fog
