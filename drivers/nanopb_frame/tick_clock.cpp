#include "drivers/nanopb_frame/tick_clock.hpp"

#include <algorithm>

namespace fog::mcu {

void TickClock::restart(std::uint32_t tick_hz) {
    *this = TickClock();
    tick_hz_ = std::clamp<std::uint32_t>(tick_hz, 1, 1'000'000'000);
}

std::int64_t TickClock::unwrap(std::uint32_t ticks) const {
    // The nearest number to the last one with these low bits: wraps and small steps back are fine.
    const auto step = static_cast<std::int32_t>(ticks - static_cast<std::uint32_t>(last_ticks_));
    return last_ticks_ + step;
}

std::int64_t TickClock::device_ns(std::int64_t ticks) const {
    const std::int64_t whole = ticks / tick_hz_;
    const std::int64_t rest = ticks % tick_hz_;
    return whole * 1'000'000'000 + rest * 1'000'000'000 / tick_hz_;
}

void TickClock::observe(std::uint32_t ticks, MonoTime arrived) {
    const std::int64_t full = started_ ? unwrap(ticks) : static_cast<std::int64_t>(ticks);
    last_ticks_ = started_ ? std::max(last_ticks_, full) : full;
    started_ = true;
    const std::int64_t offset = arrived.time_since_epoch().count() - device_ns(full);
    const std::int64_t number = arrived.time_since_epoch() / kBucket;
    Bucket& bucket = buckets_[static_cast<std::size_t>(number) % buckets_.size()];
    if (bucket.number != number)
        bucket = {number, offset};
    else
        bucket.offset_ns = std::min(bucket.offset_ns, offset);
}

std::optional<MonoTime> TickClock::when(std::uint32_t ticks) const {
    if (!started_) return std::nullopt;
    std::int64_t newest = -1;
    for (const Bucket& bucket : buckets_) newest = std::max(newest, bucket.number);
    std::optional<std::int64_t> offset;
    for (const Bucket& bucket : buckets_) {
        const bool recent = bucket.number >= 0 &&
                            bucket.number + static_cast<std::int64_t>(buckets_.size()) > newest;
        if (recent && (!offset || bucket.offset_ns < *offset)) offset = bucket.offset_ns;
    }
    return MonoTime{std::chrono::nanoseconds{*offset + device_ns(unwrap(ticks))}};
}

}  // namespace fog::mcu
