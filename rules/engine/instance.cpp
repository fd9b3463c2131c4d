#include "rules/engine/instance.hpp"

#include <algorithm>
#include <cmath>

#include "firmware/core/reading.hpp"
#include "firmware/core/text.hpp"
#include "rules/engine/expr_condition.hpp"
#include "rules/engine/state_pack.hpp"

namespace fog {

namespace {

bool accepted(const InputSpec& spec, const Sample& sample) {
    if (is_null(sample.value)) return false;
    switch (sample.quality.cls()) {
        case QualityClass::good:
            return true;
        case QualityClass::uncertain:
            if (spec.accept == Accept::any) return true;
            return spec.accept == Accept::uncertain && sample.quality.reason() != Reason::stale &&
                   sample.quality.reason() != Reason::last_known;
        case QualityClass::bad:
            return spec.accept == Accept::any;
    }
    return false;
}

/// The place of byte `at` of an expression: in its file, or in the expression itself.
Mark place(const Node& node, std::string_view text, std::uint32_t at) {
    std::uint32_t line = 1;
    std::uint32_t column = 1;
    for (std::uint32_t i = 0; i < at && i < text.size(); ++i) {
        column = text[i] == '\n' ? 1 : column + 1;
        if (text[i] == '\n') ++line;
    }
    Mark mark = node.mark;
    if (mark.line == 0) return {mark.file, line, column};
    mark.column = line == 1 ? mark.column + column : column;  // the opening quote counts
    mark.line += line - 1;
    return mark;
}

}  // namespace

/// Units for operators: limits written by people in the unit of the stream.
class Instance::Site final : public OperatorSite {
public:
    Site(const Instance& instance, std::size_t stream) : instance_(instance), stream_(stream) {
        emitted = instance.units[stream];
    }
    Result<double> quantity(std::size_t, const Node& text, bool difference) override {
        const Unit& unit = instance_.units[stream_];
        const std::string& name = instance_.spec.streams[stream_];
        Quantity quantity;
        if (const auto number = text.number()) {
            quantity.number = *number;
        } else if (const auto* words = text.string()) {
            auto parsed = parse_quantity(*words);
            if (!parsed) return parsed.error();
            quantity = *parsed;
        } else {
            return Error{Errc::bad_config, "a limit is a number with a unit, in quotes", ""};
        }
        std::string number;
        append_double(number, quantity.number);
        const bool any = unit.kind == Unit::Kind::any;
        if (quantity.unit.none() && !any && !unit.none())
            return Error{Errc::bad_config,
                         "a bare number against a quantity: " + name + " is " + unit_text(unit),
                         "write \"" + number + " " + unit.code + "\""};
        const Unit target = difference ? difference_of(unit) : unit;
        const Unit source = difference ? difference_of(quantity.unit) : quantity.unit;
        const auto by = conversion(source, target);
        if (!by) return misfit(name, unit, quantity.unit, number);
        return quantity.number * by->factor + by->shift;
    }
    std::string_view unit(std::size_t) const override { return instance_.units[stream_].code; }
    void emits(std::string_view unit) override { emitted = parse_unit(unit); }

    Unit emitted;

private:
    static Error misfit(const std::string& name, const Unit& unit, const Unit& given,
                        const std::string& number) {
        std::string hint;
        if (unit.none())
            hint = "the point reports no unit: write " + number + " without one";
        else
            hint = "use the same quantity, for example \"" + number + " " + unit.code + "\"";
        return Error{Errc::bad_config,
                     name + " is " + unit_text(unit) + ", the limit is in " + unit_text(given),
                     hint};
    }
    const Instance& instance_;
    std::size_t stream_;
};

/// Takes what an operator gives back: the next stream, the verdict, a wish to be woken.
class Instance::Output final : public Step {
public:
    Output(Instance& instance, std::uint32_t timer, MonoTime now, InstanceHost& host,
           std::uint32_t source)
        : instance_(instance), timer_(timer), now_(now), host_(host), source_(source) {}

