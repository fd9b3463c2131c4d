#include "cloud-uplink/pump/schedule.hpp"

#include <doctest/doctest.h>

#include "cloud-uplink/pump/backoff.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBatch = 10'000;

/// Bytes each kind got in `rounds` sends of kBatch, all kinds of `waiting` always waiting.
std::array<std::size_t, kTraffics> run(const Waiting& waiting, int rounds) {
    Schedule schedule(kBatch);
    std::array<std::size_t, kTraffics> got{};
    for (int n = 0; n < rounds; ++n) {
        const auto kind = schedule.next(waiting);
        REQUIRE(kind);
        const auto place = static_cast<std::size_t>(*kind);
        got[place] += waiting[place];
        schedule.sent(*kind, waiting[place], waiting);
    }
    return got;
}

TEST_CASE("schedule: nothing waits, nothing goes") {
    CHECK_FALSE(Schedule(kBatch).next({}));
}

TEST_CASE("schedule: alarms before replies before live before bulk before catch-up") {
    Schedule schedule(kBatch);
    CHECK(schedule.next({1, 1, 1, 1, 1}) == Traffic::alarm);
    CHECK(schedule.next({0, 1, 1, 1, 1}) == Traffic::reply);
    CHECK(schedule.next({0, 0, 1, 1, 1}) == Traffic::live);
    CHECK(schedule.next({0, 0, 0, 1, 1}) == Traffic::bulk);
    CHECK(schedule.next({0, 0, 0, 0, 1}) == Traffic::catch_up);
}

TEST_CASE("schedule: catch-up keeps a fifth beside live traffic that fills the link") {
    const auto got = run({0, 0, kBatch, 0, kBatch}, 1000);
    CHECK(got[4] * 5 >= (got[2] + got[4]) * 99 / 100);
    CHECK(got[2] > 3 * got[4]);
}

TEST_CASE("schedule: catch-up and bulk keep their share beside everything, alarms included") {
    const auto got = run({kBatch, kBatch, kBatch, kBatch, kBatch}, 1000);
    const auto all = got[0] + got[1] + got[2] + got[3] + got[4];
    CHECK(got[4] * 5 >= all * 98 / 100);
    CHECK(got[3] * 12 >= all);
    CHECK(got[0] > all / 2);
}

TEST_CASE("schedule: at most two batches of catch-up go before an alarm") {
    Schedule schedule(kBatch);
    const Waiting others{0, 0, kBatch, 0, kBatch};
    for (int n = 0; n < 100; ++n) schedule.sent(Traffic::live, kBatch, others);
    const Waiting now{kBatch, 0, 0, 0, kBatch};
    int before = 0;
    while (schedule.next(now) != Traffic::alarm && before < 10) {
        ++before;
        schedule.sent(Traffic::catch_up, kBatch, now);
    }
    CHECK(before <= 2);
}

TEST_CASE("schedule: catch-up alone gets the whole link") {
    const auto got = run({0, 0, 0, 0, kBatch}, 10);
    CHECK(got[4] == 10 * kBatch);
}

TEST_CASE("back-off: every wait is within min and max, and within 3 times the one before") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        Backoff backoff(1s, 300s, seed);
        std::chrono::nanoseconds last = 1s;
        for (int n = 0; n < 50; ++n) {
            const auto wait = backoff.next();
            CHECK(wait >= 1s);
            CHECK(wait <= std::min<std::chrono::nanoseconds>(300s, 3 * last));
            last = wait;
        }
        backoff.reset();
        CHECK(backoff.next() <= 3s);
    }
}

TEST_CASE("back-off: gateways with different seeds do not return together, the same seed repeats") {
    Backoff a(1s, 300s, 1), b(1s, 300s, 2), again(1s, 300s, 1);
    int same = 0;
    for (int n = 0; n < 20; ++n) {
        const auto wait = a.next();
        CHECK(wait == again.next());
        same += wait == b.next() ? 1 : 0;
    }
    CHECK(same < 20);
}

TEST_CASE("back-off: it grows to its bound") {
    Backoff backoff(1s, 300s, 7);
    std::chrono::nanoseconds longest = 0s;
    for (int n = 0; n < 200; ++n) longest = std::max(longest, backoff.next());
    CHECK(longest == 300s);
}

}  // namespace
}  // namespace fog
