#include "rules/language/units.hpp"

#include <doctest/doctest.h>

#include "rules/language/program.hpp"

namespace fog {
namespace {

double converted(double x, std::string_view from, std::string_view to) {
    const auto by = conversion(parse_unit(from), parse_unit(to));
    REQUIRE(by.has_value());
    return x * by->factor + by->shift;
}
bool fits(std::string_view from, std::string_view to) {
    return conversion(parse_unit(from), parse_unit(to)).has_value();
}

Truth judge(std::string_view text, std::string_view unit, double value) {
    const std::vector<ScopeName> scope = {{"t", parse_unit(unit), ""}};
    std::vector<ExprFault> faults;
    auto program = compile_expression(text, scope, Limits{}, faults);
    REQUIRE(program.has_value());
    std::vector<Slot> slots(1);
    slots[0] = {value, Quality::good(), MonoTime{}, WallTime{}, true, true};
    return program->run(slots, {}).truth();
}

}  // namespace

TEST_CASE("units: golden conversions") {
    CHECK(converted(86, "degF", "Cel") == doctest::Approx(30));
    CHECK(converted(-40, "Cel", "[degF]") == doctest::Approx(-40));
    CHECK(converted(20, "Cel", "K") == doctest::Approx(293.15));
    CHECK(converted(1, "bar", "kPa") == doctest::Approx(100));
    CHECK(converted(760, "mm[Hg]", "hPa") == doctest::Approx(1013.25).epsilon(0.0001));
    CHECK(converted(36, "km/h", "m/s") == doctest::Approx(10));
    CHECK(converted(1, "kW.h", "MJ") == doctest::Approx(3.6));
    CHECK(converted(1, "m3/h", "L/min") == doctest::Approx(16.6667).epsilon(0.0001));
    CHECK(converted(1, "h", "min") == 60);
    CHECK(converted(1, "m2.s-1", "cm2/s") == doctest::Approx(10000));
    CHECK(converted(1, "/min", "Hz") == doctest::Approx(1.0 / 60));
    CHECK(converted(50, "%", "[ppth]") == doctest::Approx(500));
    CHECK(converted(1, "KiBy", "By") == doctest::Approx(1024));
    CHECK(converted(1, "{pieces}/s", "Hz") == doctest::Approx(1));
}

TEST_CASE("units: what does not fit is refused") {
    CHECK(!fits("Cel", "%"));
    CHECK(!fits("m", "s"));
    CHECK(!fits("%", "1"));
    CHECK(!fits("furlong", "m"));
    CHECK(!fits("furlong", "1"));
    CHECK(fits("furlong", "furlong"));
    CHECK(!fits("Mmin", "s"));
    CHECK(parse_unit("m//s").opaque);
    CHECK(parse_unit("]").opaque);
    CHECK(parse_unit("").none());
    CHECK(parse_unit("1").none());
}

TEST_CASE("units: a Fahrenheit limit on a Celsius point works at the converted value") {
    CHECK(judge("t > 86[degF]", "Cel", 30.01) == Truth::yes);
    CHECK(judge("t > 86[degF]", "Cel", 29.99) == Truth::no);
    CHECK(judge("86[degF] < t", "Cel", 30.01) == Truth::yes);
    CHECK(judge("t - 10[Cel] > 18[degF] - 0[degF]", "Cel", 20.1) == Truth::yes);
    CHECK(judge("t + 9[K] > 77[degF]", "Cel", 16.1) == Truth::yes);
    CHECK(judge("max(t, 50[degF]) > 9.9[Cel]", "Cel", 0) == Truth::yes);
}

TEST_CASE("units: an earlier operand converted behind its own code leaves the others right") {
    CHECK(judge("t between 68[degF] and 77[degF]", "Cel", 21) == Truth::yes);
    CHECK(judge("t between 68[degF] and 77[degF]", "Cel", 26) == Truth::no);
    CHECK(judge("(1[h] + 30[min]) > 89[min]", "Cel", 0) == Truth::yes);
}

TEST_CASE("units: quantities in limits") {
    const auto limit = parse_quantity(" -15 Cel ");
    REQUIRE(limit.has_value());
    CHECK(limit->number == -15);
    CHECK(limit->unit.code == "Cel");
    CHECK(parse_quantity("3e2 Pa")->number == 300);
    CHECK(parse_quantity("5")->unit.none());
    CHECK(parse_quantity("5 EX")->unit.opaque);
    CHECK(!parse_quantity("warm").has_value());
    CHECK(!parse_quantity("").has_value());
    CHECK(!parse_quantity("--5 Cel").has_value());
}

}  // namespace fog
