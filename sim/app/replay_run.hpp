#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "firmware/core/result.hpp"
#include "sim/record/alarm_story.hpp"

namespace fog::sim {

/// A rule to replay with: its id, and its text as TOML.
struct ReplayRule {
    std::string id, toml;
};
/// The rules a case was recorded with; Errc::bad_frame names one that cannot be.
Result<std::vector<ReplayRule>> rules_of(const Case& recorded);
/// Every *.toml of a folder. Errc: not_found, storage_error.
Result<std::vector<ReplayRule>> rules_in(const std::filesystem::path& folder);

struct ReplayResult {
    AlarmStory story;
    std::uint64_t samples = 0;  // handed in
    std::uint64_t refused = 0;  // of them, not taken
    SimTime lasted{};
};
/// Hands the samples of a case, and what people did to its alarms, to a gateway in this process, in
/// the same order and at the same distance. Derived values and all other events it makes itself.
/// Thread: the caller's. Blocks: on the disk. Errc::bad_config: a rule has faults.
Result<ReplayResult> replay_virtual(const Case& recorded, const CaseTime& time,
                                    const std::vector<ReplayRule>& rules);

}  // namespace fog::sim
