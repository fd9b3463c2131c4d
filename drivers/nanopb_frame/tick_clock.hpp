#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "firmware/core/clock.hpp"

namespace fog::mcu {

/// Turns a device's wrapping 32-bit ticks into our time. The offset is that of the least delayed
/// frame of the last minute: a frame can only come later than it was sent. Drift needs no term of
/// its own: 200 ppm over the minute are 12 ms. Pure; times are passed in.
class TickClock {
public:
    /// A new boot of the device: nothing is known any more.
    void restart(std::uint32_t tick_hz);
    /// Ticks read just now, in a frame that was not kept back.
    void observe(std::uint32_t ticks, MonoTime arrived);
    /// Our time of `ticks`, which lie less than 2^31 from those seen last; nothing before
    /// observe().
    std::optional<MonoTime> when(std::uint32_t ticks) const;
    std::uint32_t tick_hz() const { return tick_hz_; }

private:
    static constexpr std::chrono::seconds kBucket{10};
    struct Bucket {
        std::int64_t number = -1;  // of the ten seconds since our epoch
        std::int64_t offset_ns = 0;
    };
    std::int64_t unwrap(std::uint32_t ticks) const;
    std::int64_t device_ns(std::int64_t ticks) const;

    std::uint32_t tick_hz_ = 1000;
    bool started_ = false;
    std::int64_t last_ticks_ = 0;  // unwrapped
    std::array<Bucket, 6> buckets_{};
};

}  // namespace fog::mcu
