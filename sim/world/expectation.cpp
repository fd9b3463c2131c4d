#include <algorithm>
#include <array>
#include <span>

#include "firmware/core/text.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {
namespace {

enum class Kind : std::uint8_t { count, text, duration, size, number };

/// One kind of expectation: what its own value is, and the keys beside it.
struct Row {
    std::string_view name;
    Kind value;
    std::array<std::string_view, 6> keys;
};
constexpr std::array<Row, 20> kRows = {{
    {"lost", Kind::count, {"device"}},
    {"duplicates", Kind::count, {}},
    {"silent", Kind::count, {"device"}},
    {"corrupt", Kind::count, {}},
    {"twice", Kind::count, {}},
    {"order", Kind::text, {}},
    {"ledger", Kind::text, {}},
    {"latency", Kind::text, {"p50", "p95", "p99", "max", "during"}},
    {"alarm", Kind::text, {"state", "within", "change"}},
    {"no_alarm", Kind::text, {"within"}},
    {"alarm_count", Kind::text, {"is", "min", "max"}},
    {"point_state", Kind::text, {"quality", "min", "max", "is", "within"}},
    {"device_state", Kind::text, {"state", "within"}},
    {"command", Kind::text, {"is", "within", "verified"}},
    {"drain_time", Kind::duration, {}},
    {"bytes_written", Kind::size, {}},
    {"memory", Kind::size, {}},
    {"metric", Kind::text, {"op", "value"}},
    {"log_has", Kind::text, {}},
    {"alarms", Kind::text, {"tolerance"}},
}};

constexpr std::array<std::string_view, 7> kDurations = {"p50", "p95",       "p99",       "max",
                                                        "",    "tolerance", "drain_time"};

bool is_duration(const Row& row, std::string_view key) {
    if (key == "max") return row.name == "latency";
    return !key.empty() && std::find(kDurations.begin(), kDurations.end(), key) != kDurations.end();
}

void check_member(ConfigView& view, const Row& row, std::string_view key) {
    if (!view.has(key)) return;
    if (key == "within") {
        const Node& node = *view.raw(key);
        const auto* pair = node.array();
        const auto good = [](const Node& each) {
            return each.is_string() && parse_duration(*each.string());
        };
        if (pair == nullptr || pair->size() != 2 || !good((*pair)[0]) || !good((*pair)[1])) {
            view.fault(key, "S0111", "'within' takes two times: [\"4 min\", \"18 min\"]");
        }
    } else if (key == "op") {
        view.choice(key, "==", {"==", "!=", "<", "<=", ">", ">="});
    } else if (key == "during") {
        view.choice(key, "quiet", {"quiet", "faults"});
    } else if (is_duration(row, key)) {
        view.duration(key, SimTime{0});
    } else if (key == "min" || key == "max" || key == "value") {
        view.number(key, 0);
    } else if (key == "is" && row.name == "alarm_count") {
        view.integer(key, 0, 0, INT64_MAX);
    } else if (key == "verified") {
        view.flag(key, true);
    } else if (key == "is") {
        view.raw(key);
    } else {
        view.text(key);
    }
}

void check_value(ConfigView& view, const Row& row) {
    switch (row.value) {
        case Kind::count:
            view.integer(row.name, 0, 0, INT64_MAX);
            break;
        case Kind::text:
            view.required_text(row.name);
            break;
        case Kind::duration:
            view.duration(row.name, SimTime{0});
            break;
        case Kind::size:
            view.size(row.name, 0);
            break;
        case Kind::number:
            view.number(row.name, 0);
            break;
    }
    if (row.name == "order") view.choice("order", "per-device", {"per-device"});
    if (row.name == "ledger") view.choice("ledger", "exact", {"exact"});
    if (row.name == "latency") view.choice("latency", "far", {"far", "push"});
    if (row.name == "alarms") view.choice("alarms", "as-reference", {"as-reference"});
}

}  // namespace

std::optional<Expectation> read_expectation(ConfigView& view, std::vector<Fault>& faults) {
    static_cast<void>(faults);
    const auto* table = view.node().table();
    if (table == nullptr || table->empty()) return std::nullopt;
    std::array<std::string_view, kRows.size()> known{};
    std::transform(kRows.begin(), kRows.end(), known.begin(),
                   [](const Row& row) { return row.name; });
    const Row* row = nullptr;
    for (const auto& [key, value] : *table) {
        const auto found = std::find_if(kRows.begin(), kRows.end(),
                                        [&key = key](const Row& each) { return each.name == key; });
        if (found != kRows.end() && row == nullptr) row = &*found;
    }
    if (row == nullptr) {
        const std::string& word = table->front().first;
        const auto near = nearest(word, known);
        view.fault(word, "S0104", "no expectation '" + word + "'",
                   near ? "did you mean '" + std::string(*near) + "'?" : std::string());
        return std::nullopt;
    }
    check_value(view, *row);
    for (const std::string_view key : row->keys) {
        if (!key.empty()) check_member(view, *row, key);
    }
    view.done();
    const Node& value = *view.node().find(row->name);
    Expectation expect{std::string(row->name), {}, view.node()};
    if (value.is_string()) expect.value = *value.string();
    if (value.integer() != nullptr) append_int(expect.value, *value.integer());
    return expect;
}

GatewaySpec read_gateway(ConfigView& view) {
    GatewaySpec out;
    out.rules = view.texts("rules");
    out.commit = view.duration("commit", out.commit);
    if (out.commit < std::chrono::milliseconds{1} || out.commit > std::chrono::minutes{1}) {
        view.fault("commit", "S0101", "'commit' is between 1 ms and 1 min");
        out.commit = std::chrono::milliseconds{250};
    }
    out.log_bytes = view.size("log", out.log_bytes);
    if (out.log_bytes < (1U << 20U)) {
        view.fault("log", "S0101", "'log' is at least 1 MiB");
        out.log_bytes = 1U << 20U;
    }
    if (view.has("sinks")) out.sinks = view.texts("sinks");
    if (out.sinks.size() > 4) view.fault("sinks", "S0101", "at most 4 sinks");
    view.done();
    return out;
}

ClockStep read_clock_step(ConfigView& view) {
    ClockStep out;
    if (!view.has("at")) view.fault("at", "S0101", "'at' is missing");
    out.at = view.duration("at", SimTime{0});
    const bool forward = view.has("forward");
    const bool back = view.has("back");
    if (forward && back) view.fault("back", "S0101", "'forward' and 'back' exclude each other");
    if (forward) out.by = view.duration("forward", SimTime{0});
    if (back) out.by = -view.duration("back", SimTime{0});
    if (view.has("trusted")) out.trusted = view.flag("trusted", true);
    if (!forward && !back && !out.trusted) {
        view.fault("forward", "S0101", "a clock step has 'forward', 'back' or 'trusted'");
    }
    view.done();
    return out;
}

}  // namespace fog::sim
