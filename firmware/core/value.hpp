#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace fog {

/// Null (monostate), number, exact integer, truth value or text.
using Value = std::variant<std::monostate, double, std::int64_t, bool, std::string>;

inline bool is_null(const Value& value) {
    return value.index() == 0;
}
/// The number a value stands for: doubles, integers, and bool as 0/1; false for text and null.
bool as_number(const Value& value, double& out);

enum class QualityClass : std::uint8_t { good, uncertain, bad };

/// Why a value is not simply good. Numbers are stored in the log: append only.
enum class Reason : std::uint8_t {
    none = 0,
    local_override = 1,
    last_known = 2,
    stale = 3,
    clamped = 4,
    sub_normal_rate = 5,
    time_estimated = 6,
    calibrating = 7,
    partial = 8,
    no_comms = 9,
    timeout = 10,
    exception = 11,
    crc = 12,
    sensor_failure = 13,
    out_of_service = 14,
    config = 15,
    decode = 16,
    stuck = 17,
    math = 18,
    no_data = 19,
};

/// OPC UA style: class in the top two bits, reason in the low byte, detail (an exception code)
/// between.
struct Quality {
    std::uint16_t bits = 0;

    static constexpr Quality good() { return {}; }
    static constexpr Quality make(QualityClass cls, Reason reason, std::uint8_t detail = 0) {
        return {static_cast<std::uint16_t>((static_cast<unsigned>(cls) << 14U) |
                                           ((detail & 0x3FU) << 8U) |
                                           static_cast<unsigned>(reason))};
    }
    static constexpr Quality uncertain(Reason reason) {
        return make(QualityClass::uncertain, reason);
    }
    static constexpr Quality bad(Reason reason) { return make(QualityClass::bad, reason); }

    constexpr QualityClass cls() const { return static_cast<QualityClass>(bits >> 14U); }
    constexpr Reason reason() const { return static_cast<Reason>(bits & 0xFFU); }
    constexpr bool is_good() const { return cls() == QualityClass::good; }
    bool operator==(const Quality&) const = default;
};

/// "good", "uncertain.last-known", "bad.sensor-failure".
std::string to_text(Quality quality);
/// The inverse; false if the text names no quality.
bool parse_quality(std::string_view text, Quality& out);
/// The worse of two: bad before uncertain before good; the first on a tie.
Quality worse(Quality a, Quality b);

}  // namespace fog
