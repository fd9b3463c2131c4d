#include <doctest/doctest.h>

#include <cmath>
#include <optional>
#include <random>

#include "firmware/core/records.hpp"
#include "tests/support/operator_bench.hpp"

namespace fog {
extern const OperatorInfo deadband_operator;
namespace {

MonoTime at(int s) {
    return MonoTime{std::chrono::seconds(s)};
}

}  // namespace

TEST_CASE("deadband: the kept set equals the reference for abs, percent and span") {
    for (unsigned seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const double width = static_cast<double>(random() % 50) / 10;
        const unsigned kind = seed % 3;
        Node node = kind == 0   ? params({{"abs", width}})
                    : kind == 1 ? params({{"percent", width}})
                                : params({{"span_percent", width}});
        if (kind == 2) node.set("span", Node{Node::Array{Node{-50.0}, Node{150.0}}});
        const int silence = static_cast<int>(random() % 20);
        if (silence > 0) node.set("max_silence", Node{std::to_string(silence) + " s"});
        OperatorBench bench(deadband_operator, node);
        REQUIRE(bench.faults.empty());
        std::optional<double> last;
        std::vector<double> kept;
        int passed = 0;
        double x = 20;
        double latest = 0;
        for (int s = 1; s <= 200; ++s) {
            const bool sample = random() % 3 != 0;
            if (sample) {
                x += static_cast<double>(static_cast<int>(random() % 41) - 20) / 10;
                latest = x;
                const double band = kind == 0   ? width
                                    : kind == 1 ? width / 100 * std::fabs(last.value_or(0))
                                                : width / 100 * 200;
                const double moved = std::fabs(x - last.value_or(x));
                if (!last || (moved > 0 && moved >= band)) {
                    kept.push_back(x);
                    last = x;
                    passed = s;
                }
                bench.push(at(s), x);
            }
            bench.advance(at(s));
            if (last && silence > 0 && s - passed >= silence) {
                kept.push_back(latest);
                last = latest;
                passed = s;
            }
        }
        std::vector<double> got;
        MonoTime before = bench.emitted.empty() ? at(0) : bench.emitted[0].time;
        for (const StepSample& one : bench.emitted) {
            got.push_back(std::get<double>(one.value));
            if (silence > 0) REQUIRE(one.time - before <= std::chrono::seconds(silence));
            before = one.time;
        }
        REQUIRE(got == kept);
    }
}

TEST_CASE("deadband: a repetition says so") {
    OperatorBench bench(deadband_operator,
                        params({{"abs", 1.0}, {"max_silence", std::string("10 s")}}));
    bench.push(at(0), 20.0);
    bench.push(at(4), 20.5);
    bench.advance(at(10));
    REQUIRE(bench.emitted.size() == 2);
    CHECK(bench.emitted[0].flags == 0);
    CHECK(bench.emitted[1].flags == flag::kHeartbeat);
    CHECK(std::get<double>(bench.emitted[1].value) == 20.5);
}

TEST_CASE("deadband: a change of quality always passes, texts and switches pass when they differ") {
    OperatorBench bench(deadband_operator, params({{"abs", 100.0}}));
    bench.push(at(0), 20.0);
    bench.push(at(1), 20.0, Quality::uncertain(Reason::calibrating));
    bench.push(at(2), 20.0, Quality::uncertain(Reason::calibrating));
    bench.push(at(3), Value{}, Quality::bad(Reason::no_comms));
    bench.push(at(4), Value{}, Quality::bad(Reason::no_comms));
    CHECK(bench.emitted.size() == 3);
    bench.push(at(5), std::string("on"));
    bench.push(at(6), std::string("on"));
    bench.push(at(7), std::string("off"));
    CHECK(bench.emitted.size() == 5);
}

TEST_CASE("deadband: exactly one band is wanted") {
    CHECK(OperatorBench(deadband_operator, params({})).faults.at(0).code == "R0307");
    CHECK(OperatorBench(deadband_operator, params({{"abs", 1.0}, {"percent", 1.0}}))
              .faults.at(0)
              .code == "R0307");
    CHECK(OperatorBench(deadband_operator, params({{"span_percent", 1.0}})).faults.at(0).code ==
          "R0303");
}

}  // namespace fog
