#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/node.hpp"
#include "sim/world/signal.hpp"

namespace fog::sim {

struct Scenario;

enum class FaultKind : std::uint8_t {
    // of any device
    silent,
    // byte links
    delay,
    jitter,
    drop,
    duplicate,
    reorder,
    truncate,
    bit_flip,
    bad_crc,
    garbage,
    split,
    merge,
    baud_mismatch,
    unplug,
    // MQTT devices
    clean_disconnect,
    dirty_disconnect,
    will,
    retained_leftover,
    client_id_clash,
    reconnect_storm,
    session_lost,
    oversize,
    // TCP proxies
    refuse,
    reset,
    blackhole,
    throttle,
    latency,
    cut_after,
    half_close,
    // the gateway's process
    kill9,
    term,
    restart,
    stop_cont,
    // far side, MQTT
    no_ack,
    double_ack,
    late_ack,
    unknown_ack,
    ack_then_kick,
    kick_after_connect,
    kick_on,
    reason,
    receive_maximum,
    packet_limit,
    // far side, HTTP
    status,
    slow,
    hang,
    cut_body,
    lost_answer,
    partial,
    redirect,
    big_answer,
};

/// What a fault acts on.
enum class FaultPlace : std::uint8_t { device, serial, mqtt, tcp, gateway, far_mqtt, far_http };

struct FaultKindInfo {
    std::string_view name;
    FaultKind kind;
    FaultPlace place;
    std::string_view keys;  // its parameters, with blanks between: "by", "code retry_after"
    bool each = false;      // `probability` is that of each frame, packet or request
};
std::span<const FaultKindInfo> all_fault_kinds();
const FaultKindInfo& info(FaultKind kind);
std::string_view to_text(FaultKind kind);
std::string_view to_text(FaultPlace place);

/// One fault: what, where, when.
struct FaultSpec {
    std::uint64_t id = 0;  // in its run, given by the fault board
    FaultKind kind = FaultKind::silent;
    std::string on{};                    // as written: "device/freezer-*", "tcp/cloud", "gateway"
    std::string target{};                // name of the proxy or far side
    std::vector<std::size_t> devices{};  // places in Scenario::devices
    SimTime at{};
    SimTime lasts{};
    SimTime every{};          // 0 = once
    double probability = 1;   // of each frame (kinds that say `each`), else of each occurrence
    SimTime by{};             // how long something is late
    std::uint64_t bytes = 0;  // cut_after, oversize, big_answer, packet_limit
    std::uint64_t rate = 0;   // throttle, bytes per second
    unsigned code = 0;        // status, reason
    unsigned count = 0;       // receive_maximum
    SimTime retry_after{};    // status
    std::string match{};      // kick_on: part of a topic or payload
    Mark mark{};
    /// Whether it holds at `t`.
    bool active(SimTime t) const;
    /// The next time after `t` at which active() may change; nothing if never again.
    std::optional<SimTime> next_change(SimTime t) const;
    /// Which occurrence `t` belongs to, from 0.
    std::uint64_t occurrence(SimTime t) const;
};
inline constexpr SimTime kUntilCleared = SimTime::max();

/// A table of the scenario's `fault` list, or of a request to the control socket (`live`: begins
/// at once, lasts `for` or `for_s` or until cleared). Places are checked against the scenario;
/// whether a device's personality fits is checked by sim/links. Faults go to the view's list.
FaultSpec read_fault_spec(ConfigView& view, const Scenario& scenario, bool live);

/// A TCP proxy in front of `to`, and a far side run by fogsim itself.
struct ProxySpec {
    std::string id;
    std::uint16_t port = 0;  // 0 = a free one
    std::string to;          // host:port
};
struct FarSpec {
    std::string id;
    bool http = false;  // else MQTT
    std::uint16_t port = 0;
};
/// The lists `tcp` and `far` of a scenario, into it.
void read_places(ConfigView& view, Scenario& scenario);

}  // namespace fog::sim
