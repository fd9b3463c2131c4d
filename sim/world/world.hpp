#pragma once

#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "firmware/core/value.hpp"
#include "sim/world/random.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {

struct PointValue {
    std::string name;
    std::string unit;
    Value value;
    bool operator==(const PointValue&) const = default;
};

/// What one device has to say at one time.
struct Report {
    std::uint64_t id = 0;    // never used twice in a run; stable when devices are added
    std::size_t device = 0;  // place in Scenario::devices
    SimTime at{};
    std::vector<PointValue> points;
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
    /// The next report, earliest first, ties by place in the file. Only if next_due().
    Report next();
    /// From `t` on an input has this value: a person. False: there is no such input.
    bool set_input(const std::string& address, double value, SimTime t);

private:
    struct Point {
        const PointSpec* spec;
        std::unique_ptr<Signal> signal;
        RandomStream noise;
    };
    struct Device {
        std::vector<Point> points;
        std::uint64_t reports = 0;
    };
    struct Due {
        SimTime at;
        std::size_t device;
        bool operator>(const Due& other) const {
            return at != other.at ? at > other.at : device > other.device;
        }
    };
    Scenario scenario_;
    std::vector<Device> devices_;
    std::vector<std::string> inputs_;  // addresses
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

}  // namespace fog::sim
