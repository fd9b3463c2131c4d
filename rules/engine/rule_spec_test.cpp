#include "rules/engine/rule_spec.hpp"

#include <doctest/doctest.h>

#include "firmware/core/text.hpp"
#include "tests/support/rule_world.hpp"

namespace fog {
namespace {

std::vector<Fault> faults_of(std::string_view text) {
    RuleWorld world;
    world.add("dev", "t", "Cel");
    world.add("dev", "rh", "%");
    return world.engine->check("rule", RuleWorld::toml(text));
}

/// The first fault as "code line:column detail | hint".
std::string first(std::string_view text) {
    for (const Fault& fault : faults_of(text))
        if (!fault.warning)
            return fault.code + " " + std::to_string(fault.mark.line) + ":" +
                   std::to_string(fault.mark.column) + " " + fault.detail + " | " + fault.hint;
    return "good";
}

std::string with(std::string_view condition, std::string_view action = "type = \"alarm\"") {
    return "inputs.t = { point = \"dev/t\" }\ncondition = { " + std::string(condition) +
           " }\naction = [ { " + std::string(action) + " } ]\n";
}

}  // namespace

TEST_CASE("rule file: faults carry code, place and hint") {
    CHECK(first(with("op = \"threshold\", H = \"80 Cel\"")) == "good");
    CHECK(first(with("op = \"treshold\", H = \"80 Cel\"")) ==
          "R0208 2:20 no condition is called 'treshold' | did you mean threshold?");
    CHECK(first(with("op = \"threshold\", H = \"80 Cel\", hysterisis = \"1 K\"")) ==
          "R0204 2:47 unknown key 'hysterisis' | did you mean 'hysteresis'?");
    CHECK(first(with("op = \"threshold\", H = 80")) ==
          "R0301 2:37 a bare number against a quantity: t is Cel | write \"80 Cel\"");
    CHECK(first(with("op = \"threshold\", H = \"80\"")) ==
          "R0301 2:37 a bare number against a quantity: t is Cel | write \"80 Cel\"");
    CHECK(first(with("op = \"threshold\", H = \"80 %\"")) ==
          "R0301 2:37 t is Cel, the limit is in % | use the same quantity, for example \"80 Cel\"");
    CHECK(first(with("op = \"threshold\", H = \"80 Cel\", L = \"90 Cel\"")) ==
          "R0304 2:37 L must be below H | the order is LL < L < H < HH");
    CHECK(
        first(with("op = \"threshold\", H = \"80 Cel\", HH = \"81 Cel\", hysteresis = \"1 K\"")) ==
        "R0305 2:75 hysteresis must be smaller than the distance between H and HH | ");
    CHECK(first(with("op = \"threshold\"")) ==
          "R0306 2:13 a threshold needs at least one of LL, L, H, HH | for example H = \"80 Cel\"");
    CHECK(first(with("op = \"threshold\", H = \"80 Cel\", for = 5")) ==
          "R0310 2:53 'for' must be a duration with a unit, not a whole number | write it as text, "
          "for example \"10 s\"");
    CHECK(
        first(with("op = \"threshold\", H = \"80 Cel\"", "type = \"alrm\"")) ==
        "R0310 3:21 'type' is 'alrm', allowed is one of alarm, derive, route, drop | did you mean "
        "'alarm'?");
    CHECK(first(with("op = \"threshold\", H = \"80 Cel\"", "type = \"alarm\", text = \"{tt}\"")) ==
          "R0604 3:37 the text has no '{tt}' to fill in | did you mean {t}?");
    CHECK(first("mode = \"shadow\"\n" + with("op = \"threshold\", H = \"80 Cel\"")) ==
          "R0603 1:8 mode shadow is not built into this version | use on or off");
}

TEST_CASE("rule file: the place of a fault inside an expression is that of the file") {
    CHECK(first(R"(inputs.t = { point = "dev/t" }
inputs.rh = { point = "dev/rh" }
[condition]
op = "expr"
when = "t > rh"
[[action]]
type = "alarm"
)") == "R0104 5:13 cannot compare: t is Cel (dev/t), rh is % (dev/rh) | use the same quantity, "
       "for example t > 1[Cel]");
}

TEST_CASE("rule file: every fault is found at once, at most twenty") {
    const auto faults = faults_of(R"(
titel = "x"
mode = "of"
inputs.t = { point = "dev", max_age = "5" }
inputs.9 = { point = "dev/t" }
step = [ { op = "deadbnd", in = "x", out = "t" } ]
condition = { op = "threshold", in = "tt" }
action = [ { type = "alarm", severity = "huge" }, { type = "route" } ]
)");
    CHECK(faults.size() >= 10);
    CHECK(faults.size() <= Limits{}.errors_listed);
    for (const Fault& fault : faults) {
        CAPTURE(to_text(fault));
        CHECK(fault.code.size() == 5);
        CHECK(fault.mark.line > 0);
    }
}

TEST_CASE("rule file: through the API there is a pointer instead of a line") {
    std::vector<Fault> faults;
    const auto node = parse_json(
        R"({"inputs":{"t":{"point":"dev/t"}},"condition":{"op":"threshold","H":80},"action":[{"type":"alarm"}]})",
        faults);
    REQUIRE(node.has_value());
    RuleWorld world;
    world.add("dev", "t", "Cel");
    faults = world.engine->check("rule", *node);
    REQUIRE(!faults.empty());
    CHECK(faults[0].pointer == "/condition/H");
    CHECK(faults[0].code == "R0301");
}

TEST_CASE("rule file: binding faults") {
    CHECK(first("inputs.t = { point = \"{device}/t\" }\naction = [ { type = \"drop\" } ]\n") ==
          "R0402 1:22 {device} needs bind | bind = { device = \"boiler-*\" }");
    CHECK(first("inputs.t = { point = \"+/t\" }\naction = [ { type = \"drop\" } ]\n") ==
          "R0401 1:22 a point is one series, no pattern | use bind for one instance per device");
    RuleWorld world;
    CHECK(world.engine->check("No Good", RuleWorld::toml(with("op = \"expr\", when = \"t > 1\"")))
              .at(0)
              .code == "R0205");
}

TEST_CASE("rule file: what is legal but odd is a warning") {
    RuleWorld world;
    const auto faults = world.engine->check("rule", RuleWorld::toml(R"(
bind = { device = "none-*" }
inputs.t = { point = "{device}/t" }
condition = { op = "threshold", H = "80 Cel" }
action = [ { type = "alarm" } ]
)"));
    REQUIRE(faults.size() == 2);
    CHECK(faults[0].code == "W0401");
    CHECK(faults[1].code == "W0301");
    CHECK(faults[0].warning);
}

TEST_CASE("rule file: globs") {
    CHECK(glob_matches("boiler-*", "boiler-1"));
    CHECK(glob_matches("*", ""));
    CHECK(glob_matches("b?iler-*-x*", "boiler-12-xy"));
    CHECK(!glob_matches("boiler-*", "pump-1"));
    CHECK(!glob_matches("a?", "a"));
}

}  // namespace fog
