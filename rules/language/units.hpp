#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/core/result.hpp"

namespace fog {

/// A UCUM unit: dimension, scale to the SI base and, for temperatures, what kind it is.
/// A code the table does not know is opaque: it equals only itself. Pure values, any thread.
struct Unit {
    enum class Kind : std::uint8_t {
        plain,
        kelvin,      // as written "K": fits an absolute temperature and a difference
        absolute,    // Cel, [degF]
        difference,  // what Cel - Cel gives
        any          // of a point nobody has seen yet: fits everything
    };
    static constexpr std::size_t kBases = 10;  // m kg s A K mol cd % rad bit

    std::array<std::int8_t, kBases> dims{};
    double scale = 1;   // base = x * scale + offset
    double offset = 0;  // of absolute temperatures
    Kind kind = Kind::plain;
    bool opaque = false;
    std::string code;  // as written; "" = none

    bool none() const;  // the number 1
    bool same_dims(const Unit& other) const;
};

/// The unit of a UCUM code ("" and "1" are the number 1); unknown codes are opaque.
Unit parse_unit(std::string_view code);
Unit any_unit();
/// For messages: "Cel", "no unit".
std::string unit_text(const Unit& unit);

/// x * factor + shift
struct Affine {
    double factor = 1;
    double shift = 0;
    bool identity() const { return factor == 1 && shift == 0; }
};
/// From one unit to another; nothing when they do not fit (dimension, kind, opaque).
std::optional<Affine> conversion(const Unit& from, const Unit& to);

Unit difference_of(const Unit& unit);  // Cel -> a difference of the same scale
/// Nothing for absolute temperatures and opaque units.
std::optional<Unit> product(const Unit& a, const Unit& b);
std::optional<Unit> quotient(const Unit& a, const Unit& b);
std::optional<Unit> power(const Unit& unit, int exponent);
std::optional<Unit> root(const Unit& unit);

struct Quantity {
    double number = 0;
    Unit unit;
};
/// "-15 Cel", "40 %", "3": a number and a unit code.
Result<Quantity> parse_quantity(std::string_view text);

}  // namespace fog
