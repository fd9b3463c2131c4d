#include <algorithm>
#include <iostream>

#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "sim/app/commands.hpp"
#include "sim/app/scenario_file.hpp"
#include "sim/cloud/check.hpp"

namespace fog::sim {
namespace {

std::vector<std::filesystem::path> far_files(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> out;
    std::error_code ec;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ec)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("far-") && name.ends_with(".jsonl")) out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::string sink_of(const std::filesystem::path& far_file) {
    return far_file.stem().string().substr(4);  // far-<sink>
}

/// The gateway's books by sink: the files named, and `ledger-<sink>.json` in the folder.
Result<std::vector<GatewayLedger>> gateway_ledgers(const CheckCommand& command) {
    std::vector<std::filesystem::path> files = command.gateway_ledgers;
    for (const auto& far : far_files(command.folder)) {
        const auto beside = command.folder / ("ledger-" + sink_of(far) + ".json");
        std::error_code ec;
        if (std::filesystem::exists(beside, ec)) files.push_back(beside);
    }
    std::vector<GatewayLedger> out;
    for (const auto& file : files) {
        auto one = read_gateway_ledger(file);
        if (!one) return std::move(one).error();
        out.push_back(std::move(*one));
    }
    return out;
}

Result<std::vector<Expectation>> expectations(const std::filesystem::path& folder) {
    const auto file = folder / "scenario.toml";
    std::error_code ec;
    if (!std::filesystem::exists(file, ec)) return std::vector<Expectation>{};
    auto scenario = load_scenario(file.string(), {});
    if (!scenario) return std::move(scenario).error();
    return std::move(scenario->expect);
}

}  // namespace

Exit check_command(const CheckCommand& command) {
    auto run = read_run_ledger(command.folder / "ledger.jsonl");
    if (!run) return fail(run.error());
    auto gateways = gateway_ledgers(command);
    if (!gateways) return fail(gateways.error());
    auto expect = expectations(command.folder);
    if (!expect) return fail(expect.error());
    const auto files = far_files(command.folder);
    if (files.empty()) {
        return fail({Errc::not_found,
                     "no far-<sink>.jsonl in " + command.folder.string() + ": nothing to join",
                     "fogsim far mqtt --url ... --out DIR/far-cloud.jsonl writes it"});
    }
    std::vector<CheckReport> reports;
    for (const auto& file : files) {
        auto far = read_far_file(file);
        if (!far) return fail(far.error());
        if (far->sink.empty()) far->sink = sink_of(file);
        const auto mine = [&far](const GatewayLedger& each) { return each.sink == far->sink; };
        const auto books = std::find_if(gateways->begin(), gateways->end(), mine);
        reports.push_back(check(*run, *far, books == gateways->end() ? nullptr : &*books, *expect));
        if (!command.json) std::cout << report_text(*run, reports.back());
    }
    const std::string json = report_json(*run, reports);
    if (command.json) std::cout << json;
    if (auto written = write_file(command.folder / "report.json", json); !written) {
        return fail(written.error());
    }
    const bool passed = std::all_of(reports.begin(), reports.end(),
                                    [](const CheckReport& each) { return each.passed(); });
    return passed ? Exit::ok : Exit::expectation_failed;
}

}  // namespace fog::sim
