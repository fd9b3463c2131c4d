#include "sim/world/scenario.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "firmware/core/text.hpp"
#include "sim/world/make_node.hpp"
#include "sim/world/random.hpp"

namespace fog::sim {
namespace {

constexpr std::int64_t kMaxDevices = 10'000;
constexpr std::size_t kMaxPoints = 256;  // of a device
constexpr std::size_t kMaxPlants = 1'000;
constexpr std::uint64_t kSlots = 900'000;

std::int64_t count_of(ConfigView& view) {
    return view.integer("count", 1, 1, kMaxDevices);
}

/// Builds the scenario from the resolved tree.
class Builder {
public:
    Builder(const ScenarioOptions& options, std::vector<Fault>& faults)
        : faults_(faults),
          reader_([this, &options](const std::string& name) { return keep_file(options, name); }) {}

    Scenario run(const Node& root, const ScenarioOptions& options) {
        ConfigView view(root, faults_);
        scenario_.name = view.required_text("name");
        scenario_.seed = static_cast<std::uint64_t>(view.integer("seed", 1, 0, INT64_MAX));
        if (options.seed) scenario_.seed = *options.seed;
        if (view.has("duration")) {
            scenario_.duration = view.duration("duration", SimTime{0});
            if (scenario_.duration->count() <= 0) {
                view.fault("duration", "S0101", "'duration' must be more than zero");
            }
        }
        view.text("about");
        view.raw("vars");
        refuse(view, "include");  // whoever reads files has merged it
        read_start(view);
        for (ConfigView& plant : view.tables("plant")) read_plants(plant);
        if (view.has("gateway")) {
            ConfigView gateway = view.table("gateway");
            scenario_.gateway = read_gateway(gateway);
            for (const std::string& rule : scenario_.gateway.rules) need(gateway, rule);
        }
        for (ConfigView& step : view.tables("clock")) {
            scenario_.clock.push_back(read_clock_step(step));
        }
        Plants plants(scenario_.plants, scenario_.inputs);
        plants_ = &plants;
        for (ConfigView& device : view.tables("device")) {
            read_device(device);
            ++block_;
        }
        if (block_ == 0) {
            view.fault("device", "S0101", "a scenario needs at least one [[device]]");
        }
        for (ConfigView& event : view.tables("event")) read_event(event);
        read_places(view, scenario_);
        for (ConfigView& fault : view.tables("fault")) {
            if (read_sensor_fault_of(fault)) continue;
            scenario_.faults.push_back(read_fault_spec(fault, scenario_, false));
        }
        for (ConfigView& expect : view.tables("expect")) {
            if (auto one = read_expectation(expect, faults_)) {
                scenario_.expect.push_back(std::move(*one));
            }
        }
        view.done();
        plants_ = nullptr;
        scenario_.input_addresses = std::move(inputs_);
        return std::move(scenario_);
    }

private:
    void refuse(ConfigView& view, std::string_view key) {
        if (view.raw(key) == nullptr) return;
        view.fault(key, "S0105", "'" + std::string(key) + "' needs a scenario that is a file");
    }

    void read_start(ConfigView& view) {
        const std::string text = view.text("start");
        if (text.empty()) return;
        if (const auto start = parse_rfc3339(text)) {
            scenario_.start = *start;
        } else {
            view.fault("start", "S0101", "'" + text + "' is no time with a zone",
                       "for example \"2026-03-29T00:30:00Z\"");
        }
    }

    void read_plants(ConfigView& view) {
        const std::int64_t count = count_of(view);
        const std::int64_t first = view.integer("first", 1, 0, 1'000'000);
        const Node* id = view.node().find("id");
        if (count > 1 && id != nullptr && id->is_string() &&
            id->string()->find("{n}") == std::string::npos) {
            view.fault("id", "S0101", "'id' needs {n} when 'count' is more than one");
            return;
        }
        for (std::int64_t i = 0; i < count; ++i) {
            std::vector<Fault> repeated;
            const Node filled = fill_number(view.node(), first + i);
            PlantSpec plant = read_plant(filled, i == 0 ? faults_ : repeated);
            const auto same = [&plant](const PlantSpec& each) { return each.id == plant.id; };
            if (std::any_of(scenario_.plants.begin(), scenario_.plants.end(), same)) {
                view.fault("id", "S0101", "there are two plants '" + plant.id + "'");
                return;
            }
            if (scenario_.plants.size() >= kMaxPlants) {
                view.fault("count", "S0101", "more than 1000 plants");
                return;
            }
            for (const auto& term : plant.terms) inputs_.push_back(term.address);
            scenario_.plants.push_back(std::move(plant));
        }
    }

