#include "sim/cloud/reference.hpp"

#include <algorithm>

#include "firmware/core/text.hpp"

namespace fog::sim {
namespace {

Error beyond(std::string what) {
    return {Errc::bad_config, std::move(what), {}};
}

/// "-15 Cel" or -15. Units are not converted: a rule in another unit than its point is not judged.
std::optional<double> quantity(const Node* node, std::string& unit) {
    if (node == nullptr) return std::nullopt;
    if (const auto plain = node->number()) return plain;
    if (!node->is_string()) return std::nullopt;
    const std::string_view text = trim(*node->string());
    const std::size_t blank = text.find(' ');
    if (blank != std::string_view::npos) unit = text.substr(blank + 1);
    return parse_double(text.substr(0, blank));
}

std::optional<std::int64_t> time_of(const Node& table, const char* key, std::int64_t otherwise) {
    const Node* node = table.find(key);
    if (node == nullptr) return otherwise;
    if (!node->is_string()) return std::nullopt;
    const auto time = parse_duration(*node->string());
    if (!time) return std::nullopt;
    return time->count();
}

/// One limit, walked through all samples.
class Walk {
public:
    Walk(const ReferenceRule::Limit& limit, double hysteresis)
        : limit_(limit), hysteresis_(hysteresis) {}

    bool active = false;

    bool asks(double x) const {
        if (!active) return limit_.high ? x > limit_.value : x < limit_.value;
        return limit_.high ? x <= limit_.value - hysteresis_ : x >= limit_.value + hysteresis_;
    }
    std::int64_t need() const { return active ? limit_.keep : limit_.hold; }
    /// Sets or forgets since when the other state is asked for.
    void look(double x, std::int64_t now) {
        if (!asks(x)) {
            since.reset();
        } else if (!since) {
            since = now;
        }
    }
    std::optional<std::int64_t> due() const {
        if (!since) return std::nullopt;
        return *since + need();
    }
    std::optional<std::int64_t> since;

private:
    ReferenceRule::Limit limit_;
    double hysteresis_;
};

}  // namespace

Result<ReferenceRule> read_reference_rule(const std::string& id, const Node& rule) {
    ReferenceRule out;
    out.id = id;
    for (const char* key : {"step", "no_data"}) {
        if (rule.find(key) != nullptr) return beyond(std::string("it uses '") + key + "'");
    }
    const Node* bind = rule.find("bind");
    const Node* device = bind != nullptr ? bind->find("device") : nullptr;
    const Node* inputs = rule.find("inputs");
    const Node* condition = rule.find("condition");
    if (device == nullptr || !device->is_string()) return beyond("it is not bound to devices");
    if (inputs == nullptr || !inputs->is_table() || inputs->table()->size() != 1) {
        return beyond("it has not just one input");
    }
    out.device = *device->string();
    const Node& input = inputs->table()->front().second;
    const Node* point = input.find("point");
    constexpr std::string_view kPrefix = "{device}/";
    if (point == nullptr || !point->is_string() || !point->string()->starts_with(kPrefix)) {
        return beyond("its input is not a point of the bound device");
    }
    out.point = point->string()->substr(kPrefix.size());
    const auto age = time_of(input, "max_age", out.max_age);
    if (!age) return beyond("its max_age is no time");
    out.max_age = *age;
    const Node* op = condition != nullptr ? condition->find("op") : nullptr;
    if (op == nullptr || !op->is_string() || *op->string() != "threshold" ||
        condition->find("only_if") != nullptr) {
        return beyond("its condition is not a plain threshold");
    }
    const auto hold = time_of(*condition, "for", 0);
    const auto keep = time_of(*condition, "keep_for", 0);
    if (!hold || !keep) return beyond("its times differ by level");
    std::string unit;
    for (const char* level : {"LL", "L", "H", "HH"}) {
        std::string own;
        const auto value = quantity(condition->find(level), own);
        if (condition->find(level) != nullptr && !value) return beyond("a limit is no number");
        if (!value) continue;
        if (!unit.empty() && own != unit) return beyond("its limits have different units");
        unit = own;
        out.limits.push_back({*value, level[0] == 'H', *hold, *keep});
    }
    const auto hysteresis = quantity(condition->find("hysteresis"), unit);
    if (condition->find("hysteresis") != nullptr && !hysteresis) {
        return beyond("its hysteresis is no number");
    }
    out.hysteresis = hysteresis.value_or(0);
    if (out.limits.empty()) return beyond("it has no limit");
    return out;
}

std::vector<ReferenceChange> reference_changes(const ReferenceRule& rule,
                                               const std::vector<ReferenceSample>& samples,
                                               std::int64_t end) {
    std::vector<Walk> walks;
    for (const auto& limit : rule.limits) walks.emplace_back(limit, rule.hysteresis);
    std::vector<ReferenceChange> out;
    bool shown = false;
    const auto show = [&](std::int64_t now) {
        const bool any =
            std::any_of(walks.begin(), walks.end(), [](const Walk& walk) { return walk.active; });
        if (any != shown) out.push_back({now, any});
        shown = any;
    };
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const std::int64_t now = samples[i].at;
        // Samples of one moment are judged together, the last one counts.
        if (i + 1 < samples.size() && samples[i + 1].at == now) continue;
        for (Walk& walk : walks) {
            walk.look(samples[i].value, now);
            if (walk.due() && *walk.due() <= now) {
                walk.active = !walk.active;
                walk.since.reset();
            }
        }
        show(now);
        const std::int64_t next = i + 1 < samples.size() ? samples[i + 1].at : end;
        const std::int64_t known = now + rule.max_age;  // then the value is too old to say anything
        for (;;) {                                      // what comes due before the next sample
            Walk* first = nullptr;
            for (Walk& walk : walks) {
                const auto due = walk.due();
                if (!due || *due >= next || *due >= known) continue;
                if (first == nullptr || *due < *first->due()) first = &walk;
            }
            if (first == nullptr) break;
            const std::int64_t at = *first->due();
            first->active = !first->active;
            first->since.reset();
            show(at);
        }
        if (next > known) {
            for (Walk& walk : walks) walk.since.reset();
        }
    }
    return out;
}

}  // namespace fog::sim
