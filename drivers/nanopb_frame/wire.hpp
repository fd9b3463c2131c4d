#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "firmware/core/reading.hpp"

namespace fog::mcu {

inline constexpr unsigned kVersion = 1;
inline constexpr std::size_t kHeaderBytes = 6;

enum class Type : std::uint8_t {
    hello = 0,
    welcome = 1,
    data = 2,
    ack = 3,
    nak = 4,
    time = 5,
    schema_req = 6,
    schema = 7,
    command = 8,
    result = 9,
    log = 10,
    ping = 11,
};

enum class Check : std::uint8_t { crc32, crc16 };

namespace flags {
inline constexpr std::uint8_t kAckWanted = 1;
inline constexpr std::uint8_t kAgain = 2;  // a retransmission
inline constexpr std::uint8_t kOverflowed = 4;
}  // namespace flags

struct Header {
    unsigned version = kVersion;
    unsigned type = 0;  // of Type, or a number of a later version
    std::uint8_t flags = 0;
    std::uint16_t seq = 0;  // of the sender; only DATA counts it up
    std::uint16_t ack = 0;  // next seq expected from the peer, all before are on flash
};

struct Frame {
    Header header;
    std::span<const std::byte> payload;
};

/// HELLO, WELCOME and NAK are read before anything is agreed.
constexpr bool always_crc32(unsigned type) {
    return type == static_cast<unsigned>(Type::hello) ||
           type == static_cast<unsigned>(Type::welcome) || type == static_cast<unsigned>(Type::nak);
}

/// Appends COBS(header, payload, check) and the delimiter.
void encode_frame(const Header& header, std::span<const std::byte> payload, Check check,
                  Bytes& out);
/// The frame in `bytes` (after COBS) if it is long enough and the check fits; a view into it.
std::optional<Frame> parse_frame(std::span<const std::byte> bytes, Check check);

}  // namespace fog::mcu
