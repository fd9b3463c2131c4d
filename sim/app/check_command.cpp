#include <algorithm>
#include <iostream>
#include <map>

#include "firmware/config/toml.hpp"
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

/// Names and values of metrics.txt; of a name with labels, the sum.
std::map<std::string, double> read_metrics(std::string_view text) {
    std::map<std::string, double> out;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const std::size_t blank = line.rfind(' ');
        if (line.empty() || line.front() == '#' || blank == std::string_view::npos) continue;
        const auto value = parse_double(line.substr(blank + 1));
        if (!value) continue;
        const std::string_view full = line.substr(0, blank);
        const std::size_t labels = full.find('{');
        out[std::string(full.substr(0, labels))] += *value;
        if (labels != std::string_view::npos) out[std::string(full)] = *value;
    }
    return out;
}

/// What the folder says beyond ledger and far sides.
struct Wanted {
    std::vector<Expectation> expect;
    CheckExtras extras;
};

Result<Wanted> read_wanted(const std::filesystem::path& folder) {
    Wanted out;
    if (const auto metrics = read_file(folder / "metrics.txt")) {
        out.extras.has_metrics = true;
        out.extras.metrics = read_metrics(*metrics);
    }
    if (auto log = read_file(folder / "gateway.log")) out.extras.log = std::move(*log);
    const auto file = folder / "scenario.toml";
    std::error_code ec;
    if (!std::filesystem::exists(file, ec)) return out;
    auto scenario = load_scenario(file.string(), {});
    if (!scenario) return std::move(scenario).error();
    out.expect = std::move(scenario->expect);
    for (const std::string& rule : scenario->gateway.rules) {
        std::vector<Fault> faults;
        const auto node = parse_toml(scenario->files.at(rule + ".toml"), rule, faults);
        if (node) {
            out.extras.rule_nodes.emplace_back(std::filesystem::path(rule).filename().string(),
                                               *node);
        }
    }
    return out;
}

}  // namespace

Exit check_command(const CheckCommand& command) {
    auto run = read_run_ledger(command.folder / "ledger.jsonl");
    if (!run) return fail(run.error());
    auto gateways = gateway_ledgers(command);
    if (!gateways) return fail(gateways.error());
    auto wanted = read_wanted(command.folder);
    if (!wanted) return fail(wanted.error());
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
        reports.push_back(check(*run, *far, books == gateways->end() ? nullptr : &*books,
                                wanted->expect, wanted->extras));
        if (!command.json) std::cout << report_text(*run, reports.back());
    }
    const std::string json = report_json(*run, reports);
    if (command.json) std::cout << json;
    if (auto written = write_file(command.folder / "report.json", json); !written) {
        return fail(written.error());
    }
    const std::string junit = report_junit(*run, reports);
    if (auto written = write_file(command.folder / "junit.xml", junit); !written) {
        return fail(written.error());
    }
    const bool passed = std::all_of(reports.begin(), reports.end(),
                                    [](const CheckReport& each) { return each.passed(); });
    return passed ? Exit::ok : Exit::expectation_failed;
}

}  // namespace fog::sim
