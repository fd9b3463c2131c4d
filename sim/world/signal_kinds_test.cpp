#include <doctest/doctest.h>

#include <cmath>

#include "sim/world/make_node.hpp"
#include "sim/world/plant.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

struct Made {
    std::vector<Fault> faults;
    Inputs inputs;
    FileReader files = [](const std::string& name) -> Result<std::string> {
        if (name == "a.csv") return std::string("0,1\n2,\n3,5\n4,6\n");
        return Error{Errc::not_found, "no file '" + name + "'", {}};
    };
    std::unique_ptr<Signal> signal;
    explicit Made(const Node& node, std::uint64_t seed = 7) {
        signal = make_signal(node, {seed, "d.p", &inputs, nullptr, nullptr, &files}, faults);
        for (const Fault& fault : faults) MESSAGE(to_text(fault));
    }
};

TEST_CASE("signal: daily runs through its knots and knows the weekday") {
    std::vector<Node> knots;
    for (int hour = 0; hour < 24; ++hour) knots.push_back(number(hour));
    std::vector<Node> days(7, number(1));
    days[5] = number(0.5);
    Made daily(table({{"daily", list(knots)}, {"weekday", list(days)}}));
    CHECK(daily.faults.empty());
    CHECK(daily.signal->at(6h) == 6);  // Monday
    CHECK(daily.signal->at(6h + 30min) == 6.5);
    CHECK(daily.signal->at(23h + 30min) == 11.5);
    CHECK(daily.signal->at(24h * 5 + 6h) == 3);  // Saturday
    CHECK(daily.signal->at(24h * 7 + 6h) == 6);
}

TEST_CASE("signal: markov dwells and changes, a function of seed and time") {
    const Node node =
        table({{"markov", list({table({{"level", number(0)}, {"dwell", text("50 s")}}),
                                table({{"level", number(1)}, {"dwell", text("10 s")}})})}});
    Made one(node), two(node), other(node, 8);
    CHECK(one.faults.empty());
    double on = 0;
    bool differs = false;
    for (int i = 0; i < 20'000; ++i) {
        const double value = one.signal->at(std::chrono::seconds(i));
        on += value;
        differs = differs || value != other.signal->at(std::chrono::seconds(i));
    }
    CHECK(on / 20'000 == doctest::Approx(1.0 / 6).epsilon(0.2));
    CHECK(differs);
    CHECK(two.signal->at(19'999s) == one.signal->at(19'999s));
}

TEST_CASE("signal: poisson counts about as often as asked") {
    Made poisson(table({{"poisson", number(3'600)}, {"level", number(10)}}));
    CHECK(poisson.signal->at(0s) == 10);
    CHECK(poisson.signal->at(10'000s) == doctest::Approx(10'010).epsilon(0.05));
    CHECK(poisson.signal->at(1s) <= 20);
}

TEST_CASE("signal: a trace holds its rows, keeps gaps, and loops when asked") {
    Made once(table({{"trace", text("a.csv")}}));
    CHECK(once.faults.empty());
    CHECK(once.signal->at(1s) == 1);
    CHECK(std::isnan(once.signal->at(2500ms)));
    CHECK(once.signal->at(3s) == 5);
    CHECK(std::isnan(once.signal->at(6s)));
    Node looped = table({{"trace", text("a.csv")}});
    Node truth;
    truth.data.emplace<bool>(true);
    looped.set("loop", truth);
    Made again(looped);
    CHECK(again.signal->at(4900ms) == 6);
    CHECK(again.signal->at(5s) == 1);
}

TEST_CASE("signal: product, clip, lag and expr combine others") {
    const Node ramp = table({{"ramp", list({number(0), number(100)})}, {"over", text("100 s")}});
    Made product(table({{"product", list({ramp, number(2)})}}));
    CHECK(product.signal->at(10s) == 20);
    Made clip(table({{"clip", ramp}, {"min", number(5)}, {"max", number(50)}}));
    CHECK(clip.signal->at(1s) == 5);
    CHECK(clip.signal->at(99s) == 50);
    Made lag(table({{"lag", table({{"steps", list({list({text("0 s"), number(0)}),
                                                   list({text("10 s"), number(8)})})}})},
                    {"tau", text("5 s")}}));
    CHECK(lag.signal->at(9s) == 0);
    CHECK(lag.signal->at(12s) > 1);
    CHECK(lag.signal->at(200s) == doctest::Approx(8));
    Made expr(table({{"expr", text("a * 2 + t")}, {"with", table({{"a", ramp}})}}));
    CHECK(expr.signal->at(10s) == 30);
    for (const Made* made : {&product, &clip, &lag, &expr}) CHECK(made->faults.empty());
}

}  // namespace
}  // namespace fog::sim
