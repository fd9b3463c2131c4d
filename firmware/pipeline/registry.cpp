#include "firmware/pipeline/registry.hpp"

#include <algorithm>
#include <cmath>

#include "firmware/core/pack.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

constexpr auto kPlausible = std::chrono::minutes(5);
constexpr std::uint8_t kTypeChangeRun = 10;
constexpr double kGapOutlier = 5;
constexpr std::uint8_t kRowVersion = 1;

std::uint8_t type_of(const Value& value) {
    static constexpr std::uint8_t kTypes[] = {0, 1, 1, 2, 3};
    return kTypes[value.index()];
}

// NaN and infinity never get further: a missing value is null with a reason.
void make_finite(Sample& sample) {
    const auto* number = std::get_if<double>(&sample.value);
    if (number == nullptr || std::isfinite(*number)) return;
    sample.quality = Quality::bad(std::isnan(*number) ? Reason::sensor_failure : Reason::decode);
    sample.value = {};
}

// A device time far from a trusted clock is not believed, unless it is meant as history.
void judge_time(Sample& sample, const Arrival& arrival) {
    if (sample.source_time == WallTime{}) return;
    if (sample.source_time < WallTime{}) {
        sample.source_time = {};
        return;
    }
    if ((sample.flags & flag::kHistoric) != 0 && sample.source_time <= arrival.wall) return;
    if (arrival.wall == WallTime{}) return;
    const auto off = sample.source_time - arrival.wall;
    if (off <= kPlausible && off >= -kPlausible) return;
    sample.source_time = {};
    sample.flags &= static_cast<std::uint16_t>(~flag::kHistoric);
    if (sample.quality.is_good()) sample.quality = Quality::uncertain(Reason::time_estimated);
}

void pack_last(const PointState& point, Bytes& out) {
    Packer pack(out);
    pack.u8(kRowVersion);
    pack.u8(point.type);
    pack.u8(point.unit_guessed ? 1 : 0);
    pack.varint(point.samples);
    pack.fixed(point.mean_gap_s);
    pack.varint(point.last_seq.value);
    pack.u8(static_cast<std::uint8_t>(point.last.value.index()));
    if (const auto* number = std::get_if<double>(&point.last.value)) pack.fixed(*number);
    if (const auto* whole = std::get_if<std::int64_t>(&point.last.value)) pack.zigzag(*whole);
    if (const auto* truth = std::get_if<bool>(&point.last.value)) pack.u8(*truth ? 1 : 0);
    if (const auto* text = std::get_if<std::string>(&point.last.value)) pack.text(*text);
    pack.fixed(point.last.quality.bits);
    pack.zigzag(point.last.source_time.time_since_epoch().count());
    pack.varint(point.last.boot.value);
    pack.zigzag(point.last.received.time_since_epoch().count());
    pack.fixed(point.last.flags);
}

void unpack_last(std::span<const std::byte> bytes, PointState& point) {
    Unpacker in(bytes);
    if (in.u8() != kRowVersion) return;
    PointState read = point;
    read.type = in.u8();
    read.unit_guessed = in.u8() != 0;
    read.samples = in.varint();
    read.mean_gap_s = in.fixed<double>();
    read.last_seq.value = in.varint();
    switch (in.u8()) {
        case 1:
            read.last.value = in.fixed<double>();
            break;
        case 2:
            read.last.value = in.zigzag();
            break;
        case 3:
            read.last.value = in.u8() != 0;
            break;
        case 4:
            read.last.value = std::string(in.text());
            break;
        default:
            break;
    }
    read.last.quality.bits = in.fixed<std::uint16_t>();
    read.last.source_time = WallTime{std::chrono::nanoseconds{in.zigzag()}};
    read.last.boot.value = static_cast<std::uint32_t>(in.varint());
    read.last.received = MonoTime{std::chrono::nanoseconds{in.zigzag()}};
    read.last.flags = in.fixed<std::uint16_t>();
    read.last.point = read.last_seq.value != 0 ? read.id : PointId{};
    if (in.ok()) point = std::move(read);
}

}  // namespace

