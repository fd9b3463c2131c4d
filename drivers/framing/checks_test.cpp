#include "drivers/framing/checks.hpp"

#include <doctest/doctest.h>

#include <string_view>

#include "firmware/core/reading.hpp"

using namespace fog;

namespace {

// Made with python3: zlib.crc32, binascii.crc_hqx(b, 0xFFFF), and a bitwise loop for Modbus.
struct Vector {
    std::string_view name;
    Bytes bytes;
    std::uint32_t crc32;
    std::uint16_t ccitt;
    std::uint16_t modbus;
    std::uint8_t sum;
    std::uint8_t xored;
};

Bytes of(std::string_view text) {
    const auto bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

Bytes all_bytes() {
    Bytes bytes;
    for (int value = 0; value < 256; ++value) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

}  // namespace

TEST_CASE("checks: agree with python's zlib and binascii") {
    const Vector vectors[] = {
        {"digits", of("123456789"), 0xCBF43926, 0x29B1, 0x4B37, 0xDD, 0x31},
        {"all bytes", all_bytes(), 0x29058C73, 0x3FBD, 0xDE6C, 0x80, 0x00},
        {"empty", {}, 0x00000000, 0xFFFF, 0xFFFF, 0x00, 0x00},
        {"a reading", of("T=21.5"), 0x5D53E5F7, 0x25BA, 0xCAE2, 0x57, 0x71},
    };
    for (const Vector& vector : vectors) {
        CAPTURE(vector.name);
        CHECK(crc32(vector.bytes) == vector.crc32);
        CHECK(crc16_ccitt(vector.bytes) == vector.ccitt);
        CHECK(crc16_modbus(vector.bytes) == vector.modbus);
        CHECK(sum8(vector.bytes) == vector.sum);
        CHECK(xor8(vector.bytes) == vector.xored);
    }
}

TEST_CASE("checks: parts fed one after the other give the same as the whole") {
    const Bytes bytes = all_bytes();
    const std::span<const std::byte> whole(bytes);
    for (const std::size_t cut : {0U, 1U, 100U, 256U}) {
        const auto head = whole.first(cut);
        const auto tail = whole.subspan(cut);
        CHECK(crc32(tail, crc32(head)) == crc32(whole));
        CHECK(crc16_ccitt(tail, crc16_ccitt(head)) == crc16_ccitt(whole));
        CHECK(crc16_modbus(tail, crc16_modbus(head)) == crc16_modbus(whole));
        CHECK(sum8(tail, sum8(head)) == sum8(whole));
        CHECK(xor8(tail, xor8(head)) == xor8(whole));
    }
}
