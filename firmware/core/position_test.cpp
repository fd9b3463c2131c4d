#include "firmware/core/position.hpp"

#include <doctest/doctest.h>

using namespace fog;

TEST_CASE("position: text form reads back") {
    const Position position{0xfeedfacecafef00dULL, Seq{918273}};
    CHECK(position.text() == "feedfacecafef00d.918273");
    CHECK(Position::parse(position.text()) == position);
    CHECK(Position::parse("0000000000000000.0") == Position{});
}

TEST_CASE("position: anything else is refused") {
    for (const auto* text :
         {"", "5", "x.5", "feedfacecafef00d.", "feedfacecafef00d.5x", "feedfacecafef00d.-5",
          "feedfacecafef00d5.5", "gggggggggggggggg.1", "feedfacecafef00d.99999999999999999999999"})
        CHECK(!Position::parse(text));
}
