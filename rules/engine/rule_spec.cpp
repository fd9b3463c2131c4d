#include "rules/engine/rule_spec.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "firmware/core/text.hpp"

namespace fog {

namespace {

using std::chrono::nanoseconds;

bool name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool valid_name(std::string_view name) {
    if (name.empty() || name.size() > 64 || !name_start(name[0])) return false;
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return name_start(c) || (c >= '0' && c <= '9'); });
}
bool valid_id(std::string_view id) {
    const auto small = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (id.empty() || id.size() > 63 || !small(id[0])) return false;
    return std::all_of(id.begin(), id.end(), [&](char c) { return small(c) || c == '-'; });
}

class SpecParser {
public:
    SpecParser(std::string_view id, const Node& node, const Limits& limits,
               std::vector<Fault>& faults)
        : node_(node), limits_(limits), faults_(faults), view_(node, faults) {
        spec_.id = id;
    }

    std::optional<RuleSpec> run() {
        const auto before = faults_.size();
        if (!valid_id(spec_.id))
            view_.fault("", "R0205", "'" + spec_.id + "' is no rule id",
                        "use a-z, 0-9 and '-', at most 63 characters");
        if (!node_.is_table()) {
            view_.fault("", "R0008", "a rule is a table");
            return std::nullopt;
        }
        head();
        inputs();
        steps();
        condition();
        actions();
        spec_.no_data = no_data();
        view_.done();
        spec_.shape = shape();
        for (auto at = before; at < faults_.size(); ++at) recode(faults_[at]);
        const bool good = std::none_of(faults_.begin() + static_cast<std::ptrdiff_t>(before),
                                       faults_.end(), [](const Fault& f) { return !f.warning; });
        if (faults_.size() > limits_.errors_listed) faults_.resize(limits_.errors_listed);
        if (!good) return std::nullopt;
        return std::move(spec_);
    }

private:
    /// The general configuration codes in the words of rules.
    static void recode(Fault& fault) {
        if (fault.code == "E0001") fault.code = "R0204";
        if (fault.code == "E0002") fault.code = "R0308";
        if (fault.code == "E0003") fault.code = "R0309";
        if (fault.code == "E0004" || fault.code.starts_with("E")) fault.code = "R0310";
    }
    void head() {
        spec_.title = view_.text("title", spec_.id);
        const auto mode = view_.text("mode", "on");
        if (mode == "shadow")
            view_.fault("mode", "R0603", "mode shadow is not built into this version",
                        "use on or off");
        else if (mode != "on" && mode != "off")
            view_.fault("mode", "R0310", "mode '" + mode + "' is not on or off");
        spec_.on = mode == "on";
        if (!view_.has("bind")) return;
        ConfigView bind = view_.table("bind");
        spec_.bind = bind.required_text("device");
        bind.done();
    }
    void add_stream(ConfigView& view, std::string_view key, std::string name) {
        if (!valid_name(name))
            view.fault(key, "R0206", "'" + name + "' is no stream name",
                       "letters, digits and '_', beginning with a letter");
        else if (std::find(kTextWords.begin(), kTextWords.end(), name) != kTextWords.end())
            view.fault(key, "R0207", "'" + name + "' is a word of alarm texts");
        else if (std::find(spec_.streams.begin(), spec_.streams.end(), name) != spec_.streams.end())
            view.fault(key, "R0207", "'" + name + "' is used twice");
        spec_.streams.push_back(std::move(name));
    }
    void inputs() {
        ConfigView table = view_.table("inputs");
        const Node::Table* members = table.node().table();
        if (members == nullptr || members->empty()) {
            view_.fault("inputs", "R0309", "a rule needs an input",
                        "inputs.t = { point = \"boiler-1/temp\" }");
            return;
        }
        if (members->size() > limits_.rule_inputs)
            view_.fault("inputs", "R0504",
                        "more than " + std::to_string(limits_.rule_inputs) + " inputs");
        for (const auto& [name, node] : *members) {
            if (spec_.inputs.size() >= limits_.rule_inputs) break;
            add_stream(table, name, name);
            ConfigView one(node, faults_);
            if (!node.is_table()) {
                table.fault(name, "R0308", "input '" + name + "' must be a table",
                            "inputs." + name + " = { point = \"boiler-1/temp\" }");
                spec_.inputs.push_back({});
                continue;
            }
            spec_.inputs.push_back(input(one, name));
        }
    }
    InputSpec input(ConfigView& view, const std::string& name) {
        InputSpec result;
        result.name = name;
        result.point = view.required_text("point");
        if (!result.point.empty()) check_point(view, "point", result.point);
        result.max_age = view.duration("max_age", std::chrono::minutes(5));
        if (result.max_age <= nanoseconds{})
            view.fault("max_age", "R0310", "max_age must be longer than zero");
        const auto accept = view.choice("accept", "uncertain", {"good", "uncertain", "any"});
        result.accept = accept == "good"  ? Accept::good
                        : accept == "any" ? Accept::any
                                          : Accept::uncertain;
        result.trigger = view.flag("trigger", true);
        result.historical =
            view.choice("historical", "ignore", {"ignore", "evaluate"}) == "evaluate";
        result.unit = view.text("unit");
        view.done();
        return result;
    }
    void check_point(ConfigView& view, std::string_view key, const std::string& point) {
        const auto slash = point.find('/');
        const bool two = slash != std::string::npos && slash > 0 && slash + 1 < point.size() &&
                         point.find('/', slash + 1) == std::string::npos;
        if (!two)
            view.fault(key, "R0401", "'" + point + "' is not device/point",
                       "for example boiler-1/temp, or {device}/temp with bind");
        else if (point.find("{device}") != std::string::npos && spec_.bind.empty())
            view.fault(key, "R0402", "{device} needs bind", "bind = { device = \"boiler-*\" }");
        else if (point.find_first_of("*?+#") != std::string::npos)
            view.fault(key, "R0401", "a point is one series, no pattern",
                       "use bind for one instance per device");
    }
    std::optional<std::size_t> stream(ConfigView& view, std::string_view key) {
        if (!view.has(key) && spec_.streams.size() == 1) return 0;
        const auto name = view.required_text(key);
        if (name.empty()) return std::nullopt;
        const auto at = std::find(spec_.streams.begin(), spec_.streams.end(), name);
        if (at != spec_.streams.end()) return static_cast<std::size_t>(at - spec_.streams.begin());
        const std::vector<std::string_view> names(spec_.streams.begin(), spec_.streams.end());
        const auto near = nearest(name, names);
        view.fault(key, "R0201", "nothing is called '" + name + "'",
                   near ? "did you mean " + std::string(*near) + "?" : "");
        return std::nullopt;
    }
    const OperatorInfo* find_operator(ConfigView& view, const std::string& name, bool condition) {
        std::vector<std::string_view> names;
        if (condition) names.emplace_back("expr");
        for (const OperatorInfo* one : all_operators()) {
            if (one->condition != condition) continue;
            if (one->name == name) return one;
            names.push_back(one->name);
        }
        const auto near = nearest(name, names);
        std::string known;
        for (const auto one : names) known += (known.empty() ? "" : ", ") + std::string(one);
        if (!name.empty())
            view.fault(
                "op", "R0208",
                "no " + std::string(condition ? "condition" : "step") + " is called '" + name + "'",
                near ? "did you mean " + std::string(*near) + "?" : "known are " + known);
        return nullptr;
    }
    void steps() {
        auto views = view_.tables("step");
        if (views.size() > limits_.rule_steps)
            view_.fault("step", "R0504",
                        "more than " + std::to_string(limits_.rule_steps) + " steps");
        for (auto& view : views) {
            if (spec_.steps.size() >= limits_.rule_steps) break;
            StepSpec step;
            step.op = find_operator(view, view.required_text("op"), false);
            const auto in = stream(view, "in");
            step.in = in.value_or(0);
            step.params = view.node();
            add_stream(view, "out", view.required_text("out"));
            spec_.steps.push_back(std::move(step));
        }
    }
    void condition() {
        if (!view_.has("condition")) return;
        ConfigView view = view_.table("condition");
        ConditionSpec result;
        const auto op = view.required_text("op");
        result.params = view.node();
        result.only_if_clears = view.flag("only_if_clears", false);
        if (const Node* guard = expression(view, "only_if")) result.only_if = *guard;
        if (op == "expr") {
            if (const Node* when = expression(view, "when"))
                result.when = *when;
            else if (!view.has("when"))
                view.fault("", "R0309", "'when' is missing", "when = \"t > 80[Cel]\"");
            result.hold = view.duration("for", nanoseconds{});
            result.keep = view.duration("keep_for", nanoseconds{});
            (void)view.raw("no_data");
            view.done();
        } else {
            result.op = find_operator(view, op, true);
            result.in = stream(view, "in").value_or(0);
        }
        spec_.condition = std::move(result);
    }
    const Node* expression(ConfigView& view, std::string_view key) {
        const Node* node = view.raw(key);
        if (node == nullptr) return nullptr;
        if (node->is_string()) return node;
        view.fault(key, "R0308", "'" + std::string(key) + "' must be an expression in quotes");
        return nullptr;
    }
    OnNoData no_data() {
        const bool inside = spec_.condition && spec_.condition->params.find("no_data") != nullptr;
        ConfigView condition(inside ? spec_.condition->params : node_, faults_);
        const auto text = (inside ? condition : view_)
                              .choice("no_data", spec_.alarms.empty() ? "hold" : "alarm",
                                      {"alarm", "hold", "clear"});
        if (text == "alarm") return OnNoData::alarm;
        return text == "clear" ? OnNoData::clear : OnNoData::hold;
    }
    void actions() {
        auto views = view_.tables("action");
        if (views.size() > limits_.rule_actions)
            view_.fault("action", "R0504",
                        "more than " + std::to_string(limits_.rule_actions) + " actions");
        if (views.empty())
            view_.fault("", "R0601", "a rule without an action does nothing",
                        "[[action]] type = \"alarm\"");
        for (std::size_t i = 0; i < views.size() && i < limits_.rule_actions; ++i) {
            ConfigView& view = views[i];
            const auto type = view.choice("type", "", {"alarm", "derive", "route", "drop"});
            if (!view.has("type")) view.fault("", "R0309", "'type' is missing", "type = \"alarm\"");
            if (type == "alarm") alarm(view);
            if (type == "derive") derive(view);
            if (type == "route" || type == "drop") route(view, type == "drop");
            if (!type.empty()) view.done();
        }
    }
    void alarm(ConfigView& view) {
        AlarmSpec result;
        if (!spec_.condition)
            view.fault("", "R0602", "an alarm needs a condition", "add a [condition] table");
        result.name = view.text("name");
        for (const auto& other : spec_.alarms)
            if (other.name == result.name)
                view.fault("name", "R0602", "a second alarm needs a name of its own");
        if (!result.name.empty() && !valid_id(result.name))
            view.fault("name", "R0206", "'" + result.name + "' is no name", "use a-z, 0-9 and '-'");
        result.text = view.text("text", "{title}");
        result.area = view.text("area");
        result.policy.latch = view.flag("latch", false);
        result.policy.ack_required = view.flag("ack_required", true);
        severities(view, result);
        check_text(view, result.text);
        spec_.alarms.push_back(std::move(result));
    }
    void severities(ConfigView& view, AlarmSpec& alarm) {
        alarm.severity.fill(Severity::high);
        const auto read = [&](ConfigView& from, std::string_view key, Severity& out) {
            const auto text = from.choice(key, "high", {"low", "medium", "high", "critical"});
            if (!parse_severity(text, out)) out = Severity::high;
        };
        const Node* node = view.raw("severity");
        if (node == nullptr) return;
        if (!node->is_table()) {
            Severity one = Severity::high;
            read(view, "severity", one);
            alarm.severity.fill(one);
            return;
        }
        ConfigView table = view.table("severity");
        for (const Level level : {Level::low_low, Level::low, Level::high, Level::high_high})
            read(table, to_text(level), alarm.severity[static_cast<std::size_t>(level)]);
        table.done();
    }
    void check_text(ConfigView& view, const std::string& text) {
        std::vector<std::string_view> names(spec_.streams.begin(), spec_.streams.end());
        names.insert(names.end(), kTextWords.begin(), kTextWords.end());
        for (const auto& name : placeholders(text)) {
            if (std::find(names.begin(), names.end(), name) != names.end()) continue;
            const auto near = nearest(name, names);
            view.fault("text", "R0604", "the text has no '{" + name + "}' to fill in",
                       near ? "did you mean {" + std::string(*near) + "}?" : "");
        }
    }
    void derive(ConfigView& view) {
        DeriveSpec result;
        result.point = view.required_text("point");
        if (!result.point.empty()) check_point(view, "point", result.point);
        if (const Node* value = expression(view, "value"))
            result.value = *value;
        else if (!view.has("value"))
            view.fault("", "R0309", "'value' is missing", "a stream or an expression");
        result.unit = view.text("unit");
        spec_.derives.push_back(std::move(result));
    }
    void route(ConfigView& view, bool drop) {
        RouteSpec result;
        if (drop) {
            result.drop = view.choice("scope", "uplink", {"uplink", "all"}) == "all" ? Drop::all
                                                                                     : Drop::uplink;
        } else {
            route_target(view, result);
        }
        const auto when =
            view.choice("while", "always", {"always", "active", "inactive", "withheld", "passed"});
        static const std::map<std::string_view, While> kWhile = {{"always", While::always},
                                                                 {"active", While::active},
                                                                 {"inactive", While::inactive},
                                                                 {"withheld", While::withheld},
                                                                 {"passed", While::passed}};
        const auto found = kWhile.find(when);
        if (found != kWhile.end()) result.when = found->second;
        if ((result.when == While::active || result.when == While::inactive) && !spec_.condition)
            view.fault("while", "R0602", "while = \"" + when + "\" needs a condition");
        if ((result.when == While::withheld || result.when == While::passed) && spec_.steps.empty())
            view.fault("while", "R0602", "while = \"" + when + "\" needs a step",
                       "step = [ { op = \"deadband\", ... } ]");
        route_inputs(view, result);
        spec_.routes.push_back(std::move(result));
    }
    void route_target(ConfigView& view, RouteSpec& result) {
        if (view.has("lane")) {
            const auto text = view.choice("lane", "live", {"alarm", "live", "bulk"});
            Lane lane = Lane::live;
            if (parse_lane(text, lane)) result.lane = lane;
        }
        result.sinks = view.texts("sinks");
        if (!view.has("lane") && !view.has("sinks"))
            view.fault("", "R0605", "a route needs a lane or sinks", "lane = \"bulk\"");
    }
    void route_inputs(ConfigView& view, RouteSpec& result) {
        const auto names = view.texts("points");
        if (!view.has("points")) {
            for (std::size_t i = 0; i < spec_.inputs.size(); ++i)
                if (spec_.inputs[i].trigger) result.inputs |= 1U << i;
            return;
        }
        for (const auto& name : names) {
            bool found = false;
            for (std::size_t i = 0; i < spec_.inputs.size(); ++i) {
                if (spec_.inputs[i].name != name) continue;
                result.inputs |= 1U << i;
                found = true;
            }
            if (!found)
                view.fault("points", "R0201", "no input is called '" + name + "'",
                           "points lists names of inputs");
        }
    }
    std::uint64_t shape() const {
        std::uint64_t hash = stable_hash(spec_.bind);
        const auto add = [&](std::string_view text) { hash = stable_hash(text, hash) * 31 + 7; };
        for (const auto& input : spec_.inputs) {
            add(input.name);
            add(input.point);
            add(input.unit);
        }
        for (const auto& step : spec_.steps) {
            add(step.op != nullptr ? step.op->name : "");
            add(std::to_string(step.in));
            for (const char* key : {"window", "time", "samples", "size", "every"})
                if (const Node* node = step.params.find(key); node != nullptr && node->is_string())
                    add(*node->string());
        }
        if (spec_.condition) {
            add(spec_.condition->op != nullptr ? spec_.condition->op->name : "expr");
            add(std::to_string(spec_.condition->in));
        }
        for (const auto& derive : spec_.derives) add(derive.point);
        return hash;
    }

    const Node& node_;
    const Limits& limits_;
    std::vector<Fault>& faults_;
    ConfigView view_;
    RuleSpec spec_;
};

}  // namespace

std::optional<RuleSpec> parse_rule(std::string_view id, const Node& node, const Limits& limits,
                                   std::vector<Fault>& faults) {
    return SpecParser(id, node, limits, faults).run();
}

std::string with_device(std::string_view text, std::string_view device) {
    static constexpr std::string_view kMark = "{device}";
    std::string out(text);
    if (const auto at = out.find(kMark); at != std::string::npos)
        out.replace(at, kMark.size(), device);
    return out;
}

std::vector<std::string> placeholders(std::string_view text) {
    std::vector<std::string> names;
    for (std::size_t at = 0; (at = text.find('{', at)) != std::string_view::npos;) {
        const auto end = text.find('}', at);
        if (end == std::string_view::npos) break;
        names.emplace_back(text.substr(at + 1, end - at - 1));
        at = end + 1;
    }
    return names;
}

std::uint64_t stable_hash(std::string_view text, std::uint64_t seed) {
    for (const char c : text) {
        seed ^= static_cast<unsigned char>(c);
        seed *= 0x100000001B3ULL;
    }
    return seed;
}

}  // namespace fog
