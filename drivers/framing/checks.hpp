#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fog {

// Checksums of device links. Pure; any thread. `seed` continues an earlier result, so the parts of
// a message can be fed one after the other.

/// CRC-32 of zlib and Ethernet: reflected 0x04C11DB7, init and xor all ones.
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t seed = 0);
/// CRC-16/CCITT-FALSE: 0x1021, init 0xFFFF, not reflected, no xor.
std::uint16_t crc16_ccitt(std::span<const std::byte> bytes, std::uint16_t seed = 0xFFFF);
/// CRC-16/MODBUS: reflected 0x8005, init 0xFFFF, no xor.
std::uint16_t crc16_modbus(std::span<const std::byte> bytes, std::uint16_t seed = 0xFFFF);
/// Sum of the bytes modulo 256.
std::uint8_t sum8(std::span<const std::byte> bytes, std::uint8_t seed = 0);
/// All bytes xor-ed, as in NMEA 0183.
std::uint8_t xor8(std::span<const std::byte> bytes, std::uint8_t seed = 0);

}  // namespace fog
