#include "sim/links/personalities.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "drivers/sim_device.hpp"
#include "firmware/core/text.hpp"
#include "sim/links/http_carrier.hpp"
#include "sim/links/mqtt_carrier.hpp"
#include "sim/links/serial_carrier.hpp"
#include "sim/world/make_node.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

/// The `link` table of a device as far as all of a kind share it.
struct MqttLink {
    MqttOptions mqtt;
    std::string prefix, level;
    int qos = 1;
    bool retain = false;
    std::size_t buffer = 10'000;
    std::size_t connections = 0;  // 0 = one per device
    bool will = false, availability = false, cut = false;
};

struct SerialLink {
    unsigned baud = 115'200;
    std::string level;
    std::unique_ptr<SimDevice> device;
};

const SimDeviceInfo* find_sim_device(const std::string& personality) {
    for (const SimDeviceInfo* info : all_sim_devices()) {
        if (info->personality == personality) return info;
    }
    return nullptr;
}

bool is_mqtt(const DeviceSpec& device) {
    return device.personality == "mqtt.json" || device.personality == "mqtt.plain";
}

bool is_http(const DeviceSpec& device) {
    return device.personality == "http.ingest";
}

const Node& link_of(const DeviceSpec& device) {
    static const Node kEmpty = table({});
    return device.link.is_null() ? kEmpty : device.link;
}

