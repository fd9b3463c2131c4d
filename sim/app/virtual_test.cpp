#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

#include "firmware/config/toml.hpp"
#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "sim/app/scenario_file.hpp"
#include "sim/app/virtual_run.hpp"
#include "sim/cloud/check.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kMixed = R"(
name = "mixed"
duration = "40 s"
tcp = [ { id = "cloud", to = "127.0.0.1:1" } ]
fault = [
    { at = "10 s", for = "10 s", on = "sink/cloud", kind = "blackhole" },
    { at = "12 s", for = "5 s", on = "device/meter-1", kind = "clean_disconnect" },
    { at = "20 s", for = "5 s", on = "device/scale-1", kind = "garbage" },
    { at = "25 s", for = "5 s", on = "device/meter-2", kind = "late_batch" } ]
[[device]]
id = "meter-{n}"
count = 3
personality = "mqtt.json"
interval = "1 s"
point.p = { unit = "kW", signal = { random_walk = 0.5 }, sensor = { noise = 0.1, quantum = 0.01 } }
[[device]]
id = "scale-1"
personality = "serial.line"
interval = "2 s"
point.weight = { unit = "kg", signal = { sawtooth = [0.0, 50.0], period = "50 s" }, sensor = { quantum = 0.01 } }
[[device]]
id = "node-1"
personality = "mcu.frame"
interval = "1 s"
point.rms = { unit = "mm/s", signal = { random_walk = 0.5 }, sensor = { quantum = 0.01 } }
)";

/// A run of text in a folder of its own.
struct Ran {
    TempFolder folder;
    VirtualResult result;
    explicit Ran(Scenario scenario, std::optional<SimTime> until = {}) {
        auto ran = run_virtual(std::move(scenario), {folder.path(), until, {}});
        REQUIRE_MESSAGE(ran, ran.error().what);
        result = *ran;
    }
    explicit Ran(const std::string& text, std::uint64_t seed = 7) : Ran(parsed(text, seed)) {}
    static Scenario parsed(const std::string& text, std::uint64_t seed) {
        auto scenario = scenario_from(text, "test.toml", {seed, {}});
        REQUIRE_MESSAGE(scenario, scenario.error().what);
        return std::move(*scenario);
    }
    std::string file(const char* name) const {
        const auto text = read_file(folder.path() / name);
        REQUIRE_MESSAGE(text, name);
        return *text;
    }
    RunFacts run() const { return read_run_ledger(folder.path() / "ledger.jsonl").value(); }
    FarFacts far() const { return read_far_file(folder.path() / "far-cloud.jsonl").value(); }
};

TEST_CASE("virtual: the same seed writes the same bytes, another seed others") {
    const Ran one{std::string(kMixed)}, two{std::string(kMixed)}, other(std::string(kMixed), 8);
    for (const char* name : {"ledger.jsonl", "far-cloud.jsonl", "ledger-cloud.json",
                             "link-meter-1.bin", "link-scale-1.bin", "link-node-1.bin"}) {
        CAPTURE(name);
        CHECK(one.file(name).size() > 100);
        CHECK(one.file(name) == two.file(name));
    }
    CHECK(one.file("link-meter-1.bin") != other.file("link-meter-1.bin"));
    CHECK(one.file("ledger.jsonl") != other.file("ledger.jsonl"));
}

TEST_CASE("virtual: a device more changes no byte on the others' links") {
    const Ran before{std::string(kMixed)};
    const Ran after(std::string(kMixed) + R"(
[[device]]
id = "late-1"
personality = "mqtt.plain"
interval = "700 ms"
point.p.signal = { random_walk = 1.0 }
)");
    for (const char* name : {"link-meter-1.bin", "link-meter-3.bin", "link-scale-1.bin"}) {
        CAPTURE(name);
        CHECK(before.file(name) == after.file(name));
    }
    CHECK(after.file("link-late-1.bin").size() > 100);
}

