#pragma once

#include <string>
#include <string_view>

#include "firmware/core/value.hpp"

namespace fog {

/// What the name of a point says about it.
struct NameGuess {
    std::string_view unit;    // UCUM, "" = the name says nothing
    bool diagnostic = false;  // battery, signal strength ...
    bool boolean = false;     // 1/0, on/off, open/closed mean a truth value
};

/// Looks up the last segment of a point id ("ds18b20.temperature"). `value` supports the guess
/// where the table asks for it (null: not known yet). Pure; any thread.
NameGuess unit_for_name(std::string_view point, const Value& value);

/// UCUM for what a device declared ("°C", "kWh"); "" when it is not in the table.
std::string_view ucum_for_spelling(std::string_view declared);

/// The unit to store for a declared one: UCUM, or an annotation ("{furlong}", which is UCUM for 1)
/// that keeps the unknown text for display. Empty stays empty.
std::string declared_unit(std::string_view declared);

/// Converts value and unit where the table has a conversion (°F to Cel); else leaves both.
void convert_unit(Value& value, std::string& unit);

/// Words for a truth value, case-blind: on off true false open closed online offline.
bool parse_truth_word(std::string_view word, bool& out);

}  // namespace fog
