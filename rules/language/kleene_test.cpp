#include <doctest/doctest.h>

#include <array>
#include <string>

#include "rules/language/program.hpp"

namespace fog {
namespace {

constexpr std::array<Truth, 3> kAll = {Truth::no, Truth::yes, Truth::unknown};

void put(Slot& slot, Truth truth) {
    slot = {};
    if (truth == Truth::unknown) return;
    slot.value = truth == Truth::yes;
    slot.quality = Quality::good();
    slot.seen = slot.known = true;
}

Truth eval(std::string_view text, Truth a, Truth b) {
    const std::vector<ScopeName> scope = {{"a", any_unit(), ""}, {"b", any_unit(), ""}};
    std::vector<ExprFault> faults;
    auto program = compile_expression(text, scope, Limits{}, faults);
    REQUIRE(program.has_value());
    std::vector<Slot> slots(2);
    put(slots[0], a);
    put(slots[1], b);
    return program->run(slots, {MonoTime{}, std::nullopt}).truth();
}

Truth both(Truth a, Truth b) {
    if (a == Truth::no || b == Truth::no) return Truth::no;
    return a == Truth::yes && b == Truth::yes ? Truth::yes : Truth::unknown;
}
Truth either(Truth a, Truth b) {
    if (a == Truth::yes || b == Truth::yes) return Truth::yes;
    return a == Truth::no && b == Truth::no ? Truth::no : Truth::unknown;
}
Truth inverse(Truth a) {
    return a == Truth::unknown ? a : a == Truth::yes ? Truth::no : Truth::yes;
}

}  // namespace

TEST_CASE("kleene: and, or and not over all nine pairs") {
    for (const Truth a : kAll)
        for (const Truth b : kAll) {
            CAPTURE(static_cast<int>(a));
            CAPTURE(static_cast<int>(b));
            CHECK(eval("a and b", a, b) == both(a, b));
            CHECK(eval("a or b", a, b) == either(a, b));
            CHECK(eval("not a", a, b) == inverse(a));
            CHECK(eval("not (a and b)", a, b) == eval("not a or not b", a, b));
        }
}

TEST_CASE("kleene: comparison and arithmetic with an unknown are unknown") {
    for (const char* text : {"a == b", "a != b", "a < b", "a >= b", "a + b > 1", "-a < 1",
                             "a in (b, b)", "abs(a) == b"}) {
        CAPTURE(text);
        CHECK(eval(text, Truth::unknown, Truth::yes) == Truth::unknown);
    }
    CHECK(eval("a in (1, b)", Truth::yes, Truth::unknown) == Truth::yes);
    CHECK(eval("a between 5 and b", Truth::yes, Truth::unknown) == Truth::no);
}

TEST_CASE("kleene: if unknown is unknown, whatever the branches") {
    CHECK(eval("if a then true else true", Truth::unknown, Truth::yes) == Truth::unknown);
    CHECK(eval("if a then b else true", Truth::yes, Truth::unknown) == Truth::unknown);
    CHECK(eval("if a then b else true", Truth::no, Truth::unknown) == Truth::yes);
}

TEST_CASE("kleene: an unknown carries its reason") {
    const std::vector<ScopeName> scope = {{"a", any_unit(), ""}};
    std::vector<ExprFault> faults;
    auto program = compile_expression("a + 1 > 2", scope, Limits{}, faults);
    REQUIRE(program.has_value());
    std::vector<Slot> slots(1);
    slots[0].quality = Quality::uncertain(Reason::stale);
    CHECK(program->run(slots, {}).why.reason() == Reason::stale);
}

}  // namespace fog
