#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/world/random.hpp"
#include "sim/world/signal.hpp"

namespace fog::sim {

/// What goes wrong inside a device, before anything reaches its link.
enum class SensorFaultKind : std::uint8_t {
    dropout,       // single reports are missing
    late_batch,    // reports are held back and sent together, with their old stamps
    noise,         // more of it
    impulse,       // single values far off
    drift,         // away from the truth, steadily
    bias,          // a constant too much
    gain,          // a factor too much
    quantise,      // coarser steps
    saturate,      // cut off at limits
    stuck,         // the value of the fault's begin, again and again
    nan,           // the text NaN where a number should be
    invalid_code,  // a number that means "no value" to whoever made the sensor
    wrong_unit,    // value * factor + offset under the old unit
    swap,          // two points under each other's names
    duplicate_id,  // each report is sent twice
    null,          // null instead of a value
    burst          // k times as many reports
};
std::string_view to_text(SensorFaultKind kind);
std::optional<SensorFaultKind> sensor_fault_kind(std::string_view name);
std::vector<std::string_view> sensor_fault_names();

struct SensorFaultSpec {
    SensorFaultKind kind = SensorFaultKind::dropout;
    std::vector<std::size_t> devices;  // places in Scenario::devices
    std::string point;                 // empty: every point of them
    SimTime at{}, lasts{}, every{};
    double rate = 0;  // per hour, at random times after `at`; 0 = at `at` (and `every`)
    double amount = 0, factor = 1, offset = 0, probability = 1;
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
    std::string with;        // the other point of a swap
    std::size_t number = 0;  // among those of its kind
};
/// The keys of this kind only; at, for, every, on and kind are read already.
void read_sensor_fault(ConfigView& view, SensorFaultSpec& spec);

/// One fault at one device, walked forward in time. Thread: one.
class SensorFault {
public:
    SensorFault(const SensorFaultSpec& spec, std::uint64_t seed, std::string_view device);
    /// Whether it holds at `t`; times must not fall.
    bool active(SimTime t);
    SimTime begun() const { return begun_; }
    SimTime ends() const { return begun_ + spec_->lasts; }
    const SensorFaultSpec& spec() const { return *spec_; }
    bool touches(std::string_view point) const {
        return spec_->point.empty() || spec_->point == point;
    }
    /// True with the fault's probability, drawn for report `n`.
    bool strikes(std::uint64_t n) const;
    /// What the kinds that only change a number make of it.
    double changed(double value, SimTime t, std::uint64_t n, std::string_view point);

private:
    const SensorFaultSpec* spec_;
    RandomStream onset_, random_;
    std::uint64_t onsets_ = 0;
    SimTime begun_{-1};
    std::optional<SimTime> next_;  // of a random onset
    std::map<std::string, double, std::less<>> stuck_;
    SimTime stuck_since_{-1};
};

}  // namespace fog::sim
