#include "drivers/mqtt/dialects/topics.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace fog {
namespace {

using namespace std::string_view_literals;

bool same_word(std::string_view a, std::string_view lower) {
    return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == y;
    });
}

template <std::size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& words) {
    return std::any_of(words.begin(), words.end(),
                       [word](std::string_view known) { return same_word(word, known); });
}

constexpr std::array kVerbs = {"state"sv,  "status"sv,  "data"sv,        "telemetry"sv,
                               "sensor"sv, "sensors"sv, "up"sv,          "event"sv,
                               "values"sv, "reading"sv, "measurement"sv, "json"sv};
constexpr std::array kReportPrefixes = {"tele"sv, "stat"sv};

std::string_view strip_slashes(std::string_view path) {
    while (path.starts_with('/')) path.remove_prefix(1);
    while (path.ends_with('/')) path.remove_suffix(1);
    return path;
}

std::string_view last_level(std::string_view path) {
    return path.substr(path.rfind('/') + 1);  // npos + 1 = 0: the whole
}

std::string_view parent(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

/// tele/… and stat/… say how, not what.
std::string_view drop_report_prefix(std::string_view path) {
    const auto slash = path.find('/');
    if (slash != std::string_view::npos && one_of(path.substr(0, slash), kReportPrefixes))
        path.remove_prefix(slash + 1);
    return path;
}

std::string named(std::string_view path) {
    path = strip_slashes(path);
    return path.empty() ? "mqtt" : std::string(path);
}

}  // namespace

bool never_ingested(std::string_view topic) {
    if (topic.starts_with('$')) return true;
    const auto first = topic.substr(0, topic.find('/'));
    if (first == "fogline" || first == "cmnd") return true;
    const auto last = last_level(topic);
    const auto before = last_level(parent(topic));
    if (last == "rpc") return before != "events";  // notifications are ingested, requests are not
    if (last == "logging") return before == "bridge";
    return topic.find('/') != std::string_view::npos &&
           (last == "set" || last == "command" || last == "debug");
}

bool is_command_topic(std::string_view topic) {
    if (topic.starts_with('$') || !never_ingested(topic)) return false;
    const auto last = last_level(topic);
    return last != "logging" && last != "debug";
}

TopicPlace place_of_object(std::string_view topic) {
    auto path = strip_slashes(topic);
    const auto last = last_level(path);
    path = drop_report_prefix(path);
    if (one_of(last, kVerbs)) path = parent(path);
    return {named(path), last};
}

TopicPlace place_of_scalar(std::string_view topic) {
    const auto path = strip_slashes(topic);
    return {named(parent(drop_report_prefix(path))), last_level(path)};
}

}  // namespace fog
