#include "drivers/framing/cobs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "firmware/core/text.hpp"

using namespace fog;

namespace {

Bytes run(int first, int last) {
    Bytes bytes;
    for (int value = first; value <= last; ++value) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

Bytes operator+(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

Bytes b(std::initializer_list<int> values) {
    Bytes bytes;
    for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

Bytes encoded(const Bytes& plain) {
    Bytes out;
    cobs_encode(plain, out);
    return out;
}

}  // namespace

TEST_CASE("cobs: published vectors") {
    const std::pair<Bytes, Bytes> vectors[] = {
        {b({}), b({1})},
        {b({0}), b({1, 1})},
        {b({0, 0}), b({1, 1, 1})},
        {b({0, 0x11, 0}), b({1, 2, 0x11, 1})},
        {b({0x11, 0x22, 0, 0x33}), b({3, 0x11, 0x22, 2, 0x33})},
        {b({0x11, 0x22, 0x33, 0x44}), b({5, 0x11, 0x22, 0x33, 0x44})},
        {b({0x11, 0, 0, 0}), b({2, 0x11, 1, 1, 1})},
        {run(1, 0xFE), b({0xFF}) + run(1, 0xFE)},
        {b({0}) + run(1, 0xFE), b({1, 0xFF}) + run(1, 0xFE)},
        {run(1, 0xFF), b({0xFF}) + run(1, 0xFE) + b({2, 0xFF})},
        {run(2, 0xFF) + b({0}), b({0xFF}) + run(2, 0xFF) + b({1, 1})},
        {run(3, 0xFF) + b({0, 1}), b({0xFE}) + run(3, 0xFF) + b({2, 1})},
    };
    for (const auto& [plain, wire] : vectors) {
        CHECK(hex(encoded(plain)) == hex(wire));
        const auto back = cobs_decode(wire);
        REQUIRE(back);
        CHECK(hex(*back) == hex(plain));
    }
}

TEST_CASE("cobs: random frames come back, hold no zero and stay within the bound") {
    std::mt19937 random(7);
    for (int round = 0; round < 2000; ++round) {
        Bytes plain(random() % 1100);
        for (std::byte& byte : plain)
            byte = static_cast<std::byte>(random() % 4 == 0 ? 0 : random() % 256);
        const Bytes wire = encoded(plain);
        CHECK(std::find(wire.begin(), wire.end(), std::byte{0}) == wire.end());
        CHECK(wire.size() <= cobs_bound(plain.size()));
        CHECK(cobs_decode(wire) == plain);
    }
}

TEST_CASE("cobs: what ends too soon, is empty or holds a zero is refused") {
    CHECK_FALSE(cobs_decode({}));
    CHECK_FALSE(cobs_decode(b({3, 1})));
    CHECK_FALSE(cobs_decode(b({0})));
    CHECK_FALSE(cobs_decode(b({3, 0, 1})));
    CHECK_FALSE(cobs_decode(b({2, 1, 0})));
}
