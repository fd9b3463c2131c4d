#include "firmware/push/params.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <stdexcept>

#include "firmware/core/text.hpp"
#include "firmware/core/topic.hpp"
#include "firmware/http/target.hpp"
#include "firmware/push/frame.hpp"
#include "firmware/push/json_text.hpp"

namespace fog {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 26> kKnown = {
    "channel",    "kind",        "filter",       "since",     "last_event_id", "lastEventId",
    "replay_max", "snapshot",    "min_interval", "conflate",  "deadband",      "max_silence",
    "max_lag",    "slow",        "tick",         "tick_form", "pad",           "names",
    "wait",       "limit",       "echo",         "presence",  "client",        "data",
    "transport",  "access_token"};

Problem fault(unsigned status, std::string slug, std::string title, std::string_view parameter,
              std::string detail, std::string hint = {}) {
    Problem problem;
    problem.status = status;
    problem.slug = std::move(slug);
    problem.title = std::move(title);
    problem.detail = detail;
    problem.hint = hint;
    Fault one;
    one.pointer = std::string(parameter);
    one.code = problem.slug;
    one.detail = std::move(detail);
    one.hint = std::move(hint);
    problem.errors.push_back(std::move(one));
    return problem;
}

Problem invalid(std::string_view name, std::string_view value, std::string_view wanted) {
    return fault(400, "parameter-invalid", "A parameter is not valid", name,
                 "'" + std::string(value.substr(0, 80)) + "' is not " + std::string(wanted));
}

Problem not_available(std::string_view name, std::string_view value = {}) {
    std::string what(name);
    if (!value.empty()) what.append("=").append(value);
    return fault(501, "not-available", "Not available in this version", name,
                 what + " is not built yet", "Leave it out.");
}

/// Milliseconds, or text with a unit.
std::optional<std::chrono::nanoseconds> read_duration(std::string_view text) {
    constexpr double kMost = 366.0 * 24 * 3600 * 1000;
    if (const auto number = parse_double(text)) {
        if (!(*number >= 0 && *number <= kMost)) return std::nullopt;
        return std::chrono::nanoseconds(static_cast<std::int64_t>(*number * 1e6));
    }
    const auto duration = parse_duration(text);
    if (!duration || duration->count() < 0) return std::nullopt;
    return *duration;
}

/// Reads one parameter after the other into the result; the first fault stops.
class Reader {
public:
    Reader(const Limits& limits, StreamParams& out) : limits_(limits), out_(out) {}

    std::optional<Problem> read(std::string_view name, std::string_view value) {
        if (name == "channel") return channel(value);
        if (name == "kind") return kind(value);
        if (name == "since") return since(value);
        if (name == "last_event_id" || name == "lastEventId") return last_event_id(name, value);
        if (name == "replay_max") return number(name, value, 100'000, out_.replay_max);
        if (name == "snapshot") return snapshot(value);
        if (name == "min_interval") return duration(name, value, 0ms, 1h, out_.min_interval);
        if (name == "conflate") return conflate(value);
        if (name == "slow") return slow(value);
        if (name == "tick") return duration(name, value, 5s, 60s, out_.tick);
        if (name == "tick_form") return choice(name, value, "comment", "event", out_.tick_event);
        if (name == "pad") return pad(value);
        if (name == "names") return choice(name, value, "0", "1", out_.names);
        if (name == "transport" || name == "access_token") return std::nullopt;
        if (name == "echo" && value == "0") return std::nullopt;
        if (name == "presence" && value == "0") return std::nullopt;
        if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end())
            return not_available(name);
        const auto near = nearest(name, kKnown);
        return fault(400, "parameter-invalid", "A parameter is not known", name.substr(0, 64),
                     "there is no parameter '" + std::string(name.substr(0, 64)) + "'",
                     near ? "Did you mean '" + std::string(*near) + "'?" : "");
    }