TEST_CASE("virtual: an outage, a lost connection and garbage lose nothing that was acknowledged") {
    const Ran ran{std::string(kMixed)};
    const auto books = read_gateway_ledger(ran.folder.path() / "ledger-cloud.json");
    REQUIRE(books);
    const CheckReport report = check(ran.run(), ran.far(), &*books, {});
    CHECK(report.passed());
    CHECK(report.total.sent == 40 * 3 + 20 + 40);
    CHECK(report.total.acked == 40 * 4);
    CHECK(report.total.missing == 0);
    CHECK(report.ledger_errors.empty());
    CHECK(report.faulty.max > report.quiet.p50);
    CHECK(ran.result.run.waiting == 0);
}

TEST_CASE("virtual: devices that post wait for their answers and lose nothing") {
    const Ran ran(R"(
name = "posted"
duration = "30 s"
fault = [ { at = "5 s", for = "10 s", on = "sink/cloud", kind = "blackhole" } ]
tcp = [ { id = "cloud", to = "127.0.0.1:1" } ]
[[device]]
id = "one-{n}"
count = 2
personality = "http.ingest"
interval = "100 ms"
point.p = { unit = "kW", signal = { random_walk = 0.5 } }
[[device]]
id = "held-1"
personality = "http.ingest"
interval = "1 s"
link = { ack = "held" }
point.p = { unit = "kW", signal = { random_walk = 0.5 } }
[[device]]
id = "batch-1"
personality = "http.ingest"
interval = "10 ms"
link = { batch = 50 }
point.p = { unit = "kW", signal = { random_walk = 0.5 } }
)");
    const auto books = read_gateway_ledger(ran.folder.path() / "ledger-cloud.json");
    REQUIRE(books);
    const CheckReport report = check(ran.run(), ran.far(), &*books, {});
    CHECK(report.passed());
    CHECK(report.total.sent == 2 * 300 + 30 + 3000);
    CHECK(report.total.acked == report.total.sent);
    CHECK(report.total.arrived == report.total.sent);
    CHECK(ran.result.run.waiting == 0);
    CHECK(ran.file("link-batch-1.bin").starts_with("{\"msg\":"));
    CHECK(ran.file("link-batch-1.bin").find("\n[{") != std::string::npos);
}

TEST_CASE("virtual: a fault of the gateway's process is skipped by name, never passed over") {
    const Ran ran(R"(
name = "killed"
duration = "20 s"
fault = [ { at = "5 s", for = "2 s", every = "6 s", on = "gateway", kind = "kill9" } ]
[[device]]
id = "meter-1"
personality = "mqtt.json"
interval = "1 s"
point.p.signal = { random_walk = 0.5 }
)");
    const RunFacts run = ran.run();
    CHECK(run.faults.empty());
    const CheckReport report = check(run, ran.far(), nullptr, {});
    CHECK(report.passed());
    std::size_t named = 0;
    for (const Judgement& each : report.judgements) {
        if (each.expect != "fault kill9 on gateway") continue;
        ++named;
        CHECK(each.result == Judgement::Result::skipped);
        CHECK(each.found == "a virtual run has no process");
    }
    CHECK(named == 1);
    CHECK(report_text(run, report).find("fault kill9 on gateway") != std::string::npos);
}

TEST_CASE("virtual: one record off in the gateway's books is found") {
    const Ran ran{std::string(kMixed)};
    auto books = read_gateway_ledger(ran.folder.path() / "ledger-cloud.json");
    REQUIRE(books);
    ++books->lanes["live"].shed;
    --books->lanes["live"].acknowledged;
    const CheckReport report = check(ran.run(), ran.far(), &*books, {});
    CHECK_FALSE(report.passed());
    REQUIRE(report.ledger_errors.size() == 1);
    const std::uint64_t there = report.plain;
    CHECK(report.ledger_errors[0] == "acknowledged are " + std::to_string(there - 1) + ", but " +
                                         std::to_string(there) + " are at the far side");
}

