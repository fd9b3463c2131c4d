#include "firmware/core/crc32c.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string_view>

#include "firmware/core/reading.hpp"

using namespace fog;

TEST_CASE("crc32c: vectors of RFC 3720 B.4 and the check value") {
    std::array<std::byte, 32> bytes{};
    CHECK(crc32c(bytes) == 0x8A9136AAU);
    bytes.fill(std::byte{0xFF});
    CHECK(crc32c(bytes) == 0x62A8AB43U);
    CHECK(crc32c(as_bytes("123456789")) == 0xE3069283U);
}

TEST_CASE("crc32c: pieces give the same as the whole") {
    const std::string_view text = "the quick brown fox jumps over the lazy dog";
    for (std::size_t cut = 0; cut <= text.size(); ++cut)
        CHECK(crc32c(as_bytes(text.substr(cut)), crc32c(as_bytes(text.substr(0, cut)))) ==
              crc32c(as_bytes(text)));
}
