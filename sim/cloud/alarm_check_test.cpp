#include <doctest/doctest.h>

#include "sim/cloud/check.hpp"
#include "sim/cloud/reference.hpp"
#include "sim/world/make_node.hpp"

namespace fog::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Node rule() {
    return table({{"bind", table({{"device", text("freezer-*")}})},
                  {"inputs", table({{"t", table({{"point", text("{device}/temp")}})}})},
                  {"condition", table({{"op", text("threshold")},
                                       {"in", text("t")},
                                       {"H", text("-15 Cel")},
                                       {"hysteresis", text("1 K")},
                                       {"for", text("3 s")}})}});
}

/// A freezer at 1 Hz: warm from 10 s to 20 s.
RunFacts run_facts() {
    RunFacts run;
    run.devices.push_back({"freezer-1", "freezer-1", "B", true, 0});
    run.end_mono = 60 * kSecond;
    for (std::int64_t n = 0; n < 40; ++n) {
        SentReading reading;
        reading.id = static_cast<std::uint64_t>(n) + 1;
        reading.point = "temp";
        reading.value = n >= 10 && n < 20 ? "-10" : "-20";
        reading.mono = n * kSecond;
        reading.acked = true;
        run.readings.push_back(reading);
    }
    return run;
}

FarArrival event(std::uint64_t seq, const char* change, std::int64_t second) {
    FarArrival out;
    out.record.seq = seq;
    out.record.event = "alarm";
    out.record.alarm = "freezer-1/warm";
    out.record.change = change;
    out.record.state = std::string(change) == "raised" ? "active-unack" : "returned-unack";
    out.mono = second * kSecond;
    out.line = static_cast<std::uint32_t>(seq);
    return out;
}

CheckReport judged(const FarFacts& far) {
    RunFacts run = run_facts();
    for (const FarArrival& each : far.arrivals) {
        run.pushed.push_back({each.record.seq, each.record.alarm.text(), each.record.state.text(),
                              each.record.change.text(), each.mono});
    }
    CheckExtras extras;
    extras.rule_nodes.emplace_back("warm", rule());
    CheckReport report;
    check_alarms(run, far, extras, report);
    return report;
}

TEST_CASE("reference: a limit is held, has hysteresis, and old values say nothing") {
    const auto parsed = read_reference_rule("warm", rule());
    REQUIRE(parsed);
    const auto changes = [&parsed](std::vector<ReferenceSample> samples) {
        std::string out;
        for (const auto& change : reference_changes(*parsed, samples, 1'000 * kSecond)) {
            out += (change.raised ? "+" : "-") + std::to_string(change.at / kSecond) + " ";
        }
        return out;
    };
    CHECK(changes({{0, -20}, {kSecond, -10}, {9 * kSecond, -15.5}, {10 * kSecond, -16}}) ==
          "+4 -10 ");
    CHECK(changes({{0, -10}, {2 * kSecond, -20}, {3 * kSecond, -10}, {5 * kSecond, -10}}) == "+6 ");
    Node old = rule();
    old.find("inputs")->find("t")->set("max_age", text("2 s"));
    const auto short_lived = read_reference_rule("warm", old);
    REQUIRE(short_lived);
    CHECK(reference_changes(*short_lived, {{0, -10}}, 100 * kSecond).empty());
}

TEST_CASE("reference: what it cannot judge it says") {
    Node guarded = rule();
    guarded.find("condition")->set("only_if", text("door"));
    CHECK_FALSE(read_reference_rule("warm", guarded));
    Node stepped = rule();
    stepped.set("step", list({}));
    CHECK(read_reference_rule("warm", stepped).error().what == "it uses 'step'");
}

TEST_CASE("check: alarms as the reference has them pass") {
    FarFacts far;
    far.arrivals = {event(1, "raised", 13), event(2, "cleared", 20)};
    const CheckReport report = judged(far);
    CHECK(report.alarms.expected == 2);
    CHECK(report.alarms.seen == 2);
    CHECK_FALSE(report.alarms.wrong());
    CHECK(report.offenders.empty());
}

TEST_CASE("check: a removed alarm is missed, by name and time") {
    FarFacts far;
    far.arrivals = {event(2, "cleared", 20)};
    const CheckReport report = judged(far);
    CHECK(report.alarms.missed == 1);
    REQUIRE(report.offenders.size() == 1);
    CHECK(report.offenders[0].kind == "alarm-missed");
    CHECK(report.offenders[0].device == "freezer-1/warm");
    CHECK(report.offenders[0].detail == "raised expected at 13 s");
}

TEST_CASE("check: false, early and late alarms are named apart") {
    FarFacts far;
    far.arrivals = {event(1, "raised", 12), event(2, "cleared", 25), event(3, "raised", 200)};
    const CheckReport report = judged(far);
    CHECK(report.alarms.early == 1);
    CHECK(report.alarms.late == 1);
    CHECK(report.alarms.unwanted == 1);
    CHECK(report.offenders.size() == 3);
}

Judgement::Result result_of(const Node& spec, const std::string& kind, const std::string& value) {
    FarFacts far;
    far.arrivals = {event(1, "raised", 13), event(2, "cleared", 20)};
    const CheckReport report;
    CheckExtras extras;
    extras.has_metrics = true;
    extras.metrics["m"] = 3;
    return judge_special({kind, value, spec}, run_facts(), far, extras, report).value().result;
}

TEST_CASE("check: expectations pass, fail, or are skipped with a reason, never passed by default") {
    using R = Judgement::Result;
    const auto span = [](const char* a, const char* b) { return list({text(a), text(b)}); };
    const Node raised = table({{"state", text("active-unack")}, {"within", span("10 s", "15 s")}});
    CHECK(result_of(raised, "alarm", "freezer-1/warm") == R::passed);
    CHECK(result_of(raised, "alarm", "freezer-2/warm") == R::failed);
    CHECK(result_of(table({{"within", span("30 s", "40 s")}}), "alarm", "*") == R::failed);
    CHECK(result_of(table({}), "no_alarm", "*") == R::failed);
    CHECK(result_of(table({}), "no_alarm", "boiler/*") == R::passed);
    CHECK(result_of(table({{"is", whole(1)}}), "alarm_count", "*/warm") == R::passed);
    CHECK(result_of(table({{"is", whole(2)}}), "alarm_count", "*/warm") == R::failed);
    CHECK(result_of(table({{"op", text("<=")}, {"value", number(3)}}), "metric", "m") == R::passed);
    CHECK(result_of(table({{"op", text("<")}, {"value", number(3)}}), "metric", "m") == R::failed);
    CHECK(result_of(table({}), "metric", "other") == R::skipped);
    CHECK(result_of(table({}), "point_state", "freezer-1/temp") == R::failed);
    for (const char* kind : {"command", "log_has", "latency", "drain_time", "memory"}) {
        CAPTURE(kind);
        CHECK(result_of(table({}), kind, "1 MiB") == R::skipped);
    }
}

}  // namespace
}  // namespace fog::sim
