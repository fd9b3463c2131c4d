#pragma once

#include <optional>
#include <string_view>

#include "firmware/http/message.hpp"

namespace fog::ws {

/// Whether a client may go without a sub-protocol.
enum class Protocol : std::uint8_t { optional, required };

/// The opening handshake of RFC 6455 against one sub-protocol; nothing: it is well.
std::optional<Problem> check_handshake(const Request& request, std::string_view protocol,
                                       Protocol need);
/// The answer to a handshake that could not be accepted.
Response refuse_handshake(const Problem& problem, const Request& request);
/// 101; the caller adds the hold.
Response accept_handshake(const Request& request, std::string_view protocol);

}  // namespace fog::ws
