#include "sim/cloud/fields.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

namespace fog::sim {
namespace {

TEST_CASE("fields: the members of a flat object, as the parser has them") {
    for (const char* text :
         {R"({"k":"sent","id":12,"v":-19.4,"n":-3,"t":true,"f":false,"z":null})",
          R"({"k":"sent","v":0,"w":-0,"e":1e3,"E":2.5E-3})", R"({"v":18446744073709551615})",
          R"({"v":1,"v":"two"})", R"({"a":"\u00e9","b":"é","v":[1],"o":{"v":1}})", R"({"v" : 1})",
          R"({})", R"({"v":0.1})", R"({"v":5e-324})", R"({"":1})"}) {
        CAPTURE(text);
        Fields quick, slow;
        REQUIRE(quick.read(text));
        REQUIRE(slow.read_slowly(text));
        for (const char* key :
             {"k", "id", "v", "n", "t", "f", "z", "w", "e", "E", "a", "b", "o", "", "none"}) {
            CAPTURE(key);
            CHECK(quick.has(key) == slow.has(key));
            CHECK(quick.text(key) == slow.text(key));
            CHECK(quick.number(key) == slow.number(key));
            CHECK(quick.flag(key, true) == slow.flag(key, true));
            CHECK(quick.value(key) == slow.value(key));
        }
    }
}

TEST_CASE("fields: what is no object is refused, by both ways") {
    for (const char* text :
         {"", "{", "[]", "21.5", R"({"v":01})", R"({"v":1.})", R"({"v":.5})", R"({"v":1e})",
          R"({"v":-})", R"({"v":tru})", R"({"v":1,})", R"({"v":1}x)", R"({"v":1e999})", R"({"v"})",
          R"({v:1})", R"({"v":})", "{\"v\":\"a\nb\"}", R"({"v":"a})"}) {
        CAPTURE(text);
        Fields fields;
        CHECK_FALSE(fields.read(text));
        CHECK_FALSE(fields.read_slowly(text));
    }
}

TEST_CASE("fields: only plain text is read in place") {
    Fields fields;
    CHECK(fields.read_plainly(R"({"dev":"freezer-3","v":1})"));
    CHECK_FALSE(fields.read_plainly(R"({"dev":"freezer \"3\""})"));
    CHECK_FALSE(fields.read_plainly(R"({"v":{}})"));
    std::string many = "{";
    for (int n = 0; n < 30; ++n) many += (n > 0 ? ",\"m" : "\"m") + std::to_string(n) + "\":1";
    many += "}";
    CHECK_FALSE(fields.read_plainly(many));
    REQUIRE(fields.read(many));
    CHECK(fields.number("m29") == 1);
}

}  // namespace
}  // namespace fog::sim
