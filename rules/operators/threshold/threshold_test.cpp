#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "tests/support/operator_bench.hpp"

namespace fog {
extern const OperatorInfo threshold_operator;
namespace {

using std::chrono::milliseconds;

struct Point {
    std::int64_t at_ms;
    double x;
    bool known;
};

/// What the specification says, told sample by sample at a resolution of one millisecond.
struct Reference {
    double limit, hysteresis;
    bool high;
    std::int64_t hold, keep;

    std::vector<bool> run(const std::vector<Point>& series, std::int64_t end) const {
        std::vector<bool> active_at;
        bool active = false;
        std::int64_t since = -1;
        std::size_t next = 0;
        double x = 0;
        bool known = false;
        for (std::int64_t now = 0; now < end; ++now) {
            while (next < series.size() && series[next].at_ms == now) {
                x = series[next].x;
                known = series[next].known;
                ++next;
                judge(x, known, now, active, since);
            }
            judge(x, known, now, active, since);
            active_at.push_back(active);
        }
        return active_at;
    }
    void judge(double x, bool known, std::int64_t now, bool& active, std::int64_t& since) const {
        bool ask = false;
        if (known && !active) ask = high ? x > limit : x < limit;
        if (known && active) ask = high ? x <= limit - hysteresis : x >= limit + hysteresis;
        if (!ask) {
            since = -1;
            return;
        }
        if (since < 0) since = now;
        if (now - since < (active ? keep : hold)) return;
        active = !active;
        since = -1;
    }
};

std::vector<Point> random_series(std::mt19937& random, int shape) {
    std::vector<Point> series;
    std::int64_t at = 0;
    for (int i = 0; i < 60; ++i) {
        at += 1 + static_cast<std::int64_t>(random() % 12);
        double x = static_cast<double>(random() % 13) + 44;
        if (shape == 1) x = (i / 7 % 2 == 0) ? 46 : 54;        // square
        if (shape == 2) x = 44 + static_cast<double>(i % 13);  // sawtooth
        series.push_back({at, x, random() % 11 != 0});
    }
    return series;
}

std::string ms(std::int64_t count) {
    return std::to_string(count) + " ms";
}

}  // namespace

TEST_CASE("threshold: agrees with a brute-force reference on random series") {
    int actives = 0;
    for (unsigned seed = 1; seed <= 1000; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const auto series = random_series(random, static_cast<int>(seed % 3));
        const bool high = (seed & 4U) != 0;
        const Reference reference{50, static_cast<double>(random() % 4), high,
                                  static_cast<std::int64_t>(random() % 20),
                                  static_cast<std::int64_t>(random() % 20)};
        OperatorBench bench(threshold_operator, params({{high ? "H" : "L", 50.0},
                                                        {"hysteresis", reference.hysteresis},
                                                        {"for", ms(reference.hold)},
                                                        {"keep_for", ms(reference.keep)}}));
        REQUIRE(bench.faults.empty());
        const std::int64_t end = series.back().at_ms + 50;
        const auto wanted = reference.run(series, end);
        std::size_t next = 0;
        for (std::int64_t now = 0; now < end; ++now) {
            const MonoTime time{milliseconds(now)};
            while (next < series.size() && series[next].at_ms == now) {
                bench.push(time, series[next].x,
                           series[next].known ? Quality{} : Quality::bad(Reason::no_comms));
                ++next;
                if (seed % 5 == 0) {  // a restart in between changes nothing
                    std::vector<std::byte> bytes;
                    Packer packer(bytes);
                    bench.op->save(packer);
                    bench.op = bench.make();
                    Unpacker reader(bytes);
                    REQUIRE(bench.op->load(reader).has_value());
                }
            }
            bench.advance(time);
            const bool active = bench.verdict.level != Level::none;
            REQUIRE(active == wanted[static_cast<std::size_t>(now)]);
            actives += active ? 1 : 0;
        }
    }
    CHECK(actives > 10'000);
}

TEST_CASE("threshold: at the limit itself nothing trips, at limit minus hysteresis it leaves") {
    OperatorBench bench(threshold_operator, params({{"H", 80.0}, {"hysteresis", 2.0}}));
    const auto at = [&](int s, double x) {
        bench.push(MonoTime{std::chrono::seconds(s)}, x);
        return bench.verdict.truth;
    };
    CHECK(at(1, 80.0) == Truth::no);
    CHECK(at(2, 80.1) == Truth::yes);
    CHECK(bench.verdict.limit == 80);
    CHECK(at(3, 78.1) == Truth::yes);
    CHECK(at(4, 78.0) == Truth::no);
}

TEST_CASE("threshold: the most severe active level is the result") {
    OperatorBench bench(threshold_operator,
                        params({{"LL", 0.0}, {"L", 10.0}, {"H", 80.0}, {"HH", 90.0}}));
    const std::array<std::pair<double, Level>, 6> steps = {{{-1, Level::low_low},
                                                            {5, Level::low},
                                                            {50, Level::none},
                                                            {85, Level::high},
                                                            {95, Level::high_high},
                                                            {5, Level::low}}};
    int s = 0;
    for (const auto& [x, level] : steps) {
        bench.push(MonoTime{std::chrono::seconds(++s)}, x);
        CHECK(bench.verdict.level == level);
    }
}

TEST_CASE("threshold: since is when it began to hold, and for may differ by level") {
    Node hold = params({{"H", std::string("10 s")}, {"HH", std::string("1 s")}});
    Node node = params({{"H", 80.0}, {"HH", 90.0}});
    node.set("for", hold);
    OperatorBench bench(threshold_operator, node);
    REQUIRE(bench.faults.empty());
    const MonoTime start{std::chrono::seconds(100)};
    bench.push(start, 95.0);
    bench.advance(start + std::chrono::seconds(1));
    CHECK(bench.verdict.level == Level::high_high);
    CHECK(bench.verdict.since == start);
    bench.push(start + std::chrono::seconds(2), 85.0);
    CHECK(bench.verdict.level == Level::none);  // HH left at once, H is still on its way
    bench.advance(start + std::chrono::seconds(10));
    CHECK(bench.verdict.level == Level::high);
}

TEST_CASE("threshold: unknown keeps what is active and starts over what is pending") {
    OperatorBench bench(threshold_operator, params({{"H", 80.0}, {"for", std::string("10 s")}}));
    const auto at = [](int s) { return MonoTime{std::chrono::seconds(s)}; };
    bench.push(at(0), 90.0);
    bench.push(at(5), Value{}, Quality::bad(Reason::no_comms));
    CHECK(bench.verdict.truth == Truth::unknown);
    CHECK(!bench.due);
    bench.push(at(6), 90.0);
    bench.advance(at(15));
    CHECK(bench.verdict.truth == Truth::no);
    bench.advance(at(16));
    CHECK(bench.verdict.truth == Truth::yes);
    bench.push(at(17), std::string("text"));
    CHECK(bench.verdict.truth == Truth::unknown);
    CHECK(bench.verdict.level == Level::high);
}

TEST_CASE("threshold: hysteresis in percent of span") {
    Node node = params({{"H", 80.0}, {"hysteresis", std::string("2 % of span")}});
    node.set("span", Node{Node::Array{Node{0.0}, Node{200.0}}});
    OperatorBench bench(threshold_operator, node);
    REQUIRE(bench.faults.empty());
    bench.push(MonoTime{std::chrono::seconds(1)}, 81.0);
    bench.push(MonoTime{std::chrono::seconds(2)}, 76.1);
    CHECK(bench.verdict.truth == Truth::yes);
    bench.push(MonoTime{std::chrono::seconds(3)}, 76.0);
    CHECK(bench.verdict.truth == Truth::no);
}

TEST_CASE("threshold: damaged state is refused") {
    OperatorBench bench(threshold_operator, params({{"H", 80.0}}));
    const std::vector<std::byte> bytes(3, std::byte{0xFF});
    Unpacker reader(bytes);
    CHECK(!bench.op->load(reader).has_value());
}

}  // namespace fog
