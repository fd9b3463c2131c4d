#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "firmware/core/reading.hpp"

namespace fog {

/// Consistent Overhead Byte Stuffing (Cheshire and Baker 1997): removes all zero bytes, so that one
/// can end a frame. Adds one byte per 254. Appends to `out`, without the delimiter.
void cobs_encode(std::span<const std::byte> bytes, Bytes& out);
/// The bytes of one frame (without its delimiter); nothing if a zero is in it or it ends too soon.
std::optional<Bytes> cobs_decode(std::span<const std::byte> frame);

/// Longest encoded form of `bytes` bytes.
constexpr std::size_t cobs_bound(std::size_t bytes) {
    return bytes + bytes / 254 + 1;
}

}  // namespace fog