TEST_CASE("virtual: the demo comes to the figures that ship beside it") {
    auto scenario = load_scenario("demo-cold-store", {});
    REQUIRE_MESSAGE(scenario, scenario.error().what);
    const auto rule = scenario->files.begin()->second;
    const Ran ran(std::move(*scenario), 10min);
    std::vector<Fault> faults;
    const auto file = scenario_folder() / "demo-cold-store.expect.toml";
    const auto expected = parse_toml(read_file(file).value(), "expect", faults);
    REQUIRE(expected);
    const RunFacts run = ran.run();
    std::string seen, wanted;
    std::size_t n = 0;
    const auto* alarms = expected->find("alarm")->array();
    for (const PushedAlarm& each : run.pushed) {
        seen += each.alarm + " " + each.change + "\n";
        if (n >= alarms->size()) continue;
        const auto at = parse_duration(*(*alarms)[n++].find("at")->string());
        const double off = static_cast<double>(each.mono - run.start_mono - at->count()) / 1e9;
        CAPTURE(each.alarm);
        CHECK(std::abs(off) <= 2);
    }
    for (const Node& each : *alarms) {
        wanted += *each.find("alarm")->string() + " " + *each.find("change")->string() + "\n";
    }
    CHECK(seen == wanted);
    CheckExtras extras;
    extras.rule_nodes.emplace_back("freezer-warm", *parse_toml(rule, "rule", faults));
    const auto books = read_gateway_ledger(ran.folder.path() / "ledger-cloud.json");
    const CheckReport report = check(run, ran.far(), &*books, {}, extras);
    CHECK(report.passed());
    CHECK(report.lost == static_cast<std::uint64_t>(*expected->find("lost")->integer()));
    CHECK(report.alarms.skipped.empty());
    CHECK(report.alarms.expected == alarms->size());
    CHECK_FALSE(report.alarms.wrong());

    FarFacts damaged = ran.far();
    std::erase_if(damaged.arrivals,
                  [](const FarArrival& each) { return each.record.change == "raised"; });
    const CheckReport without = check(run, damaged, nullptr, {}, extras);
    CHECK_FALSE(without.passed());
    CHECK(without.alarms.missed == 1);
}

TEST_CASE("virtual: every shipped scenario that has an end or not runs for a while") {
    for (const auto& path : shipped_scenarios()) {
        CAPTURE(path.string());
        auto scenario = load_scenario(path.string(), {});
        REQUIRE_MESSAGE(scenario, scenario.error().what);
        const Ran ran(std::move(*scenario), 2s);
        CHECK(ran.run().ended);
    }
}

/// All of a shipped scenario, judged by what it expects.
void run_whole(const char* name) {
    CAPTURE(name);
    auto scenario = load_scenario(name, {});
    REQUIRE_MESSAGE(scenario, scenario.error().what);
    const auto expect = scenario->expect;
    CheckExtras extras;
    std::vector<Fault> faults;
    for (const std::string& rule : scenario->gateway.rules) {
        const auto node = parse_toml(scenario->files.at(rule + ".toml"), rule, faults);
        REQUIRE(node);
        extras.rule_nodes.emplace_back(std::filesystem::path(rule).filename().string(), *node);
    }
    const Ran ran(std::move(*scenario));
    const auto books = read_gateway_ledger(ran.folder.path() / "ledger-cloud.json");
    REQUIRE(books);
    const RunFacts run = ran.run();
    const CheckReport report = check(run, ran.far(), &*books, expect, extras);
    CHECK_MESSAGE(report.passed(), report_text(run, report));
    for (const Judgement& each : report.judgements) {
        CAPTURE(each.expect);
        CHECK(each.result == Judgement::Result::passed);
    }
}

TEST_CASE("virtual: what dst-day, long-gap and alarm-flood expect holds, all the way") {
    if (kSanitized) {
        MESSAGE("skipped: minutes with a sanitizer; the plain build runs it");
        return;
    }
    for (const char* name : {"dst-day", "long-gap", "alarm-flood"}) run_whole(name);
}

TEST_CASE("virtual: ten thousand values a second lose nothing") {
    if (std::getenv("FOG_HEAVY") == nullptr) {  // NOLINT(concurrency-mt-unsafe): nobody sets it
        MESSAGE("skipped: a minute of a machine; FOG_HEAVY=1 (./fog check --full sets it)");
        return;
    }
    run_whole("filter-10k");
}

}  // namespace
}  // namespace fog::sim
