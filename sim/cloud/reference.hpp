#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/node.hpp"
#include "firmware/core/result.hpp"

namespace fog::sim {

/// A rule as far as the reference understands it: thresholds on one point, held, with hysteresis.
struct ReferenceRule {
    struct Limit {
        double value = 0;
        bool high = true;
        std::int64_t hold = 0, keep = 0;  // ns
    };
    std::string id;
    std::string device;  // glob
    std::string point;
    std::vector<Limit> limits;
    double hysteresis = 0;
    std::int64_t max_age = 300'000'000'000;
};
/// Errc::bad_config says what the reference cannot judge. Nothing of the rule engine is used.
Result<ReferenceRule> read_reference_rule(const std::string& id, const Node& rule);

struct ReferenceSample {
    std::int64_t at = 0;  // ns
    double value = 0;
};
struct ReferenceChange {
    std::int64_t at = 0;
    bool raised = false;  // else cleared
};
/// What the alarm of one device does, told from all its samples in order of time up to `end`.
std::vector<ReferenceChange> reference_changes(const ReferenceRule& rule,
                                               const std::vector<ReferenceSample>& samples,
                                               std::int64_t end);

}  // namespace fog::sim