    void emit(const StepSample& sample) override {
        const auto stream = timer_;  // steps come right behind the inputs in both lists
        emitted = true;
        Slot& slot = instance_.slots[stream];
        slot.value = sample.value;
        slot.quality = sample.quality;
        slot.source_time = sample.source_time;
        slot.known = sample.known;
        if (sample.known) {
            slot.time = sample.time;
            slot.seen = true;
        }
        instance_.passed |= source_;
        instance_.run_steps(stream, now_, host_, source_);
    }
    void conclude(const Verdict3& verdict) override { instance_.raw_ = verdict; }
    void wake_at(MonoTime due) override { host_.set_wake(instance_, timer_, due); }
    void no_wake() override { instance_.wakes[timer_].due = Wake::kNever; }
    std::optional<WallTime> wall() const override { return host_.wall(now_); }

    bool emitted = false;

private:
    Instance& instance_;
    std::uint32_t timer_;
    MonoTime now_;
    InstanceHost& host_;
    std::uint32_t source_;
};

Instance::Instance(const RuleSpec& rule, std::string device_id, const PointFinder& points,
                   const Limits& limits, std::vector<Fault>& faults)
    : spec(rule), device(std::move(device_id)) {
    slots.resize(spec.streams.size());
    units.resize(spec.streams.size());
    wakes.resize(spec.inputs.size() + spec.steps.size() + 1);
    source_of_.resize(spec.streams.size());
    build_inputs(points, faults);
    build_steps(faults);
    for (std::size_t i = 0; i < spec.streams.size(); ++i) {
        ScopeName name{spec.streams[i], units[i], {}};
        if (i < spec.inputs.size()) name.origin = with_device(spec.inputs[i].point, device);
        scope_.push_back(std::move(name));
    }
    build_condition(limits, faults);
    build_derives(limits, faults);
}

void Instance::build_inputs(const PointFinder& points, std::vector<Fault>& faults) {
    for (std::size_t i = 0; i < spec.inputs.size(); ++i) {
        const InputSpec& input = spec.inputs[i];
        source_of_[i] = 1U << i;
        Input bound;
        units[i] = input.unit.empty() ? any_unit() : parse_unit(input.unit);
        const PointInfo* info = points.find_point(with_device(input.point, device));
        if (info != nullptr) {
            bound.point = info->id;
            bound.unit = info->unit;
            const Unit own = parse_unit(info->unit);
            const auto by = conversion(own, input.unit.empty() ? own : units[i]);
            if (by) bound.convert = *by;
            if (input.unit.empty()) units[i] = own;
            if (!by)
                faults.push_back({"R0106",
                                  "/inputs/" + input.name + "/unit",
                                  {},
                                  "cannot convert " + info->device + "/" + info->point + " (" +
                                      unit_text(own) + ") to " + input.unit,
                                  "",
                                  false});
        }
        inputs.push_back(std::move(bound));
    }
}

void Instance::build_steps(std::vector<Fault>& faults) {
    for (std::size_t i = 0; i < spec.steps.size(); ++i) {
        const StepSpec& step = spec.steps[i];
        Site site(*this, step.in);
        ConfigView view(step.params, faults);
        for (const char* key : {"op", "in", "out"}) (void)view.raw(key);
        steps_.push_back(step.op->make(view, site));
        view.done();
        units[spec.inputs.size() + i] = site.emitted;
        source_of_[spec.inputs.size() + i] = source_of_[step.in];
    }
}

void Instance::build_condition(const Limits& limits, std::vector<Fault>& faults) {
    if (!spec.condition) return;
    const ConditionSpec& condition = *spec.condition;
    if (condition.op != nullptr) {
        Site site(*this, condition.in);
        ConfigView view(condition.params, faults);
        for (const char* key : {"op", "in", "only_if", "only_if_clears", "no_data"})
            (void)view.raw(key);
        condition_ = condition.op->make(view, site);
        view.done();
    } else {
        when_ = compile(condition.when, true, limits, faults);
        condition_ = make_expr_condition(condition.hold, condition.keep);
    }
    if (condition.only_if) guard_ = compile(*condition.only_if, true, limits, faults);
}

void Instance::build_derives(const Limits& limits, std::vector<Fault>& faults) {
    for (const DeriveSpec& derive : spec.derives) {
        auto program = compile(derive.value, false, limits, faults);
        if (!program) continue;
        std::optional<Affine> by = Affine{};
        if (!derive.unit.empty() && !program->unit().none())
            by = conversion(program->unit(), parse_unit(derive.unit));
        if (!by)
            faults.push_back(
                {"R0106", derive.value.pointer, derive.value.mark,
                 "the value is " + unit_text(program->unit()) + ", the point is " + derive.unit,
                 "convert(x, \"" + derive.unit + "\")", false});
        to_unit_.push_back(by.value_or(Affine{}));
        derives_.push_back(std::move(*program));
        derived_known_.push_back(false);
    }
}

std::optional<Program> Instance::compile(const Node& node, bool truth, const Limits& limits,
                                         std::vector<Fault>& faults) {
    const std::string* text = node.string();
    if (text == nullptr) return std::nullopt;
    std::vector<ExprFault> found;
    auto program = compile_expression(*text, scope_, limits, found);
    if (program && truth && program->type() != Type::truth && program->type() != Type::any)
        found.push_back(
            {"R0101", 0, static_cast<std::uint32_t>(text->size()),
             "this is " + std::string(to_text(program->type())) + ", a condition is true or false",
             "compare it: x > 5"});
    for (const ExprFault& one : found)
        faults.push_back(
            {one.code, node.pointer, place(node, *text, one.at), one.detail, one.hint, false});
    if (!found.empty()) return std::nullopt;
    return program;
}

bool Instance::waiting() const {
    return std::any_of(inputs.begin(), inputs.end(),
                       [](const Input& input) { return input.point.value == 0; });
}

std::size_t Instance::stream_of_condition() const {
    if (!spec.condition) return 0;
    if (spec.condition->op != nullptr) return spec.condition->in;
    const std::uint64_t reads = when_ ? when_->reads() : 0;
    return reads == 0 ? 0 : static_cast<std::size_t>(std::countr_zero(reads));
}

bool Instance::feed(std::size_t index, const Sample& sample, MonoTime now, InstanceHost& host) {
    const InputSpec& input = spec.inputs[index];
    Slot& slot = slots[index];
    slot.quality = sample.quality;
    if (accepted(input, sample)) {
        slot.value = sample.value;
        const Affine& by = inputs[index].convert;
        double number = 0;
        if (!by.identity() && as_number(slot.value, number))
            slot.value = number * by.factor + by.shift;
        slot.time = now;
        slot.source_time = sample.source_time;
        slot.seen = slot.known = true;
        inputs[index].expired = false;
        host.set_wake(*this, static_cast<std::uint32_t>(index), now + input.max_age);
    } else {
        slot.known = false;
        if (is_null(sample.value) && sample.quality.is_good())
            slot.quality = Quality::bad(Reason::no_data);
    }
    run_steps(index, now, host, 1U << index);
    return input.trigger;
}

void Instance::run_steps(std::size_t stream, MonoTime now, InstanceHost& host,
                         std::uint32_t source) {
    changed |= std::uint64_t{1} << stream;
    for (std::size_t i = 0; i < steps_.size(); ++i)
        if (spec.steps[i].in == stream)
            feed_operator(*steps_[i], static_cast<std::uint32_t>(spec.inputs.size() + i), stream,
                          now, host, source);
}

void Instance::feed_operator(Operator& op, std::uint32_t timer, std::size_t stream, MonoTime now,
                             InstanceHost& host, std::uint32_t source) {
    const Slot& slot = slots[stream];
    StepSample sample = std::move(sample_);
    sample.value = slot.value;
    sample.quality = slot.quality;
    sample.time = now;
    sample.source_time = slot.source_time;
    sample.known = slot.known;
    sample.flags = 0;
    Output out(*this, timer, now, host, source);
    op.on_sample(0, sample, out);
    sample_ = std::move(sample);
    if (!out.emitted && timer < condition_slot()) ++withheld;
}

bool Instance::fire(std::uint32_t slot, MonoTime due, InstanceHost& host) {
    if (slot < spec.inputs.size()) {
        slots[slot].known = false;
        slots[slot].quality = Quality::uncertain(Reason::stale);
        inputs[slot].expired = true;
        run_steps(slot, due, host, 0);
        return true;
    }
    Output out(*this, slot, due, host, 0);
    Operator& op = slot == condition_slot() ? *condition_ : *steps_[slot - spec.inputs.size()];
    op.on_timer(due, out);
    return true;
}

void Instance::judge(MonoTime now, InstanceHost& host) {
    if (!spec.condition) {
        changed = 0;
        return;
    }
    const ConditionSpec& condition = *spec.condition;
    if (condition.op != nullptr) {
        if ((changed >> condition.in & 1U) != 0)
            feed_operator(*condition_, condition_slot(), condition.in, now, host, 0);
    } else if (when_) {
        const Val value = when_->run(slots, {now, host.wall(now)});
        StepSample sample;
        sample.known = value.truth() != Truth::unknown;
        sample.value = value.truth() == Truth::yes;
        sample.quality = value.known ? Quality::good() : value.why;
        sample.time = now;
        Output out(*this, condition_slot(), now, host, 0);
        condition_->on_sample(0, sample, out);
    }
    changed = 0;
    guard_verdict(now, host);
}

void Instance::guard_verdict(MonoTime now, InstanceHost& host) {
    const Verdict3 before = effective;
    const bool was = before.level != Level::none;
    Verdict3 next = raw_;
    if (next.truth == Truth::yes && next.level == Level::none) next.level = Level::on;
    if (next.truth == Truth::no) next.level = Level::none;
    if (next.truth == Truth::unknown && !was) next.level = Level::none;
    if (guard_) {
        const Truth guard = guard_->run(slots, {now, host.wall(now)}).truth();
        if (guard == Truth::no && spec.condition->only_if_clears && next.truth == Truth::yes) {
            next.truth = Truth::no;
            next.level = Level::none;
        } else if (guard != Truth::yes && next.truth == Truth::yes &&
                   rank_of(next.level) > rank_of(before.level)) {
            next = before;  // cannot become true, nor worse
            next.truth = was ? Truth::yes : guard == Truth::no ? Truth::no : Truth::unknown;
        }
    }
    effective = next;
    double x = 0;
    const Slot& slot = slots[stream_of_condition()];
    if (next.level == Level::none || !slot.known || !as_number(slot.value, x)) return;
    const bool low = next.level == Level::low || next.level == Level::low_low;
    if (!was)
        peak = x;
    else
        peak = low ? std::min(peak, x) : std::max(peak, x);
}

void Instance::forget_time(MonoTime now, InstanceHost& host) {
    for (Wake& wake : wakes) wake.due = Wake::kNever;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (!slots[i].seen) continue;
        slots[i].known = false;
        slots[i].quality = Quality::uncertain(Reason::stale);
        slots[i].time = now;
        inputs[i].expired = true;
        run_steps(i, now, host, 0);
    }
}

