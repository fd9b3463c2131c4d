#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace fog {

/// Decorrelated jitter: next = min(max, random(min, 3 * last)). Pure; seeded per gateway and sink,
/// so that a thousand gateways do not return at the same moment.
class Backoff {
public:
    Backoff(std::chrono::nanoseconds min, std::chrono::nanoseconds max, std::uint64_t seed)
        : min_(min), max_(max < min ? min : max), last_(min), random_(seed) {}

    std::chrono::nanoseconds next() {
        std::uniform_int_distribution<std::int64_t> pick(min_.count(), 3 * last_.count());
        last_ = std::min(max_, std::chrono::nanoseconds(pick(random_)));
        return last_;
    }
    void reset() { last_ = min_; }

private:
    std::chrono::nanoseconds min_, max_, last_;
    std::mt19937_64 random_;
};

}  // namespace fog
