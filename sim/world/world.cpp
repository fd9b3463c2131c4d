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

World::World(Scenario scenario)
    : scenario_(std::move(scenario)), plants_(scenario_.plants, scenario_.inputs) {
    std::vector<Fault> none;  // parse_scenario has checked every signal
    const FileReader files = scenario_.file_reader();
    for (std::size_t i = 0; i < scenario_.devices.size(); ++i) {
        const DeviceSpec& spec = scenario_.devices[i];
        Device device;
        for (const PointSpec& point : spec.points) {
            const SignalContext context{scenario_.seed,    spec.id + "." + point.name,
                                        &scenario_.inputs, nullptr,
                                        &plants_,          &files,
                                        scenario_.start};
            device.points.push_back({&point, make_signal(point.signal, context, none),
                                     RandomStream(scenario_.seed, context.address, "noise")});
        }
        for (const SensorFaultSpec& fault : scenario_.sensor_faults) {
            if (std::find(fault.devices.begin(), fault.devices.end(), i) != fault.devices.end()) {
                device.faults.emplace_back(fault, scenario_.seed, spec.id);
            }
        }
        devices_.push_back(std::move(device));
        due_.push({spec.offset, i});
    }
}

bool World::set_input(const std::string& address, double value, SimTime t) {
    const auto known =
        std::find(scenario_.input_addresses.begin(), scenario_.input_addresses.end(), address);
    if (known == scenario_.input_addresses.end()) return false;
    scenario_.inputs.set(address, t, value);
    return true;
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
    if (!due.delivery) return measure(due);
    Device& device = devices_[due.device];
    Report report = std::move(device.held.front());
    device.held.erase(device.held.begin());
    report.fate = Fate::sent;
    return report;
}

Report World::measure(const Due& due) {
    const DeviceSpec& spec = scenario_.devices[due.device];
    Device& device = devices_[due.device];
    Report report{spec.slot * kIdsPerDevice + device.reports + 1, due.device, due.at, {}};
    report.points.reserve(device.points.size());
    for (Point& point : device.points) {
        const Sensor& sensor = point.spec->sensor;
        const double deviate = sensor.noise > 0 ? point.noise.normal(device.reports) : 0;
        double truth = point.signal->at(due.at);
        if (std::isnan(truth)) continue;  // a gap in a trace
        for (SensorFault& fault : device.faults) {
            if (fault.touches(point.spec->name) && fault.active(due.at)) {
                truth = fault.changed(truth, due.at, device.reports, point.spec->name);
            }
        }
        const double value = measured(truth, sensor, deviate);
        report.points.push_back(
            {point.spec->name, point.spec->unit, typed(value, point.spec->type)});
    }
    due_.push({due.at + interval(device, spec, due.at), due.device});
    spoil(device, report);
    ++device.reports;
    return report;
}

/// What faults do to a report as a whole, or to values beyond numbers.
void World::spoil(Device& device, Report& report) {
    for (SensorFault& fault : device.faults) {
        if (!fault.active(report.at)) continue;
        const SensorFaultKind kind = fault.spec().kind;
        if (kind == SensorFaultKind::nan || kind == SensorFaultKind::null) {
            for (PointValue& point : report.points) {
                if (!fault.touches(point.name)) continue;
                point.odd = true;
                point.value = kind == SensorFaultKind::nan ? Value(std::string("NaN")) : Value();
            }
        }
        if (kind == SensorFaultKind::swap) {
            const auto place = [&report](const std::string& name) {
                return std::find_if(report.points.begin(), report.points.end(),
                                    [&name](const PointValue& each) { return each.name == name; });
            };
            const auto one = place(fault.spec().point);
            const auto other = place(fault.spec().with);
            if (one != report.points.end() && other != report.points.end()) {
                std::swap(one->value, other->value);
            }
        }
        if (kind == SensorFaultKind::dropout && fault.strikes(device.reports)) {
            report.fate = Fate::missed;
        }
        if (kind == SensorFaultKind::late_batch && report.fate == Fate::sent) {
            report.fate = Fate::held;
            device.held.push_back(report);
            due_.push({fault.ends(), report.device, true});
        }
        if (kind == SensorFaultKind::duplicate_id && report.fate == Fate::sent) {
            device.held.push_back(report);
            due_.push({report.at, report.device, true});
        }
    }
    if (report.points.empty() && report.fate == Fate::sent) report.fate = Fate::missed;
}

SimTime World::interval(Device& device, const DeviceSpec& spec, SimTime t) {
    for (SensorFault& fault : device.faults) {
        if (fault.spec().kind != SensorFaultKind::burst || !fault.active(t)) continue;
        const double times = fault.spec().factor;
        return std::max(
            SimTime{static_cast<std::int64_t>(static_cast<double>(spec.interval.count()) / times)},
            SimTime{std::chrono::milliseconds{1}});
    }
    return spec.interval;
}

}  // namespace fog::sim
