#include "firmware/mqtt/topics.hpp"

#include <algorithm>

#include "firmware/core/topic.hpp"

namespace fog::mqtt {
namespace {

constexpr std::string_view kRoot = "fogline";
constexpr std::string_view kTree = "fogline/v1/";

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> out;
    for (;;) {
        const auto slash = text.find('/');
        out.push_back(text.substr(0, slash));
        if (slash == std::string_view::npos) return out;
        text.remove_prefix(slash + 1);
    }
}

bool is_wildcard(std::string_view level) {
    return level == "+" || level == "#";
}

/// The part of a filter that means the gateway's own topics.
void add_gateway_patterns(const std::vector<std::string_view>& levels,
                          std::vector<std::string>& out) {
    const bool exact = levels.size() == 4 && levels[0] == kRoot && levels[1] == "v1" &&
                       levels[2] != "alarms" && !is_wildcard(levels[2]);
    if (exact) {
        const std::string device(levels[2]);
        if (levels[3] != "state") {
            const auto point = levels[3] == "state_" ? std::string_view("state") : levels[3];
            out.push_back("samples/" + device + "/" + std::string(point));
        }
        if (is_wildcard(levels[3]) || levels[3] == "state")
            out.push_back("devices/" + device + "/state");
        return;
    }
    if (levels.size() > 3 && levels[0] == kRoot && levels[1] == "v1" && levels[2] == "alarms") {
        std::string pattern = "alarms";
        for (std::size_t i = 3; i < levels.size(); ++i) pattern += "/" + std::string(levels[i]);
        out.push_back(std::move(pattern));
        return;
    }
    for (const char* all : {"samples/#", "devices/#", "alarms/#"}) out.emplace_back(all);
}

}  // namespace

bool is_gateway_topic(std::string_view topic) {
    return topic.starts_with(kRoot) && (topic.size() == kRoot.size() || topic[kRoot.size()] == '/');
}

bool may_match_gateway(std::string_view filter) {
    return is_wildcard(filter.substr(0, filter.find('/'))) || is_gateway_topic(filter);
}

std::string gateway_topic(std::string_view channel) {
    const auto slash = channel.find('/');
    if (slash == std::string_view::npos) return {};
    const auto root = channel.substr(0, slash);
    const auto rest = channel.substr(slash + 1);
    if (root == "samples") {
        std::string out = std::string(kTree) + std::string(rest);
        if (out.ends_with("/state")) out += '_';  // the device's own state has that name
        return out;
    }
    if (root == "alarms") return std::string(kTree) + "alarms/" + std::string(rest);
    if (root == "devices" && rest.ends_with("/state"))
        return std::string(kTree) + std::string(rest);
    return {};
}

std::vector<std::string> hub_patterns(std::string_view filter) {
    std::vector<std::string> out;
    const auto levels = split(filter);
    if (levels.front() != kRoot) out.push_back("mqtt/" + std::string(filter));
    if (may_match_gateway(filter)) add_gateway_patterns(levels, out);
    return out;
}

bool may_subscribe(const Principal& principal, std::string_view filter) {
    if (!principal.may(scope::kReadLive)) return false;
    const auto wanted = hub_patterns(filter);
    return std::all_of(wanted.begin(), wanted.end(), [&principal](const std::string& one) {
        return std::any_of(principal.patterns.begin(), principal.patterns.end(),
                           [&one](const std::string& wide) { return pattern_contains(wide, one); });
    });
}

}  // namespace fog::mqtt