std::optional<Val> Instance::derived(std::size_t index, MonoTime now, InstanceHost& host) {
    if (index >= derives_.size()) return std::nullopt;
    Program& program = derives_[index];
    if ((program.reads() & changed) == 0) return std::nullopt;
    const Val value = program.run(slots, {now, host.wall(now)});
    const bool was = derived_known_[index];
    derived_known_[index] = value.known;
    if (!value.known && !was) return std::nullopt;
    return value;
}

void Instance::describe_derived(std::size_t index, const Val& value, Value& out, Quality& quality,
                                WallTime& source_time) const {
    const Program& program = derives_[index];
    quality = value.known ? Quality::good() : value.why;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        if ((program.reads() >> i & 1U) == 0) continue;
        if (value.known && slots[i].known) quality = worse(quality, slots[i].quality);
        source_time = std::max(source_time, slots[i].source_time);
    }
    out = {};
    if (!value.known) return;
    switch (value.kind) {
        case Val::Kind::number:
            out = to_unit_[index].factor * value.number + to_unit_[index].shift;
            return;
        case Val::Kind::integer:
            out = value.integer;
            if (!to_unit_[index].identity())
                out = to_unit_[index].factor * static_cast<double>(value.integer) +
                      to_unit_[index].shift;
            return;
        case Val::Kind::truth:
            out = value.integer != 0;
            return;
        case Val::Kind::text:
            out = std::string(value.text);
            return;
        case Val::Kind::time:
            out = value.integer;
            return;
    }
}

