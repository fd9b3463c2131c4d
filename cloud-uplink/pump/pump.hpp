#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cloud-uplink/pump/selection.hpp"
#include "cloud-uplink/pump/status.hpp"
#include "cloud-uplink/sink.hpp"
#include "firmware/core/log_access.hpp"

namespace fog {

/// How a pump behaves; the defaults are those of the store-and-forward specification.
struct PumpOptions {
    /// strict: each lane leaves in the order of the log, so every device's records stay in order.
    /// fresh_first: after an outage new records leave beside the backlog; order holds within each.
    enum class Order : std::uint8_t { strict, fresh_first };

    Order order = Order::strict;
    std::size_t batch_records = 500;
    std::size_t batch_bytes = 64U << 10U;
    std::size_t window = 20;
    std::array<std::chrono::nanoseconds, kLanes> batch_age = {
        std::chrono::seconds(0), std::chrono::seconds(0), std::chrono::milliseconds(200),
        std::chrono::seconds(5)};
    std::chrono::nanoseconds connect_timeout = std::chrono::seconds(10);
    std::chrono::nanoseconds ack_deadline = std::chrono::seconds(30);
    std::chrono::nanoseconds retry_min = std::chrono::seconds(1);
    std::chrono::nanoseconds retry_max = std::chrono::seconds(300);
    std::chrono::nanoseconds stable_after = std::chrono::seconds(60);
    std::chrono::nanoseconds permanent_retry = std::chrono::minutes(15);
    std::size_t refused_per_minute = 100;  // more: the target refuses our format, stop
    std::uint64_t seed = 1;                // of the back-off
};

/// Moves what one sink owes from the log to the sink: claim, encode, send, await, settle. Nothing
/// is settled before the far side acknowledged it. Owns the thread fog-up-<id>.
/// Threads: start() and stop() by the owner, the rest by any. Blocks: stop() only.
class Pump {
public:
    struct Site {
        SinkLog& log;
        const Clock& clock;
        Metrics& metrics;
        /// State changes at once, else at most once a second while numbers move. On fog-up-<id>;
        /// returns soon and calls nothing of the pump.
        std::function<void(const PumpStatus&)> changed;
    };

    Pump(std::string id, std::string type, std::unique_ptr<Sink> sink, PumpOptions options,
         const Site& site);
    ~Pump();  // stops, however long the sink takes
    Pump(const Pump&) = delete;
    Pump& operator=(const Pump&) = delete;

    void start();
    /// Closes the connection; what was not acknowledged stays owed. False: still busy after
    /// `within`, the destructor will wait for it.
    bool stop(std::chrono::milliseconds within);
    /// Disconnects and keeps the backlog; resume() goes on where it stopped.
    void pause();
    void resume();
    /// A connection attempt now instead of when back-off ends ("network is up", a person asks);
    /// ignored within retry_min of the last attempt.
    void retry_now();
    PumpStatus status() const;
    const std::string& id() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// What make_pump needs besides the configuration; all of it outlives the pump.
struct UplinkSite {
    SinkLog& log;
    RecordContext records;
    const Limits& limits;
    const Clock& clock;
    Metrics& metrics;
    std::function<void(const PumpStatus&)> changed;
    std::uint64_t seed = 0;  // 0: from the gateway's name, the id and the time
    std::span<const SinkInfo* const> sinks = all_sinks();
};

/// Checks one uplink's configuration without opening anything; all faults go to `faults`.
/// The selection, for the commit path, is in the answer even where other keys have faults.
Selection check_uplink(std::string_view id, const Node& config, const Limits& limits,
                       std::vector<Fault>& faults,
                       std::span<const SinkInfo* const> sinks = all_sinks());

/// A pump that is not started yet. Fails: bad_config, all faults in `what`, one a line.
Result<std::unique_ptr<Pump>> make_pump(std::string_view id, const Node& config,
                                        const UplinkSite& site);

}  // namespace fog