    /// A rule file beside the scenario.
    void need(ConfigView& view, const std::string& rule) {
        const auto text = reader_(rule + ".toml");
        if (!text) {
            view.fault("rules", "S0109", text.error().what, text.error().hint);
        }
    }

    void read_device(ConfigView& view) {
        const std::int64_t count = count_of(view);
        const std::int64_t first = view.integer("first", 1, 0, 1'000'000);
        DeviceSpec common;
        const std::string id = view.required_text("id");
        common.personality = view.required_text("personality");
        common.interval = view.duration("interval", std::chrono::seconds{5});
        common.mark = view.node().mark;
        if (common.interval < std::chrono::milliseconds{1}) {
            view.fault("interval", "S0101", "'interval' must be at least 1 ms");
            common.interval = std::chrono::seconds{1};
        }
        const std::string phase = view.choice("phase", "spread", {"spread", "same", "random"});
        if (const Node* link = view.raw("link")) common.link = *link;
        ConfigView points = view.table("point");
        read_points(points, common);
        if (points.node().table() == nullptr || points.node().table()->empty()) {
            view.fault("point", "S0101", "a device needs at least one point.<name>");
        }
        view.done();
        if (count > 1 && id.find("{n}") == std::string::npos) {
            view.fault("id", "S0101", "'id' needs {n} when 'count' is more than one");
            return;
        }
        for (std::int64_t i = 0; i < count; ++i) {
            add_device(view, common, id, first + i, {i, count, phase});
        }
    }

    struct Place {
        std::int64_t index = 0, count = 1;
        const std::string& phase;
    };

    void add_device(ConfigView& view, const DeviceSpec& common, const std::string& id,
                    std::int64_t n, const Place& place) {
        DeviceSpec device = common;
        device.id = *fill_number(text(id), n).string();
        device.link = fill_number(common.link, n);
        if (device.id.empty() || device.id != device_slug(device.id)) {
            view.fault("id", "S0101", "'" + device.id + "' is not a device id",
                       "use a-z, 0-9 and '-', at most 64, e.g. '" + device_slug(device.id) + "'");
            return;
        }
        if (!ids_.insert(device.id).second) {
            view.fault("id", "S0101", "there are two devices '" + device.id + "'");
            return;
        }
        if (scenario_.devices.size() >= static_cast<std::size_t>(kMaxDevices)) {
            view.fault("count", "S0101", "more than 10000 devices");
            return;
        }
        if (place.phase == "spread") device.offset = common.interval * place.index / place.count;
        if (place.phase == "random") {
            const double share = RandomStream(scenario_.seed, device.id, "phase").uniform(0);
            const auto interval = static_cast<double>(common.interval.count());
            device.offset = SimTime{static_cast<std::int64_t>(share * interval)};
        }
        device.block = block_;
        device.index = static_cast<std::size_t>(place.index);
        device.slot = stable_hash(device.id) % kSlots;
        while (!slots_.insert(device.slot).second) device.slot = (device.slot + 1) % kSlots;
        for (PointSpec& point : device.points) {
            point.signal = fill_number(point.signal, n);
            const SignalContext context{scenario_.seed,    device.id + "." + point.name,
                                        &scenario_.inputs, &inputs_,
                                        plants_,           &reader_,
                                        scenario_.start};
            // Only to check it; the faults of the first device of a block speak for all.
            std::vector<Fault> repeated;
            make_signal(point.signal, context, place.index == 0 ? faults_ : repeated);
        }
        scenario_.devices.push_back(std::move(device));
    }

