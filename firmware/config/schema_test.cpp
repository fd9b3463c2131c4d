#include "firmware/config/schema.hpp"

#include <doctest/doctest.h>

#include "firmware/config/toml.hpp"

namespace fog {
namespace {

constexpr std::string_view kSchema = R"({"type":"object","required":["url"],
  "additionalProperties":false,"properties":{
  "url":{"type":"string","minLength":1},"qos":{"enum":[0,1]},
  "window":{"type":"integer","minimum":1,"maximum":1000},
  "level":{"enum":["held","durable"]},"ratio":{"type":["number","string"]},
  "topics":{"type":"array","maxItems":2,"items":{"type":"string"}},
  "tls":{"type":"object","additionalProperties":{"type":"string"}}}})";

std::string faults_of(std::string_view toml, std::string_view schema = kSchema) {
    std::vector<Fault> faults;
    const auto node = parse_toml(toml, "u.toml", faults);
    REQUIRE(node);
    check_schema(*node, schema, faults);
    std::string out;
    for (const Fault& fault : faults) out += to_text(fault) + "\n";
    return out;
}

}  // namespace

TEST_CASE("schema: a good part has no faults") {
    CHECK(faults_of("url = \"x\"\nqos = 1\nwindow = 20\nlevel = \"held\"\nratio = 1\n"
                    "topics = [\"a\"]\ntls.ca = \"f\"\n") == "");
    CHECK(faults_of("anything = 1\n", "") == "");
}

TEST_CASE("schema: each rule has its fault at its place") {
    CHECK(faults_of("") == "u.toml:1:1: error[E0003]: 'url' is missing\n");
    CHECK(faults_of("url = 5\n") ==
          "u.toml:1:7: error[E0002]: 'url' must be a string, not a whole number\n");
    CHECK(faults_of("url = \"x\"\n windw = 1\n") ==
          "u.toml:2:2: error[E0001]: unknown key 'windw'\n  help: did you mean 'window'?\n");
    CHECK(faults_of("url = \"x\"\nlevel = \"hold\"\n") ==
          "u.toml:2:9: error[E0004]: 'level' is not one of held, durable\n"
          "  help: did you mean 'held'?\n");
    CHECK(faults_of("url = \"x\"\nwindow = 0\n") ==
          "u.toml:2:10: error[E0004]: 'window' must be at least 1\n");
    CHECK(faults_of("url = \"x\"\ntopics = [\"a\", 2]\n") ==
          "u.toml:2:16: error[E0002]: 'topics' must be a string, not a whole number\n");
    CHECK(faults_of("url = \"x\"\ntls.ca = 1\n") ==
          "u.toml:2:10: error[E0002]: 'ca' must be a string, not a whole number\n");
    CHECK(faults_of("url = \"\"\nqos = 2\ntopics = [\"a\", \"b\", \"c\"]\n") ==
          "u.toml:1:7: error[E0004]: bytes in 'url': at least 1\n"
          "u.toml:2:7: error[E0004]: 'qos' is not one of 0, 1\n"
          "u.toml:3:10: error[E0004]: items in 'topics': at most 2\n");
}

TEST_CASE("schema: a broken schema is a fault, not a crash") {
    CHECK(faults_of("a = 1\n", "{").find("E0030") != std::string::npos);
    CHECK(faults_of("a = 1\n", "{\"type\":5,\"enum\":3,\"required\":[1],\"properties\":[]}") == "");
}

}  // namespace fog
