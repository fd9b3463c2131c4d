#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/value.hpp"
#include "rules/language/syntax.hpp"
#include "rules/language/units.hpp"

namespace fog {

/// The latest of one named stream (an input or what a step emitted), as expressions read it.
struct Slot {
    Value value;
    Quality quality = Quality::bad(Reason::no_data);  // of the latest sample, or why unknown
    MonoTime time;                                    // rule time of the latest accepted sample
    WallTime source_time;                             // epoch = unknown
    bool seen = false;                                // there was an accepted sample
    bool known = false;                               // accepted and not older than max_age
};

enum class Type : std::uint8_t { any, number, text, truth, time };
std::string_view to_text(Type type);

/// What expressions may name: stream i is slot i.
struct ScopeName {
    std::string name;
    Unit unit;           // any_unit() while the point was never seen
    std::string origin;  // "freezer-1/temp", for messages; may be empty
};
using Scope = std::span<const ScopeName>;

/// When an evaluation happens.
struct EvalTime {
    MonoTime now;
    std::optional<WallTime> wall;  // only when the clock is trusted
};

/// A value during evaluation. Text is borrowed from slots or the program.
struct Val {
    enum class Kind : std::uint8_t { number, integer, truth, text, time };
    Kind kind = Kind::number;
    bool known = false;
    Quality why;  // of an unknown
    double number = 0;
    std::int64_t integer = 0;  // also truth (0/1) and time (ns)
    std::string_view text;

    static Val of(double value);  // NaN and infinities are unknown (math)
    static Val of_integer(std::int64_t value);
    static Val of_truth(bool value);
    static Val of_text(std::string_view value);
    static Val of_time(std::int64_t ns);
    static Val unknown(Quality why);

    Truth truth() const;
    /// The number it stands for; false for text, times and unknowns.
    bool as_number(double& out) const;
};

/// One step of the stack machine.
struct Instr {
    enum class Code : std::uint8_t {
        constant,
        load,
        affine,
        negate,
        logic_not,
        add,
        sub,
        mul,
        div,
        power,
        less,
        less_equal,
        greater,
        greater_equal,
        equal,
        not_equal,
        between,
        in,
        is,
        logic_and,
        logic_or,
        choose,
        call
    };
    Code code = Code::constant;
    std::uint8_t what = 0;    // function, or the word of `is`; 1 in the top bit: negated
    std::uint16_t count = 0;  // arguments of call and in
    std::uint32_t index = 0;  // slot, constant or scratch
    double a = 0, b = 0;      // affine; a: exponent
};

/// A compiled expression. Total, pure and bounded: cost() steps, no allocation in run().
/// Thread: its owner's (the evaluation stack is inside).
class Program {
public:
    Program() = default;
    Program(Program&&) = default;  // never copied: constants point into texts_
    Program& operator=(Program&&) = default;
    Val run(std::span<const Slot> slots, const EvalTime& at);
    Type type() const { return type_; }
    const Unit& unit() const { return unit_; }
    std::size_t cost() const { return code_.size(); }
    /// Bit i: reads slot i (the first 64).
    std::uint64_t reads() const { return reads_; }

private:
    friend class Compiler;
    void step(const Instr& instr, std::span<const Slot> slots, const EvalTime& at);

    std::vector<Instr> code_;
    std::vector<Val> constants_;
    std::deque<std::string> texts_;    // of constants
    std::deque<std::string> scratch_;  // of lower(); grown once, then reused
    std::vector<Val> stack_;
    Type type_ = Type::any;
    Unit unit_;
    std::uint64_t reads_ = 0;
};

/// Checks types and units and compiles. Nothing: faults tell why (R00xx, R01xx, R02xx, R05xx).
std::optional<Program> compile_expression(std::string_view text, Scope scope, const Limits& limits,
                                          std::vector<ExprFault>& faults);

/// The functions of the language, by name (also for "did you mean").
struct Function {
    std::string_view name;
    std::uint8_t id = 0;
    std::uint8_t least = 1;
    std::uint8_t most = 1;
};
enum class Fn : std::uint8_t {
    abs,
    min,
    max,
    clamp,
    round,
    floor,
    ceil,
    sqrt,
    exp,
    ln,
    log10,
    sin,
    cos,
    atan2,
    mod,
    sign,
    coalesce,
    known,
    age,
    quality,
    value_at_least,
    contains,
    starts_with,
    ends_with,
    len,
    lower,
    hour,
    weekday,
    now,
    dewpoint,
    convert
};
std::span<const Function> functions();

}  // namespace fog
