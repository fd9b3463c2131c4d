#include "drivers/framing/checks.hpp"

#include <array>

namespace fog {

namespace {

template <class Int>
constexpr std::array<Int, 256> reflected_table(Int polynomial) {
    std::array<Int, 256> table{};
    for (unsigned index = 0; index < table.size(); ++index) {
        Int crc = static_cast<Int>(index);
        for (int bit = 0; bit < 8; ++bit)
            crc = static_cast<Int>((crc & 1U) != 0 ? (crc >> 1U) ^ polynomial : crc >> 1U);
        table[index] = crc;
    }
    return table;
}

constexpr std::array<std::uint16_t, 256> ccitt_table() {
    std::array<std::uint16_t, 256> table{};
    for (unsigned index = 0; index < table.size(); ++index) {
        unsigned crc = index << 8U;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U;
        table[index] = static_cast<std::uint16_t>(crc);
    }
    return table;
}

constexpr auto kCrc32 = reflected_table<std::uint32_t>(0xEDB88320U);
constexpr auto kModbus = reflected_table<std::uint16_t>(0xA001U);
constexpr auto kCcitt = ccitt_table();

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t seed) {
    std::uint32_t crc = ~seed;
    for (const std::byte byte : bytes)
        crc = kCrc32[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFFU] ^ (crc >> 8U);
    return ~crc;
}

std::uint16_t crc16_ccitt(std::span<const std::byte> bytes, std::uint16_t seed) {
    unsigned crc = seed;
    for (const std::byte byte : bytes)
        crc = ((crc << 8U) & 0xFFFFU) ^ kCcitt[(crc >> 8U) ^ std::to_integer<unsigned>(byte)];
    return static_cast<std::uint16_t>(crc);
}

std::uint16_t crc16_modbus(std::span<const std::byte> bytes, std::uint16_t seed) {
    unsigned crc = seed;
    for (const std::byte byte : bytes)
        crc = kModbus[(crc ^ std::to_integer<unsigned>(byte)) & 0xFFU] ^ (crc >> 8U);
    return static_cast<std::uint16_t>(crc);
}

std::uint8_t sum8(std::span<const std::byte> bytes, std::uint8_t seed) {
    unsigned sum = seed;
    for (const std::byte byte : bytes) sum += std::to_integer<unsigned>(byte);
    return static_cast<std::uint8_t>(sum);
}

std::uint8_t xor8(std::span<const std::byte> bytes, std::uint8_t seed) {
    unsigned all = seed;
    for (const std::byte byte : bytes) all ^= std::to_integer<unsigned>(byte);
    return static_cast<std::uint8_t>(all);
}

}  // namespace fog
