#include <chrono>
#include <iostream>

#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "sim/app/commands.hpp"
#include "sim/app/scenario_file.hpp"
#include "sim/app/virtual_run.hpp"

namespace fog::sim {
namespace {

std::string json_of(const Scenario& scenario, const VirtualResult& result, double seconds) {
    std::string out = "{\"scenario\":";
    append_json_string(out, scenario.name);
    out += ",\"hash\":\"" + scenario.hash + "\",\"ended\":\"" + result.run.ended + "\"";
    const auto member = [&out](const char* name, std::uint64_t value) {
        out += std::string(",\"") + name + "\":" + std::to_string(value);
    };
    member("seed", scenario.seed);
    member("reports", result.run.reports);
    member("sent", result.run.counts.sent);
    member("acked", result.run.counts.acked);
    member("unsent", result.run.counts.unsent);
    member("waiting", result.run.waiting);
    out += ",\"simulated_s\":";
    append_double(out, std::chrono::duration<double>(result.simulated).count());
    out += ",\"took_s\":";
    append_double(out, seconds);
    return out + "}";
}

}  // namespace

Exit virtual_command(const RunCommand& command) {
    auto variables = options_of(command.set, command.seed);
    if (!variables) return fail(variables.error());
    auto scenario = load_scenario(command.scenario, *variables);
    if (!scenario) return fail(scenario.error());
    VirtualOptions options;
    options.out = command.out;
    if (!command.until.empty()) {
        auto until = parse_duration(command.until);
        if (!until) return fail(std::move(until.error()).in("--until"));
        options.until = *until;
    }
    if (auto made = make_folder(command.out); !made) return fail(made.error());
    if (auto saved = save_scenario(*scenario, command.out); !saved) return fail(saved.error());
    std::ostream& words = command.json ? std::cerr : std::cout;
    words << "fogsim: seed " << scenario->seed << " scenario hash " << scenario->hash << " ("
          << scenario->name << "), virtual" << std::endl;
    const auto begun = std::chrono::steady_clock::now();
    auto result = run_virtual(*scenario, options);
    if (!result) return fail(result.error());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    if (command.json) {
        std::cout << json_of(*scenario, *result, took.count()) << std::endl;
        return Exit::ok;
    }
    std::cout << "fogsim: " << result->run.ended << " after " << duration_text(result->simulated)
              << " in " << took.count() << " s: reports " << result->run.reports << ", sent "
              << result->run.counts.sent << ", acknowledged " << result->run.counts.acked
              << ", unsent " << result->run.counts.unsent << ", waiting " << result->run.waiting
              << "\nfogsim: ledger in " << (command.out / "ledger.jsonl").string() << std::endl;
    return Exit::ok;
}

}  // namespace fog::sim
