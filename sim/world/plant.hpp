#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/world/signal.hpp"

namespace fog::sim {

enum class PlantKind : std::uint8_t { first_order, tank, motor };

/// A piece of physics with inputs that events and commands move.
struct PlantSpec {
    struct Term {
        std::string input;
        double initial = 0;   // of the input
        double gain = 0;      // first_order: units per 1; tank: volume per second per 1
        std::string address;  // "<plant>.<input>"
    };
    std::string id;
    PlantKind kind = PlantKind::first_order;
    double start = 0;
    double ambient = 0;  // first_order, and the motor's temperature
    SimTime tau{};
    double area = 1, height = 1;           // tank
    double rated = 0, heat = 0, load = 0;  // motor: speed at demand 1, kelvin at it, slip
    SimTime heat_tau{};
    std::vector<Term> terms;
    bool has_output(std::string_view output) const;
};

/// `{ id, kind, start, ... }`; `{n}` is filled in already. Faults go to the list.
PlantSpec read_plant(const Node& node, std::vector<Fault>& faults);

/// All plants of a scenario, each stepped every 100 ms of scenario time with the inputs of that
/// moment: a state depends on time and inputs, not on who looked when. Looking back gives the
/// newest state. Thread: one.
class Plants {
public:
    Plants(std::vector<PlantSpec> specs, const Inputs& inputs);
    /// `output`: "" or "x" is the plant's own quantity, the name of an input that input; a motor
    /// also has "speed" and "temp".
    double value(std::size_t plant, std::string_view output, SimTime t);
    std::optional<std::size_t> find(std::string_view id) const;
    const PlantSpec& spec(std::size_t plant) const { return plants_[plant].spec; }
    std::size_t size() const { return plants_.size(); }
    std::vector<std::string_view> ids() const;

private:
    struct Plant {
        PlantSpec spec;
        double x = 0, temp = 0;
        std::int64_t done = 0;  // steps
    };
    void step(Plant& plant, SimTime t) const;

    std::vector<Plant> plants_;
    const Inputs& inputs_;
};

}  // namespace fog::sim
