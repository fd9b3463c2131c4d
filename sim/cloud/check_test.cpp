#include "sim/cloud/check.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "sim/cloud/far_record.hpp"
#include "sim/world/ledger.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

/// A run of two devices (one whose time travels, one without), written as fogsim writes it, and
/// the far file of a gateway that lost nothing. Tests then damage it, line by line.
class Run {
public:
    static constexpr std::size_t kReports = 40;

    Run() {
        auto ledger = Ledger::open(folder_.path() / "ledger.jsonl");
        REQUIRE(ledger);
        const LedgerDevice freezer{"freezer-1", "freezer-1", "mqtt.json", "mqtt", "B", true};
        const LedgerDevice scale{"scale-1", "scale-1", "serial.line", "serial", "C", false};
        ledger->device(freezer);
        ledger->device(scale);
        std::uint64_t seq = 100;
        for (std::size_t n = 0; n < kReports; ++n) {
            const WallTime source = WallTime{1'795'279'200s} + n * 500ms;
            const Report cold{1000 + n, 0, {}, {{"temp", "Cel", temp(n)}}};
            const Report heavy{5000 + n, 1, {}, {{"weight", "kg", weight(n)}}};
            ledger->sent(cold, freezer, source, MonoTime{1s}, true);
            ledger->acked(1000 + n, MonoTime{2s});
            ledger->sent(heavy, scale, source, MonoTime{1s}, true);
            arrive(
                {"gw", ++seq, "freezer-1", "temp", temp(n), to_rfc3339(source), "", false, true});
            arrive({"gw", ++seq, "scale-1", "weight", weight(n), to_rfc3339(source + 3ms), "",
                    false, true});
        }
        ledger->end("stopped", MonoTime{3s});
        REQUIRE(ledger->flush());
    }

    static double temp(std::size_t n) { return static_cast<double>(n % 7) / 10; }
    static double weight(std::size_t n) { return static_cast<double>((n * n * 7 + n) % 23); }

    void arrive(const FarRecord& record) {
        std::string line;
        append_far_line(line, "cloud", record, 1);
        far.push_back(std::move(line));
    }

    CheckReport judge(const GatewayLedger* gateway = nullptr,
                      const std::vector<Expectation>& expect = {}) const {
        save();
        return check(read_run_ledger(path() / "ledger.jsonl").value(),
                     read_far_file(path() / "far-cloud.jsonl").value(), gateway, expect);
    }
    void save() const {
        std::ofstream out(path() / "far-cloud.jsonl");
        for (const std::string& line : far) out << line;
    }
    const std::filesystem::path& path() const { return folder_.path(); }

    std::vector<std::string> far;

private:
    TempFolder folder_;
};

const Offender& only(const CheckReport& report) {
    REQUIRE(report.offenders.size() == 1);
    return report.offenders.front();
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    REQUIRE(text.find(from) != std::string::npos);
    return text.replace(text.find(from), from.size(), to);
}

TEST_CASE("check: a run that lost nothing passes, and skips what it cannot judge") {
    const CheckReport report = Run().judge(nullptr, {{"command", "x"}});
    CHECK(report.passed());
    CHECK(report.offenders.empty());
    CHECK(report.total.sent == 80);
    CHECK(report.total.acked == 40);
    CHECK(report.total.arrived == 80);
    const auto result_of = [&report](const std::string& kind) {
        for (const Judgement& each : report.judgements) {
            if (each.expect == kind) return each.result;
        }
        return Judgement::Result::failed;
    };
    CHECK(result_of("lost") == Judgement::Result::passed);
    CHECK(result_of("ledger") == Judgement::Result::skipped);
    CHECK(result_of("command") == Judgement::Result::skipped);
}

TEST_CASE("check: a removed record is lost, by name, where it was acknowledged") {
    Run run;
    run.far.erase(run.far.begin() + 20);  // freezer-1, report 10
    const CheckReport report = run.judge();
    CHECK_FALSE(report.passed());
    CHECK(report.lost == 1);
    CHECK(only(report).kind == "lost");
    CHECK(only(report).id == 1010);
    CHECK(only(report).source == "2026-11-21T16:40:05.000Z");
    CHECK(only(report).ledger_line == 3 + 10 * 3);
}

TEST_CASE("check: a removed record without acknowledgement is silent and allowed, unless said") {
    Run run;
    run.far.erase(run.far.begin() + 21);  // scale-1
    const CheckReport report = run.judge();
    CHECK(report.passed());
    CHECK(report.total.silent == 1);
    CHECK(only(report).kind == "silent");
    CHECK_FALSE(run.judge(nullptr, {{"silent", "0"}}).passed());
}

TEST_CASE("check: a doubled record is a duplicate, counted and named") {
    Run run;
    run.far.push_back(run.far[20]);
    const CheckReport report = run.judge();
    CHECK(report.passed());
    CHECK(report.total.duplicate == 1);
    CHECK(only(report).kind == "duplicate");
    CHECK(only(report).seq == 121);
    CHECK(only(report).far_line == 81);
    CHECK_FALSE(run.judge(nullptr, {{"duplicates", "0"}}).passed());
}

TEST_CASE("check: the same reading under two numbers is an error, unless the device repeated it") {
    Run run;
    run.far.push_back(replaced(run.far[20], "\"seq\":121", "\"seq\":999"));
    const CheckReport report = run.judge();
    CHECK_FALSE(report.passed());
    CHECK(report.total.twice == 1);
    CHECK(only(report).id == 1010);
    {
        std::ofstream more(run.path() / "ledger.jsonl", std::ios::app);
        more << R"({"k":"resent","id":1010,"mono":5})"
             << "\n";
    }
    const CheckReport after = run.judge();
    CHECK(after.passed());
    CHECK(after.total.repeated == 1);
}

TEST_CASE("check: an altered value is corrupt, by name, with and without a time to go by") {
    Run run;
    run.far[20] = replaced(run.far[20], "\"v\":0.3", "\"v\":0.4");
    const CheckReport timed = run.judge();
    CHECK_FALSE(timed.passed());
    CHECK(timed.lost == 0);
    CHECK(only(timed).kind == "corrupt");
    CHECK(only(timed).id == 1010);
    CHECK(only(timed).detail == "arrived as 0.4");

    Run other;
    other.far[21] = replaced(other.far[21], "\"v\":20", "\"v\":77");
    const CheckReport untimed = other.judge();
    CHECK_FALSE(untimed.passed());
    CHECK(untimed.total.corrupt == 1);
    CHECK(only(untimed).device == "scale-1");
    CHECK(only(untimed).detail == "arrived as 77");
}

TEST_CASE("check: a record that was never sent is corrupt") {
    Run run;
    run.arrive({"gw", 900, "freezer-1", "temp", 0.1, "2026-11-21T17:00:00.000Z", "", false, true});
    CHECK(only(run.judge()).detail == "never sent");
}

TEST_CASE("check: swapped records are out of order, per device and apart from history") {
    Run run;
    std::swap(run.far[20], run.far[22]);
    const CheckReport report = run.judge();
    CHECK_FALSE(report.passed());
    CHECK(report.total.reordered == 1);
    CHECK(only(report).kind == "reordered");
    CHECK(only(report).id == 1010);
    // The same line as history: backlog after live is how it should be.
    run.far[22] = replaced(run.far[22], ",\"mono\"", ",\"hist\":true,\"mono\"");
    CHECK(run.judge().passed());
}

TEST_CASE("check: what the gateway's ledger names is not lost, and its errors are found") {
    Run run;
    run.far.erase(run.far.begin() + 20);
    GatewayLedger books{"cloud", {{"live", {80, 79, 0, 1, 0}}, {"alarm", {3, 3, 0, 0, 0}}}};
    const CheckReport report = run.judge(&books);
    CHECK(report.passed());
    CHECK(report.lost == 0);
    CHECK(report.accounted == 1);

    books.lanes["live"] = {80, 78, 0, 1, 0};
    CHECK(run.judge(&books).ledger_errors ==
          std::vector<std::string>{"lane live: accepted 80, but the rest is 79"});
    CHECK_FALSE(run.judge(&books).passed());
    books.lanes["live"] = {80, 78, 1, 1, 0};
    CHECK(run.judge(&books).ledger_errors.at(0) ==
          "waiting, shed and expired are 2, but only 1 are not at the far side");
}

TEST_CASE("check: an unreadable line fails the check, a torn last one does not") {
    Run run;
    run.far.push_back(R"({"k":"far","sink":"cl)");
    CHECK(run.judge().passed());
    run.far.insert(run.far.begin() + 3, "garbage\n");
    CHECK_FALSE(run.judge().passed());
}

TEST_CASE("check: other devices and events are counted apart") {
    Run run;
    run.arrive({"gw", 901, "boiler", "temp", 1.0, "", "", false, true});
    run.arrive({"gw", 902, "freezer-1", "", {}, "", "", false, false});
    const CheckReport report = run.judge();
    CHECK(report.passed());
    CHECK(report.foreign == 1);
    CHECK(report.events == 1);
}

/// The first line a program prints; empty if it could not run.
std::string output_of(const std::string& command) {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return {};
    std::string out(500, '\0');
    out.resize(std::fread(out.data(), 1, out.size(), pipe));
    ::pclose(pipe);
    return out;
}

/// All figures of a report in one line, as independent_join.py prints its own.
std::string figures_of(const CheckReport& report) {
    const Figures& total = report.total;
    std::string out;
    for (const auto& [name, value] : std::initializer_list<std::pair<const char*, std::uint64_t>>{
             {"sent", total.sent},
             {"acked", total.acked},
             {"arrived", total.arrived},
             {"lost", report.lost},
             {"silent", total.silent},
             {"pending", total.pending},
             {"unheard", total.unheard},
             {"unsent", total.unsent},
             {"odd", total.odd},
             {"duplicate", total.duplicate},
             {"repeated", total.repeated},
             {"twice", total.twice},
             {"reordered", total.reordered},
             {"corrupt", total.corrupt},
             {"foreign", report.foreign},
             {"events", report.events},
             {"plain", report.plain}}) {
        out += std::string(name) + "=" + std::to_string(value) + " ";
    }
    return out;
}

bool has(const std::string& text, std::string_view words) {
    return text.find(words) != std::string::npos;
}

std::string joined(const Run& run) {
    return output_of("python3 " FOG_TEST_DIR "/independent_join.py " + run.path().string());
}

TEST_CASE("check: an independent join of the same files gives the same figures") {
    if (output_of("command -v python3").empty()) {
        MESSAGE("skipped: python3 is not here");
        return;
    }
    Run run;
    run.far.push_back(run.far[0]);                                           // duplicate
    run.far[30] = replaced(run.far[30], "\"v\":", "\"v\":1");                // corrupt
    run.far.push_back(replaced(run.far[40], "\"seq\":141", "\"seq\":990"));  // twice
    std::swap(run.far[50], run.far[52]);                                     // reordered
    run.far.erase(run.far.begin() + 20);                                     // lost
    run.far.erase(run.far.begin() + 10, run.far.begin() + 14);               // 2 lost, 2 silent
    const std::string ours = figures_of(run.judge());
    CHECK_MESSAGE(has(ours, "lost=3 silent=2 "), ours);
    CHECK_MESSAGE(has(ours, "duplicate=1 repeated=0 twice=1 reordered=1 corrupt=1 "), ours);
    CHECK(joined(run) == ours + "\n");
}

TEST_CASE("check: an independent join agrees about repeats, odd values, events and other devices") {
    if (output_of("command -v python3").empty()) {
        MESSAGE("skipped: python3 is not here");
        return;
    }
    Run run;
    std::ofstream ledger(run.path() / "ledger.jsonl", std::ios::app);
    const auto sent = [&ledger](int id, const char* rest) {
        ledger << R"({"k":"sent","id":)" << id << "," << rest << R"(,"mono":2500000000})"
               << "\n";
    };
    const std::string late = to_rfc3339(WallTime{1'795'279'300s});
    ledger << R"({"k":"resent","id":1007,"mono":2})"
           << "\n";
    sent(1900, (R"("dev":"freezer-1","pt":"temp","v":3.5,"src":")" + late + "\"").c_str());
    sent(1901,
         (R"("dev":"freezer-1","pt":"temp","v":null,"odd":true,"src":")" + late + "\"").c_str());
    sent(5900,
         (R"("dev":"scale-1","pt":"weight","v":77,"heard":false,"src":")" + late + "\"").c_str());
    sent(5901,
         (R"("dev":"scale-1","pt":"weight","v":78,"heard":false,"src":")" + late + "\"").c_str());
    for (const char* line :
         {R"({"k":"unsent","id":1,"dev":"freezer-1","why":"silent","mono":2})",
          R"({"k":"fault","kind":"blackhole","dev":"sink/cloud","state":"begin","mono":2})",
          R"({"k":"skipped","what":"fault kill9 on gateway","why":"no process","mono":2})",
          R"({"k":"push","seq":7,"alarm":"a/b","state":"normal","mono":2})",
          R"({"k":"truth","plant":"room-1","x":1.5,"mono":2})",
          R"({"k":"clock","by_ns":5,"mono":2})"})
        ledger << line << "\n";
    ledger.close();
    run.far.push_back(replaced(run.far[14], "\"seq\":115", "\"seq\":980"));   // repeated: 1007
    run.arrive({"gw", 981, "scale-1", "weight", 78, late, "", false, true});  // heard after all
    run.arrive({"gw", 982, "boiler", "temp", 1.0, "", "", false, true});
    run.arrive({"gw", 983, "freezer-1", "", {}, "", "", false, false});
    run.far.push_back(
        R"({"k":"far","gw":"gw","seq":984,"dev":"a","ev":"alarm","alarm":"a/b","mono":1})"
        "\n");
    run.far.push_back(R"({"k":"other","topic":"x","mono":1})"
                      "\n");
    const std::string ours = figures_of(run.judge());
    CHECK_MESSAGE(has(ours, "lost=0 silent=0 pending=1 unheard=1 unsent=1 odd=1 "), ours);
    CHECK_MESSAGE(has(ours, "repeated=1 twice=0 "), ours);
    CHECK_MESSAGE(has(ours, "foreign=1 events=2 "), ours);
    CHECK(joined(run) == ours + "\n");
}

}  // namespace
}  // namespace fog::sim
