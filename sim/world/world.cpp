#include "sim/world/world.hpp"

#include <algorithm>
#include <cmath>

namespace fog::sim {
namespace {

Value typed(double value, PointType type) {
    switch (type) {
        case PointType::number:
            return value;
        case PointType::integer:
            return static_cast<std::int64_t>(std::llround(value));
        case PointType::boolean:
            return value >= 0.5;
    }
    return value;
}

}  // namespace

World::World(Scenario scenario) : scenario_(std::move(scenario)) {
    std::vector<Fault> none;  // parse_scenario has checked every signal
    for (std::size_t i = 0; i < scenario_.devices.size(); ++i) {
        const DeviceSpec& spec = scenario_.devices[i];
        Device device;
        for (const PointSpec& point : spec.points) {
            const SignalContext context{scenario_.seed, spec.id + "." + point.name,
                                        &scenario_.inputs, &inputs_};
            device.points.push_back({&point, make_signal(point.signal, context, none),
                                     RandomStream(scenario_.seed, context.address, "noise")});
        }
        devices_.push_back(std::move(device));
        due_.push({spec.offset, i});
    }
}

std::optional<SimTime> World::next_due() const {
    if (due_.empty()) return std::nullopt;
    const SimTime at = due_.top().at;
    if (scenario_.duration && at >= *scenario_.duration) return std::nullopt;
    return at;
}

Report World::next() {
    const Due due = due_.top();
    due_.pop();
    const DeviceSpec& spec = scenario_.devices[due.device];
    Device& device = devices_[due.device];
    Report report{spec.slot * kIdsPerDevice + device.reports + 1, due.device, due.at, {}};
    report.points.reserve(device.points.size());
    for (Point& point : device.points) {
        const Sensor& sensor = point.spec->sensor;
        const double deviate = sensor.noise > 0 ? point.noise.normal(device.reports) : 0;
        const double value = measured(point.signal->at(due.at), sensor, deviate);
        report.points.push_back(
            {point.spec->name, point.spec->unit, typed(value, point.spec->type)});
    }
    ++device.reports;
    due_.push({due.at + spec.interval, due.device});
    return report;
}

bool World::set_input(const std::string& address, double value, SimTime t) {
    if (std::find(inputs_.begin(), inputs_.end(), address) == inputs_.end()) return false;
    scenario_.inputs.add(address, {t, SimTime{0}, value});
    return true;
}

}  // namespace fog::sim
