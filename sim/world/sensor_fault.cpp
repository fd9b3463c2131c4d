#include "sim/world/sensor_fault.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace fog::sim {
namespace {

using Kind = SensorFaultKind;

constexpr std::array<std::pair<std::string_view, Kind>, 17> kNames = {{
    {"dropout", Kind::dropout},
    {"late_batch", Kind::late_batch},
    {"noise", Kind::noise},
    {"impulse", Kind::impulse},
    {"drift", Kind::drift},
    {"bias", Kind::bias},
    {"gain", Kind::gain},
    {"quantise", Kind::quantise},
    {"saturate", Kind::saturate},
    {"stuck", Kind::stuck},
    {"nan", Kind::nan},
    {"invalid_code", Kind::invalid_code},
    {"wrong_unit", Kind::wrong_unit},
    {"swap", Kind::swap},
    {"duplicate_id", Kind::duplicate_id},
    {"null", Kind::null},
    {"burst", Kind::burst},
}};

void require(ConfigView& view, const char* key) {
    if (!view.has(key)) view.fault(key, "S0108", "'" + std::string(key) + "' is missing");
}

double share(ConfigView& view, double otherwise) {
    const double value = view.number("probability", otherwise);
    if (value >= 0 && value <= 1) return value;
    view.fault("probability", "S0108", "'probability' is between 0 and 1");
    return otherwise;
}

}  // namespace

std::string_view to_text(SensorFaultKind kind) {
    for (const auto& [name, value] : kNames) {
        if (value == kind) return name;
    }
    return "";
}

std::optional<SensorFaultKind> sensor_fault_kind(std::string_view name) {
    for (const auto& [known, value] : kNames) {
        if (known == name) return value;
    }
    return std::nullopt;
}

std::vector<std::string_view> sensor_fault_names() {
    std::vector<std::string_view> out;
    for (const auto& [name, value] : kNames) out.push_back(name);
    return out;
}

void read_sensor_fault(ConfigView& view, SensorFaultSpec& spec) {
    spec.point = view.text("point");
    spec.rate = view.number("rate", 0);
    if (view.has("rate") && !(spec.rate > 0 && spec.rate <= 3'600)) {
        view.fault("rate", "S0108", "'rate' is per hour, more than 0 and at most 3600");
    }
    switch (spec.kind) {
        case Kind::dropout:
            spec.probability = share(view, 0.3);
            break;
        case Kind::noise:
        case Kind::bias:
        case Kind::drift:
        case Kind::quantise: {
            const char* key = spec.kind == Kind::noise   ? "sigma"
                              : spec.kind == Kind::drift ? "per_hour"
                              : spec.kind == Kind::bias  ? "amount"
                                                         : "step";
            require(view, key);
            spec.amount = view.number(key, 1);
            if (spec.kind == Kind::quantise && !(spec.amount > 0)) {
                view.fault(key, "S0108", "'step' must be more than zero");
            }
            break;
        }
        case Kind::impulse:
            require(view, "amount");
            spec.amount = view.number("amount", 1);
            spec.probability = share(view, 0.05);
            break;
        case Kind::gain:
            require(view, "factor");
            spec.factor = view.number("factor", 1);
            break;
        case Kind::saturate:
            spec.low = view.number("min", spec.low);
            spec.high = view.number("max", spec.high);
            if (!view.has("min") && !view.has("max")) require(view, "max");
            if (!(spec.low <= spec.high)) {
                view.fault("min", "S0108", "'min' must not be above 'max'");
                spec.low = spec.high;
            }
            break;
        case Kind::invalid_code:
            spec.amount = view.number("code", -9'999);
            break;
        case Kind::wrong_unit:  // degrees Fahrenheit where Celsius is announced
            spec.factor = view.number("factor", 1.8);
            spec.offset = view.number("offset", 32);
            break;
        case Kind::swap:
            require(view, "point");
            require(view, "with");
            spec.with = view.text("with");
            break;
        case Kind::burst:
            spec.factor = static_cast<double>(view.integer("factor", 10, 2, 1'000));
            break;
        case Kind::late_batch:
        case Kind::stuck:
        case Kind::nan:
        case Kind::duplicate_id:
        case Kind::null:
            break;
    }
}

SensorFault::SensorFault(const SensorFaultSpec& spec, std::uint64_t seed, std::string_view device)
    : spec_(&spec),
      onset_(seed, device,
             "onset/" + std::string(to_text(spec.kind)) + "/" + std::to_string(spec.number)),
      random_(seed, device,
              "fault/" + std::string(to_text(spec.kind)) + "/" + std::to_string(spec.number)) {}

bool SensorFault::active(SimTime t) {
    const SensorFaultSpec& spec = *spec_;
    if (spec.rate > 0) {
        const double gap = 3.6e12 / spec.rate;
        const auto after = [this, gap](SimTime from) {
            return from +
                   SimTime{1 + static_cast<std::int64_t>(gap * onset_.exponential(onsets_++))};
        };
        if (!next_) next_ = after(spec.at);
        while (t >= *next_) {
            begun_ = *next_;
            next_ = after(begun_ + spec.lasts);
        }
        return begun_.count() >= 0 && t < begun_ + spec.lasts;
    }
    if (t < spec.at) return false;
    const SimTime since = spec.every.count() > 0 ? (t - spec.at) % spec.every : t - spec.at;
    begun_ = t - since;
    return since < spec.lasts;
}

bool SensorFault::strikes(std::uint64_t n) const {
    return spec_->probability >= 1 || random_.uniform(n) < spec_->probability;
}

double SensorFault::changed(double value, SimTime t, std::uint64_t n, std::string_view point) {
    const SensorFaultSpec& spec = *spec_;
    switch (spec.kind) {
        case Kind::noise:
            return value + spec.amount * random_.normal(n);
        case Kind::impulse:
            return strikes(n) ? value + spec.amount : value;
        case Kind::drift:
            return value + spec.amount * (static_cast<double>((t - begun_).count()) / 3.6e12);
        case Kind::bias:
            return value + spec.amount;
        case Kind::gain:
            return value * spec.factor;
        case Kind::wrong_unit:
            return value * spec.factor + spec.offset;
        case Kind::quantise:
            return std::nearbyint(value / spec.amount) * spec.amount;
        case Kind::saturate:
            return std::clamp(value, spec.low, spec.high);
        case Kind::invalid_code:
            return spec.amount;
        case Kind::stuck:
            if (stuck_since_ != begun_) {
                stuck_since_ = begun_;
                stuck_.clear();
            }
            return stuck_.try_emplace(std::string(point), value).first->second;
        case Kind::dropout:
        case Kind::late_batch:
        case Kind::nan:
        case Kind::swap:
        case Kind::duplicate_id:
        case Kind::null:
        case Kind::burst:
            break;
    }
    return value;
}

}  // namespace fog::sim
