#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/value.hpp"

namespace fog {

using Bytes = std::vector<std::byte>;

/// What a driver or dialect makes of what it heard; fog-pipe interns it into a Sample.
struct Reading {
    std::string device_key;   // stable: "json:plant/press4", "mcu:node-7"
    std::string device_name;  // for the id at first sight; empty = the key without its prefix
    std::string point;        // "temperature", already a point id (slug)
    Value value;
    std::string unit;      // UCUM, "" = not known
    WallTime source_time;  // epoch = unknown
    Quality quality;
    std::uint16_t flags = 0;  // flag::kHistoric, flag::kRetained ...
    bool diagnostic = false;  // rssi, battery ...: hidden by default, not sent up by default
    bool unit_guessed = false;
    bool operator==(const Reading&) const = default;
};

/// Where what was decoded goes. Lent for one call, never kept.
class Emit {
public:
    virtual ~Emit() = default;
    virtual void reading(Reading reading) = 0;
    /// Bytes that did not decode, with the reason for people.
    virtual void raw(std::span<const std::byte> bytes, std::string_view why) = 0;
    /// Part of a message that made no reading though the rest did ("a list without names: x").
    virtual void left_out(std::string_view what) { (void)what; }
    /// A hint about a device's presence ("said online"); data decide.
    virtual void presence(std::string_view device_key, bool online, std::string_view why) {
        (void)device_key, (void)online, (void)why;
    }
};

inline std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace fog
