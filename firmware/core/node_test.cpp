#include "firmware/core/node.hpp"

#include <doctest/doctest.h>

using namespace fog;

namespace {
Node text(std::string value) {
    return Node(Node::Data(std::move(value)));
}
Node whole(std::int64_t value) {
    return Node(Node::Data(value));
}
}  // namespace

TEST_CASE("config view: an unknown key is named with the nearest known one and its place") {
    Node node;
    node.set("hysteresis", text("1 K"));
    Node& wrong = node.set("hysterisis", text("2 K"));
    wrong.mark = {"a.toml", 3, 1};
    std::vector<Fault> faults;
    ConfigView view(node, faults);
    view.text("hysteresis");
    view.done();
    REQUIRE(faults.size() == 1);
    CHECK(to_text(faults[0]) ==
          "a.toml:3:1: error[E0001]: unknown key 'hysterisis'\n  help: did you mean 'hysteresis'?");
}

TEST_CASE("config view: durations and sizes need a unit") {
    Node node;
    node.set("linger", whole(5));
    node.set("wait", text("5 parsecs"));
    node.set("cap", text("64 KiB"));
    std::vector<Fault> faults;
    ConfigView view(node, faults);
    CHECK(view.duration("linger", std::chrono::seconds(1)) == std::chrono::seconds(1));
    CHECK(view.duration("wait", std::chrono::seconds(1)) == std::chrono::seconds(1));
    CHECK(view.size("cap", 1) == 65536);
    CHECK(faults.size() == 2);
}

TEST_CASE("config view: all faults are collected and defaults stand in") {
    Node node;
    node.set("qos", whole(7));
    node.set("level", text("durabel"));
    node.set("on", text("yes"));
    std::vector<Fault> faults;
    ConfigView view(node, faults);
    CHECK(view.integer("qos", 1, 0, 1) == 1);
    CHECK(view.choice("level", "held", {"held", "durable"}) == "held");
    CHECK(view.flag("on", true));
    CHECK(view.required_text("url").empty());
    CHECK(faults.size() == 4);
    CHECK(faults[1].hint == "did you mean 'durable'?");
}

TEST_CASE("node: equal meaning ignores order of members and whole against real numbers") {
    Node a, b;
    a.set("x", whole(1));
    a.set("y", text("t"));
    b.set("y", text("t"));
    b.set("x", Node(Node::Data(1.0)));
    CHECK(a.same(b));
    b.set("x", whole(2));
    CHECK(!a.same(b));
}
