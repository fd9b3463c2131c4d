// The registry's part about newcomers: who is let in, who waits for a person, who is not heard.
#include "firmware/core/pack.hpp"
#include "firmware/pipeline/registry.hpp"

namespace fog {
namespace {

constexpr std::uint8_t kRowVersion = 1;
constexpr std::size_t kHeldBackKept = 16;

}  // namespace

void Registry::set_policies(const NewPolicies& policies, bool fixed) {
    policies_ = policies;
    policies_fixed_ = fixed;
}

void Registry::load_policies(std::span<const std::byte> stored) {
    if (policies_fixed_) return;
    Unpacker in(stored);
    if (in.u8() != kRowVersion) return;
    NewPolicies read{};
    for (NewPolicy& one : read) {
        const std::uint8_t value = in.u8();
        if (value > static_cast<std::uint8_t>(NewPolicy::ignore)) return;
        one = static_cast<NewPolicy>(value);
    }
    if (in.ok()) policies_ = read;
}

Bytes Registry::packed_policies() const {
    Bytes out;
    Packer pack(out);
    pack.u8(kRowVersion);
    for (const NewPolicy one : policies_) pack.u8(static_cast<std::uint8_t>(one));
    return out;
}

// What rules make is wanted: somebody wrote the rule.
Admission Registry::admission_of_new(std::string_view key, NewKind kind) const {
    if (key.starts_with("rule:")) return Admission::active;
    switch (policies_[static_cast<std::size_t>(kind)]) {
        case NewPolicy::automatic:
            return Admission::active;
        case NewPolicy::ask:
            return Admission::provisional;
        case NewPolicy::ignore:
            return Admission::ignored;
    }
    return Admission::active;
}

bool Registry::admit(std::uint32_t device, Admission to) {
    DeviceState& one = devices_[device];
    if (one.admission == to) return false;
    if (one.admission == Admission::provisional) --provisional_;
    if (to == Admission::provisional) ++provisional_;
    one.admission = to;
    fresh_devices_.push_back(device);
    return true;
}

bool Registry::provisional(PointId point) const {
    if (provisional_ == 0 || point.value == 0 || point.value > points_.size()) return false;
    return devices_[points_[point.value - 1].device].admission == Admission::provisional;
}

bool Registry::provisional(std::string_view device) const {
    if (provisional_ == 0) return false;
    const DeviceState* found = this->device(device);
    return found != nullptr && found->admission == Admission::provisional;
}

void Registry::hold_back(const Reading& reading, const Arrival& arrival, std::string_view why) {
    ++held_back_;
    for (HeldBack& one : held_back_by_) {
        if (one.why != why || one.source != arrival.source) continue;
        ++one.times;
        one.last = reading.device_key;
        return;
    }
    held_back_by_.push_back({std::string(why), std::string(arrival.source), reading.device_key, 1});
    if (held_back_by_.size() > kHeldBackKept) held_back_by_.pop_front();
}

Bytes Registry::packed_device(const DeviceState& device) {
    Bytes out;
    Packer pack(out);
    pack.u8(kRowVersion);
    pack.u8(static_cast<std::uint8_t>(device.admission));
    pack.u8(static_cast<std::uint8_t>(device.kind));
    return out;
}

void Registry::unpack_device(std::span<const std::byte> stored, DeviceState& device) {
    Unpacker in(stored);
    if (in.u8() != kRowVersion) return;  // written before there was a tray: it is in
    const std::uint8_t admission = in.u8();
    const std::uint8_t kind = in.u8();
    if (!in.ok() || admission > static_cast<std::uint8_t>(Admission::ignored) || kind >= kNewKinds)
        return;
    device.admission = static_cast<Admission>(admission);
    device.kind = static_cast<NewKind>(kind);
    if (device.admission == Admission::provisional) ++provisional_;
}

}  // namespace fog
