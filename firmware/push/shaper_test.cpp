#include "firmware/push/shaper.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace std::chrono_literals;
using fog::FramePtr;
using fog::Merged;
using fog::MonoTime;

namespace {

struct Bench {
    fog::PointDirectory points;
    fog::RecordContext context{"gw", &points, nullptr};
    FramePtr frame(std::uint32_t point, std::uint64_t seq) const {
        fog::Record record;
        record.seq = fog::Seq{seq};
        record.body = fog::Sample{fog::PointId{point}, 1.0, {}, {}, {}, {}, 0};
        auto batch = std::make_shared<const std::vector<fog::Record>>(1, record);
        return std::make_shared<fog::Frame>(batch, 0, context, 1);
    }
};

std::vector<Merged> released(fog::Shaper& shaper, MonoTime at) {
    std::vector<Merged> out;
    shaper.release(at, [&out](const Merged& one) { out.push_back(one); });
    return out;
}

}  // namespace

TEST_CASE(
    "shaper: the newest of each series goes at its boundary and says how many it stands for") {
    const Bench bench;
    fog::Shaper shaper(100ms, true);
    MonoTime now{};
    bool replaced = false;
    CHECK(shaper.offer(bench.frame(1, 1), now, replaced));
    CHECK_FALSE(shaper.offer(bench.frame(1, 2), now + 10ms, replaced));
    CHECK_FALSE(replaced);
    CHECK(shaper.offer(bench.frame(2, 3), now + 20ms, replaced));
    CHECK_FALSE(shaper.offer(bench.frame(1, 4), now + 30ms, replaced));
    CHECK(replaced);
    CHECK(shaper.lowest() == std::optional<std::uint64_t>(2));
    CHECK(released(shaper, now + 99ms).empty());
    const auto out = released(shaper, now + 100ms);
    REQUIRE(out.size() == 1);
    CHECK(out[0].frame->seq().value == 4);
    CHECK(out[0].n == 2);
    CHECK(out[0].low == 2);
    CHECK_FALSE(shaper.lowest());
    CHECK_FALSE(shaper.due());
}

TEST_CASE("shaper: after an interval of silence a sample goes at once") {
    const Bench bench;
    fog::Shaper shaper(100ms, true);
    bool replaced = false;
    CHECK(shaper.offer(bench.frame(1, 1), MonoTime{}, replaced));
    CHECK(shaper.offer(bench.frame(1, 2), MonoTime{} + 100ms, replaced));
    CHECK_FALSE(shaper.offer(bench.frame(1, 3), MonoTime{} + 150ms, replaced));
}

TEST_CASE("shaper: without conflation everything is kept and sent together once per interval") {
    const Bench bench;
    fog::Shaper shaper(100ms, false);
    bool replaced = false;
    for (std::uint64_t seq = 1; seq <= 5; ++seq)
        CHECK_FALSE(shaper.offer(bench.frame(1, seq), MonoTime{} + 10ms, replaced));
    CHECK(shaper.due() == std::optional(MonoTime{} + 110ms));
    CHECK(released(shaper, MonoTime{} + 110ms).size() == 5);
}

TEST_CASE("newest per series: debts are paid oldest first") {
    const Bench bench;
    fog::NewestPerSeries newest;
    CHECK_FALSE(newest.put(bench.frame(1, 5), 1, 5));
    CHECK_FALSE(newest.put(bench.frame(2, 6), 1, 6));
    CHECK(newest.put(bench.frame(1, 7), 1, 7));
    const auto first = newest.take_oldest();
    REQUIRE(first);
    CHECK(first->frame->seq().value == 7);
    CHECK(first->n == 2);
    CHECK(newest.lowest() == std::optional<std::uint64_t>(6));
}
