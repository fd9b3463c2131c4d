#include "sim/world/trace.hpp"

#include <doctest/doctest.h>

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

TEST_CASE("trace: rows with and without a header, gaps kept, times from zero") {
    const auto rows = parse_trace(
        "# from the field\ntime,temp,quality\n10,1.5,good\n11,,good\n12,7,bad.crc\n13.5,2,\n", {});
    REQUIRE(rows);
    REQUIRE(rows->size() == 4);
    CHECK((*rows)[0].at == 0s);
    CHECK((*rows)[0].value == 1.5);
    CHECK((*rows)[1].gap);
    CHECK((*rows)[2].gap);
    CHECK((*rows)[3].at == 3500ms);
    const auto plain = parse_trace("5,1\n6,2\n", {"", false});
    REQUIRE(plain);
    CHECK((*plain)[0].at == 5s);
    const auto wall = parse_trace("2026-11-21T16:40:00Z,1\r\n2026-11-21T16:40:05.250Z,2\r\n", {});
    REQUIRE(wall);
    CHECK((*wall)[1].at == 5250ms);
}

TEST_CASE("trace: a column is chosen by name or number") {
    constexpr std::string_view kCsv = "time,a,b\n0,1,2\n";
    CHECK((*parse_trace(kCsv, {"b", true}))[0].value == 2);
    CHECK((*parse_trace(kCsv, {"3", true}))[0].value == 2);
    const auto wrong = parse_trace("time,level\n0,1\n", {"levl", true});
    CHECK(wrong.error().hint == "did you mean 'level'?");
}

TEST_CASE("trace: what makes no sense is named with its line") {
    CHECK(parse_trace("", {}).error().what == "line 0, column 1: the trace has no rows");
    CHECK(parse_trace("0,1\n0,2\n", {}).error().what == "line 2, column 1: the times must rise");
    CHECK(parse_trace("0,1\n1,x\n", {}).error().what == "line 2, column 2: 'x' is no number");
    CHECK(parse_trace("0,1\nsoon,1\n", {}).error().what == "line 2, column 1: 'soon' is no time");
    CHECK_FALSE(parse_trace("0,1\n1e300,1\n", {}));
}

}  // namespace
}  // namespace fog::sim
