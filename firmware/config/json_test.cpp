#include "firmware/config/json.hpp"

#include <doctest/doctest.h>

#include <string>

namespace fog {
namespace {

Node good(std::string_view text) {
    std::vector<Fault> faults;
    auto node = parse_json(text, faults);
    for (const Fault& fault : faults) MESSAGE(to_text(fault));
    REQUIRE(node);
    return *node;
}

Fault bad(std::string_view text, const JsonBounds& bounds = {}) {
    std::vector<Fault> faults;
    CHECK_FALSE(parse_json(text, faults, bounds));
    REQUIRE(faults.size() == 1);
    return faults.front();
}

}  // namespace

TEST_CASE("json: values keep type, order and pointer") {
    const Node root = good(R"( {"z":1,"a":[true,null,1.0,"x"],"o":{"k/~":-5}} )");
    CHECK(root.table()->front().first == "z");
    CHECK(*root.find("z")->integer() == 1);
    CHECK(root.find("a")->array()->at(1).is_null());
    CHECK(root.find("a")->array()->at(2).integer() == nullptr);
    CHECK(root.find("a")->array()->at(3).pointer == "/a/3");
    CHECK(root.find("o")->table()->front().second.pointer == "/o/k~1~0");
    CHECK(root.mark.line == 0);
    CHECK(write_json(root) == R"({"z":1,"a":[true,null,1.0,"x"],"o":{"k/~":-5}})");
}

TEST_CASE("json: a syntax error names the byte, line and column") {
    const Fault fault = bad("{\"a\": 1,\n \"b\": tru }");
    CHECK(fault.code == "E0011");
    CHECK(fault.mark.line == 2);
    CHECK(fault.mark.column >= 7);
    CHECK(fault.detail.find("at byte ") != std::string::npos);
    CHECK(bad("").code == "E0011");
    CHECK(bad("{}{}").code == "E0011");
    CHECK(bad("\"\xff\"").code == "E0011");
    CHECK(bad("[1,]").code == "E0011");
}

TEST_CASE("json: a name twice in one object is refused by pointer") {
    const Fault fault = bad(R"({"o":{"a":1,"b":2,"a":3}})");
    CHECK(fault.code == "E0013");
    CHECK(fault.pointer == "/o/a");
    good(R"({"o":{"a":1},"p":{"a":1}})");
}

TEST_CASE("json: depth, size and number of values are bounded") {
    CHECK(bad(std::string(40, '[') + std::string(40, ']')).code == "E0012");
    CHECK(bad("[1,2,3]", {.bytes = 6}).code == "E0012");
    CHECK(bad("[1,2,3]", {.nodes = 3}).code == "E0012");
    good(std::string(32, '[') + std::string(32, ']'));
    const std::string key(100'000, 'k');
    std::string many = "{\"" + key + "\":[0";
    for (int i = 0; i < 1000; ++i) many += ",0";
    CHECK(bad(many + "]}").code == "E0012");
}

TEST_CASE("json: numbers that would change are refused") {
    CHECK(bad("9223372036854775808").code == "E0014");
    CHECK(bad("-9223372036854775809").code == "E0014");
    CHECK(bad("[1e999]").code == "E0011");
    CHECK(*good("-9223372036854775808").integer() == INT64_MIN);
    CHECK(*good("1e2").number() == 100.0);
}

}  // namespace fog
