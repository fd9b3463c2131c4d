#include "sim/app/scenario_file.hpp"

#include <algorithm>
#include <cstdlib>

#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "sim/app/include.hpp"
#include "sim/links/personalities.hpp"

namespace fog::sim {
namespace {

constexpr std::size_t kScenarioBytes = 1U << 20U;
constexpr std::size_t kTraceBytes = 64U << 20U;

Error faulty(const std::vector<Fault>& faults) {
    std::string text;
    for (const Fault& fault : faults) {
        if (!text.empty()) text += '\n';
        text += to_text(fault);
    }
    return {Errc::bad_config, std::move(text), {}};
}

std::string join_points(const DeviceSpec& device) {
    std::string out;
    for (const PointSpec& point : device.points) {
        out += out.empty() ? "" : ", ";
        out += point.name;
        if (!point.unit.empty()) out += " [" + point.unit + "]";
    }
    return out;
}

void describe_blocks(std::string& out, const Scenario& scenario) {
    for (std::size_t i = 0; i < scenario.devices.size();) {
        const DeviceSpec& first = scenario.devices[i];
        std::size_t last = i;
        while (last + 1 < scenario.devices.size() &&
               scenario.devices[last + 1].block == first.block) {
            ++last;
        }
        out += "  " + first.id;
        if (last > i) out += " ... " + scenario.devices[last].id;
        out += ": " + first.personality + ", every " + duration_text(first.interval) + ": " +
               join_points(first) + "\n";
        i = last + 1;
    }
}

void describe_events(std::string& out, const Scenario& scenario) {
    std::vector<std::pair<SimTime, std::string>> lines;
    for (const auto& [address, events] : scenario.inputs.all()) {
        for (const InputEvent& event : events) {
            std::string line = "  at " + duration_text(event.at);
            if (event.every.count() > 0) line += ", again every " + duration_text(event.every);
            line += ": " + address + " = ";
            append_double(line, event.value);
            lines.emplace_back(event.at, line + "\n");
        }
    }
    std::sort(lines.begin(), lines.end());
    for (const auto& [at, line] : lines) out += line;
}

void describe_sensor_faults(std::string& out, const Scenario& scenario) {
    for (const SensorFaultSpec& fault : scenario.sensor_faults) {
        if (fault.rate > 0) {
            out += "  about ";
            append_double(out, fault.rate);
            out += " times an hour, from " + duration_text(fault.at);
        } else {
            out += "  at " + duration_text(fault.at);
        }
        out += " for " + duration_text(fault.lasts);
        if (fault.every.count() > 0) out += ", again every " + duration_text(fault.every);
        out += ": " + std::string(to_text(fault.kind)) + " on";
        for (const std::size_t device : fault.devices) out += " " + scenario.devices[device].id;
        if (!fault.point.empty()) out += ", point " + fault.point;
        out += "\n";
    }
}

}  // namespace

Result<Scenario> scenario_from(std::string_view text, std::string_view file,
                               const ScenarioOptions& options,
                               const std::filesystem::path& folder) {
    std::vector<Fault> faults;
    const auto root = parse_with_includes(text, file, folder, faults);
    if (!root) return faulty(faults);
    ScenarioOptions with_files = options;
    if (!folder.empty() && !with_files.read) {
        with_files.read = [&folder](const std::string& name) -> Result<std::string> {
            auto text = read_file(folder / name, kTraceBytes);
            if (text) return text;
            // Without the folder: the same words wherever the scenario lies.
            return Error{
                Errc::not_found, "there is no file '" + name + "' beside the scenario", {}};
        };
    }
    Scenario scenario = parse_scenario(*root, with_files, faults);
    if (!has_errors(faults)) check_links(scenario, faults);
    if (has_errors(faults)) return faulty(faults);
    return scenario;
}

std::filesystem::path scenario_folder() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
    const char* set = std::getenv("FOGSIM_SCENARIOS");
    return set != nullptr ? set : FOG_SCENARIO_DIR;
}

std::vector<std::filesystem::path> shipped_scenarios() {
    std::vector<std::filesystem::path> out;
    std::error_code ec;
    for (const auto& entry : std::filesystem::directory_iterator(scenario_folder(), ec)) {
        const std::string name = entry.path().filename().string();
        const bool figures = name.ends_with(".expect.toml");  // what a scenario must come to
        if (name.ends_with(".toml") && !figures) out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
}

Result<Scenario> load_scenario(const std::string& name, const ScenarioOptions& options) {
    std::filesystem::path file = name;
    std::error_code ec;
    if (!std::filesystem::exists(file, ec) && name.find('/') == std::string::npos) {
        file = scenario_folder() / name;
        if (file.extension() != ".toml") file += ".toml";
    }
    if (!std::filesystem::exists(file, ec)) {
        return Error{Errc::not_found, "no scenario '" + name + "'",
                     "a path, or a name that 'fogsim list' prints"};
    }
    auto text = read_file(file, kScenarioBytes);
    if (!text) return std::move(text).error();
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    return scenario_from(*text, file.string(), options, folder);
}

Result<void> save_scenario(const Scenario& scenario, const std::filesystem::path& folder) {
    for (const auto& [name, text] : scenario.files) {
        const auto file = folder / name;
        if (auto made = make_folder(file.parent_path()); !made) return made;
        if (auto written = write_file(file, text); !written) return written;
    }
    return write_file(folder / "scenario.toml", scenario.resolved);
}

std::string describe(const Scenario& scenario) {
    std::string out = scenario.name + "\n";
    out += scenario.duration ? "runs " + duration_text(*scenario.duration) : "runs until stopped";
    out += ", seed " + std::to_string(scenario.seed) + ", hash " + scenario.hash + "\n";
    out += std::to_string(scenario.devices.size()) + " devices:\n";
    describe_blocks(out, scenario);
    for (const PlantSpec& plant : scenario.plants) {
        out += "  plant " + plant.id + ", inputs";
        for (const auto& term : plant.terms) out += " " + term.input;
        out += "\n";
    }
    describe_events(out, scenario);
    for (const FaultSpec& fault : scenario.faults) {
        out += "  at " + duration_text(fault.at) + " for " + duration_text(fault.lasts);
        if (fault.every.count() > 0) out += ", again every " + duration_text(fault.every);
        out += ": " + std::string(to_text(fault.kind)) + " on";
        for (const std::size_t device : fault.devices) out += " " + scenario.devices[device].id;
        out += "\n";
    }
    describe_sensor_faults(out, scenario);
    for (const Expectation& each : scenario.expect) {
        out += "  expected: " + each.kind + " = " + each.value + "\n";
    }
    return out;
}

}  // namespace fog::sim
