#include "drivers/line_ascii/number_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "firmware/core/text.hpp"

namespace fog::line {

namespace {

constexpr std::pair<std::string_view, std::string_view> kUnits[] = {
    {"C", "Cel"},     {"°C", "Cel"}, {"degC", "Cel"}, {"F", "[degF]"}, {"°F", "[degF]"},
    {"K", "K"},       {"%", "%"},    {"%RH", "%"},    {"V", "V"},      {"mV", "mV"},
    {"A", "A"},       {"mA", "mA"},  {"W", "W"},      {"kW", "kW"},    {"Wh", "W.h"},
    {"kWh", "kW.h"},  {"Hz", "Hz"},  {"Pa", "Pa"},    {"hPa", "hPa"},  {"kPa", "kPa"},
    {"bar", "bar"},   {"g", "g"},    {"kg", "kg"},    {"mm", "mm"},    {"cm", "cm"},
    {"m", "m"},       {"s", "s"},    {"ms", "ms"},    {"l", "L"},      {"L", "L"},
    {"ppm", "[ppm]"}, {"lx", "lx"},  {"dB", "dB"},    {"rpm", "/min"},
};

bool same_word(std::string_view text, std::string_view lower) {
    return std::ranges::equal(text, lower, [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
}

std::optional<double> parse_word(std::string_view text) {
    if (same_word(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
    if (same_word(text, "inf") || same_word(text, "+inf") || same_word(text, "-inf"))
        return std::numeric_limits<double>::infinity();
    return std::nullopt;
}

}  // namespace

std::optional<Value> parse_number(std::string_view text, bool decimal_comma) {
    text = trim(text);
    if (text.empty() || text.size() > 64) return std::nullopt;
    if (const auto word = parse_word(text)) return *word;
    if (text[0] == '+') text.remove_prefix(1);
    // from_chars would take "nan(x)", "infinity" and a second sign.
    if (text.empty() || text.find_first_not_of("0123456789+-.,eE") != std::string_view::npos ||
        text[0] == '+')
        return std::nullopt;
    if (const auto whole = parse_int(text)) return *whole;
    std::string plain(text);
    if (decimal_comma) {
        if (plain.find('.') != std::string::npos) return std::nullopt;
        std::ranges::replace(plain, ',', '.');
    }
    if (const auto number = parse_double(plain)) return *number;
    double ignored = 0;  // a number, but one that no double holds: 1e400
    const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), ignored);
    if (error == std::errc::result_out_of_range && end == plain.data() + plain.size())
        return std::numeric_limits<double>::infinity();
    return std::nullopt;
}

std::optional<NumberWithUnit> parse_with_unit(std::string_view text, bool decimal_comma) {
    text = trim(text);
    const auto end = text.find_last_of("0123456789.");
    if (end == std::string_view::npos || text.size() - end - 1 > 8) return std::nullopt;
    const std::string_view suffix = trim(text.substr(end + 1));
    auto value = parse_number(text.substr(0, end + 1), decimal_comma);
    if (!value || suffix.empty()) return std::nullopt;
    const auto* known =
        std::ranges::find(kUnits, suffix, [](const auto& row) { return row.first; });
    const bool found = known != std::ranges::end(kUnits);
    return NumberWithUnit{std::move(*value), found ? std::string(known->second) : std::string()};
}

Value parse_field(std::string_view text, bool decimal_comma) {
    text = trim(text);
    if (auto number = parse_number(text, decimal_comma)) return std::move(*number);
    if (same_word(text, "true")) return true;
    if (same_word(text, "false")) return false;
    return std::string(text);
}

}  // namespace fog::line
