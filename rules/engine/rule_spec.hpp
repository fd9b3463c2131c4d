#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/limits.hpp"
#include "firmware/core/node.hpp"
#include "firmware/core/records.hpp"
#include "rules/alarms/alarm.hpp"
#include "rules/engine/effects.hpp"
#include "rules/operator.hpp"

namespace fog {

enum class Accept : std::uint8_t { good, uncertain, any };
enum class OnNoData : std::uint8_t { alarm, hold, clear };
/// When a route or drop applies to a sample.
enum class While : std::uint8_t { always, active, inactive, withheld, passed };

struct InputSpec {
    std::string name;
    std::string point;  // "boiler-1/temp" or "{device}/temp"
    std::chrono::nanoseconds max_age{};
    Accept accept = Accept::uncertain;
    bool trigger = true;
    bool historical = false;  // evaluate late records too
    std::string unit;         // convert to this; "" = as it comes
};

struct StepSpec {
    const OperatorInfo* op = nullptr;
    std::size_t in = 0;  // stream
    Node params;         // the whole table, for the operator
};

struct ConditionSpec {
    const OperatorInfo* op = nullptr;  // null: an expression
    std::size_t in = 0;
    Node params;
    Node when;  // op = "expr"
    std::chrono::nanoseconds hold{};
    std::chrono::nanoseconds keep{};
    std::optional<Node> only_if;
    bool only_if_clears = false;
};

struct AlarmSpec {
    std::string name;                    // "" for the first
    std::array<Severity, 6> severity{};  // by Level
    std::string text;
    std::string area;
    AlarmPolicy policy;
};
struct DeriveSpec {
    std::string point;  // template as of inputs
    Node value;         // a stream or an expression
    std::string unit;
};
struct RouteSpec {
    std::optional<Lane> lane;
    std::vector<std::string> sinks;
    Drop drop = Drop::no;
    std::uint32_t inputs = 0;  // bit per input
    While when = While::always;
};

/// A rule that was checked as far as one can without its points.
struct RuleSpec {
    std::string id;
    std::string title;
    bool on = true;
    std::string bind;  // device glob; "" = unbound
    std::vector<InputSpec> inputs;
    std::vector<StepSpec> steps;
    std::vector<std::string> streams;  // inputs, then what the steps emit
    std::optional<ConditionSpec> condition;
    OnNoData no_data = OnNoData::hold;
    std::vector<AlarmSpec> alarms;
    std::vector<DeriveSpec> derives;
    std::vector<RouteSpec> routes;
    std::uint64_t shape = 0;  // equal shapes may inherit state: inputs, steps, kinds
};

/// All faults of the object at once (R-codes; at most Limits::errors_listed). Pure.
std::optional<RuleSpec> parse_rule(std::string_view id, const Node& node, const Limits& limits,
                                   std::vector<Fault>& faults);

/// The text with "{device}" replaced.
std::string with_device(std::string_view text, std::string_view device);

/// Placeholders of an alarm text that are no streams.
inline constexpr std::array<std::string_view, 6> kTextWords = {"limit", "held",   "since",
                                                               "peak",  "device", "title"};
/// Names inside braces of an alarm text, in order.
std::vector<std::string> placeholders(std::string_view text);

/// 64-bit FNV-1a; the same on every machine.
std::uint64_t stable_hash(std::string_view text, std::uint64_t seed = 0xCBF29CE484222325ULL);

}  // namespace fog
