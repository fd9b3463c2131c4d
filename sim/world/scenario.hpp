#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "firmware/core/node.hpp"
#include "firmware/core/value.hpp"
#include "sim/world/fault_spec.hpp"
#include "sim/world/plant.hpp"
#include "sim/world/sensor_fault.hpp"
#include "sim/world/signal.hpp"

namespace fog::sim {

enum class PointType : std::uint8_t { number, integer, boolean };

struct PointSpec {
    std::string name;
    std::string unit;  // UCUM
    PointType type = PointType::number;
    Node signal;
    Sensor sensor;
};

struct DeviceSpec {
    std::string id;
    std::string personality;  // "mqtt.json"; sim/links knows which there are
    SimTime interval{};
    SimTime offset{};        // of the first report
    std::size_t block = 0;   // which [[device]] it came from
    std::size_t index = 0;   // place within that block
    std::uint64_t slot = 0;  // its reports are numbered from slot * kIdsPerDevice + 1
    std::vector<PointSpec> points;
    Node link;  // table of the personality's own options, checked by sim/links
    Mark mark;
};
inline constexpr std::uint64_t kIdsPerDevice = 10'000'000'000ULL;

/// One line of `expect`. Kinds the checker cannot judge yet are kept: it reports them as skipped.
struct Expectation {
    std::string kind;   // "lost"
    std::string value;  // "0", "per-device"
    Node spec{};        // the whole line
};

/// What a run in one process gives its gateway; other runs start theirs as they like.
struct GatewaySpec {
    std::vector<std::string> rules;                   // files beside the scenario, without ".toml"
    SimTime commit = std::chrono::milliseconds{250};  // how long a group of records is gathered
    std::uint64_t log_bytes = 64ULL << 20U;
    std::vector<std::string> sinks = {"cloud"};
};

/// A step of the gateway's wall clock, or of its trust in it; runs in one process only.
struct ClockStep {
    SimTime at{};
    SimTime by{};
    std::optional<bool> trusted;
};

/// One scenario file, resolved and checked. A value.
struct Scenario {
    std::string name;
    std::uint64_t seed = 1;
    std::optional<SimTime> duration;  // none = until stopped
    std::vector<DeviceSpec> devices;
    Inputs inputs;
    std::vector<ProxySpec> proxies;
    std::vector<FarSpec> fars;
    bool starts_gateway = false;  // set by a run that starts one: its process can have faults
    std::vector<PlantSpec> plants;
    std::vector<std::string> input_addresses;  // what events and commands may set
    std::vector<FaultSpec> faults;
    std::vector<SensorFaultSpec> sensor_faults;
    std::vector<Expectation> expect;
    GatewaySpec gateway;
    std::vector<ClockStep> clock;
    WallTime start = kDefaultStart;            // of the virtual clock, and what `daily` counts from
    std::map<std::string, std::string> files;  // beside it: traces, rules; by name
    std::string resolved;  // TOML: variables and {n} options filled in, seed as used
    std::string hash;      // of `resolved` without the seed, 16 hex digits
    /// Reads `files`; lives as long as the scenario stays where it is.
    FileReader file_reader() const;
};

struct ScenarioOptions {
    std::optional<std::uint64_t> seed;                           // --seed
    std::vector<std::pair<std::string, std::string>> variables;  // --set name=value
    FileReader read{};  // files beside the scenario; none: a scenario that names one is at fault
};

/// Checks everything but what belongs to the personality. All faults go to the list; the result is
/// usable only if none of them is an error. Pure.
Scenario parse_scenario(const Node& root, const ScenarioOptions& options,
                        std::vector<Fault>& faults);

/// `gateway` and one line of `expect`, checked.
GatewaySpec read_gateway(ConfigView& view);
ClockStep read_clock_step(ConfigView& view);
std::optional<Expectation> read_expectation(ConfigView& view, std::vector<Fault>& faults);

/// `${name}` in texts becomes the variable; a text that is nothing else takes over its type.
Node resolve_variables(const Node& root, const ScenarioOptions& options,
                       std::vector<Fault>& faults);
/// `{n}` in every text below becomes the number.
Node fill_number(const Node& node, std::int64_t n);
/// The node as TOML, tables inline below the first level; reads back as the same node.
std::string to_toml(const Node& root);

/// True if one of them is not just a warning.
bool has_errors(const std::vector<Fault>& faults);

}  // namespace fog::sim
