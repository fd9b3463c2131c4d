// The registry's part about who is there and what their values looked like lately.
#include <algorithm>
#include <limits>

#include "firmware/pipeline/registry.hpp"

namespace fog {
namespace {

constexpr std::uint8_t kChangesTold = 10;
constexpr std::uint32_t kChangesWindow = 300;  // seconds

std::uint32_t second_of(MonoTime at) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count());
}

std::optional<float> spark_value(const Value& value) {
    if (const auto* number = std::get_if<double>(&value)) return static_cast<float>(*number);
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<float>(*whole);
    if (const auto* truth = std::get_if<bool>(&value)) return *truth ? 1.0F : 0.0F;
    return std::nullopt;
}

}  // namespace

// What a broker kept or a rule made is no sign of life.
void Registry::note_arrival(DeviceState& owner, const Sample& sample, const Arrival& arrival,
                            bool made) {
    const bool indirect = (sample.flags & (flag::kRetained | flag::kDerived)) != 0;
    if (indirect && !made && !owner.key.starts_with("rule:")) return;
    owner.bad.add(sample.quality.cls() == QualityClass::bad);
    if (owner.boot == arrival.boot && arrival.received > owner.last_seen && owner.samples > 1)
        owner.rhythm.add(std::chrono::duration<double>(arrival.received - owner.last_seen).count());
    owner.last_seen = arrival.received;
    owner.boot = arrival.boot;
}

std::optional<std::uint32_t> Registry::index_of(std::string_view device) const {
    const auto found = by_id_.find(device);
    return found != by_id_.end() ? std::optional(found->second) : std::nullopt;
}

void Registry::begin(BootId boot, MonoTime started, LinkFault link_fault) {
    boot_ = boot;
    started_ = started;
    link_fault_ = std::move(link_fault);
}

PresenceFacts Registry::facts_of(DeviceState& device, MonoTime now) const {
    const auto seconds = [now](MonoTime since) {
        return std::chrono::duration<double>(now - since).count();
    };
    PresenceFacts facts;
    if (device.boot == boot_ && device.last_seen != MonoTime{}) {
        facts.age = std::max(0.0, seconds(device.last_seen));
        facts.bad_share = device.bad.share(second_of(now));
    }
    facts.up = seconds(started_);
    facts.interval = device.rhythm.interval_s();
    // After a start the points' stored habits stand in until the device showed its own.
    if (facts.interval == 0 && device.samples >= 5)
        for (const PointId id : device.points)
            if (const double gap = points_[id.value - 1].usual_interval_s(); gap > 0)
                facts.interval = facts.interval == 0 ? gap : std::min(facts.interval, gap);
    if (facts.interval > 0) facts.interval = std::max(1.0, facts.interval);
    if (link_fault_) facts.link_fault = link_fault_(device.source);
    facts.broker = device.source.starts_with("mqtt:");
    return facts;
}

std::vector<PresenceChange> Registry::check_presence(MonoTime now) {
    std::vector<PresenceChange> changes;
    for (DeviceState& device : devices_) {
        if (device.admission == Admission::ignored) continue;
        const PresenceFacts facts = facts_of(device, now);
        const Presence state = judge(facts);
        if (state == device.told) continue;
        const std::uint32_t second = second_of(now);
        if (second - device.told_from >= kChangesWindow) {
            device.told_from = second;
            device.changes = 0;
        }
        if (device.changes >= kChangesTold) continue;
        ++device.changes;
        changes.push_back({&device, device.told, {state, reason_of(state, facts), facts.interval}});
        device.told = state;
    }
    return changes;
}

DevicePresence Registry::presence(std::uint32_t device, MonoTime now) {
    const PresenceFacts facts = facts_of(devices_[device], now);
    const Presence state = judge(facts);
    return {state, reason_of(state, facts), facts.interval};
}

const Spark* Registry::spark(PointId id) const {
    return id.value == 0 || id.value > sparks_.size() ? nullptr : sparks_[id.value - 1].get();
}

void Registry::add_spark(const Sample& sample) {
    const auto number = spark_value(sample.value);
    const auto id = sample.point.value;
    const bool known = id <= sparks_.size() && sparks_[id - 1];
    // Text has no line; a point that never had a number needs none.
    if (!number && (!known || std::holds_alternative<std::string>(sample.value))) return;
    if (id > sparks_.size()) sparks_.resize(id);
    if (!known) sparks_[id - 1] = std::make_unique<Spark>();
    sparks_[id - 1]->add(number.value_or(std::numeric_limits<float>::quiet_NaN()),
                         second_of(sample.received));
}

void Registry::remember(const Record& record) {
    if (!record.is_sample() || (record.sample().flags & flag::kHistoric) != 0) return;
    if (record.sample().point.value == 0 || record.sample().point.value > points_.size()) return;
    add_spark(record.sample());
}

}  // namespace fog
