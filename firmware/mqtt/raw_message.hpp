#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fog::mqtt {

/// A publish as the log keeps it for sessions that read it later: the members of a raw event.
struct RawMessage {
    std::string topic, payload;
    std::string properties;               // as forwarded to v5 receivers, encoded
    std::string client;                   // who published it
    std::optional<std::uint32_t> expiry;  // seconds from when it was received
    bool retain = false;
};
/// Empty: the event is none that a session is owed. Pure.
std::optional<RawMessage> read_raw_message(std::string_view members);

/// What of the properties of a publish goes with it into the log: the forwarded ones and its
/// expiry.
std::string logged_properties(std::string_view forwarded, std::optional<std::uint32_t> expiry);

}  // namespace fog::mqtt
