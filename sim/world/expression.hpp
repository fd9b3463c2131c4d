#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/result.hpp"

namespace fog::sim {

/// A formula over named numbers, compiled to a little stack machine:
///
///   + - * /  unary -  ( )  < <= > >= == !=     min(a,b) max(a,b) clamp(x,low,high) abs(x)
///   floor(x) sqrt(x) sine(turns) if(c,a,b)     t is the scenario time in seconds
///
/// A value; any thread. Dividing by zero gives 0, so that no scenario sends infinities unasked.
class Expression {
public:
    /// `names` are the variables, in the order eval() takes them. Errc::bad_config with the column
    /// of the fault in `what`, and a hint.
    static Result<Expression> parse(std::string_view text, const std::vector<std::string>& names);
    double eval(double seconds, const std::vector<double>& values) const;

    enum class Op : std::uint8_t {
        number,
        variable,
        time,
        negate,
        add,
        subtract,
        multiply,
        divide,
        less,
        less_equal,
        equal,
        not_equal,
        minimum,
        maximum,
        clamp,
        absolute,
        floor,
        root,
        sine,
        choose
    };
    struct Step {
        Op op = Op::number;
        double number = 0;
        std::size_t place = 0;  // of a variable
    };

private:
    std::vector<Step> steps_;
    std::size_t depth_ = 0;  // of the stack
};

}  // namespace fog::sim
