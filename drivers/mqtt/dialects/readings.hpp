#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "drivers/dialect.hpp"

namespace fog {

inline constexpr std::chrono::minutes kTimeTolerance{5};

/// Times from here on (the year 2200) and before 1970 are not believed, whatever our clock says.
inline constexpr WallTime kNever{std::chrono::seconds{7'258'118'400}};
inline bool believable(WallTime time) {
    return time >= WallTime{} && time < kNever;
}

/// "", null, nan, None, unknown ... stand for a missing value. NaN and infinities are a broken
/// sensor. Strings that are wholly a number are one; longer ones than the limit are cut.
struct TextValue {
    Value value;
    Quality quality;
};
TextValue value_of_text(std::string_view text, std::size_t most_bytes);
/// Integers up to 2^53 are plain numbers, larger ones stay exact.
Value value_of_integer(std::int64_t number);

/// s, ms, µs or ns since 1970 by size; nullopt below 1e9.
std::optional<WallTime> time_of_epoch(double number);

/// Sets unit, conversion, diagnostic flag and boolean words from what is declared, else the name.
void apply_unit(Reading& reading, std::string_view declared);

/// Sets the source time by the rules for live messages: used within five minutes of our clock (or
/// when that is not trusted), else the time of receipt counts and the value is uncertain.
void apply_live_time(Reading& reading, std::optional<WallTime> device_time, const Message& message);

}  // namespace fog
