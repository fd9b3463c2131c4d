#include "firmware/store/history.hpp"

#include <doctest/doctest.h>

#include "firmware/store/store_fixture_test.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;

const WallTime kStart{std::chrono::hours(500'000)};

/// A log with one commit a second: `points` samples each, and an event every tenth.
struct Recorded : Fixture {
    explicit Recorded(int seconds, std::uint32_t points = 3) {
        open();
        boots.add({BootId{1}, MonoTime{0s}, kStart, true});
        for (int second = 0; second < seconds; ++second) {
            std::vector<Record> records;
            for (std::uint32_t point = 1; point <= points; ++point) {
                Record one = make_sample(*store->seqs().take());
                one.sample().point.value = point;
                one.sample().received = MonoTime{std::chrono::seconds(second)};
                one.sample().value = second * 10.0 + point;
                records.push_back(std::move(one));
            }
            if (second % 10 == 0) {
                Record event = make_event(*store->seqs().take());
                event.event().received = MonoTime{std::chrono::seconds(second)};
                event.event().device = second % 20 == 0 ? "even" : "odd";
                records.push_back(std::move(event));
            }
            (void)store->append(batch_of(std::move(records)));
            if (!store->flush()) throw std::runtime_error("flush");
        }
    }
    std::vector<double> values(History& history, const History::Window& window,
                               std::uint32_t point) const {
        std::vector<double> out;
        for (Seq at = window.after;;) {
            auto slice = history.samples({point}, at, window.upto).value();
            for (const Record& one : slice.records)
                out.push_back(std::get<double>(one.sample().value));
            at = slice.last;
            if (slice.end) return out;
        }
    }
};

}  // namespace

TEST_CASE("history: a window holds one point's samples of its time") {
    Recorded log(40);
    auto history = std::move(log.store->open_history()).value();
    const auto window = history->window(kStart + 10s, kStart + 19s, 1'000'000, 0s).value();
    CHECK_FALSE(window.cut);
    const auto got = log.values(*history, window, 2);
    REQUIRE(got.size() >= 10);
    REQUIRE(got.size() <= 11);  // whole blocks: one more at the end may be there
    CHECK(got.front() == 102.0);
    CHECK(got[9] == 192.0);
    CHECK(log.values(*history, window, 77).empty());
    const auto everything = history->window(kStart - 1h, kStart + 1h, 1'000'000, 0s).value();
    CHECK(log.values(*history, everything, 1).size() == 40);
    const auto before = history->window(kStart - 2h, kStart - 1h, 1'000'000, 0s).value();
    CHECK(log.values(*history, before, 1).size() <= 1);
}

TEST_CASE("history: a window with too much in it is cut to its newest part") {
    Recorded log(40);
    auto history = std::move(log.store->open_history()).value();
    const auto window = history->window(kStart, kStart + 1h, 30, 0s).value();
    CHECK(window.cut);
    const auto got = log.values(*history, window, 1);
    REQUIRE(got.size() == 10);
    CHECK(got.back() == 391.0);
    CHECK(window.from == kStart + 30s);
}

TEST_CASE("history: an empty log has an empty window") {
    Fixture f;
    auto history = std::move(f.open().open_history()).value();
    const auto window = history->window(kStart, kStart + 1h, 30, 60s).value();
    CHECK(window.from == WallTime{});
    const auto slice = history->samples({1}, window.after, window.upto).value();
    CHECK(slice.records.empty());
    CHECK(slice.end);
    CHECK(history->events({}).value().records.empty());
}

TEST_CASE("history: events come newest first, filtered and paged") {
    Recorded log(60);
    auto history = std::move(log.store->open_history()).value();
    History::EventQuery query;
    query.most = 4;
    auto page = history->events(query).value();
    REQUIRE(page.records.size() == 4);
    CHECK(page.records[0].received() == MonoTime{50s});
    CHECK(page.records[3].received() == MonoTime{20s});
    query.before = page.before;
    page = history->events(query).value();
    REQUIRE(page.records.size() == 2);
    CHECK(page.before == Seq{});
    query = {};
    query.device = "odd";
    query.from = kStart + 20s;
    query.to = kStart + 40s;
    page = history->events(query).value();
    REQUIRE(page.records.size() == 1);
    CHECK(page.records[0].received() == MonoTime{30s});
    query = {};
    query.kind = EventKind::command;
    CHECK(history->events(query).value().records.empty());
    query = {};
    query.device = "even";
    query.look_at = 2;  // gives up and says where to go on
    page = history->events(query).value();
    CHECK(page.records.size() == 1);
    CHECK(page.before != Seq{});
}

}  // namespace fog
