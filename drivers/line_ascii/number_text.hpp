#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "firmware/core/value.hpp"

namespace fog::line {

/// A number as devices print it: "21.5", "+3", "-0,5" with a decimal comma, "nan", "inf". Whole
/// numbers without a point stay integers.
std::optional<Value> parse_number(std::string_view text, bool decimal_comma);

struct NumberWithUnit {
    Value value;
    std::string unit;  // UCUM; "" = a suffix we know no unit for
};
/// "21.5C", "45%", "3.3 V": a number with a short suffix of letters.
std::optional<NumberWithUnit> parse_with_unit(std::string_view text, bool decimal_comma);

/// What a field holds: number, true/false, else text.
Value parse_field(std::string_view text, bool decimal_comma);

}  // namespace fog::line
