#include "sim/world/random.hpp"

#include <cmath>

namespace fog::sim {
namespace {

constexpr double kTwoPi = 6.283185307179586;

std::uint64_t mixed(std::uint64_t x) {  // the finaliser of SplitMix64
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31U);
}

double unit_interval(std::uint32_t high, std::uint32_t low) {
    const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32U) | low;
    return static_cast<double>(bits >> 11U) * 0x1.0p-53;
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = 0xD2511F53ULL * counter[0];
        const std::uint64_t b = 0xCD9E8D57ULL * counter[2];
        counter = {static_cast<std::uint32_t>(b >> 32U) ^ counter[1] ^ key[0],
                   static_cast<std::uint32_t>(b),
                   static_cast<std::uint32_t>(a >> 32U) ^ counter[3] ^ key[1],
                   static_cast<std::uint32_t>(a)};
        key[0] += 0x9E3779B9U;
        key[1] += 0xBB67AE85U;
    }
    return counter;
}

std::uint64_t stable_hash(std::string_view text, std::uint64_t start) {
    std::uint64_t hash = 0xCBF29CE484222325ULL ^ mixed(start + 0x9E3779B97F4A7C15ULL);
    for (const char c : text) {  // FNV-1a
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    }
    return mixed(hash);
}

double sine_of_turns(double turns) {
    double r = turns - std::floor(turns);
    const bool negative = r >= 0.5;
    if (negative) r -= 0.5;
    if (r > 0.25) r = 0.5 - r;
    const double x = kTwoPi * r;
    const double square = x * x;
    double term = x;
    double sum = x;
    for (int n = 3; n <= 21; n += 2) {
        term = -term * square / static_cast<double>((n - 1) * n);
        sum = sum + term;
    }
    return negative ? -sum : sum;
}

double natural_log(double x) {
    int exponent = 0;
    double mantissa = std::frexp(x, &exponent);  // [0.5, 1), exact
    if (mantissa < 0.7071067811865476) {
        mantissa = mantissa * 2;
        --exponent;
    }
    const double s = (mantissa - 1) / (mantissa + 1);
    const double square = s * s;
    double power = s;
    double sum = s;
    for (int n = 3; n <= 23; n += 2) {
        power = power * square;
        sum = sum + power / n;
    }
    return 2 * sum + exponent * 0.6931471805599453;
}

RandomStream::RandomStream(std::uint64_t seed, std::string_view entity, std::string_view purpose) {
    const std::uint64_t key = stable_hash(purpose, stable_hash(entity, seed));
    key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32U)};
}

std::array<std::uint32_t, 4> RandomStream::block(std::uint64_t n) const {
    return philox({static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32U), 0, 0},
                  key_);
}

std::uint64_t RandomStream::bits(std::uint64_t n) const {
    const auto words = block(n);
    return (static_cast<std::uint64_t>(words[0]) << 32U) | words[1];
}

double RandomStream::uniform(std::uint64_t n) const {
    const auto words = block(n);
    return unit_interval(words[0], words[1]);
}

double RandomStream::normal(std::uint64_t n) const {  // Box-Muller, from one block
    const auto words = block(n);
    const double radius = std::sqrt(-2 * natural_log(1 - unit_interval(words[0], words[1])));
    return radius * sine_of_turns(unit_interval(words[2], words[3]));
}

double RandomStream::exponential(std::uint64_t n) const {
    return -natural_log(1 - uniform(n));
}

}  // namespace fog::sim