    std::optional<Problem> done() {
        if (out_.channels.empty())
            return fault(400, "channel-missing", "No channel is named", "channel",
                         "at least one channel is needed",
                         "channel=samples/%23 means all samples.");
        if (conflate_given_ && out_.conflate_key && out_.min_interval.count() == 0)
            return fault(400, "parameter-invalid", "Parameters conflict", "conflate",
                         "conflate=key needs min_interval above 0");
        if (id_) out_.since = *id_;
        if (kinds_ != 0) out_.kinds = kinds_;
        return std::nullopt;
    }

private:
    std::optional<Problem> channel(std::string_view value) {
        if (out_.channels.size() >= limits_.patterns_per_client) {
            auto problem = fault(422, "limit-exceeded", "Too many channels", "channel",
                                 "more patterns than one connection may have");
            problem.limit = limits_.patterns_per_client;
            return problem;
        }
        if (value != "*") {
            if (const auto checked = check_channel_pattern(value); !checked)
                return fault(400, "channel-invalid", "A channel is not valid", "channel",
                             checked.error().what, checked.error().hint);
        }
        out_.channels.emplace_back(value);
        return std::nullopt;
    }
    std::optional<Problem> kind(std::string_view value) {
        for (std::size_t i = 0; i < kRecordKinds.size(); ++i) {
            if (kRecordKinds[i] != value) continue;
            kinds_ |= static_cast<std::uint16_t>(1U << i);
            return std::nullopt;
        }
        const auto near = nearest(value, kRecordKinds);
        return fault(400, "parameter-invalid", "A kind is not known", "kind",
                     "there is no kind '" + std::string(value.substr(0, 64)) + "'",
                     near ? "Did you mean '" + std::string(*near) + "'?" : "");
    }
    std::optional<Problem> since(std::string_view value) {
        if (value == "now") {
            out_.since.kind = Since::Kind::now;
        } else if (value == "earliest") {
            out_.since.kind = Since::Kind::earliest;
        } else if (const auto position = Position::parse(value)) {
            out_.since.kind = Since::Kind::position;
            out_.since.position = *position;
        } else if (const auto time = parse_rfc3339(value)) {
            out_.since.kind = Since::Kind::time;
            out_.since.time = *time;
        } else if (const auto ago = read_duration(value)) {
            out_.since.kind = Since::Kind::ago;
            out_.since.ago = *ago;
        } else {
            return fault(400, "position-invalid", "The start is not valid", "since",
                         "'" + std::string(value.substr(0, 64)) +
                             "' is no position, duration, time, earliest or now");
        }
        return std::nullopt;
    }
    std::optional<Problem> last_event_id(std::string_view name, std::string_view value) {
        const auto position = Position::parse(value);
        if (!position)
            return fault(400, "position-invalid", "The position is not valid", name,
                         "'" + std::string(value.substr(0, 64)) + "' is no position");
        id_ = Since{Since::Kind::position, *position, {}, {}};
        return std::nullopt;
    }
    static std::optional<Problem> number(std::string_view name, std::string_view value,
                                         std::int64_t most, std::size_t& out) {
        const auto parsed = parse_int(value);
        if (!parsed || *parsed < 0 || *parsed > most)
            return invalid(name, value, "a number from 0 to " + std::to_string(most));
        out = static_cast<std::size_t>(*parsed);
        return std::nullopt;
    }
    static std::optional<Problem> duration(std::string_view name, std::string_view value,
                                           std::chrono::nanoseconds least,
                                           std::chrono::nanoseconds most,
                                           std::chrono::nanoseconds& out) {
        const auto parsed = read_duration(value);
        if (!parsed || *parsed < least || *parsed > most)
            return invalid(
                name, value,
                "a duration from " + duration_text(least) + " to " + duration_text(most));
        out = *parsed;
        return std::nullopt;
    }
    static std::optional<Problem> choice(std::string_view name, std::string_view value,
                                         std::string_view no, std::string_view yes, bool& out) {
        if (value != no && value != yes)
            return invalid(name, value, std::string(no) + " or " + std::string(yes));
        out = value == yes;
        return std::nullopt;
    }
    std::optional<Problem> snapshot(std::string_view value) {
        if (value == "auto") return out_.snapshot.reset(), std::nullopt;
        bool wanted = false;
        if (choice("snapshot", value, "0", "1", wanted))
            return invalid("snapshot", value, "auto, 0 or 1");
        out_.snapshot = wanted;
        return std::nullopt;
    }
    std::optional<Problem> conflate(std::string_view value) {
        conflate_given_ = true;
        return choice("conflate", value, "none", "key", out_.conflate_key);
    }
    std::optional<Problem> slow(std::string_view value) {
        for (const auto policy : {SlowPolicy::conflate, SlowPolicy::drop_oldest,
                                  SlowPolicy::catch_up, SlowPolicy::close}) {
            if (to_text(policy) != value) continue;
            out_.slow = policy;
            return std::nullopt;
        }
        return invalid("slow", value, "conflate, drop-oldest, catch-up or close");
    }
    std::optional<Problem> pad(std::string_view value) {
        std::size_t bytes = 0;
        if (auto problem = number("pad", value, 4096, bytes)) return problem;
        out_.pad = static_cast<std::uint16_t>(bytes);
        return std::nullopt;
    }

