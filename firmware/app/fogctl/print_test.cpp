#include "firmware/app/fogctl/print.hpp"

#include <doctest/doctest.h>

#include "firmware/config/json.hpp"

namespace fog {
namespace {

Node json(std::string_view text) {
    std::vector<Fault> faults;
    auto node = parse_json(text, faults);
    REQUIRE(node);
    return *node;
}

}  // namespace

TEST_CASE("fogctl print: objects are lines, lists are columns") {
    CHECK(readable(json(
              R"({"name":"gw","devices":42,"up":true,"log":{"bytes":7.5},"tags":["a","b"]})")) ==
          "name     gw\ndevices  42\nup       yes\nlog:\n  bytes  7.5\ntags     a,b\n");
    CHECK(readable(
              json(R"({"items":[{"id":"a","state":"on"},{"id":"long-id","n":1}],"next":null})")) ==
          "id       state  n\na        on     -\nlong-id  -      1\n");
    CHECK(readable(json(R"({"items":[]})")) == "nothing\n");
}

TEST_CASE("fogctl print: a record is one line") {
    CHECK(
        record_line(json(
            R"({"dev":"b","pt":"t","ts":"2026-11-21T16:40:00.123Z","v":71.25,"u":"Cel","q":"good"})")) ==
        "2026-11-21T16:40:00.123Z  b/t  71.25 Cel");
    CHECK(record_line(json(R"({"dev":"b","pt":"t","rx":"R","v":null,"q":"bad.timeout"})")) ==
          "R  b/t  -  (bad.timeout)");
    CHECK(record_line(json(R"({"ev":"gap"})")) == R"({"ev":"gap"})");
}

TEST_CASE("fogctl print: names from devices can't steer the terminal") {
    CHECK(printable("a\x1b[31mb\nc") == "a?[31mb?c");
    CHECK(readable(json(R"({"name":"\u001b]0;x\u0007"})")) == "name  ?]0;x?\n");
}

}  // namespace fog