void Instance::save(Packer& state) const {
    for (std::size_t i = 0; i < slots.size(); ++i) save_slot(state, slots[i]);
    for (const Input& input : inputs) state.u8(input.expired ? 1 : 0);
    for (const Wake& wake : wakes) state.zigzag(wake.due.time_since_epoch().count());
    save_verdict(state, raw_);
    save_verdict(state, effective);
    state.fixed(peak);
    for (const bool known : derived_known_) state.u8(known ? 1 : 0);
    for (const auto& step : steps_) step->save(state);
    if (condition_) condition_->save(state);
}

bool Instance::load(Unpacker& state, InstanceHost& host) {
    for (Slot& slot : slots) load_slot(state, slot);
    for (Input& input : inputs) input.expired = state.u8() != 0;
    std::vector<MonoTime> dues;
    for (std::size_t i = 0; i < wakes.size(); ++i)
        dues.emplace_back(std::chrono::nanoseconds{state.zigzag()});
    load_verdict(state, raw_);
    load_verdict(state, effective);
    peak = state.fixed<double>();
    for (std::size_t i = 0; i < derived_known_.size(); ++i) derived_known_[i] = state.u8() != 0;
    if (!state.ok()) return false;
    for (const auto& step : steps_)
        if (!step->load(state)) return false;
    if (condition_ && !condition_->load(state)) return false;
    if (!state.ok() || !state.empty()) return false;
    for (std::uint32_t i = 0; i < dues.size(); ++i)
        if (dues[i] != Wake::kNever) host.set_wake(*this, i, dues[i]);
    return true;
}

void Instance::inherit(const Instance& old, bool same_shape, MonoTime now, InstanceHost& host) {
    if (same_shape) {
        Bytes bytes;
        Packer packer(bytes);
        old.save(packer);
        Unpacker unpacker(bytes);
        if (load(unpacker, host)) {
            for (std::size_t i = 0; i < inputs.size(); ++i)
                if (old.inputs[i].unit != inputs[i].unit) slots[i].known = false;
            return;
        }
    }
    for (std::size_t i = 0; i < inputs.size(); ++i)
        for (std::size_t k = 0; k < old.inputs.size(); ++k) {
            const bool same = inputs[i].point == old.inputs[k].point &&
                              inputs[i].convert.factor == old.inputs[k].convert.factor &&
                              inputs[i].convert.shift == old.inputs[k].convert.shift;
            if (!same || inputs[i].point.value == 0) continue;
            slots[i] = old.slots[k];
            inputs[i].expired = old.inputs[k].expired;
            if (slots[i].known)
                host.set_wake(*this, static_cast<std::uint32_t>(i),
                              slots[i].time + spec.inputs[i].max_age);
            if (slots[i].seen) run_steps(i, now, host, 0);
            break;
        }
}

}  // namespace fog
