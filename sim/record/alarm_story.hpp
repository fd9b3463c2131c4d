#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/record/case_file.hpp"

namespace fog::sim {

/// One transition of an alarm, in time since the first record of its case.
struct AlarmStep {
    std::string alarm, change, state;
    SimTime at{};
};

/// What became of all alarms over a case.
struct AlarmStory {
    std::vector<AlarmStep> steps;             // in the order of the log
    std::map<std::string, std::string> last;  // alarm to state; those that are normal are left out
};
/// What the recording says. An alarm that stood without a step in it is in `last` alone.
AlarmStory recorded_story(const Case& recorded, const CaseTime& time);

struct StoryFrame {
    SimTime from{};  // before, it is only warming up
    SimTime to{};
    SimTime tolerance{};
};
struct StoryDifference {
    std::vector<std::string> lines;       // "+ dev/rule raised at 99.1 s (only in the replay)"
    std::vector<std::string> not_judged;  // and why
    std::size_t same = 0;                 // steps that are in both
    bool none() const { return lines.empty(); }
};
/// Steps are the same when alarm and change are and their times are within the tolerance. Nothing
/// is said of what began before the recording, and of what happens within the tolerance of the
/// frame's end: its other half may not be there. Pure.
StoryDifference compare(const AlarmStory& recorded, const AlarmStory& replayed,
                        const StoryFrame& frame);

}  // namespace fog::sim
