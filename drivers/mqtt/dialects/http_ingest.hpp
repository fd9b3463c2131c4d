#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drivers/dialect.hpp"

namespace fog {

/// What became of the records of one HTTP body; a record is an array element, or the one object.
struct IngestReport {
    std::uint32_t accepted = 0;
    std::vector<std::pair<std::uint32_t, std::string>> rejected;  // index, reason
    std::uint32_t readings = 0;
};

/// Reads the body of POST /api/v1/ingest/{device}: a JSON object, an array of objects, or a plain
/// number (point "value"), all for `device`. A record is taken whole or rejected with a reason.
/// Times older than five minutes before `now` are history (flag::kHistoric); `now` at the epoch
/// says that the clock is not trusted, then times are kept as they are. Fails as a whole (nothing
/// emitted): bad_request (device, content type), bad_frame (syntax, with the byte). Pure; thread:
/// any. Blocks: never.
Result<IngestReport> decode_ingest(std::string_view device, std::string_view content_type,
                                   std::span<const std::byte> body, WallTime now,
                                   const Limits& limits, Emit& out);

}  // namespace fog