Registry::Registry(PointDirectory& directory, const Limits& limits)
    : directory_(directory), limits_(limits), messages_(limits) {}

bool Registry::may_appear(MonoTime now) {
    while (!appeared_.empty() && now - appeared_.front() > std::chrono::minutes(1))
        appeared_.pop_front();
    if (appeared_.size() >= limits_.new_devices_per_minute) return false;
    appeared_.push_back(now);
    return true;
}

std::uint32_t Registry::make_device(std::string_view key, std::string_view name) {
    std::string id = device_slug(name);
    if (by_id_.contains(id)) {
        const auto hash = std::hash<std::string_view>{}(key);
        for (unsigned shift = 0; by_id_.contains(id); shift += 4) {
            std::string suffix = "-";
            for (unsigned i = 0; i < 4; ++i)
                suffix += "0123456789abcdef"[((hash + shift) >> (4 * i)) & 0xFU];
            id = device_slug(name).substr(0, limits_.name_bytes - suffix.size()) + suffix;
        }
    }
    const auto index = static_cast<std::uint32_t>(devices_.size());
    DeviceState& made = devices_.emplace_back();
    made.id = id;
    made.key = key;
    made.name = repair_utf8(name.substr(0, 128));
    points_of_.emplace_back();
    by_key_.emplace(key, index);
    by_id_.emplace(std::move(id), index);
    return index;
}

std::optional<std::uint32_t> Registry::find_device(const Reading& reading, const Arrival& arrival,
                                                   std::string_view& why, bool& made) {
    if (const auto found = by_key_.find(reading.device_key); found != by_key_.end())
        return found->second;
    if (devices_.size() >= limits_.devices) {
        why = "too many devices";
        return std::nullopt;
    }
    const Admission admission = admission_of_new(reading.device_key, arrival.kind);
    if (admission == Admission::provisional && provisional_ >= limits_.provisional_devices) {
        why = "too many devices wait to be kept";
        return std::nullopt;
    }
    if (!may_appear(arrival.received)) {
        why = "too many new devices";
        return std::nullopt;
    }
    std::string_view name = reading.device_name;
    if (name.empty()) {
        name = reading.device_key;
        if (const auto colon = name.find(':'); colon != std::string_view::npos)
            name.remove_prefix(colon + 1);
    }
    const auto index = make_device(reading.device_key, name);
    devices_[index].admission = admission;
    devices_[index].kind = arrival.kind;
    if (admission == Admission::provisional) ++provisional_;
    fresh_devices_.push_back(index);
    made = true;
    return index;
}

PointState* Registry::find_point(std::uint32_t device, std::string_view name, std::string_view& why,
                                 bool& made) {
    auto& known = points_of_[device];
    if (const auto found = known.find(name); found != known.end())
        return &points_[found->second.value - 1];
    if (known.size() >= limits_.points_per_device) {
        why = "too many points of one device";
        return nullptr;
    }
    if (points_.size() >= limits_.points) {
        why = "too many points";
        return nullptr;
    }
    PointState& point = points_.emplace_back();
    point.id = PointId{static_cast<std::uint32_t>(points_.size())};
    point.device = device;
    point.name = name;
    known.emplace(name, point.id);
    devices_[device].points.push_back(point.id);
    fresh_points_.push_back(point.id);
    made = true;
    return &point;
}

void Registry::publish(const PointState& point) {
    directory_.set(
        {point.id, devices_[point.device].id, point.name, point.unit, {}, point.diagnostic});
}

