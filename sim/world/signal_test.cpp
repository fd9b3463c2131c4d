#include "sim/world/signal.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "firmware/core/text.hpp"
#include "sim/world/make_node.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

struct Made {
    std::vector<Fault> faults;
    Inputs inputs;
    std::vector<std::string> addresses;
    std::unique_ptr<Signal> signal;

    explicit Made(const Node& node, std::uint64_t seed = 7) {
        signal = make_signal(node, {seed, "d.p", &inputs, &addresses}, faults);
    }
};

TEST_CASE("signal: ramp, square, sawtooth, sine and steps follow their parameters") {
    Made ramp(table({{"ramp", list({number(20), number(90)})}, {"over", text("60 s")}}));
    CHECK(ramp.signal->at(0s) == 20);
    CHECK(ramp.signal->at(30s) == 55);
    CHECK(ramp.signal->at(2min) == 90);

    Made square(table({{"square", list({number(1), number(5)})},
                       {"period", text("10 s")},
                       {"duty", number(0.3)}}));
    CHECK(square.signal->at(2s) == 5);
    CHECK(square.signal->at(3s) == 1);
    CHECK(square.signal->at(10s) == 5);

    Made saw(table({{"sawtooth", list({number(0), number(8)})},
                    {"period", text("8 s")},
                    {"phase", number(0.5)}}));
    CHECK(saw.signal->at(0s) == 4);
    CHECK(saw.signal->at(4s) == 0);

    Made sine(table({{"sine", number(2)}, {"level", number(-20)}, {"period", text("60 s")}}));
    CHECK(sine.signal->at(0s) == -20);
    CHECK(sine.signal->at(15s) == doctest::Approx(-18));
    CHECK(sine.signal->at(45s) == doctest::Approx(-22));
    // Weeks later a whole period is still a whole period.
    CHECK(sine.signal->at(60s * 1'000'000 + 15s) == sine.signal->at(15s));

    Made steps(
        table({{"steps", list({list({text("0 s"), number(1)}), list({text("5 s"), number(2)})})},
               {"repeat", text("8 s")}}));
    CHECK(steps.signal->at(4s) == 1);
    CHECK(steps.signal->at(5s) == 2);
    CHECK(steps.signal->at(8s) == 1);
    for (const Made* made : {&ramp, &square, &saw, &sine, &steps}) CHECK(made->faults.empty());
}

TEST_CASE("signal: a random walk is a function of seed and time, within its bounds") {
    const Node node = table({{"random_walk", number(1)},
                             {"every", text("1 s")},
                             {"min", number(-3)},
                             {"max", number(3)}});
    Made forward(node), jumping(node), other(node, 8);
    bool differs = false;
    double last = 0;
    for (int i = 0; i < 500; ++i) {
        last = forward.signal->at(std::chrono::seconds(i));
        CHECK(std::abs(last) <= 3);
        differs = differs || last != other.signal->at(std::chrono::seconds(i));
    }
    CHECK(differs);
    CHECK(jumping.signal->at(499s) == last);
    jumping.signal->at(3s);  // back, and forward again
    CHECK(jumping.signal->at(499s) == last);
}

TEST_CASE("signal: ou stays around its level with the deviation asked for") {
    Made ou(table({{"ou", number(0.5)}, {"level", number(10)}, {"tau", text("5 s")}}));
    CHECK(ou.faults.empty());
    double sum = 0, squares = 0;
    constexpr int kSteps = 20'000;
    for (int i = 0; i < kSteps; ++i) {
        const double x = ou.signal->at(std::chrono::seconds(i)) - 10;
        sum += x;
        squares += x * x;
    }
    CHECK(std::abs(sum / kSteps) < 0.05);
    CHECK(std::sqrt(squares / kSteps) == doctest::Approx(0.5).epsilon(0.1));
}

TEST_CASE("signal: an input holds the latest event, repeated ones too") {
    Made input(table({{"input", number(4)}}));
    CHECK(input.addresses == std::vector<std::string>{"d.p"});
    input.inputs.add("d.p", {10s, 60s, 1});
    input.inputs.add("d.p", {30s, 60s, 0});
    CHECK(input.signal->at(9s) == 4);
    CHECK(input.signal->at(10s) == 1);
    CHECK(input.signal->at(30s) == 0);
    CHECK(input.signal->at(70s) == 1);
    CHECK(input.signal->at(95s) == 0);
}

TEST_CASE("signal: sums nest, and equal parts do not share random numbers") {
    const Node walk = table({{"random_walk", number(1)}});
    Made one(walk), two(table({{"sum", list({walk, walk, number(0)})}}));
    CHECK(two.faults.empty());
    CHECK(two.signal->at(50s) != 2 * one.signal->at(50s));
}

TEST_CASE("signal: faults are named with a hint") {
    Made typo(table({{"sinee", number(1)}}));
    REQUIRE(typo.faults.size() == 1);
    CHECK(typo.faults[0].hint == "did you mean 'sine' instead of 'sinee'?");
    Made later(table({{"plant", text("room")}}));
    CHECK(later.faults.at(0).detail == "no plant 'room'");
    Made both(table({{"constant", number(1)}, {"input", number(1)}}));
    CHECK(both.faults.at(0).detail == "a signal has one kind, found 'constant' and 'input'");
    Made unknown(table({{"constant", number(1)}, {"periode", text("1 s")}}));
    CHECK(unknown.faults.size() == 1);
    Made period(table({{"sine", number(1)}}));
    CHECK(period.faults.at(0).detail == "'period' is missing");
}

TEST_CASE("sensor: values are quantised to what prints short") {
    Sensor sensor;
    sensor.quantum = 0.1;
    const auto printed = [](double value) {
        std::string out;
        append_double(out, value);
        return out;
    };
    CHECK(printed(measured(-19.43, sensor, 0)) == "-19.4");
    CHECK(printed(measured(-0.01, sensor, 0)) == "0");
    sensor.noise = 2;
    CHECK(printed(measured(1, sensor, 0.5)) == "2");
    sensor.quantum = 0.25;
    CHECK(printed(measured(1.1, sensor, 0)) == "1");
    sensor.quantum = 3;
    CHECK(printed(measured(7, sensor, 0)) == "6");
}

}  // namespace
}  // namespace fog::sim
