#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace fog {

/// Kinds of traffic that compete for one connection. Alarm and reply lanes are never demoted to
/// catch-up; live and bulk records that were outstanding at connect are.
enum class Traffic : std::uint8_t { alarm, reply, live, bulk, catch_up };
inline constexpr std::size_t kTraffics = 5;

/// Bytes of the next batch of each kind; 0 = nothing waits.
using Waiting = std::array<std::size_t, kTraffics>;

/// Whose batch goes next: alarm, reply, live, bulk, catch-up, but catch-up gets at least a fifth of
/// the bytes while it waits, and bulk a tenth. Credit earned by waiting decides; it is capped, so
/// that at most two batches go before an alarm. Pure.
class Schedule {
public:
    explicit Schedule(std::size_t batch_bytes) : cap_(2 * batch_bytes) {}

    std::optional<Traffic> next(const Waiting& waiting) const;
    /// Accounts a batch that was sent while `waiting` (the sent one included) was there.
    void sent(Traffic traffic, std::size_t bytes, const Waiting& waiting);

private:
    struct Share {
        Traffic traffic;
        std::size_t per_other;  // earns one byte for every this many of others
        std::size_t credit = 0;
    };
    bool due(const Share& share, const Waiting& waiting) const;

    std::size_t cap_;
    std::array<Share, 2> shares_ = {{{Traffic::catch_up, 4}, {Traffic::bulk, 9}}};
};

}  // namespace fog
