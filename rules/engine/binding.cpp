#include <algorithm>
#include <functional>

#include "firmware/core/text.hpp"
#include "rules/engine/engine_impl.hpp"

namespace fog {

namespace {

bool serious(const std::vector<Fault>& faults) {
    return std::any_of(faults.begin(), faults.end(), [](const Fault& f) { return !f.warning; });
}

void append_new(std::vector<Fault>& all, std::vector<Fault> more, std::size_t most) {
    for (Fault& fault : more) {
        const bool known = std::any_of(all.begin(), all.end(), [&](const Fault& other) {
            return other.code == fault.code && other.pointer == fault.pointer &&
                   other.mark.line == fault.mark.line && other.mark.column == fault.mark.column;
        });
        if (!known && all.size() < most) all.push_back(std::move(fault));
    }
}

/// The general configuration codes of operators' parameters in the words of rules.
void recode(std::vector<Fault>& faults) {
    for (Fault& fault : faults) {
        if (fault.code == "E0001") fault.code = "R0204";
        if (fault.code == "E0002") fault.code = "R0308";
        if (fault.code == "E0003") fault.code = "R0309";
        if (fault.code.starts_with("E")) fault.code = "R0310";
    }
}

/// Points nobody has seen: everything that can be checked without units.
class NoPoints final : public PointFinder {
public:
    const PointInfo* find_point(std::string_view) const override { return nullptr; }
};

Fault warning(std::string code, const Node& node, std::string detail, std::string hint) {
    return {std::move(code), node.pointer, node.mark, std::move(detail), std::move(hint), true};
}

}  // namespace

// --- points

void RuleEngine::Impl::learn_points() {
    for (std::uint32_t id = 1; id <= points_.highest(); ++id)
        if (const PointInfo* info = points_.find(PointId{id})) learn_point(*info);
}

void RuleEngine::Impl::learn_point(const PointInfo& info) {
    names_[info.device + "/" + info.point] = info.id;
    devices_.insert(info.device);
}

const PointInfo* RuleEngine::Impl::find_point(std::string_view name) const {
    const auto found = names_.find(std::string(name));
    return found == names_.end() ? nullptr : points_.find(found->second);
}

RuleEngine::Impl::PointState& RuleEngine::Impl::point_state(PointId id) {
    if (states_.size() <= id.value) states_.resize(id.value + 1);
    return states_[id.value];
}

bool RuleEngine::Impl::has_any_input(const RuleSpec& spec, const std::string& device) const {
    return std::any_of(spec.inputs.begin(), spec.inputs.end(), [&](const InputSpec& input) {
        return input.point.find("{device}") != std::string::npos &&
               find_point(with_device(input.point, device)) != nullptr;
    });
}

std::vector<std::string> RuleEngine::Impl::bound_devices(const RuleSpec& spec) const {
    if (spec.bind.empty()) return {"gateway"};
    std::vector<std::string> result;
    for (const std::string& device : devices_)
        if (glob_matches(spec.bind, device) && has_any_input(spec, device))
            result.push_back(device);
    return result;
}

// --- checking

std::unique_ptr<Instance> RuleEngine::Impl::build(const Rule& rule, const std::string& device,
                                                  std::vector<Fault>& faults) const {
    auto instance = std::make_unique<Instance>(*rule.spec, device, *this, limits_, faults);
    recode(faults);
    return instance;
}

std::vector<Fault> RuleEngine::Impl::check(std::string_view id, const Node& node) const {
    std::vector<Fault> faults;
    const auto spec = parse_rule(id, node, limits_, faults);
    if (!spec) return faults;
    const auto devices = bound_devices(*spec);
    std::vector<Fault> more;
    (void)Instance(*spec, "{device}", NoPoints(), limits_, more);
    recode(more);
    append_new(faults, std::move(more), limits_.errors_listed);
    for (const std::string& device : devices) {
        if (serious(faults)) break;
        std::vector<Fault> here;
        (void)Instance(*spec, device, *this, limits_, here);
        recode(here);
        append_new(faults, std::move(here), limits_.errors_listed);
    }
    if (serious(faults)) return faults;
    check_cycles(*spec, faults);
    const auto known = rules_.find(id);
    if (known == rules_.end() && rules_.size() >= limits_.rules)
        faults.push_back({"R0505", node.pointer, node.mark,
                          "there are " + std::to_string(limits_.rules) + " rules already", "",
                          false});
    const std::size_t own = known == rules_.end() ? 0 : known->second.instances.size();
    if (instances_ - own + devices.size() > limits_.rule_instances)
        faults.push_back({"R0506", node.pointer, node.mark,
                          "the rule would make " + std::to_string(devices.size()) +
                              " instances, more than are left",
                          "bind it to fewer devices", false});
    if (devices.empty())
        faults.push_back(
            warning("W0401", node, "matches no device yet", "it begins to work when one appears"));
    const Node* condition = node.find("condition");
    if (!spec->alarms.empty() && condition != nullptr && condition->find("hysteresis") == nullptr &&
        spec->condition->op != nullptr && spec->condition->op->name == "threshold")
        faults.push_back(warning("W0301", *condition, "an alarm without hysteresis may flutter",
                                 "for example hysteresis = \"1 K\""));
    return faults;
}

/// What a rule derives must not come back to it through any chain of rules.
void RuleEngine::Impl::check_cycles(const RuleSpec& spec, std::vector<Fault>& faults) const {
    const auto tail = [](const std::string& point) { return point.substr(point.find('/')); };
    const auto same = [&](const std::string& a, const std::string& b) {
        if (a == b) return true;
        const bool open = a.starts_with("{device}") || b.starts_with("{device}");
        return open && tail(a) == tail(b);
    };
    const auto feeds = [&](const RuleSpec& from, const RuleSpec& to) {
        for (const auto& derive : from.derives)
            for (const auto& input : to.inputs)
                if (same(derive.point, input.point)) return true;
        return false;
    };
    std::vector<const RuleSpec*> all = {&spec};
    for (const auto& [id, rule] : rules_)
        if (rule.spec && id != spec.id) all.push_back(rule.spec.get());
    std::set<const RuleSpec*> seen;
    const std::function<bool(const RuleSpec&, std::string)> walk = [&](const RuleSpec& at,
                                                                       std::string path) {
        for (const RuleSpec* next : all) {
            if (at.derives.empty() || !feeds(at, *next)) continue;
            if (next == &spec) {
                faults.push_back({"R0403",
                                  "/action",
                                  {},
                                  "the derived value comes back: " + path + " -> " + spec.id,
                                  "break the circle",
                                  false});
                return true;
            }
            if (seen.insert(next).second && walk(*next, path + " -> " + next->id)) return true;
        }
        return false;
    };
    (void)walk(spec, spec.id);
}

// --- rules

std::vector<Fault> RuleEngine::Impl::load(std::string_view id, const Node& node,
                                          std::uint64_t version, std::string_view who,
                                          RuleMoment at, Effects& out) {
    come_to(at, out);
    auto faults = check(id, node);
    const bool refused = serious(faults);
    const auto known = rules_.find(id);
    if (refused && known == rules_.end() && rules_.size() >= limits_.rules) return faults;
    Rule& rule = known == rules_.end() ? rules_[std::string(id)] : known->second;
    rule.info.id = id;
    rule.info.faults = faults;
    if (refused) {
        if (rule.info.title.empty()) rule.info.title = id;
        return faults;
    }
    std::vector<Fault> ignored;
    auto spec = std::make_unique<RuleSpec>(*parse_rule(id, node, limits_, ignored));
    const bool same_shape = rule.spec && rule.spec->shape == spec->shape;
    auto old_spec = std::exchange(rule.spec, std::move(spec));
    auto old = std::exchange(rule.instances, {});
    for (auto& [device, instance] : old) detach(*instance, out);
    rule.info.title = rule.spec->title;
    rule.info.mode = rule.spec->on ? "on" : "off";
    rule.info.active = rule.spec->on;
    rule.info.version = version;
    rule.info.who = who;
    disown_alarms(rule);
    if (rule.spec->on)
        for (const std::string& device : bound_devices(*rule.spec)) {
            const auto before = old.find(device);
            bind_instance(rule, device, same_shape,
                          before == old.end() ? nullptr : std::move(before->second), at, out);
        }
    settle_silence(out);
    book_.close_orphans(cause(), out);
    dirty = true;
    return faults;
}

bool RuleEngine::Impl::remove(std::string_view id, RuleMoment at, Effects& out) {
    const auto found = rules_.find(id);
    if (found == rules_.end()) return false;
    come_to(at, out);
    for (auto& [device, instance] : found->second.instances) detach(*instance, out);
    disown_alarms(found->second);
    rules_.erase(found);
    settle_silence(out);
    book_.close_orphans(cause(), out);
    ranks_stale_ = true;
    dirty = true;
    return true;
}

void RuleEngine::Impl::bind_instance(Rule& rule, const std::string& device, bool same_shape,
                                     std::unique_ptr<Instance> old, RuleMoment at, Effects& out) {
    (void)at;
    if (instances_ >= limits_.rule_instances) return faults_.add();
    std::vector<Fault> faults;
    auto instance = build(rule, device, faults);
    own_alarms(rule, *instance);
    Instance& made = *instance;
    rule.instances[device] = std::move(instance);
    ++instances_;
    ranks_stale_ = true;
    if (serious(faults)) {
        made.fault = to_text(faults.front());
        faults_.add();
        AlarmBook::rule_event(rule.info.id, device, "fault", made.fault, cause(), out);
        return;
    }
    attach(rule, made);
    if (old != nullptr && old->fault.empty()) {
        rerank();
        made.inherit(*old, same_shape, now_, *this);
        mark(made, rule);
        settle(out);
        act(made, rule, made.effective, out);
    }
}

void RuleEngine::Impl::attach(Rule& rule, Instance& instance) {
    for (std::uint32_t i = 0; i < instance.inputs.size(); ++i)
        if (instance.inputs[i].point.value != 0)
            point_state(instance.inputs[i].point).readers.push_back({&instance, &rule, i});
}

/// Takes an instance out of every list; the caller destroys it.
void RuleEngine::Impl::detach(Instance& instance, Effects& out) {
    (void)out;
    for (const auto& input : instance.inputs) {
        if (input.point.value == 0 || input.point.value >= states_.size()) continue;
        std::erase_if(states_[input.point.value].readers,
                      [&](const Reader& reader) { return reader.instance == &instance; });
    }
    timers_.forget([&](const Timers::Entry& entry) { return entry.owner == &instance; },
                   [](const Instance& one) { return one.rank; });
    --instances_;
}

void RuleEngine::Impl::own_alarms(Rule& rule, Instance& instance) {
    for (const AlarmSpec& spec : rule.spec->alarms) {
        const std::string id =
            instance.device + "/" + rule.info.id + (spec.name.empty() ? "" : "." + spec.name);
        AlarmRecord& record = book_.record(id);
        record.owned = true;
        record.machine.set_policy(spec.policy);
        AlarmInfo& info = record.info;
        info.alarm = id;
        info.device = instance.device;
        info.rule = rule.info.id;
        info.version = rule.info.version;
        info.area = spec.area;
        const std::size_t stream = instance.stream_of_condition();
        const auto& inputs = rule.spec->inputs;
        std::string point = with_device(
            inputs[stream < inputs.size() ? stream : instance.first_input_of(stream)].point,
            instance.device);
        if (point.starts_with(instance.device + "/")) point.erase(0, instance.device.size() + 1);
        info.point = std::move(point);
    }
}

void RuleEngine::Impl::disown_alarms(const Rule& rule) {
    for (auto& [id, record] : book_.all())
        if (record.info.rule == rule.info.id) record.owned = false;
}

void RuleEngine::Impl::point_appeared(PointId point, RuleMoment at, Effects& out) {
    const PointInfo* info = points_.find(point);
    if (info == nullptr) return;
    learn_point(*info);
    come_to(at, out);
    const std::string name = info->device + "/" + info->point;
    for (auto& [id, rule] : rules_) {
        if (!rule.spec || !rule.spec->on) continue;
        const bool bound = !rule.spec->bind.empty();
        if (bound && !glob_matches(rule.spec->bind, info->device)) continue;
        const std::string device = bound ? info->device : "gateway";
        const bool reads = std::any_of(
            rule.spec->inputs.begin(), rule.spec->inputs.end(),
            [&](const InputSpec& input) { return with_device(input.point, device) == name; });
        if (!reads) continue;
        std::unique_ptr<Instance> old;
        if (const auto found = rule.instances.find(device); found != rule.instances.end()) {
            old = std::move(found->second);
            detach(*old, out);
            rule.instances.erase(found);
        }
        bind_instance(rule, device, true, std::move(old), at, out);
        dirty = true;
    }
    settle_silence(out);
}

}  // namespace fog
