#pragma once

#include <array>
#include <string_view>

// The unit table: UCUM codes (case-sensitive form), their size in base units and their dimension.
// `dims` lists base letters with exponents: m (metre) k (kilogram) s A K o (mole) c (candela)
// p (part, %) r (radian) b (bit). `metric`: takes prefixes.
namespace fog::unit_table {

struct Row {
    std::string_view code;
    std::string_view dims;
    double scale;
    bool metric;
};

inline constexpr double kPi = 3.14159265358979323846;

inline constexpr Row kUnits[] = {
    {"m", "m1", 1, true},
    {"g", "k1", 1e-3, true},
    {"s", "s1", 1, true},
    {"A", "A1", 1, true},
    {"K", "K1", 1, true},
    {"mol", "o1", 1, true},
    {"cd", "c1", 1, true},
    {"rad", "r1", 1, true},
    {"bit", "b1", 1, true},
    {"By", "b1", 8, true},
    {"%", "p1", 1, false},
    {"[ppth]", "p1", 0.1, false},
    {"[ppm]", "p1", 1e-4, false},
    {"[ppb]", "p1", 1e-7, false},
    {"deg", "r1", kPi / 180, false},
    {"min", "s1", 60, false},
    {"h", "s1", 3600, false},
    {"d", "s1", 86400, false},
    {"wk", "s1", 604800, false},
    {"a", "s1", 31557600, false},
    {"Hz", "s-1", 1, true},
    {"N", "m1k1s-2", 1, true},
    {"Pa", "m-1k1s-2", 1, true},
    {"bar", "m-1k1s-2", 1e5, true},
    {"atm", "m-1k1s-2", 101325, false},
    {"[psi]", "m-1k1s-2", 6894.757293168361, false},
    {"m[Hg]", "m-1k1s-2", 133322, true},
    {"m[H2O]", "m-1k1s-2", 9806.65, true},
    {"J", "m2k1s-2", 1, true},
    {"cal", "m2k1s-2", 4.184, true},
    {"eV", "m2k1s-2", 1.602176634e-19, true},
    {"[Btu]", "m2k1s-2", 1055.05585262, false},
    {"W", "m2k1s-3", 1, true},
    {"VA", "m2k1s-3", 1, true},
    {"var", "m2k1s-3", 1, true},
    {"[HP]", "m2k1s-3", 745.6998715822702, false},
    {"C", "s1A1", 1, true},
    {"V", "m2k1s-3A-1", 1, true},
    {"Ohm", "m2k1s-3A-2", 1, true},
    {"S", "m-2k-1s3A2", 1, true},
    {"F", "m-2k-1s4A2", 1, true},
    {"H", "m2k1s-2A-2", 1, true},
    {"Wb", "m2k1s-2A-1", 1, true},
    {"T", "k1s-2A-1", 1, true},
    {"lm", "c1", 1, true},
    {"lx", "m-2c1", 1, true},
    {"Bq", "s-1", 1, true},
    {"Gy", "m2s-2", 1, true},
    {"Sv", "m2s-2", 1, true},
    {"L", "m3", 1e-3, true},
    {"l", "m3", 1e-3, true},
    {"ar", "m2", 100, true},
    {"t", "k1", 1000, true},
    {"[in_i]", "m1", 0.0254, false},
    {"[ft_i]", "m1", 0.3048, false},
    {"[yd_i]", "m1", 0.9144, false},
    {"[mi_i]", "m1", 1609.344, false},
    {"[nmi_i]", "m1", 1852, false},
    {"[kn_i]", "m1s-1", 1852.0 / 3600, false},
    {"[lb_av]", "k1", 0.45359237, false},
    {"[oz_av]", "k1", 0.028349523125, false},
    {"[gal_us]", "m3", 3.785411784e-3, false},
    {"10*", "", 10, false},
};

struct Prefix {
    std::string_view code;
    double scale;
};
inline constexpr Prefix kPrefixes[] = {
    {"Ki", 1024}, {"Mi", 1048576.0}, {"Gi", 1073741824.0}, {"Ti", 1099511627776.0},
    {"da", 10},   {"Y", 1e24},       {"Z", 1e21},          {"E", 1e18},
    {"P", 1e15},  {"T", 1e12},       {"G", 1e9},           {"M", 1e6},
    {"k", 1e3},   {"h", 1e2},        {"d", 1e-1},          {"c", 1e-2},
    {"m", 1e-3},  {"u", 1e-6},       {"n", 1e-9},          {"p", 1e-12},
    {"f", 1e-15},
};

}  // namespace fog::unit_table
