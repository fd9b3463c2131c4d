#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fog::sim {

/// Philox4x32-10 (Salmon et al., 2011): 128 random bits as a pure function of counter and key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key);

/// A 64-bit hash of text that is the same on every machine.
std::uint64_t stable_hash(std::string_view text, std::uint64_t start = 0);

/// sin(2 pi turns) and ln(x) from additions, multiplications and divisions only: libm differs
/// between machines in the last bit, and one seed must give the same bytes everywhere.
double sine_of_turns(double turns);
double natural_log(double x);

/// The random numbers of one (seed, entity, purpose). Draw `n` is a function of n alone, so a new
/// device, or a draw left out, never changes another's numbers. A value; any thread.
class RandomStream {
public:
    RandomStream(std::uint64_t seed, std::string_view entity, std::string_view purpose);
    std::uint64_t bits(std::uint64_t n) const;
    double uniform(std::uint64_t n) const;      // [0, 1)
    double normal(std::uint64_t n) const;       // mean 0, deviation 1
    double exponential(std::uint64_t n) const;  // mean 1

private:
    std::array<std::uint32_t, 4> block(std::uint64_t n) const;
    std::array<std::uint32_t, 2> key_{};
};

}  // namespace fog::sim
