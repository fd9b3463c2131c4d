#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/core/clock.hpp"

namespace fog {

enum class PumpState : std::uint8_t { stopped, paused, connecting, streaming, backing_off, failed };
/// "stopped", "paused", "connecting", "streaming", "backing-off", "failed".
std::string_view to_text(PumpState state);

/// What a person wants to know about one uplink. A plain value; counts are since the process began.
struct PumpStatus {
    std::string sink;
    std::string type;
    PumpState state = PumpState::stopped;
    std::string words;  // "login", "waiting until 16:40:12Z: connection refused"
    WallTime since{};   // of this state
    bool connected = false;
    std::string last_error;  // stays after recovery
    WallTime last_error_at{};
    WallTime last_ack{};
    std::uint64_t sent = 0;          // records handed to the sink, repeats included
    std::uint64_t acknowledged = 0;  // records
    std::uint64_t refused = 0;       // records that went to quarantine
    std::uint64_t retries = 0;       // records that were sent and stayed owed
    std::uint64_t connects = 0;      // attempts
    std::uint64_t in_flight = 0;
    std::uint64_t waiting = 0;  // records owed, all lanes (as of the last look, <= 1 s old)
    double rate = 0;            // records acknowledged per second, smoothed over some seconds
    std::optional<std::chrono::seconds> drain;  // how long the backlog takes at this rate
};

}  // namespace fog
