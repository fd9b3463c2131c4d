#include "drivers/nanopb_frame/tick_clock.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <random>

using namespace fog;
using namespace std::chrono_literals;

namespace {

/// A device clock `ppm` fast whose frames take 1..`most_delay` to arrive; worst error of when().
std::chrono::nanoseconds worst_error(double ppm, std::uint32_t first_ticks,
                                     std::chrono::milliseconds most_delay) {
    mcu::TickClock clock;
    clock.restart(1000);
    std::mt19937 random(3);
    const MonoTime start{500s};
    std::chrono::nanoseconds worst{0};
    for (int second = 0; second < 900; ++second) {
        const MonoTime sent = start + std::chrono::seconds{second};
        const auto ticks = first_ticks + static_cast<std::uint32_t>(
                                             std::llround(second * 1000.0 * (1 + ppm / 1e6)));
        const auto delay =
            1ms + std::chrono::milliseconds{random() % static_cast<unsigned>(most_delay.count())};
        clock.observe(ticks, sent + delay);
        if (second < 60) continue;
        const auto error = *clock.when(ticks) - sent;
        worst = std::max(worst, std::chrono::nanoseconds{std::llabs(error.count())});
    }
    return worst;
}

}  // namespace

TEST_CASE("tick clock: knows nothing before the first frame") {
    mcu::TickClock clock;
    clock.restart(1000);
    CHECK_FALSE(clock.when(5));
}

TEST_CASE("tick clock: 200 ppm of drift either way and jitter stay within 20 ms") {
    CHECK(worst_error(200, 1000, 40ms) <= 20ms);
    CHECK(worst_error(-200, 1000, 40ms) <= 20ms);
}

TEST_CASE("tick clock: the wrap of 32 bits changes nothing") {
    CHECK(worst_error(0, 0xFFFFFFFFU - 300'000U, 10ms) <= 11ms);
}

TEST_CASE("tick clock: readings kept back keep the time they were made") {
    mcu::TickClock clock;
    clock.restart(100);
    clock.observe(5000, MonoTime{1000s});
    CHECK(*clock.when(4000) == MonoTime{990s});
    CHECK(*clock.when(5000) == MonoTime{1000s});
    CHECK(*clock.when(5050) == MonoTime{1000s + 500ms});
}
