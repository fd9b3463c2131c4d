#include "firmware/core/value.hpp"

#include <array>
#include <charconv>

namespace fog {
namespace {

// Index = number of the reason.
constexpr std::array<std::string_view, 20> kReasons = {
    "",        "local-override",  "last-known",     "stale",
    "clamped", "sub-normal-rate", "time-estimated", "calibrating",
    "partial", "no-comms",        "timeout",        "exception",
    "crc",     "sensor-failure",  "out-of-service", "config",
    "decode",  "stuck",           "math",           "no-data"};
constexpr std::array<std::string_view, 3> kClasses = {"good", "uncertain", "bad"};

}  // namespace

bool as_number(const Value& value, double& out) {
    if (const auto* number = std::get_if<double>(&value)) {
        out = *number;
        return true;
    }
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        out = static_cast<double>(*integer);
        return true;
    }
    if (const auto* truth = std::get_if<bool>(&value)) {
        out = *truth ? 1 : 0;
        return true;
    }
    return false;
}

std::string to_text(Quality quality) {
    const auto cls = static_cast<std::size_t>(quality.cls());
    const auto reason = static_cast<std::size_t>(quality.reason());
    std::string text(cls < kClasses.size() ? kClasses[cls] : "bad");
    if (reason == 0) return text;
    text += '.';
    if (reason < kReasons.size())
        text += kReasons[reason];
    else
        text += std::to_string(reason);
    if (const unsigned detail = (quality.bits >> 8U) & 0x3FU; detail != 0)
        text += "(" + std::to_string(detail) + ")";
    return text;
}

bool parse_quality(std::string_view text, Quality& out) {
    const auto dot = text.find('.');
    const auto cls = text.substr(0, dot);
    std::size_t class_index = 0;
    while (class_index < kClasses.size() && kClasses[class_index] != cls) ++class_index;
    if (class_index == kClasses.size()) return false;
    std::size_t reason = 0;
    unsigned detail = 0;
    if (dot != std::string_view::npos) {
        auto word = text.substr(dot + 1);
        if (const auto open = word.find('('); open != std::string_view::npos) {
            const auto* last = word.data() + word.size() - 1;
            const auto [end, ec] = std::from_chars(word.data() + open + 1, last, detail);
            if (word.back() != ')' || ec != std::errc{} || end != last || detail > 63) return false;
            word = word.substr(0, open);
        }
        while (reason < kReasons.size() && (reason == 0 || kReasons[reason] != word)) ++reason;
        if (reason == kReasons.size()) return false;
    }
    out = Quality::make(static_cast<QualityClass>(class_index), static_cast<Reason>(reason),
                        static_cast<std::uint8_t>(detail));
    return true;
}

Quality worse(Quality a, Quality b) {
    return b.cls() > a.cls() ? b : a;
}

}  // namespace fog
