#include "rules/language/units.hpp"

#include <algorithm>
#include <cmath>

#include "firmware/core/text.hpp"
#include "rules/language/units_table.hpp"

namespace fog {

namespace {

constexpr std::string_view kBaseLetters = "mksAKocprb";
constexpr std::size_t kKelvinBase = 4;

bool digit(char c) {
    return c >= '0' && c <= '9';
}

/// "m2k1s-2" into exponents.
std::array<std::int8_t, Unit::kBases> dims_of(std::string_view text) {
    std::array<std::int8_t, Unit::kBases> dims{};
    for (std::size_t i = 0; i < text.size();) {
        const auto base = kBaseLetters.find(text[i++]);
        const bool minus = i < text.size() && text[i] == '-';
        if (minus) ++i;
        const int exponent = text[i++] - '0';
        dims[base] = static_cast<std::int8_t>(minus ? -exponent : exponent);
    }
    return dims;
}

const unit_table::Row* row_of(std::string_view code) {
    for (const auto& row : unit_table::kUnits)
        if (row.code == code) return &row;
    return nullptr;
}

struct Atom {
    std::array<std::int8_t, Unit::kBases> dims{};
    double scale = 1;
};

std::optional<Atom> atom_of(std::string_view code) {
    if (const auto* row = row_of(code)) return Atom{dims_of(row->dims), row->scale};
    for (const auto& prefix : unit_table::kPrefixes) {
        if (!code.starts_with(prefix.code)) continue;
        const auto* row = row_of(code.substr(prefix.code.size()));
        if (row != nullptr && row->metric)
            return Atom{dims_of(row->dims), row->scale * prefix.scale};
    }
    return std::nullopt;
}

/// Multiplies `unit` by atom^exponent; false when an exponent leaves its range.
bool multiply(Unit& unit, const Atom& atom, int exponent) {
    for (std::size_t i = 0; i < Unit::kBases; ++i) {
        const int sum = unit.dims[i] + atom.dims[i] * exponent;
        if (sum < -16 || sum > 16) return false;
        unit.dims[i] = static_cast<std::int8_t>(sum);
    }
    unit.scale *= std::pow(atom.scale, exponent);
    return std::isfinite(unit.scale) && unit.scale > 0;
}

/// One factor: "[psi]", "m2", "s-1", "{annotation}", "100"; its end in `text`.
std::size_t factor_end(std::string_view text) {
    std::size_t depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '[' || text[i] == '{') ++depth;
        if ((text[i] == ']' || text[i] == '}') && depth > 0) --depth;
        if (depth == 0 && (text[i] == '.' || text[i] == '/')) return i;
    }
    return text.size();
}

bool apply_factor(Unit& unit, std::string_view factor, int sign) {
    if (const auto note = factor.find('{'); note != std::string_view::npos) {
        if (factor.back() != '}') return false;
        factor = factor.substr(0, note);
        if (factor.empty()) return true;
    }
    if (const auto number = parse_int(factor); number && *number > 0) {
        unit.scale *= std::pow(static_cast<double>(*number), sign);
        return true;
    }
    if (const auto whole = atom_of(factor)) return multiply(unit, *whole, sign);
    std::size_t split = factor.size();
    while (split > 0 && digit(factor[split - 1])) --split;
    if (split == factor.size() || split == 0 || factor.size() - split > 2) return false;
    int exponent = static_cast<int>(*parse_int(factor.substr(split)));
    if (factor[split - 1] == '-' || factor[split - 1] == '+') {
        if (factor[--split] == '-') exponent = -exponent;
    }
    const auto atom = atom_of(factor.substr(0, split));
    return atom && multiply(unit, *atom, exponent * sign);
}

bool parse_factors(Unit& unit, std::string_view text) {
    int sign = 1;
    if (text.starts_with('/')) {
        sign = -1;
        text.remove_prefix(1);
    }
    for (;;) {
        const auto end = factor_end(text);
        if (end == 0 || !apply_factor(unit, text.substr(0, end), sign)) return false;
        if (end == text.size()) return true;
        sign = text[end] == '/' ? -1 : 1;
        text.remove_prefix(end + 1);
    }
}

bool is_kelvin(const Unit& unit) {
    for (std::size_t i = 0; i < Unit::kBases; ++i)
        if (unit.dims[i] != (i == kKelvinBase ? 1 : 0)) return false;
    return true;
}

Unit temperature(std::string_view code, double scale, double offset) {
    Unit unit;
    unit.dims[kKelvinBase] = 1;
    unit.scale = scale;
    unit.offset = offset;
    unit.kind = Unit::Kind::absolute;
    unit.code = code;
    return unit;
}

std::string joined(const Unit& a, std::string_view mark, const Unit& b) {
    const std::string left = a.code.empty() ? "1" : a.code;
    if (b.code.empty()) return a.code;
    if (a.code.empty() && mark == ".") return b.code;
    return left + std::string(mark) + b.code;
}

