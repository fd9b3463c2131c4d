#include "firmware/http/encoding.hpp"

#include <doctest/doctest.h>

using namespace fog;

TEST_CASE("encoding: a list accepts what it names, unless with q=0") {
    CHECK(accepts("gzip", "gzip"));
    CHECK(accepts("br;q=0.5 , GZip ; q=0.1", "gzip"));
    CHECK(accepts("*", "gzip"));
    CHECK_FALSE(accepts("*, gzip;q=0", "gzip"));
    CHECK(accepts("gzip;q=1, *;q=0", "gzip"));
    CHECK_FALSE(accepts("gzip;q=0.000", "gzip"));
    CHECK_FALSE(accepts("*;q=0", "br"));
    CHECK_FALSE(accepts("", "gzip"));
    CHECK_FALSE(accepts("identity", "gzip"));
    CHECK_FALSE(accepts("x-gzip,,;", "gzip"));
}

TEST_CASE("encoding: gzip comes back byte for byte, in pieces, the same each time") {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += "{\"v\":" + std::to_string(i * 7 % 997) + "},";
    const auto packed = gzip(text);
    REQUIRE(packed);
    CHECK(packed->size() < text.size() / 3);
    CHECK(packed == gzip(text));
    Inflater inflater(*packed);
    std::string got, chunk;
    int pieces = 0;
    while (inflater.next(chunk)) {
        CHECK(chunk.size() <= 16U << 10U);
        got += chunk;
        ++pieces;
    }
    CHECK(inflater.complete());
    CHECK(pieces > 2);
    CHECK(got == text);
}

TEST_CASE("encoding: what does not shrink is left alone, what is broken is not complete") {
    CHECK_FALSE(gzip("abc"));
    CHECK_FALSE(gzip(""));
    auto packed = gzip(std::string(10'000, 'x'));
    REQUIRE(packed);
    packed->back() = static_cast<char>(packed->back() ^ 1);
    Inflater inflater(*packed);
    std::string chunk;
    while (inflater.next(chunk)) {
    }
    CHECK_FALSE(inflater.complete());
}
