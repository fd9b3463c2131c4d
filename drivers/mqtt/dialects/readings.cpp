#include "drivers/mqtt/dialects/readings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "drivers/mqtt/dialects/units.hpp"
#include "firmware/core/records.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

using namespace std::string_view_literals;

constexpr std::int64_t kExact = std::int64_t{1} << 53;
constexpr std::array kMissing = {""sv, "null"sv, "none"sv, "unknown"sv, "unavailable"sv};
constexpr std::array kBroken = {"nan"sv,  "inf"sv,      "+inf"sv,      "-inf"sv,
                                "-nan"sv, "infinity"sv, "+infinity"sv, "-infinity"sv};

template <std::size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& words) {
    const auto same = [word](std::string_view known) {
        return std::equal(word.begin(), word.end(), known.begin(), known.end(), [](char a, char b) {
            return std::tolower(static_cast<unsigned char>(a)) == b;
        });
    };
    return word.size() <= 11 && std::any_of(words.begin(), words.end(), same);
}

/// At most `most` bytes, not cut inside a character.
std::string_view cut_text(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
    return text.substr(0, most);
}

}  // namespace

TextValue value_of_text(std::string_view text, std::size_t most_bytes) {
    const auto word = trim(text);
    if (one_of(word, kMissing)) return {{}, Quality::bad(Reason::no_data)};
    if (one_of(word, kBroken)) return {{}, Quality::bad(Reason::sensor_failure)};
    if (const auto integer = parse_int(word)) return {value_of_integer(*integer), {}};
    if (const auto number = parse_double(word)) {
        if (std::isfinite(*number)) return {*number, {}};
        return {{}, Quality::bad(Reason::sensor_failure)};
    }
    if (text.size() <= most_bytes) return {std::string(text), {}};
    return {std::string(cut_text(text, most_bytes)), Quality::uncertain(Reason::partial)};
}

Value value_of_integer(std::int64_t number) {
    if (number >= -kExact && number <= kExact) return static_cast<double>(number);
    return number;
}

std::optional<WallTime> time_of_epoch(double number) {
    if (!(number >= 1e9) || number >= 9.2e18) return std::nullopt;
    double scale = 1e9;
    if (number >= 1e18) {
        scale = 1;
    } else if (number >= 1e15) {
        scale = 1e3;
    } else if (number >= 1e12) {
        scale = 1e6;
    }
    const double ns = number * scale;
    if (ns >= 9.2e18) return std::nullopt;  // beyond the year 2261
    // Whole units first: the product of a large double would lose the last digits.
    const auto whole = static_cast<std::int64_t>(number);
    const double part = number - static_cast<double>(whole);
    return WallTime{std::chrono::nanoseconds{whole * static_cast<std::int64_t>(scale) +
                                             std::llround(part * scale)}};
}

void apply_unit(Reading& reading, std::string_view declared) {
    const auto guess = unit_for_name(reading.point, reading.value);
    reading.diagnostic = guess.diagnostic;
    if (const auto* word = std::get_if<std::string>(&reading.value); word && guess.boolean) {
        bool truth = false;
        if (parse_truth_word(*word, truth)) reading.value = truth;
    }
    if (std::holds_alternative<std::string>(reading.value) ||
        std::holds_alternative<bool>(reading.value))
        return;
    reading.unit = declared_unit(declared);
    if (reading.unit.empty() && !guess.unit.empty()) {
        reading.unit = guess.unit;
        reading.unit_guessed = true;
    }
    convert_unit(reading.value, reading.unit);
}

void apply_live_time(Reading& reading, std::optional<WallTime> device_time,
                     const Message& message) {
    if (message.retained) {
        reading.flags |= flag::kRetained;
        reading.quality = worse(reading.quality, Quality::uncertain(Reason::last_known));
    }
    if (!device_time) return;
    const bool trusted = message.received != WallTime{};
    // A retained value may be of any age: its time tells whether it is news.
    if (believable(*device_time)) {
        const auto off = *device_time - message.received;
        const bool near = off <= kTimeTolerance && (off >= -kTimeTolerance || message.retained);
        if (!trusted || near) {
            reading.source_time = *device_time;
            return;
        }
    }
    reading.quality = worse(reading.quality, Quality::uncertain(Reason::time_estimated));
}

}  // namespace fog
