#include "sim/world/world.hpp"

#include <doctest/doctest.h>

#include <map>

#include "firmware/io/files.hpp"
#include "sim/world/ledger.hpp"
#include "sim/world/make_node.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

Node device(const char* id, std::int64_t count, const char* interval) {
    return table(
        {{"id", text(id)},
         {"count", whole(count)},
         {"personality", text("mqtt.json")},
         {"interval", text(interval)},
         {"phase", text("random")},
         {"point",
          table({{"temp",
                  table({{"unit", text("Cel")},
                         {"signal", table({{"random_walk", number(0.2)}, {"level", number(-20)}})},
                         {"sensor",
                          table({{"noise", number(0.05)}, {"quantum", number(0.1)}})}})}})}});
}

Scenario scenario_of(std::vector<Node> devices, std::uint64_t seed = 7) {
    const Node root = table(
        {{"name", text("test")}, {"duration", text("60 s")}, {"device", list(std::move(devices))}});
    std::vector<Fault> faults;
    Scenario scenario = parse_scenario(root, {seed, {}}, faults);
    for (const Fault& fault : faults) FAIL_CHECK(to_text(fault));
    return scenario;
}

std::map<std::string, std::vector<Report>> run(Scenario scenario) {
    World world(std::move(scenario));
    std::map<std::string, std::vector<Report>> out;
    SimTime last{};
    while (const auto due = world.next_due()) {
        CHECK(*due >= last);
        last = *due;
        Report report = world.next();
        CHECK(report.at == *due);
        const std::string& id = world.scenario().devices[report.device].id;
        report.device = 0;  // its place in the file may differ between runs
        out[id].push_back(std::move(report));
    }
    return out;
}

TEST_CASE("world: the same seed gives the same reports, another seed others") {
    const auto once = run(scenario_of({device("freezer-{n}", 6, "5 s")}));
    CHECK(once.size() == 6);
    CHECK(once == run(scenario_of({device("freezer-{n}", 6, "5 s")})));
    CHECK(once != run(scenario_of({device("freezer-{n}", 6, "5 s")}, 8)));
    for (const auto& [id, reports] : once) CHECK(reports.size() == 12);
}

TEST_CASE("world: adding a device changes no other device's times, ids or values") {
    const auto before = run(scenario_of({device("freezer-{n}", 3, "5 s")}));
    const auto after =
        run(scenario_of({device("new-{n}", 2, "1 s"), device("freezer-{n}", 3, "5 s")}));
    CHECK(after.size() == 5);
    for (const auto& [id, reports] : before) CHECK(after.at(id) == reports);
}

TEST_CASE("world: golden values are the same on every machine") {
    auto reports = run(scenario_of({device("freezer-{n}", 1, "5 s")})).at("freezer-1");
    CHECK(reports[0].id == 1380650000000001ULL);
    CHECK(reports[0].at.count() == 3013594644);
    std::string line;
    for (const Report& report : reports) {
        const double value = std::get<double>(report.points[0].value);
        line += std::to_string(static_cast<int>(value * 10 + (value < 0 ? -0.5 : 0.5))) + " ";
    }
    CHECK(line == "-200 -207 -210 -201 -211 -210 -212 -212 -211 -206 -207 -204 ");
}

TEST_CASE("ledger: one line per fact, in the agreed form") {
    const TempFolder folder;
    const auto file = folder.path() / "ledger.jsonl";
    auto ledger = Ledger::open(file);
    REQUIRE(ledger);
    const MonoTime now{1234567890ns};
    const WallTime wall{std::chrono::milliseconds{1'774'744'385'000}};
    const Report report{41772, 0, 0s, {{"temp", "Cel", -19.4}, {"door", "", true}}};
    const LedgerDevice named{"freezer-3", "sim-freezer-3", "mqtt.plain", "mqtt", "B", false};
    ledger->device(named);
    ledger->sent(report, named, wall, now, true);
    ledger->acked(41772, now + 5s);
    ledger->resent(41772, now);
    ledger->unsent(9, "scale-1", "unplugged", now);
    CHECK(read_file(file).value().empty());  // nothing before flush()
    REQUIRE(ledger->flush());
    CHECK(
        read_file(file).value() ==
        R"({"k":"device","dev":"freezer-3","as":"sim-freezer-3","personality":"mqtt.plain","link":"mqtt","level":"B","timed":false}
{"k":"sent","id":41772,"dev":"freezer-3","pt":"temp","v":-19.4,"src":"2026-03-29T00:33:05.000Z","mono":1234567890,"link":"mqtt","level":"B"}
{"k":"sent","id":41772,"dev":"freezer-3","pt":"door","v":true,"src":"2026-03-29T00:33:05.000Z","mono":1234567890,"link":"mqtt","level":"B"}
{"k":"acked","id":41772,"mono":6234567890}
{"k":"resent","id":41772,"mono":1234567890}
{"k":"unsent","id":9,"dev":"scale-1","why":"unplugged","mono":1234567890}
)");
}

}  // namespace
}  // namespace fog::sim
