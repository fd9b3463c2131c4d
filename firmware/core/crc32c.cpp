#include "firmware/core/crc32c.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace fog {
namespace {

// Slicing by 8: eight tables, eight bytes a step; no CPU feature needed.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
        tables[0][i] = crc;
    }
    for (std::uint32_t i = 0; i < 256; ++i)
        for (std::size_t t = 1; t < 8; ++t)
            tables[t][i] = (tables[t - 1][i] >> 8U) ^ tables[0][tables[t - 1][i] & 0xFFU];
    return tables;
}
constexpr Tables kTables = make_tables();

/// Low byte first, in one load where the machine counts like that too.
std::uint64_t first_eight(const std::byte* bytes) {
    std::uint64_t word = 0;
    if constexpr (std::endian::native == std::endian::little) {
        std::memcpy(&word, bytes, sizeof(word));
    } else {
        for (unsigned i = 0; i < 8; ++i) word |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    }
    return word;
}

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed) {
    std::uint32_t crc = ~seed;
    for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
        const std::uint64_t word = first_eight(bytes.data()) ^ crc;
        crc = kTables[7][word & 0xFFU] ^ kTables[6][(word >> 8U) & 0xFFU] ^
              kTables[5][(word >> 16U) & 0xFFU] ^ kTables[4][(word >> 24U) & 0xFFU] ^
              kTables[3][(word >> 32U) & 0xFFU] ^ kTables[2][(word >> 40U) & 0xFFU] ^
              kTables[1][(word >> 48U) & 0xFFU] ^ kTables[0][word >> 56U];
    }
    for (const std::byte byte : bytes)
        crc = (crc >> 8U) ^ kTables[0][(crc ^ static_cast<std::uint32_t>(byte)) & 0xFFU];
    return ~crc;
}

}  // namespace fog
