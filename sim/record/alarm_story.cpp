#include "sim/record/alarm_story.hpp"

#include <algorithm>
#include <cstdio>
#include <set>

namespace fog::sim {
namespace {

using Steps = std::vector<const AlarmStep*>;

std::string seconds(SimTime time) {
    char text[32];
    (void)std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(time).count());
    return text;
}

Steps steps_of(const AlarmStory& story, const std::string& alarm) {
    Steps out;
    for (const AlarmStep& step : story.steps) {
        if (step.alarm == alarm) out.push_back(&step);
    }
    return out;
}

std::string state_of(const AlarmStory& story, const std::string& alarm) {
    const auto found = story.last.find(alarm);
    return found == story.last.end() ? "normal" : found->second;
}

/// One alarm of both stories.
class AlarmJudge {
public:
    AlarmJudge(const std::string& alarm, const AlarmStory& recorded, const AlarmStory& replayed,
               const StoryFrame& frame, StoryDifference& out)
        : alarm_(alarm),
          recorded_(recorded),
          replayed_(replayed),
          frame_(frame),
          out_(out),
          left_(steps_of(recorded, alarm)),
          right_(steps_of(replayed, alarm)) {}

    void judge() {
        if (!find_begin()) return;
        pair();
        bool differs = false, at_edge = false;
        for (const auto& [steps, sign, where] :
             {std::tuple(&left_, "- ", " (only in the recording)"),
              std::tuple(&right_, "+ ", " (only in the replay)")}) {
            for (const AlarmStep* step : *steps) {
                if (paired_.contains(step)) continue;
                at_edge = at_edge || step->at > frame_.to - frame_.tolerance;
                if (!inside(step->at)) continue;
                differs = true;
                out_.lines.push_back(sign + alarm_ + " " + step->change + " at " +
                                     seconds(step->at) + where);
            }
        }
        const std::string left = state_of(recorded_, alarm_), right = state_of(replayed_, alarm_);
        if (differs || at_edge || left == right) return;
        out_.lines.push_back("= " + alarm_ + " ends " + left + " in the recording, " + right +
                             " in the replay");
    }

private:
    /// False: nothing of this alarm can be judged.
    bool find_begin() {
        begin_ = frame_.from;
        if (left_.empty() && recorded_.last.contains(alarm_)) {
            out_.not_judged.push_back(alarm_ + ": stood before the recording begins");
            return false;
        }
        if (left_.empty() || left_.front()->change == "raised") return true;
        const auto raised = std::find_if(left_.begin(), left_.end(), [](const AlarmStep* step) {
            return step->change == "raised";
        });
        if (raised == left_.end()) {
            out_.not_judged.push_back(alarm_ + ": raised before the recording begins");
            return false;
        }
        out_.not_judged.push_back(alarm_ + ": until " + seconds((*raised)->at) +
                                  ", raised before the recording begins");
        begin_ = std::max(begin_, (*raised)->at - frame_.tolerance);
        return true;
    }
    void pair() {
        for (const AlarmStep* left : left_) {
            for (const AlarmStep* right : right_) {
                const SimTime apart = left->at - right->at;
                if (paired_.contains(right) || left->change != right->change ||
                    apart > frame_.tolerance || -apart > frame_.tolerance) {
                    continue;
                }
                paired_.insert(left);
                paired_.insert(right);
                if (left->at >= begin_) ++out_.same;
                break;
            }
        }
    }
    bool inside(SimTime at) const { return at >= begin_ && at <= frame_.to - frame_.tolerance; }

    const std::string& alarm_;
    const AlarmStory& recorded_;
    const AlarmStory& replayed_;
    const StoryFrame& frame_;
    StoryDifference& out_;
    Steps left_, right_;
    std::set<const AlarmStep*> paired_;
    SimTime begin_{};
};

}  // namespace

AlarmStory recorded_story(const Case& recorded, const CaseTime& time) {
    AlarmStory out;
    for (const auto& [alarm, state] : recorded.standing) out.last[alarm] = state;
    for (const CaseEntry& entry : recorded.entries) {
        const CaseEvent* event = entry.event();
        if (event == nullptr || event->alarm.empty()) continue;
        out.steps.push_back(
            {event->alarm, event->change, event->state, time.at(entry.boot, entry.received)});
        if (event->state == "normal")
            out.last.erase(event->alarm);
        else
            out.last[event->alarm] = event->state;
    }
    return out;
}

StoryDifference compare(const AlarmStory& recorded, const AlarmStory& replayed,
                        const StoryFrame& frame) {
    std::set<std::string> alarms;
    for (const AlarmStory* story : {&recorded, &replayed}) {
        for (const AlarmStep& step : story->steps) alarms.insert(step.alarm);
        for (const auto& [alarm, state] : story->last) alarms.insert(alarm);
    }
    StoryDifference out;
    for (const std::string& alarm : alarms) {
        AlarmJudge(alarm, recorded, replayed, frame, out).judge();
    }
    return out;
}

}  // namespace fog::sim
