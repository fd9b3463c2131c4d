#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sim/world/scenario.hpp"

namespace fog::sim {

/// A scenario by path, or by the name of a shipped one. Errc::bad_config with all faults in
/// `what`, one per line; not_found if there is no such file.
Result<Scenario> load_scenario(const std::string& name, const ScenarioOptions& options);

/// Text instead of a file; `file` is what faults call it, `folder` where its includes, traces and
/// rules are (empty: it has none).
Result<Scenario> scenario_from(std::string_view text, std::string_view file,
                               const ScenarioOptions& options,
                               const std::filesystem::path& folder = {});

/// `scenario.toml` as it was resolved, with the files it needs beside it, so that it loads again.
Result<void> save_scenario(const Scenario& scenario, const std::filesystem::path& folder);

/// Where the shipped scenarios are: $FOGSIM_SCENARIOS, else the source tree.
std::filesystem::path scenario_folder();
std::vector<std::filesystem::path> shipped_scenarios();

/// The scenario in words: devices, what they say, what happens when.
std::string describe(const Scenario& scenario);

}  // namespace fog::sim
