#include "sim/world/random.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>

namespace fog::sim {

using Words = std::array<std::uint32_t, 4>;

TEST_CASE("random: philox gives the published known answers") {
    // Random123's kat_vectors, philox4x32 10 rounds.
    CHECK(philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    const std::uint32_t ones = 0xffffffff;
    CHECK(philox({ones, ones, ones, ones}, {ones, ones}) ==
          Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: sine and logarithm agree with the library's") {
    for (int i = -4000; i <= 4000; ++i) {
        const double turns = i / 997.0;
        CHECK(std::abs(sine_of_turns(turns) - std::sin(2 * M_PI * turns)) < 1e-14);
    }
    for (double x = 1e-18; x < 1e18; x *= 1.37) {
        CHECK(std::abs(natural_log(x) - std::log(x)) <=
              1e-14 * std::max(1.0, std::abs(std::log(x))));
    }
}

TEST_CASE("random: streams differ by seed, entity and purpose, and repeat by index") {
    const RandomStream stream(7, "freezer-3", "noise");
    CHECK(stream.bits(5) == RandomStream(7, "freezer-3", "noise").bits(5));
    CHECK(stream.bits(5) != stream.bits(6));
    CHECK(stream.bits(5) != RandomStream(8, "freezer-3", "noise").bits(5));
    CHECK(stream.bits(5) != RandomStream(7, "freezer-4", "noise").bits(5));
    CHECK(stream.bits(5) != RandomStream(7, "freezer-3", "phase").bits(5));
}

TEST_CASE("random: the distributions have their mean and spread") {
    const RandomStream stream(1, "a", "b");
    constexpr int kDraws = 100'000;
    double sum = 0, squares = 0, uniform = 0, waits = 0;
    for (std::uint64_t n = 0; n < kDraws; ++n) {
        const double x = stream.normal(n);
        sum += x;
        squares += x * x;
        uniform += stream.uniform(n);
        waits += stream.exponential(n);
    }
    CHECK(std::abs(sum / kDraws) < 0.02);
    CHECK(std::abs(squares / kDraws - 1) < 0.02);
    CHECK(std::abs(uniform / kDraws - 0.5) < 0.01);
    CHECK(std::abs(waits / kDraws - 1) < 0.02);
}

TEST_CASE("random: golden draws are the same on every machine") {
    const RandomStream stream(7, "freezer-3", "noise");
    CHECK(stream.bits(0) == 14018755135213948526ULL);
    CHECK(stream.normal(0) == -0x1.1a8add2f1a7cp+0);
    CHECK(stream.normal(1) == 0x1.fc77e6658cd6ep+0);
}

}  // namespace fog::sim
