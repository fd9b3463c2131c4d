#include "sim/cloud/word.hpp"

#include <doctest/doctest.h>

#include <string>

namespace fog::sim {
namespace {

TEST_CASE("word: the same text is the same word") {
    const Word one("freezer-1"), two(std::string("freezer-") + "1"), other("freezer-2");
    CHECK(one == two);
    CHECK_FALSE(one == other);
    CHECK(one == "freezer-1");
    CHECK(one.text() == "freezer-1");
    CHECK(Word().empty());
    CHECK(Word("") == Word());
}

TEST_CASE("moment: equal only where the text is, whatever time it says") {
    const Moment usual("2026-11-21T16:40:05.000Z");
    CHECK(usual.text() == "2026-11-21T16:40:05.000Z");
    CHECK(usual == Moment("2026-11-21T16:40:05.000Z"));
    const Moment same_time("2026-11-21T17:40:05+01:00");
    CHECK_FALSE(usual == same_time);
    CHECK(same_time.text() == "2026-11-21T17:40:05+01:00");
    CHECK(usual.wall() == same_time.wall());
    CHECK(Moment("soon").text() == "soon");
    CHECK_FALSE(Moment("soon").wall());
    CHECK(Moment("").empty());
    CHECK_FALSE(Moment("1970-01-01T00:00:00.000Z").empty());
    CHECK(Moment("1970-01-01T00:00:00.000Z").text() == "1970-01-01T00:00:00.000Z");
}

}  // namespace
}  // namespace fog::sim
