#include "sim/world/expression.hpp"

#include <doctest/doctest.h>

namespace fog::sim {
namespace {

double value(std::string_view text, double a = 3, double b = 4) {
    const auto expression = Expression::parse(text, {"a", "b"});
    REQUIRE_MESSAGE(expression, text);
    return expression->eval(120, {a, b});
}

TEST_CASE("expression: precedence, names, time and functions") {
    CHECK(value("1 + 2 * 3 - 4 / 2") == 5);
    CHECK(value("(1 + 2) * -a") == -9);
    CHECK(value("t / 60") == 2);
    CHECK(value("a / (b - 4)") == 0);
    CHECK(value("min(a, b) + max(a, b)") == 7);
    CHECK(value("clamp(a * 10, 0, 5) + abs(-1) + floor(2.9) + sqrt(16)") == 12);
    CHECK(value("sine(0.25)") == doctest::Approx(1));
    CHECK(value("if(a < b, 10, 20)") == 10);
    CHECK(value("(a <= 3) + (a >= 3) + (a == 3) + (a != 3) + (a > 3) + (a < 3)") == 3);
    CHECK(value("1e3 + 2e-1") == 1000.2);
}

TEST_CASE("expression: faults have a column and a hint") {
    const auto fault = [](std::string_view text) {
        return Expression::parse(text, {"alpha"}).error();
    };
    CHECK(fault("1 + ").what == "at column 5: the expression ends too early");
    CHECK(fault("alpa + 1").hint == "did you mean 'alpha'?");
    CHECK(fault("mix(1, 2)").what == "at column 1: no function 'mix'");
    CHECK(fault("mix(1, 2)").hint == "did you mean 'min'?");
    CHECK(fault("min(1)").what == "at column 6: 'min' takes 2 values");
    CHECK(fault("(1").what == "at column 3: expected ')'");
    CHECK(fault("1 2").what == "at column 3: '2' is not expected here");
    CHECK(fault(std::string(100, '(')).what.find("nested more than 32 deep") != std::string::npos);
    CHECK(fault(std::string(100, '-')).what.find("nested more than 32 deep") != std::string::npos);
}

}  // namespace
}  // namespace fog::sim