MqttLink read_mqtt_link(const DeviceSpec& device, std::vector<Fault>& faults) {
    ConfigView view(link_of(device), faults);
    MqttLink link;
    link.mqtt.url = view.text("url");
    link.mqtt.user = view.text("user");
    link.mqtt.password = view.text("password");
    link.mqtt.client_id = view.text("client_id", "fogsim");
    // What is owed is kept here; a persistent session is the broker's burden only.
    link.mqtt.clean_session = view.choice("session", "clean", {"clean", "persistent"}) == "clean";
    link.availability = view.flag("availability", false);
    link.will = view.flag("will", link.availability);
    link.cut = view.flag("cut", false);
    link.mqtt.window = static_cast<int>(view.integer("window", 20, 1, 1'000));
    link.prefix = view.text("prefix", "sim");
    link.qos = static_cast<int>(view.integer("qos", 1, 0, 1));
    link.retain = view.flag("retain", false);
    link.level = view.choice("level", link.qos == 0 ? "C" : "B", {"A", "B", "C"});
    link.buffer = static_cast<std::size_t>(view.integer("buffer", 10'000, 1, 1'000'000));
    link.connections = static_cast<std::size_t>(view.integer("connections", 0, 0, 1'000));
    if (link.qos == 0 && link.level != "C") {
        view.fault("level", "S0106", "QoS 0 is never acknowledged: its level is C");
    }
    if ((link.will || link.availability) && link.connections != 0) {
        view.fault("connections", "S0106",
                   "a will speaks for one device: it needs a connection per device",
                   "leave out 'connections'");
    }
    view.done();
    return link;
}

SerialLink read_serial_link(const DeviceSpec& device, const SimDeviceInfo& info,
                            std::vector<Fault>& faults) {
    ConfigView view(link_of(device), faults);
    SerialLink link;
    link.baud = static_cast<unsigned>(view.integer("baud", 115'200, 0, 4'000'000));
    const bool acknowledges = info.personality == "mcu.frame";
    link.level = view.choice("level", acknowledges ? "A" : "C", {"A", "B", "C"});
    link.device = info.make(device.id, view);
    view.done();
    return link;
}

struct HttpLink {
    HttpCarrier::Options options;
    std::string level;
};

HttpLink read_http_link(const DeviceSpec& device, std::vector<Fault>& faults) {
    ConfigView view(link_of(device), faults);
    HttpLink link;
    link.options.target.url = view.text("url");
    link.options.target.token = view.text("token");
    link.options.target.read =
        std::chrono::duration_cast<std::chrono::milliseconds>(view.duration("timeout", 10s));
    link.options.ack = view.choice("ack", "commit", {"commit", "held"});
    link.options.batch = static_cast<std::size_t>(view.integer("batch", 1, 1, 1'000));
    link.options.buffer = static_cast<std::size_t>(view.integer("buffer", 10'000, 1, 1'000'000));
    link.level = link.options.ack == "commit" ? "A" : "B";
    if (link.options.target.read < 10ms) {
        view.fault("timeout", "S0101", "'timeout' must be at least 10 ms");
    }
    view.done();
    return link;
}

void add_http(LinkSet& set, const DeviceSpec& device, const LinkPlace& place, Ledger& ledger,
              const Wake& wake) {
    std::vector<Fault> none;
    HttpLink link = read_http_link(device, none);
    HttpTarget& target = link.options.target;
    if (target.url.empty()) target.url = place.http_url;
    if (target.token.empty()) target.token = place.http_token;
    set.endpoints.push_back({device.id, device.id, device.personality, "http", link.level, true});
    set.carrier_of[set.endpoints.size() - 1] = set.carriers.size();
    set.carriers.push_back(
        std::make_unique<HttpCarrier>(std::move(link.options), set.endpoints.back(), ledger, wake));
}

void check_device(const DeviceSpec& device, std::vector<Fault>& faults) {
    if (is_http(device)) {
        (void)read_http_link(device, faults);
        return;
    }
    if (is_mqtt(device)) {
        (void)read_mqtt_link(device, faults);
        return;
    }
    if (const SimDeviceInfo* info = find_sim_device(device.personality)) {
        (void)read_serial_link(device, *info, faults);
        return;
    }
    const auto names = personality_names();
    const std::vector<std::string_view> known(names.begin(), names.end());
    std::string hint;
    if (const auto near = nearest(device.personality, known)) {
        hint = "did you mean '" + std::string(*near) + "'?";
    } else {
        hint = "there are";
        for (const auto& name : names) hint += " " + name;
    }
    faults.push_back({"S0104", "/device", device.mark,
                      "no personality '" + device.personality + "'", std::move(hint), false});
}

std::string plain_gateway_id(const MqttLink& link, const DeviceSpec& device) {
    return link.prefix.empty() ? device.id : device_slug(link.prefix + "-" + device.id);
}

Endpoint mqtt_endpoint(const DeviceSpec& device, const MqttLink& link) {
    const bool json = device.personality == "mqtt.json";
    return {device.id,          json ? device.id : plain_gateway_id(link, device),
            device.personality, "mqtt",
            link.level,         json};
}

bool is_dirty(const FaultSpec& fault) {
    return fault.kind == FaultKind::dirty_disconnect || fault.kind == FaultKind::will;
}

/// Whether the device's connection can be cut: it asked for it, or the scenario will do it.
bool can_cut(const Scenario& scenario, std::size_t index) {
    std::vector<Fault> none;
    if (read_mqtt_link(scenario.devices[index], none).cut) return true;
    const auto& faults = scenario.faults;
    return std::any_of(faults.begin(), faults.end(), [index](const FaultSpec& fault) {
        const auto& on = fault.devices;
        return is_dirty(fault) && std::find(on.begin(), on.end(), index) != on.end();
    });
}

std::optional<Fault> missing_option(const Scenario& scenario, const FaultSpec& fault,
                                    std::size_t index) {
    if (!is_dirty(fault)) return std::nullopt;
    const DeviceSpec& device = scenario.devices[index];
    std::vector<Fault> none;
    const auto say = [&fault, &device](const char* option) {
        return Fault{"S0106",
                     "/fault",
                     fault.mark,
                     "fault '" + std::string(to_text(fault.kind)) + "' on '" + device.id +
                         "' needs its link to have " + option,
                     std::string("link = { ") + option + " = true }",
                     false};
    };
    if (fault.kind == FaultKind::will && !read_mqtt_link(device, none).will) return say("will");
    // A fault of the scenario itself makes can_cut() true; this is about added ones.
    if (fault.mark.line == 0 && !can_cut(scenario, index)) return say("cut");
    return std::nullopt;
}

/// The devices of one block that share a connection.
using PoolKey = std::pair<std::size_t, std::size_t>;  // block, connection within it
struct Pool {
    MqttCarrier::Options options;
    std::vector<MqttDevice> devices;
};

void add_to_pool(std::map<PoolKey, Pool>& pools, const Scenario& scenario, std::size_t index,
                 MqttLink link, const LinkPlace& place, const Endpoint& endpoint) {
    const DeviceSpec& device = scenario.devices[index];
    const std::size_t slot = link.connections == 0 ? device.index : device.index % link.connections;
    Pool& pool = pools[{device.block, slot}];
    if (pool.devices.empty()) {
        pool.options.mqtt = std::move(link.mqtt);
        if (pool.options.mqtt.url.empty()) pool.options.mqtt.url = place.mqtt_url;
        // Named after its first device: stable when others are added.
        pool.options.mqtt.client_id += "-" + device.id;
        pool.options.buffer = link.buffer;
        const std::string base = link.prefix.empty() ? device.id : link.prefix + "/" + device.id;
        if (link.availability) pool.options.availability = {base + "/status", "online"};
        if (link.will) {
            pool.options.mqtt.will_topic = base + "/status";
            pool.options.mqtt.will_payload = "offline";
        }
    }
    pool.options.cut = pool.options.cut || can_cut(scenario, index);
    const auto shape = device.personality == "mqtt.json" ? MqttShape::json : MqttShape::plain;
    pool.devices.push_back({index, endpoint, shape, link.prefix, link.qos, link.retain});
}

/// The first value of `{ input = 0.0 }` somewhere within a signal.
std::optional<double> initial_input(const Node& signal) {
    if (const Node* input = signal.find("input")) return input->number();
    if (const auto* members = signal.table()) {
        for (const auto& [key, value] : *members) {
            if (const auto found = initial_input(value)) return found;
        }
    }
    if (const auto* items = signal.array()) {
        for (const Node& item : *items) {
            if (const auto found = initial_input(item)) return found;
        }
    }
    return std::nullopt;
}

}  // namespace

std::vector<std::pair<std::string, double>> scenario_inputs(const Scenario& scenario) {
    std::vector<std::pair<std::string, double>> out;
    for (const PlantSpec& plant : scenario.plants) {
        for (const auto& term : plant.terms) out.emplace_back(term.address, term.initial);
    }
    for (const DeviceSpec& device : scenario.devices) {
        for (const PointSpec& point : device.points) {
            const auto initial = initial_input(point.signal);
            if (initial) out.emplace_back(device.id + "." + point.name, *initial);
        }
    }
    return out;
}

std::vector<std::string> personality_names() {
    std::vector<std::string> names = {"http.ingest", "mqtt.json", "mqtt.plain"};
    for (const SimDeviceInfo* info : all_sim_devices()) names.emplace_back(info->personality);
    std::sort(names.begin(), names.end());
    return names;
}

void check_links(const Scenario& scenario, std::vector<Fault>& faults) {
    for (const DeviceSpec& device : scenario.devices) {
        // One block's faults are the same for all its devices.
        if (device.index == 0) check_device(device, faults);
    }
    for (const FaultSpec& fault : scenario.faults) {
        if (auto misfit = fault_misfit(scenario, fault)) faults.push_back(std::move(*misfit));
    }
}

FaultPlace link_place(const DeviceSpec& device) {
    if (is_http(device)) return FaultPlace::device;
    return is_mqtt(device) ? FaultPlace::mqtt : FaultPlace::serial;
}

std::optional<Fault> fault_misfit(const Scenario& scenario, const FaultSpec& fault) {
    const FaultPlace place = info(fault.kind).place;
    if (place == FaultPlace::device) return std::nullopt;
    for (const std::size_t index : fault.devices) {
        const DeviceSpec& device = scenario.devices[index];
        if (link_place(device) == place) {
            if (auto misfit = missing_option(scenario, fault, index)) return misfit;
            continue;
        }
        return Fault{"S0106",
                     "/fault",
                     fault.mark,
                     "fault '" + std::string(to_text(fault.kind)) + "' does not fit '" + device.id +
                         "', which is " + device.personality,
                     place == FaultPlace::mqtt ? "it needs an MQTT personality"
                                               : "it needs a serial personality",
                     false};
    }
    return std::nullopt;
}

LinkSet make_links(const Scenario& scenario, const LinkPlace& place, Ledger& ledger,
                   const Wake& wake) {
    std::vector<Fault> none;
    LinkSet set;
    std::map<PoolKey, Pool> pools;
    set.carrier_of.resize(scenario.devices.size());
    for (std::size_t i = 0; i < scenario.devices.size(); ++i) {
        const DeviceSpec& device = scenario.devices[i];
        if (is_http(device)) {
            add_http(set, device, place, ledger, wake);
            continue;
        }
        if (is_mqtt(device)) {
            MqttLink link = read_mqtt_link(device, none);
            set.endpoints.push_back(mqtt_endpoint(device, link));
            add_to_pool(pools, scenario, i, std::move(link), place, set.endpoints.back());
            continue;
        }
        SerialLink link = read_serial_link(device, *find_sim_device(device.personality), none);
        set.endpoints.push_back(
            {device.id, device.id, device.personality, "serial", link.level, false});
        set.carrier_of[i] = set.carriers.size();
        set.carriers.push_back(std::make_unique<SerialCarrier>(
            SerialCarrier::Options{place.run_dir / "by-id" / device.id, link.baud, scenario.seed},
            set.endpoints.back(), std::move(link.device), ledger));
    }
    for (auto& [key, pool] : pools) {
        for (const MqttDevice& device : pool.devices) {
            set.carrier_of[device.device] = set.carriers.size();
        }
        set.carriers.push_back(std::make_unique<MqttCarrier>(
            std::move(pool.options), std::move(pool.devices), ledger, wake));
    }
    return set;
}

}  // namespace fog::sim
