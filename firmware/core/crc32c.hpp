#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fog {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), as the ingest ring and the log blocks use it.
/// `seed` is the result so far, 0 at the start.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed = 0);

}  // namespace fog
