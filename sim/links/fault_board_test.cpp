#include "sim/links/fault_board.hpp"

#include <doctest/doctest.h>

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

FaultSpec fault(SimTime at, SimTime lasts, SimTime every = 0s, double probability = 1) {
    FaultSpec out;
    out.kind = FaultKind::silent;
    out.on = "device/a";
    out.devices = {0};
    out.at = at;
    out.lasts = lasts;
    out.every = every;
    out.probability = probability;
    return out;
}

struct Board {
    FaultBoard faults;
    explicit Board(std::vector<FaultSpec> list) : faults(scenario(std::move(list))) {}
    static Scenario scenario(std::vector<FaultSpec> list) {
        Scenario out;
        out.faults = std::move(list);
        return out;
    }
    /// "+1-2": fault 1 has begun, fault 2 has ended.
    std::string at(SimTime t) {
        std::vector<FaultBoard::Change> changes;
        faults.update(t, changes);
        std::string out;
        for (const auto& change : changes) {
            out += (change.begins ? '+' : '-') + std::to_string(change.fault->id);
        }
        return out;
    }
};

TEST_CASE("fault board: begins and ends are told once, in scenario time") {
    Board board({fault(10s, 5s), fault(12s, 1s, 10s)});
    CHECK(board.at(0s).empty());
    CHECK(board.faults.next_change(0s) == 10s);
    CHECK(board.at(10s) == "+1");
    CHECK(board.at(11s).empty());
    CHECK(board.faults.silenced(0));
    CHECK_FALSE(board.faults.silenced(1));
    CHECK(board.at(12s) == "+2");
    CHECK(board.at(15s) == "-1-2");
    CHECK(board.at(22s) == "+2");
    CHECK(board.at(23s) == "-2");
}

TEST_CASE("fault board: a live fault begins at once and ends by time or by hand") {
    Board board({fault(10s, 5s)});
    const auto timed = board.faults.add(fault(0s, 3s), 100s);
    const auto open = board.faults.add(fault(0s, kUntilCleared), 100s);
    REQUIRE(timed);
    REQUIRE(open);
    CHECK(board.faults.next_change(100s) == 100s);
    CHECK(board.at(100s) == "+2+3");
    CHECK(board.at(103s) == "-2");
    CHECK_FALSE(board.faults.next_change(103s));
    CHECK(board.faults.entries().size() == 3);
    CHECK(board.faults.clear(*open));
    CHECK(board.at(104s) == "-3");
    CHECK(board.at(105s).empty());
    CHECK(board.faults.entries().size() == 1);  // those of the scenario stay listed
    CHECK(board.faults.clear(*open).error().code == Errc::not_found);
}

TEST_CASE("fault board: probability is drawn once for each occurrence") {
    Board board({fault(0s, 1s, 2s, 0.5)});
    int begun = 0;
    for (int i = 0; i < 1'000; ++i) {
        const std::string first = board.at(i * 2s);
        CHECK(board.at(i * 2s + 500ms).empty());  // not drawn again
        if (first == "+1") ++begun;
        CHECK(board.at(i * 2s + 1500ms) == (first.empty() ? "" : "-1"));
    }
    CHECK(begun > 430);
    CHECK(begun < 570);
}

TEST_CASE("fault board: at most a thousand live faults") {
    Board board({});
    for (std::size_t i = 0; i < FaultBoard::kLive; ++i) {
        REQUIRE(board.faults.add(fault(0s, 1s), 0s));
    }
    CHECK(board.faults.add(fault(0s, 1s), 0s).error().code == Errc::busy);
}

}  // namespace
}  // namespace fog::sim