std::optional<Unit> combine(const Unit& a, const Unit& b, int sign) {
    const auto plain = [](const Unit& unit) {
        return !unit.opaque && unit.kind != Unit::Kind::absolute;
    };
    if (a.kind == Unit::Kind::any || b.kind == Unit::Kind::any) return any_unit();
    if (b.none()) return a.kind == Unit::Kind::absolute ? std::nullopt : std::optional(a);
    if (!plain(a) || !plain(b)) return std::nullopt;
    Unit unit = a;
    if (!multiply(unit, Atom{b.dims, b.scale}, sign)) return std::nullopt;
    unit.code = joined(a, sign > 0 ? "." : "/", b);
    unit.kind = is_kelvin(unit) ? Unit::Kind::difference : Unit::Kind::plain;
    return unit;
}

}  // namespace

bool Unit::none() const {
    if (opaque || kind != Kind::plain) return false;
    return scale == 1 && std::all_of(dims.begin(), dims.end(), [](int d) { return d == 0; });
}

bool Unit::same_dims(const Unit& other) const {
    if (opaque || other.opaque) return opaque == other.opaque && code == other.code;
    return dims == other.dims;
}

Unit any_unit() {
    Unit unit;
    unit.kind = Unit::Kind::any;
    return unit;
}

std::string unit_text(const Unit& unit) {
    if (unit.kind == Unit::Kind::any) return "not yet known";
    if (unit.code.empty()) return "no unit";
    return unit.kind == Unit::Kind::difference ? "a difference in " + unit.code : unit.code;
}

Unit parse_unit(std::string_view code) {
    if (code == "Cel" || code ==
                             "\xC2\xB0"
                             "C")
        return temperature("Cel", 1, 273.15);
    if (code == "[degF]" || code == "degF" ||
        code ==
            "\xC2\xB0"
            "F")
        return temperature("[degF]", 5.0 / 9.0, 459.67 * 5.0 / 9.0);
    Unit unit;
    if (code.empty() || code == "1") return unit;
    unit.code = code;
    if (!parse_factors(unit, code)) {
        Unit opaque;
        opaque.code = code;
        opaque.opaque = true;
        return opaque;
    }
    if (is_kelvin(unit)) unit.kind = Unit::Kind::kelvin;
    return unit;
}

std::optional<Affine> conversion(const Unit& from, const Unit& to) {
    using Kind = Unit::Kind;
    if (from.kind == Kind::any || to.kind == Kind::any) return Affine{};
    if (!from.same_dims(to)) return std::nullopt;
    if (from.opaque) return Affine{};
    const bool mixed = (from.kind == Kind::absolute && to.kind == Kind::difference) ||
                       (from.kind == Kind::difference && to.kind == Kind::absolute);
    if (mixed) return std::nullopt;
    const bool absolute = from.kind == Kind::absolute || to.kind == Kind::absolute;
    if (from.scale == to.scale && (!absolute || from.offset == to.offset)) return Affine{};
    const double shift = absolute ? (from.offset - to.offset) / to.scale : 0;
    return Affine{from.scale / to.scale, shift};
}

Unit difference_of(const Unit& unit) {
    if (unit.kind != Unit::Kind::absolute && unit.kind != Unit::Kind::kelvin) return unit;
    Unit result = unit;
    result.kind = Unit::Kind::difference;
    result.offset = 0;
    return result;
}

std::optional<Unit> product(const Unit& a, const Unit& b) {
    if (a.none()) return b.kind == Unit::Kind::absolute ? std::nullopt : std::optional(b);
    return combine(a, b, 1);
}

std::optional<Unit> quotient(const Unit& a, const Unit& b) {
    return combine(a, b, -1);
}

std::optional<Unit> power(const Unit& unit, int exponent) {
    if (unit.none() || unit.kind == Unit::Kind::any) return unit;
    if (unit.opaque || unit.kind == Unit::Kind::absolute) return std::nullopt;
    Unit result;
    if (!multiply(result, Atom{unit.dims, unit.scale}, exponent)) return std::nullopt;
    if (!result.none()) result.code = "(" + unit.code + ")" + std::to_string(exponent);
    return result;
}

std::optional<Unit> root(const Unit& unit) {
    if (unit.none() || unit.kind == Unit::Kind::any) return unit;
    if (unit.opaque || unit.kind != Unit::Kind::plain) return std::nullopt;
    Unit result;
    for (std::size_t i = 0; i < Unit::kBases; ++i) {
        if (unit.dims[i] % 2 != 0) return std::nullopt;
        result.dims[i] = static_cast<std::int8_t>(unit.dims[i] / 2);
    }
    result.scale = std::sqrt(unit.scale);
    result.code = "sqrt(" + unit.code + ")";
    return result;
}

Result<Quantity> parse_quantity(std::string_view text) {
    text = trim(text);
    std::size_t end = 0;
    const auto numeric = [](char c) { return digit(c) || c == '.' || c == '-' || c == '+'; };
    while (end < text.size()) {
        const bool exponent = (text[end] == 'e' || text[end] == 'E') && end + 1 < text.size() &&
                              end > 0 && (digit(text[end + 1]) || text[end + 1] == '-');
        if (!numeric(text[end]) && !exponent) break;
        ++end;
    }
    std::string_view digits = text.substr(0, end);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto number = parse_double(digits);
    if (!number || !std::isfinite(*number))
        return Error{Errc::bad_config, "'" + std::string(text) + "' does not begin with a number",
                     "write a number and a unit, for example \"80 Cel\""};
    return Quantity{*number, parse_unit(trim(text.substr(end)))};
}

}  // namespace fog
