#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/node.hpp"

namespace fog::sim {

/// Scenario time: since the run began.
using SimTime = std::chrono::nanoseconds;

/// What the world does to an `input` signal, and when.
struct InputEvent {
    SimTime at{};
    SimTime every{};  // 0 = once
    double value = 0;
    bool set = false;  // by a command, not by the script
};

/// The scripted values of every input, by "device.point". Filled by the scenario, then constant.
class Inputs {
public:
    void add(std::string address, InputEvent event);
    /// Holds from `t` on, whatever was scripted before `t`; for times that do not fall.
    void set(const std::string& address, SimTime t, double value);
    /// The value of the latest event at or before `t`, `initial` before the first one.
    double at(std::string_view address, SimTime t, double initial) const;
    const std::map<std::string, std::vector<InputEvent>, std::less<>>& all() const {
        return events_;
    }

private:
    std::map<std::string, std::vector<InputEvent>, std::less<>> events_;
};

/// A quantity of the world as a function of (seed, time). Thread: one at a time. Never blocks.
class Signal {
public:
    virtual ~Signal() = default;
    /// Not const: walks keep the last step, so that going forward costs one step each.
    /// NaN: there is no value at that time (a gap in a trace), so nothing is reported.
    virtual double at(SimTime t) = 0;
};

class Plants;
/// A file beside the scenario, by its name there.
using FileReader = std::function<Result<std::string>(const std::string& name)>;
/// Monday; what `daily` counts from when the scenario names no start.
inline constexpr WallTime kDefaultStart{std::chrono::seconds{1'767'571'200}};

/// What a signal is made for.
struct SignalContext {
    std::uint64_t seed = 0;
    std::string address;                                  // "freezer-3.temp"
    const Inputs* inputs = nullptr;                       // outlives the signal
    std::vector<std::string>* input_addresses = nullptr;  // told of every `input`; may be null
    Plants* plants = nullptr;           // outlives the signal; null: there are none
    const FileReader* files = nullptr;  // null: there are none
    WallTime start = kDefaultStart;     // wall clock at scenario time 0
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
