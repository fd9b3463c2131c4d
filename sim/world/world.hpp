#pragma once

#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "firmware/core/value.hpp"
#include "sim/world/plant.hpp"
#include "sim/world/random.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {

struct PointValue {
    std::string name;
    std::string unit;
    Value value;
    bool odd = false;  // no value of the point's type: the gateway may refuse it
    bool operator==(const PointValue&) const = default;
};

/// What a fault of the sensor does to a whole report.
enum class Fate : std::uint8_t { sent, missed, held };

/// What one device has to say at one time.
struct Report {
    std::uint64_t id = 0;    // never used twice in a run; stable when devices are added
    std::size_t device = 0;  // place in Scenario::devices
    SimTime at{};
    std::vector<PointValue> points;
    Fate fate = Fate::sent;  // missed: never leaves; held: comes again later, with this id and time
    bool operator==(const Report&) const = default;
};

/// All devices of a scenario and what they report when: a function of scenario and seed, without
/// clocks or links. Thread: one. Never blocks.
class World {
public:
    explicit World(Scenario scenario);
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    const Scenario& scenario() const { return scenario_; }
    /// When the next report is due; nothing when the scenario has ended.
    std::optional<SimTime> next_due() const;
    /// The next report, earliest first, ties by place in the file. Only if next_due(). Its `at` is
    /// when it was measured; a report that was held back is due later than that.
    Report next();
    /// From `t` on an input (of a plant, or a point) has this value: a command, or a person.
    /// False: there is no such input. Times must not fall.
    bool set_input(const std::string& address, double value, SimTime t);
    Plants& plants() { return plants_; }

private:
    struct Point {
        const PointSpec* spec;
        std::unique_ptr<Signal> signal;
        RandomStream noise;
    };
    struct Device {
        std::vector<Point> points;
        std::vector<SensorFault> faults;
        std::vector<Report> held;  // to be delivered, oldest first
        std::uint64_t reports = 0;
    };
    struct Due {
        SimTime at;
        std::size_t device;
        bool delivery = false;  // of a held report; comes before a measurement at the same time
        bool operator>(const Due& other) const {
            if (at != other.at) return at > other.at;
            return device != other.device ? device > other.device : !delivery && other.delivery;
        }
    };
    Report measure(const Due& due);
    void spoil(Device& device, Report& report);
    SimTime interval(Device& device, const DeviceSpec& spec, SimTime t);

    Scenario scenario_;
    Plants plants_;
    std::vector<Device> devices_;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

}  // namespace fog::sim