    const Limits& limits_;
    StreamParams& out_;
    std::optional<Since> id_;
    std::uint16_t kinds_ = 0;
    bool conflate_given_ = false;
};

}  // namespace

std::string_view to_text(SlowPolicy policy) {
    switch (policy) {
        case SlowPolicy::conflate:
            return "conflate";
        case SlowPolicy::drop_oldest:
            return "drop-oldest";
        case SlowPolicy::catch_up:
            return "catch-up";
        case SlowPolicy::close:
            return "close";
    }
    return "conflate";
}

ParamList stream_query(std::string_view target) {
    const auto parsed = parse_target(target);
    if (!parsed) return {};
    const auto plain = parse_query(parsed->raw_query, false);
    auto form = parse_query(parsed->raw_query, true);
    if (!plain || !form) return {};
    for (std::size_t i = 0; i < form->size(); ++i)
        if ((*form)[i].first == "channel") (*form)[i].second = (*plain)[i].second;
    return std::move(*form);
}

std::optional<Problem> parse_json_text(std::string_view text, std::size_t most_depth,
                                       nlohmann::json& out) {
    using Json = nlohmann::json;
    try {
        const auto bounded = [most_depth](int depth, Json::parse_event_t, Json&) {
            if (depth > static_cast<int>(most_depth)) throw std::length_error("nested too deeply");
            return true;
        };
        out = Json::parse(text, bounded);
    } catch (const Json::parse_error& error) {
        auto problem = fault(400, "json-invalid", "The text is not JSON", "",
                             "at byte " + std::to_string(error.byte));
        problem.value = error.byte;
        return problem;
    } catch (const std::exception& error) {
        return fault(400, "json-invalid", "The text is not acceptable JSON", "", error.what());
    }
    return std::nullopt;
}

JsonParams json_params(std::string_view body, std::size_t most_depth) {
    using Json = nlohmann::json;
    JsonParams out;
    Json parsed;
    out.problem = parse_json_text(body, most_depth, parsed);
    if (out.problem) return out;
    if (!parsed.is_object()) {
        out.problem =
            fault(400, "json-invalid", "The JSON is not an object", "", "an object is needed");
        return out;
    }
    const auto text = [](const Json& value) -> std::optional<std::string> {
        if (value.is_string()) return value.get<std::string>();
        if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
        if (value.is_number()) return value.dump();
        return std::nullopt;
    };
    for (const auto& [name, value] : parsed.items()) {
        std::vector<Json> several;
        if (value.is_array())
            several.assign(value.begin(), value.end());
        else
            several.push_back(value);
        for (const auto& one : several) {
            auto got = text(one);
            if (!got) {
                out.problem = fault(400, "parameter-invalid", "A member has the wrong type",
                                    "/" + name, "text, a number or a truth value is needed");
                return out;
            }
            out.list.emplace_back(name, std::move(*got));
        }
    }
    return out;
}

std::optional<Problem> parse_stream_params(const ParamList& list, const Limits& limits,
                                           StreamParams& out) {
    out.replay_max = limits.replay_max;
    Reader reader(limits, out);
    for (const auto& [name, value] : list)
        if (auto problem = reader.read(name, value)) return problem;
    return reader.done();
}

void apply_last_event_id(std::string_view header, StreamParams& params) {
    if (header.empty()) return;
    const auto position = Position::parse(header);
    params.since.kind = position ? Since::Kind::position : Since::Kind::unknown_epoch;
    params.since.position = position.value_or(Position{});
}

std::optional<std::string> narrow_to(const std::vector<std::string>& patterns,
                                     std::vector<std::string>& channels) {
    std::vector<std::string> out;
    for (const auto& channel : channels) {
        if (channel == "*") {
            out.insert(out.end(), patterns.begin(), patterns.end());
            continue;
        }
        const bool may = std::any_of(patterns.begin(), patterns.end(), [&](const auto& wide) {
            return pattern_contains(wide, channel);
        });
        if (!may) return channel;
        out.push_back(channel);
    }
    // The same pattern twice would only be matched twice.
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    channels = std::move(out);
    return std::nullopt;
}

}  // namespace fog