Registry::Outcome Registry::accept(const Reading& reading, const Arrival& arrival) {
    Outcome out;
    const auto device = find_device(reading, arrival, out.why, out.new_device);
    if (device && devices_[*device].admission == Admission::ignored) {
        out.why = "ignored";
        return out;
    }
    PointState* point =
        device ? find_point(*device, reading.point, out.why, out.appeared) : nullptr;
    if (point == nullptr) {
        hold_back(reading, arrival, out.why);
        return out;
    }
    if (out.appeared || (!reading.unit.empty() && reading.unit != point->unit &&
                         (point->unit.empty() || point->unit_guessed || !reading.unit_guessed))) {
        point->unit = reading.unit;
        point->unit_guessed = reading.unit_guessed;
        point->diagnostic = reading.diagnostic;
        if (!out.appeared) fresh_points_.push_back(point->id);
        out.appeared = true;
        publish(*point);
    }
    DeviceState& owner = devices_[*device];
    Sample sample{point->id,
                  reading.value,
                  reading.quality,
                  reading.source_time,
                  arrival.boot,
                  arrival.received,
                  static_cast<std::uint16_t>(reading.flags | arrival.flags)};
    make_finite(sample);
    judge_time(sample, arrival);
    if (const auto type = type_of(sample.value); type != 0) {
        if (point->type == 0 || (type != point->type && ++point->wrong_type_run >= kTypeChangeRun))
            point->type = type;
        if (type == point->type) {
            point->wrong_type_run = 0;
        } else {
            sample.value = {};
            sample.quality = Quality::bad(Reason::decode);
        }
    }
    if (sample.source_time != WallTime{} && sample.source_time == point->last.source_time &&
        sample.value == point->last.value && sample.quality == point->last.quality) {
        out.why = "duplicate";
        return out;
    }
    out.live = (sample.flags & flag::kHistoric) == 0 &&
               (sample.source_time == WallTime{} || point->last.source_time == WallTime{} ||
                sample.source_time >= point->last.source_time);
    if (out.live) {
        if (point->last.point.value != 0 && point->last.boot == sample.boot) {
            double gap =
                std::chrono::duration<double>(sample.received - point->last.received).count();
            // An outage is not the point's habit.
            if (point->mean_gap_s > 0) gap = std::min(gap, kGapOutlier * point->mean_gap_s);
            point->mean_gap_s =
                point->mean_gap_s == 0 ? gap : point->mean_gap_s + 0.2 * (gap - point->mean_gap_s);
        }
        point->last = sample;
        point->changed = true;
        add_spark(sample);
    }
    ++point->samples;
    ++owner.samples;
    note_arrival(owner, sample, arrival, out.new_device);
    if (owner.source != arrival.source) owner.source = arrival.source;
    if (owner.dialect != arrival.dialect) owner.dialect = arrival.dialect;
    out.sample = std::move(sample);
    return out;
}

Registry::Outcome Registry::accept_derived(std::string_view device, std::string_view point,
                                           std::string_view unit, const Sample& sample) {
    Reading reading;
    const auto found = by_id_.find(device);
    reading.device_key =
        found != by_id_.end() ? devices_[found->second].key : "rule:" + std::string(device);
    reading.device_name = device;
    reading.point = point_slug(point);
    reading.value = sample.value;
    reading.unit = unit;
    reading.quality = sample.quality;
    reading.flags = static_cast<std::uint16_t>(sample.flags | flag::kDerived);
    Arrival arrival{sample.boot, sample.received, {}, 0, "rules", "rules"};
    if (found != by_id_.end()) {
        arrival.source = devices_[found->second].source;
        arrival.dialect = devices_[found->second].dialect;
    }
    return accept(reading, arrival);
}

void Registry::numbered(const Record& record) {
    if (!record.is_sample()) return;
    PointState& point = points_[record.sample().point.value - 1];
    if (point.last.received == record.sample().received) point.last_seq = record.seq;
}

void Registry::heard(const LastMessages::Heard& said, std::span<const PointId> points) {
    const auto owner = [this](PointId id) { return points_[id.value - 1].device; };
    for (std::size_t at = 0; at < points.size();) {
        std::size_t end = at + 1;
        while (end < points.size() && owner(points[end]) == owner(points[at])) ++end;
        messages_.note(owner(points[at]), said, points.subspan(at, end - at));
        at = end;
    }
}

