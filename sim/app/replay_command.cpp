#include <chrono>
#include <cstdlib>
#include <iostream>

#include "firmware/core/text.hpp"
#include "sim/app/commands.hpp"
#include "sim/app/replay_gateway.hpp"
#include "sim/app/replay_run.hpp"

namespace fog::sim {
namespace {

struct Ended {
    const Case& recorded;
    const AlarmStory& wanted;
    const ReplayResult& replayed;
    const StoryDifference& difference;
};

void add_list(std::string& out, const char* name, const std::vector<std::string>& lines) {
    out += std::string(",\"") + name + "\":[";
    for (const std::string& line : lines) {
        if (out.back() != '[') out += ",";
        append_json_string(out, line);
    }
    out += "]";
}

std::string json_of(const Ended& ended) {
    std::string out = "{\"gateway\":";
    append_json_string(out, ended.recorded.gateway);
    const auto member = [&out](const char* name, std::uint64_t value) {
        out += std::string(",\"") + name + "\":";
        append_uint(out, value);
    };
    member("samples", ended.replayed.samples);
    member("refused", ended.replayed.refused);
    member("missing", ended.recorded.missing);
    member("recorded", ended.wanted.steps.size());
    member("replayed", ended.replayed.story.steps.size());
    member("same", ended.difference.same);
    out += ",\"lasted_s\":";
    append_double(out, std::chrono::duration<double>(ended.replayed.lasted).count());
    out += std::string(",\"same_alarms\":") + (ended.difference.none() ? "true" : "false");
    add_list(out, "differences", ended.difference.lines);
    add_list(out, "not_judged", ended.difference.not_judged);
    return out + "}";
}

void say(const Ended& ended) {
    std::cout << "fogsim: " << ended.recorded.gateway << ", "
              << duration_text(ended.replayed.lasted) << ": samples " << ended.replayed.samples
              << ", refused " << ended.replayed.refused << ", missing in the log "
              << ended.recorded.missing << "\nfogsim: alarm changes recorded "
              << ended.wanted.steps.size() << ", replayed " << ended.replayed.story.steps.size()
              << ", the same " << ended.difference.same << "\n";
    for (const std::string& line : ended.difference.not_judged)
        std::cout << "not judged: " << line << "\n";
    for (const std::string& line : ended.difference.lines) std::cout << line << "\n";
    std::cout << (ended.difference.none() ? "fogsim: the same alarms" : "fogsim: other alarms")
              << std::endl;
}

Result<ReplayResult> replay(const ReplayCommand& command, const Case& recorded,
                            const CaseTime& time) {
    if (!command.gateway.empty()) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread yet
        const char* given = std::getenv("FOGLINE_TOKEN");
        const bool from_outside = command.token.empty() && given != nullptr;
        return replay_gateway(recorded, time,
                              {command.gateway, from_outside ? given : command.token});
    }
    auto rules = command.rules.empty() ? rules_of(recorded) : rules_in(command.rules);
    if (!rules) return std::move(rules).error();
    return replay_virtual(recorded, time, *rules);
}

}  // namespace

Exit replay_command(const ReplayCommand& command) {
    const auto tolerance = parse_duration(command.tolerance);
    if (!tolerance) return fail({Errc::bad_config, "--tolerance: " + tolerance.error().what, {}});
    const auto recorded = load_case(command.file);
    if (!recorded) return fail(recorded.error());
    const CaseTime time(*recorded);
    const auto replayed = replay(command, *recorded, time);
    if (!replayed) return fail(replayed.error());
    const AlarmStory wanted = recorded_story(*recorded, time);
    const auto from =
        std::chrono::duration_cast<SimTime>(std::chrono::duration<double>(recorded->judged_s));
    const StoryDifference difference =
        compare(wanted, replayed->story, {from, time.end(), *tolerance});
    const Ended ended{*recorded, wanted, *replayed, difference};
    if (command.json)
        std::cout << json_of(ended) << std::endl;
    else
        say(ended);
    return difference.none() ? Exit::ok : Exit::expectation_failed;
}

}  // namespace fog::sim
