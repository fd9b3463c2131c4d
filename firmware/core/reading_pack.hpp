#pragma once

#include <span>
#include <vector>

#include "firmware/core/reading.hpp"
#include "firmware/core/result.hpp"

namespace fog {

/// Readings as bytes for the ingest ring (versioned; read back only by the same build line).
void pack_readings(std::span<const Reading> readings, Bytes& out);
Result<std::vector<Reading>> unpack_readings(std::span<const std::byte> bytes);

}  // namespace fog
