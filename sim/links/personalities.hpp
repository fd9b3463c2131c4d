#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/links/carrier.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {

/// Where a run lives.
struct LinkPlace {
    std::string mqtt_url;                  // for devices whose link names none
    std::filesystem::path run_dir;         // by-id/<device> links are made here
    std::string http_url{}, http_token{};  // likewise for http.ingest
};

/// "http.ingest", "mqtt.json", "mqtt.plain" and one per simulated device of the drivers, sorted.
std::vector<std::string> personality_names();

/// A device with the carrier it travels by.
struct LinkSet {
    std::vector<Endpoint> endpoints;      // by place in Scenario::devices
    std::vector<std::size_t> carrier_of;  // likewise, into `carriers`
    std::vector<std::unique_ptr<Carrier>> carriers;
};

/// Checks every device's personality and `link` options, and every fault against its devices.
void check_links(const Scenario& scenario, std::vector<Fault>& faults);
/// What is wrong with a fault on these devices; nothing if it fits all of them.
std::optional<Fault> fault_misfit(const Scenario& scenario, const FaultSpec& fault);
/// Which faults of links a device knows: serial, mqtt, or none (device: http.ingest).
FaultPlace link_place(const DeviceSpec& device);
/// Every input of the scenario with its value before the first event.
std::vector<std::pair<std::string, double>> scenario_inputs(const Scenario& scenario);
/// Makes the carriers; nothing is opened yet. The scenario has passed check_links(); it, the
/// ledger and the wake outlive the set.
LinkSet make_links(const Scenario& scenario, const LinkPlace& place, Ledger& ledger,
                   const Wake& wake);

}  // namespace fog::sim
