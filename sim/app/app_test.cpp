#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "firmware/io/files.hpp"
#include "sim/app/fogsim_process.hpp"
#include "sim/app/scenario_file.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

std::filesystem::path cases() {
    return std::filesystem::path(FOG_TEST_DIR) / "cases";
}

TEST_CASE("scenario: every broken file gives its golden error, with place and hint") {
    std::size_t seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(cases())) {
        if (entry.path().extension() != ".toml") continue;
        const std::string name = entry.path().filename().string();
        CAPTURE(name);
        const auto result = scenario_from(read_file(entry.path()).value(), name, {}, cases());
        auto golden = entry.path();
        golden.replace_extension(".error");
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Errc::bad_config);
        CHECK(result.error().what + "\n" == read_file(golden).value());
        ++seen;
    }
    CHECK(seen >= 60);
}

TEST_CASE("scenario: included files come first, the including one has the last word") {
    const auto scenario = scenario_from(R"(
include = ["parts/base.toml"]
seed = 9
[[device]]
id = "own"
personality = "mqtt.json"
point.p.signal = { trace = "parts/two.csv" }
)",
                                        "own.toml", {}, cases());
    REQUIRE_MESSAGE(scenario, scenario.error().what);
    CHECK(scenario->name == "base");
    CHECK(scenario->seed == 9);
    REQUIRE(scenario->devices.size() == 2);
    CHECK(scenario->devices[0].id == "from-base");
    CHECK(scenario->files.size() == 1);
    const TempFolder folder;
    REQUIRE(save_scenario(*scenario, folder.path()));
    const auto again = load_scenario((folder.path() / "scenario.toml").string(), {});
    REQUIRE_MESSAGE(again, again.error().what);
    CHECK(again->hash == scenario->hash);
}

TEST_CASE("scenario: the resolved text reads back as the same scenario") {
    const auto first = load_scenario("load-200", {5, {{"prefix", "other"}}});
    REQUIRE(first);
    const auto again = scenario_from(first->resolved, "resolved", {});
    REQUIRE(again);
    CHECK(again->seed == 5);
    CHECK(again->hash == first->hash);
    CHECK(again->devices.size() == 20);
    CHECK(*again->devices[19].link.find("prefix")->string() == "other");
    CHECK(load_scenario("load-200", {})->hash != first->hash);
    CHECK(load_scenario("no-such", {}).error().code == Errc::not_found);
}

TEST_CASE("scenario: those that come with fogsim load") {
    CHECK(shipped_scenarios().size() >= 3);
    for (const auto& file : shipped_scenarios()) {
        const auto scenario = load_scenario(file.string(), {});
        CHECK_MESSAGE(scenario, (scenario ? "" : scenario.error().what));
        if (scenario) CHECK_FALSE(describe(*scenario).empty());
    }
}

TEST_CASE("fogsim: exit codes say what was wrong") {
    const TempFolder folder;
    const std::string broken = (cases() / "unknown_key.toml").string();
    CHECK(run_fogsim({"validate", "load-200"}) == 0);
    CHECK(run_fogsim({"validate", broken}) == 2);
    CHECK(run_fogsim({"run", broken, "--out", folder.path()}) == 2);
    CHECK(run_fogsim({"run", "load-200", "--out", folder.path()}) == 2);  // no broker named
    CHECK(run_fogsim({"run", "load-200", "--frobnicate"}) == 2);
    CHECK(run_fogsim({"check", folder.path()}) == 3);
    CHECK(run_fogsim({"list", "--json"}) == 0);
}

TEST_CASE("fogsim: Ctrl-C ends a run cleanly, with its report and nothing left behind") {
    if (!Mosquitto::available()) {
        MESSAGE("skipped: mosquitto is not installed");
        return;
    }
    const Mosquitto broker;
    const TempFolder folder;
    const auto ledger = folder.path() / "ledger.jsonl";
    Process run({"run", "load-200", "--mqtt", broker.url(), "--out", folder.path()});
    CHECK(eventually(
        [&ledger] {
            const auto text = read_file(ledger);
            return text && text->find("\"acked\"") != std::string::npos;
        },
        10s));
    CHECK(run.end(SIGINT) == 0);
    const std::string text = read_file(ledger).value();
    CHECK(text.find("{\"k\":\"end\",\"why\":\"stopped\"") != std::string::npos);
    CHECK(std::filesystem::is_empty(folder.path() / "run"));
}

/// The loopback "gateway": what the devices publish comes back as external records, numbered.
void write_far_from_ledger(const std::filesystem::path& folder, std::size_t leave_out) {
    std::ifstream in(folder / "ledger.jsonl");
    std::ofstream out(folder / "far-cloud.jsonl");
    std::size_t seq = 0;
    for (std::string line; std::getline(in, line);) {
        const auto field = [&line](const std::string& name) {
            const std::size_t at = line.find("\"" + name + "\":") + name.size() + 3;
            return line.substr(at, line.find_first_of(",}", at) - at);
        };
        if (line.rfind("{\"k\":\"sent\"", 0) != 0 || ++seq == leave_out) continue;
        out << R"({"k":"far","sink":"cloud","gw":"gw","seq":)" << seq << ",\"dev\":" << field("dev")
            << ",\"pt\":" << field("pt") << ",\"v\":" << field("v")
            << ",\"ts\":" << line.substr(line.find("\"src\":") + 6, 26) << "}\n";
    }
}

TEST_CASE("fogsim: check judges a real run, and fails when one record is missing") {
    if (!Mosquitto::available()) {
        MESSAGE("skipped: mosquitto is not installed");
        return;
    }
    const Mosquitto broker;
    const TempFolder folder;
    CHECK(run_fogsim({"run", "load-200", "--mqtt", broker.url(), "--out", folder.path(), "--until",
                      "500 ms", "--json"}) == 0);
    write_far_from_ledger(folder.path(), 0);
    CHECK(run_fogsim({"check", folder.path()}) == 0);
    write_far_from_ledger(folder.path(), 50);
    CHECK(run_fogsim({"check", folder.path(), "--json"}) == 1);
    CHECK(read_file(folder.path() / "report.json").value().find("\"lost\":1") != std::string::npos);
}

}  // namespace
}  // namespace fog::sim
