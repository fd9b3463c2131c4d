#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "firmware/core/clock.hpp"
#include "firmware/core/node.hpp"
#include "firmware/core/pack.hpp"
#include "firmware/core/value.hpp"

namespace fog {

/// Three-valued truth (Kleene); unknown starts nothing and clears nothing.
enum class Truth : std::uint8_t { no, yes, unknown };

/// Alarm levels of a condition, least severe first; `none` = false.
enum class Level : std::uint8_t { none, low, low_low, high, high_high, on };

/// What flows between the steps of a rule: a value at rule time.
struct StepSample {
    Value value;
    Quality quality;
    MonoTime time;         // rule time: ingest time of the record, or due time of a timer
    WallTime source_time;  // epoch = unknown
    bool known = true;     // false: unknown, `quality` carries the reason
    std::uint16_t flags = 0;
};

/// A condition's state. `since` is the rule time at which it began to hold.
struct Verdict3 {
    Truth truth = Truth::unknown;
    Level level = Level::none;
    double limit = 0;  // the limit that decided
    MonoTime since;
};

/// Where an operator's output goes. Lent for one call.
class Step {
public:
    virtual ~Step() = default;
    /// Hands a sample on; nothing emitted stops the chain here (withheld).
    virtual void emit(const StepSample& sample) = 0;
    /// Conditions: the result as of now.
    virtual void conclude(const Verdict3& verdict) = 0;
    /// Asks for on_timer at this rule time; replaces the one asked for before.
    virtual void wake_at(MonoTime due) = 0;
    virtual void no_wake() = 0;
    /// Wall time of this rule time; nothing while the clock is not trusted (schedules, aligned
    /// windows). Durations never use it.
    virtual std::optional<WallTime> wall() const = 0;
};

using StateWriter = Packer;
using StateReader = Unpacker;

/// One step or condition of a rule. One instance per (rule, binding), so state is plain members.
/// Thread: fog-pipe (live) or the previewing job. Pure: no clock, no I/O, no allocation per sample.
class Operator {
public:
    virtual ~Operator() = default;
    virtual void on_sample(std::size_t input, const StepSample& sample, Step& out) = 0;
    virtual void on_timer(MonoTime due, Step& out) = 0;  // after the samples of the same time
    virtual void save(StateWriter& state) const = 0;
    virtual Result<void> load(StateReader& state) = 0;  // failed: this instance starts empty
};

/// Unit of the stream an operator reads, and how a limit written by a person becomes a number in
/// it.
class OperatorSite {
public:
    virtual ~OperatorSite() = default;
    /// `"-15 Cel"` in the unit of input `input`; bare numbers are refused where it has a unit.
    virtual Result<double> quantity(std::size_t input, const Node& text, bool difference) = 0;
    virtual std::string_view unit(std::size_t input) const = 0;
    /// Unit of what emit() hands on, for operators that change it (a rate, an integral); the
    /// unit of input 0 when never called.
    virtual void emits(std::string_view unit) = 0;
};

struct OperatorInfo {
    std::string_view name;  // the word used in rules
    std::string_view summary;
    std::string_view schema;      // the web UI draws the editor from this
    std::size_t state_bytes = 0;  // never more than this per instance
    bool condition = false;       // concludes instead of emitting
    std::unique_ptr<Operator> (*make)(ConfigView& params, OperatorSite& site) = nullptr;
};

/// Every operator built in, by name. The table is generated from the folders.
std::span<const OperatorInfo* const> all_operators();

}  // namespace fog