    void read_points(ConfigView& view, DeviceSpec& device) {
        const auto* table = view.node().table();
        if (table == nullptr) return;
        for (const auto& [name, node] : *table) {
            view.raw(name);
            if (name != point_slug(name)) {
                view.fault(name, "S0101", "'" + name + "' is not a point id",
                           "use a-z, 0-9, '_' and '.', e.g. '" + point_slug(name) + "'");
                continue;
            }
            if (device.points.size() >= kMaxPoints) {
                view.fault(name, "S0101", "more than 256 points");
                return;
            }
            device.points.push_back(read_point(view, name));
        }
    }

    PointSpec read_point(ConfigView& points, const std::string& name) {
        ConfigView view = points.table(name);
        PointSpec point;
        point.name = name;
        point.unit = view.text("unit");
        const std::string type = view.choice("type", "number", {"number", "integer", "boolean"});
        if (type == "integer") point.type = PointType::integer;
        if (type == "boolean") point.type = PointType::boolean;
        if (const Node* signal = view.raw("signal")) {
            point.signal = *signal;
        } else {
            points.fault(name, "S0101", "point '" + name + "' has no 'signal'");
            point.signal = number(0);
        }
        if (const Node* sensor = view.raw("sensor")) point.sensor = read_sensor(*sensor, faults_);
        view.done();
        return point;
    }

    void read_event(ConfigView& view) {
        InputEvent event;
        event.at = view.duration("at", SimTime{0});
        event.every = view.duration("every", SimTime{0});
        if (!view.has("at")) view.fault("at", "S0101", "'at' is missing");
        const Node* set = view.raw("set");
        if (set == nullptr || !set->is_table()) {
            view.fault("set", "S0101", "'set' is a table: { \"room-3.door\" = 1 }");
            return;
        }
        std::vector<std::string_view> known(inputs_.begin(), inputs_.end());
        for (const auto& [address, node] : *set->table()) {
            const auto value = node.number();
            if (!value) {
                add(node, "S0101", "'" + address + "' must be set to a number", {});
            } else if (std::find(known.begin(), known.end(), address) == known.end()) {
                add(node, "S0104", "no input '" + address + "'", did_you_mean(address, known));
            } else {
                event.value = *value;
                scenario_.inputs.add(address, event);
            }
        }
        view.done();
    }

    /// Those that act inside a device; true if `view` is one of them.
    bool read_sensor_fault_of(ConfigView& view) {
        const Node* node = view.node().find("kind");
        const auto kind = node != nullptr && node->is_string() ? sensor_fault_kind(*node->string())
                                                               : std::nullopt;
        if (!kind) return false;
        SensorFaultSpec fault;
        fault.kind = *kind;
        view.raw("kind");
        fault.at = view.duration("at", SimTime{0});
        fault.lasts = view.duration("for", std::chrono::seconds{10});
        fault.every = view.duration("every", SimTime{0});
        if (!view.has("at") && !view.has("rate")) {
            view.fault("at", "S0101", "'at' is missing", "a time, or a 'rate' per hour");
        }
        if (view.has("rate") && view.has("every")) {
            view.fault("every", "S0101", "'every' and 'rate' exclude each other");
        }
        if (fault.lasts.count() <= 0) view.fault("for", "S0101", "'for' must be more than zero");
        if (fault.every.count() != 0 && fault.every <= fault.lasts) {
            view.fault("every", "S0101", "'every' must be longer than 'for'");
        }
        const std::string on = view.required_text("on");
        select(view, on, fault.devices);
        read_sensor_fault(view, fault);
        for (const std::string& point : {fault.point, fault.with}) find_point(view, fault, point);
        view.done();
        fault.number = sensor_numbers_[*kind]++;
        scenario_.sensor_faults.push_back(std::move(fault));
        return true;
    }

    void find_point(ConfigView& view, const SensorFaultSpec& fault, const std::string& point) {
        if (point.empty() || fault.devices.empty()) return;
        const DeviceSpec& device = scenario_.devices[fault.devices.front()];
        std::vector<std::string_view> known;
        for (const PointSpec& each : device.points) known.emplace_back(each.name);
        if (std::find(known.begin(), known.end(), point) != known.end()) return;
        view.fault(point == fault.with ? "with" : "point", "S0104",
                   "'" + device.id + "' has no point '" + point + "'", did_you_mean(point, known));
    }

