#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/admission.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/node.hpp"
#include "firmware/core/records.hpp"

namespace fog {

/// One uplink, port, source, rule or device as written; its component's maker checks what is in it.
/// The node has no `id` member: the id stands beside it.
struct ObjectConfig {
    std::string id;
    std::string file;      // where it was written
    bool managed = false;  // first line "# managed by fogline": ours to rewrite
    Node node;
};

struct GatewaySection {
    std::string id;    // empty: made at first start and kept in the state folder
    std::string name;  // for people; empty: the host name
};
struct HttpSection {
    std::vector<std::string> listen;  // addresses; empty: loopback until the claim, then all
    std::uint16_t port = 8080;        // 0: any free one
    std::vector<std::string> allowed_hosts;
    bool claim_from_lan = false;
};
struct LaneSection {
    double share = 0;  // of log.max_bytes, 0..1
    std::chrono::nanoseconds max_age{0};
    std::string policy;  // what goes when the lane is full
};
struct LogSection {
    std::optional<std::uint64_t> max_bytes;  // empty: from the free space at first start
    std::chrono::nanoseconds linger = std::chrono::seconds(1);
    std::chrono::nanoseconds ack_wait = std::chrono::milliseconds(20);
    std::chrono::nanoseconds raw_age = std::chrono::hours(7 * 24);
    bool preallocate = false;
    std::array<LaneSection, kLanes> lanes;  // by Lane
};
struct PushSection {
    std::chrono::nanoseconds coalesce{0};
    std::vector<std::string> cors_origins;
};
struct AuthSection {
    std::chrono::nanoseconds session = std::chrono::hours(12);
    std::string claim_code_hash;  // SHA-256 of the code on the label, hex; empty: made at start
};

struct MqttTlsSection {
    std::uint16_t port = 8883;        // 0: any free one
    std::string cert_file, key_file;  // PEM
    std::string client_cert = "off";  // or "optional", "required"
    std::string client_ca_file;       // authorities of these, PEM
    bool cert_auto = false;           // also names the registry does not know
    Mark mark;                        // of cert_file
};
struct MqttListenerSection {
    bool open = false;              // access: anyone may publish; else a token as password
    std::uint16_t port = 1883;      // 0: any free one
    std::vector<std::string> bind;  // addresses; empty: loopback until the claim, then all
    std::uint16_t receive_maximum = 500;
    std::chrono::nanoseconds keepalive_max = std::chrono::minutes(20);
    std::chrono::nanoseconds session_expiry_max = std::chrono::hours(7 * 24);
    std::chrono::nanoseconds retained_every = std::chrono::minutes(1);  // QoS 0, to flash
    double raw_max = 0.2;               // of log.max_bytes, raw publishes kept, all together; 0..1
    bool simulated = false;             // only fogsim publishes here
    std::optional<MqttTlsSection> tls;  // empty: no certificate is set
};

struct RegistrySection {
    NewPolicies fresh{};  // what happens to new devices
    bool fixed = false;   // set here; else the page says
};

struct SimulatorSection {
    std::string socket;  // of the control server of fogsim; empty: there is no simulator
};

/// The whole configuration, checked. A plain value.
struct Config {
    std::string hash;  // of everything but rules and secrets, 8 hex digits; tells a changed one
    GatewaySection gateway;
    HttpSection http;
    LogSection log;
    PushSection push;
    AuthSection auth;
    SimulatorSection simulator;
    RegistrySection registry;
    std::string log_level = "info";
    bool metrics_open = false;
    Limits limits;  // with ingest.ring_bytes, log.max_bytes and section `limits` applied
    std::optional<MqttListenerSection> mqtt_listener;  // empty: switched off
    std::vector<ObjectConfig> mqtt_sources;
    std::vector<ObjectConfig> ports;
    std::vector<ObjectConfig> uplinks;
    std::vector<ObjectConfig> rules;    // only from rules.d
    std::vector<ObjectConfig> devices;  // only from devices.d
};

/// The sections of the merged main layers as a Config; what is wrong keeps its default and is a
/// fault. Pure, never throws.
Config read_config(const Node& merged, std::vector<Fault>& faults);

}  // namespace fog
