#include "sim/world/scenario.hpp"

#include <doctest/doctest.h>

#include "sim/world/make_node.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

TEST_CASE("scenario: variables keep their type alone and become text inside text") {
    const Node root = table({{"vars", table({{"n", whole(3)}, {"who", text("x")}})},
                             {"a", text("${n}")},
                             {"b", text("id-${n}-${who}")}});
    std::vector<Fault> faults;
    Node out = resolve_variables(root, {}, faults);
    CHECK(faults.empty());
    CHECK(*out.find("a")->integer() == 3);
    CHECK(*out.find("b")->string() == "id-3-x");
    out = resolve_variables(root, {{}, {{"n", "2.5"}}}, faults);
    CHECK(*out.find("a")->number() == 2.5);
    CHECK(faults.empty());
    resolve_variables(root, {{}, {{"whoo", "y"}}}, faults);
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].hint == "did you mean 'who'?");
}

TEST_CASE("scenario: the number fills texts at every depth") {
    const Node node = table({{"link", table({{"topic", text("a/{n}/{n}")}})}});
    CHECK(*fill_number(node, 12).find("link")->find("topic")->string() == "a/12/12");
}

TEST_CASE("scenario: to_toml keeps numbers apart from whole numbers and quotes odd keys") {
    Node truth;
    truth.data.emplace<bool>(true);
    const Node node = table(
        {{"a b", text("q\"")}, {"f", number(20)}, {"i", whole(20)}, {"t", table({{"x", truth}})}});
    CHECK(to_toml(node) == "\"a b\" = \"q\\\"\"\nf = 20.0\ni = 20\nt = { x = true }\n");
}

TEST_CASE("scenario: a fault holds at its times and tells when it changes next") {
    FaultSpec fault;
    fault.at = 10s;
    fault.lasts = 5s;
    fault.every = 60s;
    CHECK_FALSE(fault.active(9s));
    CHECK(fault.active(10s));
    CHECK_FALSE(fault.active(15s));
    CHECK(fault.active(71s));
    CHECK(fault.next_change(0s) == 10s);
    CHECK(fault.next_change(12s) == 15s);
    CHECK(fault.next_change(20s) == 70s);
    fault.every = 0s;
    CHECK(fault.next_change(20s) == std::nullopt);
}

}  // namespace
}  // namespace fog::sim
