#include "firmware/core/topic.hpp"

#include <algorithm>
#include <array>

#include "firmware/core/text.hpp"

namespace fog {
namespace {

std::size_t levels(std::string_view text) {
    return 1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), '/'));
}

Error bad(std::string_view what, std::string_view text, std::string_view why,
          std::string hint = {}) {
    return {Errc::bad_request,
            std::string(what) + " '" + std::string(text.substr(0, 80)) + "' " + std::string(why),
            std::move(hint)};
}

Result<void> check_common(std::string_view what, std::string_view text, std::size_t max_bytes,
                          std::size_t max_levels) {
    if (text.empty()) return bad(what, text, "is empty");
    if (text.size() > max_bytes)
        return bad(what, text, "is longer than " + std::to_string(max_bytes) + " bytes");
    if (levels(text) > max_levels)
        return bad(what, text, "has more than " + std::to_string(max_levels) + " levels");
    if (text.find('\0') != std::string_view::npos) return bad(what, text, "contains a NUL");
    if (!valid_utf8(text)) return bad(what, repair_utf8(text), "is not UTF-8");
    return {};
}

Result<void> check_wildcards(std::string_view what, std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '+' && text[at] != '#') continue;
        const bool starts = at == 0 || text[at - 1] == '/';
        const bool ends = at + 1 == text.size() || text[at + 1] == '/';
        if (!starts || !ends)
            return bad(what, text, "has a wildcard that is not a whole level",
                       "use '+' for one level and '#' for the rest");
        if (text[at] == '#' && at + 1 != text.size())
            return bad(what, text, "has '#' before the last level");
    }
    return {};
}

Result<void> check_channel_text(std::string_view what, std::string_view text) {
    if (auto common = check_common(what, text, 512, 16); !common) return common;
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            return bad(what, text, "contains a control character");
    if (text.back() == '/')
        return bad(what, text, "ends in '/'",
                   "an unescaped '#' is cut off by many clients: write it as %23");
    if (text.front() == '/' || text.find("//") != std::string_view::npos)
        return bad(what, text, "has an empty level");
    return {};
}

}  // namespace

Result<void> check_topic_name(std::string_view topic, std::size_t max_bytes,
                              std::size_t max_levels) {
    if (auto common = check_common("topic", topic, max_bytes, max_levels); !common) return common;
    if (topic.find_first_of("+#") != std::string_view::npos)
        return bad("topic", topic, "contains a wildcard");
    return {};
}

Result<void> check_topic_filter(std::string_view filter, std::size_t max_bytes,
                                std::size_t max_levels) {
    if (auto common = check_common("topic filter", filter, max_bytes, max_levels); !common)
        return common;
    return check_wildcards("topic filter", filter);
}

Result<void> check_channel(std::string_view channel) {
    if (auto text = check_channel_text("channel", channel); !text) return text;
    if (channel.find_first_of("+#") != std::string_view::npos)
        return bad("channel", channel, "contains a wildcard");
    return {};
}

Result<void> check_channel_pattern(std::string_view pattern) {
    if (auto text = check_channel_text("channel", pattern); !text) return text;
    if (auto wild = check_wildcards("channel", pattern); !wild) return wild;
    static constexpr std::array<std::string_view, 12> kRoots = {
        "samples", "alarms", "devices",  "commands",  "rules", "uplinks",
        "system",  "app",    "presence", "occupancy", "mqtt",  "#"};
    const auto root = pattern.substr(0, pattern.find('/'));
    if (std::find(kRoots.begin(), kRoots.end(), root) != kRoots.end()) return {};
    const auto near = nearest(root, kRoots);
    return bad("channel", pattern, "starts with no known root",
               near ? "did you mean '" + std::string(*near) + "'?"
                    : "roots are samples, alarms, devices, commands, rules, uplinks, system, app");
}

bool topic_matches(std::string_view filter, std::string_view topic) {
    if (!topic.empty() && topic.front() == '$' && (filter.empty() || filter.front() != '$'))
        return false;
    for (;;) {
        const auto filter_slash = filter.find('/');
        const auto level = filter.substr(0, filter_slash);
        if (level == "#") return true;
        const auto topic_slash = topic.find('/');
        if (level != "+" && level != topic.substr(0, topic_slash)) return false;
        if (topic_slash == std::string_view::npos)
            return filter_slash == std::string_view::npos || filter.substr(filter_slash) == "/#";
        if (filter_slash == std::string_view::npos) return false;
        filter.remove_prefix(filter_slash + 1);
        topic.remove_prefix(topic_slash + 1);
    }
}

bool pattern_contains(std::string_view wide, std::string_view narrow) {
    for (;;) {
        const auto wide_slash = wide.find('/');
        const auto narrow_slash = narrow.find('/');
        const auto level = wide.substr(0, wide_slash);
        const auto other = narrow.substr(0, narrow_slash);
        if (level == "#") return true;
        if (other == "#") return false;
        if (level != "+" && level != other) return false;
        const bool wide_ends = wide_slash == std::string_view::npos;
        const bool narrow_ends = narrow_slash == std::string_view::npos;
        if (narrow_ends) return wide_ends || wide.substr(wide_slash) == "/#";
        if (wide_ends) return false;
        wide.remove_prefix(wide_slash + 1);
        narrow.remove_prefix(narrow_slash + 1);
    }
}

}  // namespace fog