void Registry::undecodable(std::string_view source, std::string_view topic,
                           std::span<const std::byte> payload, std::string_view why,
                           MonoTime received) {
    for (RawEntry& entry : raw_) {
        if (entry.topic != topic || entry.source != source || entry.why != why) continue;
        ++entry.times;
        entry.received = received;
        entry.payload = as_text(payload.first(std::min(payload.size(), limits_.raw_bytes)));
        return;
    }
    raw_.push_back(
        {std::string(source), std::string(topic),
         std::string(as_text(payload.first(std::min(payload.size(), limits_.raw_bytes)))),
         std::string(why), received, 1});
    if (raw_.size() > limits_.raw_kept) raw_.pop_front();
}

const DeviceState* Registry::device(std::string_view id) const {
    const auto found = by_id_.find(id);
    return found != by_id_.end() ? &devices_[found->second] : nullptr;
}

const PointState* Registry::point(PointId id) const {
    return id.value == 0 || id.value > points_.size() ? nullptr : &points_[id.value - 1];
}

void Registry::rows(bool all_changed, std::vector<PointRow>& points,
                    std::vector<DeviceRow>& devices) {
    const auto add_point = [&](PointState& point) {
        point.changed = false;
        PointRow& row = points.emplace_back();
        row = {point.id, devices_[point.device].id, point.name, point.unit, point.diagnostic, {}};
        pack_last(point, row.data);
    };
    for (const auto index : fresh_devices_) {
        const DeviceState& device = devices_[index];
        devices.push_back({device.id, device.key, device.name, packed_device(device)});
    }
    fresh_devices_.clear();
    for (const PointId id : fresh_points_) add_point(points_[id.value - 1]);
    fresh_points_.clear();
    if (!all_changed) return;
    for (PointState& point : points_)
        if (point.changed) add_point(point);
}

void Registry::load(std::span<const DeviceRow> devices, std::span<const PointRow> points) {
    for (const DeviceRow& row : devices) {
        const auto index = static_cast<std::uint32_t>(devices_.size());
        DeviceState& device = devices_.emplace_back();
        device.id = row.id;
        device.key = row.key;
        device.name = row.name;
        unpack_device(row.data, device);
        points_of_.emplace_back();
        by_key_.emplace(row.key, index);
        by_id_.emplace(row.id, index);
    }
    for (const PointRow& row : points) {
        const auto owner = by_id_.find(row.device);
        if (owner == by_id_.end() || row.id.value == 0) continue;
        if (points_.size() < row.id.value) points_.resize(row.id.value);
        PointState& point = points_[row.id.value - 1];
        point.id = row.id;
        point.device = owner->second;
        point.name = row.point;
        point.unit = row.unit;
        point.diagnostic = row.diagnostic;
        unpack_last(row.data, point);
        points_of_[owner->second].emplace(row.point, row.id);
        DeviceState& device = devices_[owner->second];
        device.points.push_back(row.id);
        device.samples += point.samples;
        if (point.last.boot >= device.boot && point.last.received > device.last_seen) {
            device.boot = point.last.boot;
            device.last_seen = point.last.received;
        }
        publish(point);
    }
}

void Registry::replay(const Record& record) {
    if (!record.is_sample() || (record.sample().flags & flag::kHistoric) != 0) return;
    const auto id = record.sample().point.value;
    if (id == 0 || id > points_.size() || points_[id - 1].id.value == 0) return;
    PointState& point = points_[id - 1];
    if (record.seq <= point.last_seq) return;
    point.last = record.sample();
    point.last_seq = record.seq;
    point.changed = true;
    ++point.samples;
    devices_[point.device].last_seen = record.received();
    devices_[point.device].boot = record.boot();
}

std::vector<Record> Registry::last_records() const {
    std::vector<Record> records;
    for (const PointState& point : points_)
        if (point.last.point.value != 0 && point.last_seq.value != 0 &&
            devices_[point.device].admission != Admission::ignored)
            records.push_back({point.last_seq, Lane::live, 0, point.last});
    std::sort(records.begin(), records.end(),
              [](const Record& a, const Record& b) { return a.seq < b.seq; });
    return records;
}

}  // namespace fog
