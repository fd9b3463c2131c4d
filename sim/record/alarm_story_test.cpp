#include "sim/record/alarm_story.hpp"

#include <doctest/doctest.h>

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

constexpr StoryFrame kFrame{0s, 600s, 2s};

AlarmStory story(std::vector<AlarmStep> steps) {
    AlarmStory out;
    for (const AlarmStep& step : steps) {
        out.last.erase(step.alarm);
        if (step.state != "normal") out.last[step.alarm] = step.state;
    }
    out.steps = std::move(steps);
    return out;
}

const AlarmStep kRaised{"f-1/warm", "raised", "active-unack", 99s};
const AlarmStep kCleared{"f-1/warm", "cleared", "returned-unack", 300s};

TEST_CASE("alarm story: the same steps at nearly the same times are the same") {
    AlarmStep later = kRaised;
    later.at += 1900ms;
    const auto found = compare(story({kRaised, kCleared}), story({later, kCleared}), kFrame);
    CHECK(found.none());
    CHECK(found.same == 2);
}

TEST_CASE("alarm story: a step that is missing, added or too late is told with its time") {
    const auto missing = compare(story({kRaised, kCleared}), story({kRaised}), kFrame);
    REQUIRE(missing.lines.size() == 1);
    CHECK(missing.lines[0] == "- f-1/warm cleared at 300.0 s (only in the recording)");
    const auto added = compare(story({}), story({kRaised}), kFrame);
    REQUIRE(added.lines.size() == 1);
    CHECK(added.lines[0] == "+ f-1/warm raised at 99.0 s (only in the replay)");
    AlarmStep late = kRaised;
    late.at += 3s;
    CHECK(compare(story({kRaised}), story({late}), kFrame).lines.size() == 2);
}

TEST_CASE("alarm story: the same steps that end in another state are a difference") {
    AlarmStep acked = kRaised;
    acked.state = "active-acked";
    const auto found = compare(story({kRaised}), story({acked}), kFrame);
    REQUIRE(found.lines.size() == 1);
    CHECK(found.lines[0] ==
          "= f-1/warm ends active-unack in the recording, active-acked in the replay");
}

TEST_CASE("alarm story: what began before the recording is named and not judged") {
    AlarmStory standing;
    standing.last["f-2/warm"] = "active-acked";
    auto found = compare(standing, story({}), kFrame);
    CHECK(found.none());
    CHECK(found.not_judged ==
          std::vector<std::string>{"f-2/warm: stood before the recording begins"});
    // Cleared, then raised again: from there on it is judged.
    AlarmStep again = kRaised;
    again.at = 400s;
    found = compare(story({kCleared, again}), story({kRaised, kCleared}), kFrame);
    REQUIRE(found.lines.size() == 1);
    CHECK(found.lines[0] == "- f-1/warm raised at 400.0 s (only in the recording)");
    CHECK(found.not_judged.size() == 1);
}

TEST_CASE("alarm story: warming up and the last moment are not judged") {
    StoryFrame frame = kFrame;
    frame.from = 120s;
    CHECK(compare(story({}), story({kRaised, {"f-1/warm", "cleared", "normal", 110s}}), frame)
              .none());
    AlarmStep last = kRaised;
    last.at = 599s;
    CHECK(compare(story({last}), story({}), kFrame).none());
    last.at = 597s;
    CHECK_FALSE(compare(story({last}), story({}), kFrame).none());
}

}  // namespace
}  // namespace fog::sim
