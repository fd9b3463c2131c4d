#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/node.hpp"

namespace fog::sim {

/// Scenario time: since the run began.
using SimTime = std::chrono::nanoseconds;

/// What the world does to an `input` signal, and when.
struct InputEvent {
    SimTime at{};
    SimTime every{};  // 0 = once
    double value = 0;
};

/// The scripted values of every input, by "device.point". Filled by the scenario, then constant.
class Inputs {
public:
    void add(std::string address, InputEvent event);
    /// The value of the latest event at or before `t`, `initial` before the first one.
    double at(std::string_view address, SimTime t, double initial) const;

private:
    std::map<std::string, std::vector<InputEvent>, std::less<>> events_;
};

/// A quantity of the world as a function of (seed, time). Thread: one at a time. Never blocks.
class Signal {
public:
    virtual ~Signal() = default;
    /// Not const: walks keep the last step, so that going forward costs one step each.
    virtual double at(SimTime t) = 0;
};

/// What a signal is made for.
struct SignalContext {
    std::uint64_t seed = 0;
    std::string address;                                  // "freezer-3.temp"
    const Inputs* inputs = nullptr;                       // outlives the signal
    std::vector<std::string>* input_addresses = nullptr;  // told of every `input`; may be null
};

/// Reads `{ sine = 2.0, level = -20, period = "60 s" }` and its kind. Faults go to the list; the
/// signal is then a constant 0, so that all faults are found in one pass.
std::unique_ptr<Signal> make_signal(const Node& node, const SignalContext& context,
                                    std::vector<Fault>& faults);

/// How a value becomes what the device reports.
struct Sensor {
    double noise = 0;    // standard deviation
    double quantum = 0;  // step of the reported value; 0 = none
};
Sensor read_sensor(const Node& node, std::vector<Fault>& faults);
/// `deviate` is a draw of mean 0 and deviation 1.
double measured(double truth, const Sensor& sensor, double deviate);

}  // namespace fog::sim
