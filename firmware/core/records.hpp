#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "firmware/core/clock.hpp"
#include "firmware/core/ids.hpp"
#include "firmware/core/value.hpp"

namespace fog {

/// Priority class in the log and the uplink, most urgent first. Stored in the log: append only.
enum class Lane : std::uint8_t { alarm, reply, live, bulk };
inline constexpr std::size_t kLanes = 4;
std::string_view to_text(Lane lane);
bool parse_lane(std::string_view text, Lane& out);

/// Bits of Sample::flags and Event::flags. Stored in the log: append only.
namespace flag {
inline constexpr std::uint16_t kDerived = 1;     // made by a rule
inline constexpr std::uint16_t kReplayed = 2;    // processed again after a crash
inline constexpr std::uint16_t kSimulated = 4;   // came from fogsim
inline constexpr std::uint16_t kRetained = 8;    // a broker's retained message
inline constexpr std::uint16_t kHistoric = 16;   // late: history, not live state
inline constexpr std::uint16_t kHeartbeat = 32;  // repeated by a deadband's max_silence
}  // namespace flag

/// One value of one point. A plain value, moved between threads.
struct Sample {
    PointId point;
    Value value;
    Quality quality;
    WallTime source_time;  // when it was measured, if the device said so; epoch = unknown
    BootId boot;           // `received` counts from here
    MonoTime received;     // when it reached us
    std::uint16_t flags = 0;
    bool operator==(const Sample&) const = default;
};

/// What an event is about; decides its channel root and its `ev` word for clients. Append only.
enum class EventKind : std::uint8_t { alarm, device, command, rule, uplink, system, app, raw };
std::string_view to_text(EventKind kind);

/// Something that happened.
struct Event {
    EventKind kind = EventKind::system;
    std::string channel;   // full channel: "alarms/boiler-1/boiler-hot"
    std::string device;    // device id, "gateway" if none is meant
    WallTime source_time;  // epoch = when it was received
    BootId boot;
    MonoTime received;
    std::string members;  // JSON members after gw, seq, ts, dev: `"alarm":"x","state":"y"`
    std::uint16_t flags = 0;
    bool operator==(const Event&) const = default;
};

/// A sample or event with its sequence number, as the log keeps it.
struct Record {
    Seq seq;
    Lane lane = Lane::live;
    std::uint16_t sinks = 0;  // bit n: sink n owes it (decided at commit)
    std::variant<Sample, Event> body;

    bool is_sample() const { return body.index() == 0; }
    const Sample& sample() const { return *std::get_if<Sample>(&body); }
    Sample& sample() { return *std::get_if<Sample>(&body); }
    const Event& event() const { return *std::get_if<Event>(&body); }
    Event& event() { return *std::get_if<Event>(&body); }
    BootId boot() const { return is_sample() ? sample().boot : event().boot; }
    MonoTime received() const { return is_sample() ? sample().received : event().received; }
    WallTime source_time() const {
        return is_sample() ? sample().source_time : event().source_time;
    }
    bool operator==(const Record&) const = default;
};

}  // namespace fog
