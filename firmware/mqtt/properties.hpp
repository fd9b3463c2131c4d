#pragma once

#include <string>
#include <string_view>

#include "firmware/mqtt/packet.hpp"
#include "firmware/mqtt/reader.hpp"

namespace fog::mqtt {

/// Reads a property block with its length. Those outside of `allowed` and bad encodings are
/// malformed; the same one twice (user properties aside) and values the standard forbids are
/// protocol errors.
MaybeRefusal read_properties(Reader& in, std::uint64_t allowed, Properties& out);

/// Of a block that was read: what a PUBLISH hands on to its receivers, in order (payload format,
/// content type, response topic, correlation data, user properties), without the block's length.
void append_forwarded(std::string_view raw, std::string& out);

}  // namespace fog::mqtt