    void select(ConfigView& view, const std::string& on, std::vector<std::size_t>& out) {
        constexpr std::string_view kPrefix = "device/";
        if (on.empty()) return;
        if (!std::string_view(on).starts_with(kPrefix)) {
            view.fault("on", "S0106", "a sensor's fault acts on a device, found '" + on + "'",
                       "for example on = \"device/freezer-1\" or \"device/freezer-*\"");
            return;
        }
        const std::string_view wanted = std::string_view(on).substr(kPrefix.size());
        std::vector<std::string_view> known;
        for (std::size_t i = 0; i < scenario_.devices.size(); ++i) {
            if (glob_matches(wanted, scenario_.devices[i].id)) out.push_back(i);
            known.emplace_back(scenario_.devices[i].id);
        }
        if (out.empty()) {
            view.fault("on", "S0104", "no device '" + std::string(wanted) + "'",
                       did_you_mean(wanted, known));
        }
    }

    static std::string did_you_mean(std::string_view word,
                                    std::span<const std::string_view> known) {
        const auto near = nearest(word, known);
        return near ? "did you mean '" + std::string(*near) + "'?" : std::string();
    }

    void add(const Node& node, std::string code, std::string detail, std::string hint) {
        faults_.push_back(
            {std::move(code), node.pointer, node.mark, std::move(detail), std::move(hint), false});
    }

    /// A file beside the scenario, kept with it.
    Result<std::string> keep_file(const ScenarioOptions& options, const std::string& name) {
        auto& files = scenario_.files;
        if (const auto known = files.find(name); known != files.end()) return known->second;
        const bool inside =
            !name.empty() && name.front() != '/' && name.find("..") == std::string::npos;
        if (!inside) {
            return Error{Errc::bad_config, "'" + name + "' is not beside the scenario",
                         "a name such as \"rules/hot\", without '..'"};
        }
        if (!options.read) {
            return Error{Errc::bad_config, "there are no files beside this scenario", {}};
        }
        auto text = options.read(name);
        if (text) files.emplace(name, *text);
        return text;
    }

    std::vector<Fault>& faults_;
    FileReader reader_;
    Plants* plants_ = nullptr;
    std::map<SensorFaultKind, std::size_t> sensor_numbers_;
    Scenario scenario_;
    std::size_t block_ = 0;
    std::set<std::string> ids_;
    std::set<std::uint64_t> slots_;
    std::vector<std::string> inputs_;  // addresses of input signals, and of plants' inputs
};

/// The tree as it will be run: without what only served to resolve it.
Node without(const Node& root, std::initializer_list<std::string_view> keys) {
    Node out = table({});
    out.mark = root.mark;
    for (const auto& [key, value] : *root.table()) {
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) out.set(key, value);
    }
    return out;
}

}  // namespace

FileReader Scenario::file_reader() const {
    return [this](const std::string& name) -> Result<std::string> {
        const auto found = files.find(name);
        if (found != files.end()) return found->second;
        return Error{Errc::not_found, "no file '" + name + "'", {}};
    };
}

Scenario parse_scenario(const Node& root, const ScenarioOptions& options,
                        std::vector<Fault>& faults) {
    if (!root.is_table()) {
        faults.push_back({"S0101", "", root.mark, "a scenario is a TOML table", {}, false});
        return {};
    }
    const Node resolved = resolve_variables(root, options, faults);
    if (has_errors(faults)) return {};
    Scenario scenario = Builder(options, faults).run(resolved, options);
    const std::string body = to_toml(without(resolved, {"vars", "seed"}));
    std::uint64_t hash = stable_hash(body);
    for (const auto& [name, text] : scenario.files) hash = stable_hash(text, hash);
    for (int shift = 60; shift >= 0; shift -= 4) {
        scenario.hash += "0123456789abcdef"[(hash >> static_cast<unsigned>(shift)) & 15U];
    }
    scenario.resolved = "seed = " + std::to_string(scenario.seed) + "\n" + body;
    return scenario;
}

}  // namespace fog::sim
