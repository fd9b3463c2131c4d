#pragma once

#include <bit>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/point_directory.hpp"
#include "rules/engine/rule_spec.hpp"
#include "rules/engine/timers.hpp"
#include "rules/language/program.hpp"

namespace fog {

/// How an instance finds its points.
class PointFinder {
public:
    virtual ~PointFinder() = default;
    /// Null while nobody saw it. `name` is "device/point".
    virtual const PointInfo* find_point(std::string_view name) const = 0;
};

/// What an instance asks of the engine while it runs. Lent for one call.
class InstanceHost {
public:
    virtual ~InstanceHost() = default;
    virtual void set_wake(Instance& instance, std::uint32_t slot, MonoTime due) = 0;
    virtual std::optional<WallTime> wall(MonoTime now) const = 0;
};

/// One rule bound to one device: streams, operators, programs and the verdict. It knows nothing of
/// alarms, events or the log. Thread: its engine's. Pure apart from `host`.
class Instance {
public:
    struct Input {
        PointId point;
        std::string unit;  // of the point
        Affine convert;
        bool expired = false;  // no accepted sample for max_age
    };

    /// Compiles; with faults the instance is of no use. `spec` outlives it.
    Instance(const RuleSpec& spec, std::string device, const PointFinder& points,
             const Limits& limits, std::vector<Fault>& faults);

    /// A sample for input `input`; true if the rule must be judged.
    bool feed(std::size_t input, const Sample& sample, MonoTime now, InstanceHost& host);
    /// A timer; true if the rule must be judged.
    bool fire(std::uint32_t slot, MonoTime due, InstanceHost& host);
    /// Judges condition and guard; the verdict that counts is in `effective`.
    void judge(MonoTime now, InstanceHost& host);
    /// Every input becomes unknown and every timer ends (another boot).
    void forget_time(MonoTime now, InstanceHost& host);
    /// Evaluates derive `index`; nothing when there is nothing new to say.
    std::optional<Val> derived(std::size_t index, MonoTime now, InstanceHost& host);

    /// Value, quality (the worst of what was read) and source time (the latest) of derive `index`.
    void describe_derived(std::size_t index, const Val& value, Value& out, Quality& quality,
                          WallTime& source_time) const;

    void save(Packer& state) const;
    /// False: damaged; the instance must be built anew.
    bool load(Unpacker& state, InstanceHost& host);
    /// Takes over what a former version knew; `same_shape`: with the operators' state.
    void inherit(const Instance& old, bool same_shape, MonoTime now, InstanceHost& host);

    bool waiting() const;
    std::size_t stream_of_condition() const;
    /// The input a stream comes from.
    std::size_t first_input_of(std::size_t stream) const {
        return static_cast<std::size_t>(std::countr_zero(source_of_[stream]));
    }
    std::uint32_t steps() const { return static_cast<std::uint32_t>(spec.steps.size()); }
    /// Timer slots: inputs first, then steps, then the condition.
    std::uint32_t condition_slot() const {
        return static_cast<std::uint32_t>(spec.inputs.size() + spec.steps.size());
    }

    const RuleSpec& spec;
    const std::string device;  // "gateway" when unbound
    std::vector<Input> inputs;
    std::vector<Slot> slots;    // streams
    std::vector<Unit> units;    // of streams
    std::vector<Wake> wakes;    // by timer slot
    Verdict3 effective;         // after the guard
    double peak = 0;            // of the condition's stream while active
    std::uint32_t passed = 0;   // bit per input: a step emitted something of it in this batch
    std::uint64_t changed = 0;  // bit per stream, since the last judge()
    std::uint64_t withheld = 0;
    std::uint32_t rank = 0;  // order among all instances; kept by the engine
    bool dirty = false;      // to be judged; kept by the engine
    std::string fault;       // not empty: does not run

private:
    class Site;
    class Output;
    friend class Output;

    void build_inputs(const PointFinder& points, std::vector<Fault>& faults);
    void build_steps(std::vector<Fault>& faults);
    void build_condition(const Limits& limits, std::vector<Fault>& faults);
    void build_derives(const Limits& limits, std::vector<Fault>& faults);
    std::optional<Program> compile(const Node& text, bool truth, const Limits& limits,
                                   std::vector<Fault>& faults);
    void run_steps(std::size_t stream, MonoTime now, InstanceHost& host, std::uint32_t source);
    void feed_operator(Operator& op, std::uint32_t timer, std::size_t stream, MonoTime now,
                       InstanceHost& host, std::uint32_t source);
    void guard_verdict(MonoTime now, InstanceHost& host);

    std::vector<std::unique_ptr<Operator>> steps_;
    std::unique_ptr<Operator> condition_;
    std::optional<Program> when_;
    std::optional<Program> guard_;
    std::vector<Program> derives_;
    std::vector<Affine> to_unit_;  // of derives
    std::vector<bool> derived_known_;
    std::vector<ScopeName> scope_;
    std::vector<std::uint32_t> source_of_;  // bit per input a stream comes from
    Verdict3 raw_;
    StepSample sample_;  // reused, so that texts keep their memory
};

}  // namespace fog
