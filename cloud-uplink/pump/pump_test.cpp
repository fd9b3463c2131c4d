#include "cloud-uplink/pump/pump.hpp"

#include <doctest/doctest.h>

#include <future>

#include "firmware/core/bounded_queue.hpp"
#include "firmware/io/logging.hpp"
#include "tests/support/memory_sink_log.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;

/// A sink on real time: send() answers what `answers` says, or blocks until interrupted.
struct BlockingSink final : Sink {
    BoundedQueue<bool> entered{"entered", 1000, Overflow::refuse};
    BoundedQueue<bool> released{"released", 1000, Overflow::refuse};
    std::atomic<bool> block{false};
    std::atomic<bool> up{false};

    Result<void> connect(MonoTime, const StepWords&) override {
        up = true;
        return {};
    }
    std::vector<Verdict> send(std::span<const Outgoing> batch, MonoTime deadline) override {
        (void)entered.push(true);
        if (!block) return std::vector<Verdict>(batch.size(), Acked{});
        (void)released.pop(deadline - std::chrono::steady_clock::now());
        return std::vector<Verdict>(batch.size(), Retry{0ms, "stopped"});
    }
    bool connected() const override { return up; }
    void close() override { up = false; }
    void interrupt() override { (void)released.push(true); }
};

struct World {
    SystemClock clock;
    Metrics metrics;
    MemorySinkLog log;
    BoundedQueue<PumpStatus> told{"told", 10'000, Overflow::refuse};
    BlockingSink* sink = nullptr;
    std::unique_ptr<Pump> pump;

    World() {
        set_log_level(LogLevel::error);
        auto made = std::make_unique<BlockingSink>();
        sink = made.get();
        pump = std::make_unique<Pump>(
            "cloud", "blocking", std::move(made), PumpOptions{},
            Pump::Site{log, clock, metrics,
                       [this](const PumpStatus& status) { (void)told.push(status); }});
    }
    bool wait_state(PumpState state) {
        const auto until = std::chrono::steady_clock::now() + 10s;
        while (std::chrono::steady_clock::now() < until)
            if (const auto status = told.pop(1s); status && status->state == state) return true;
        return false;
    }
    void add(int records, Lane lane = Lane::alarm) {
        for (int n = 0; n < records; ++n) {
            Record record;
            record.lane = lane;
            record.body = Sample{PointId{1}, 1.5, {}, {}, BootId{1}, clock.mono(), 0};
            log.append(record);
        }
    }
};

TEST_CASE("pump thread: a commit wakes it, what it owes is drained") {
    World world;
    CHECK(world.pump->status().state == PumpState::stopped);
    world.pump->start();
    REQUIRE(world.wait_state(PumpState::streaming));
    world.add(300);
    CHECK(world.log.wait_drained(10s));
    CHECK(world.pump->stop(5s));
    CHECK(world.log.total().acknowledged == 300);
    CHECK(world.pump->status().state == PumpState::stopped);
    CHECK(world.pump->status().acknowledged == 300);
}

TEST_CASE("pump thread: stop interrupts a send, and what it held stays owed") {
    World world;
    world.sink->block = true;
    world.add(10);
    world.pump->start();
    REQUIRE(world.sink->entered.pop(10s));
    CHECK(world.pump->stop(5s));  // the send alone would have taken 30 s
    CHECK(world.log.total().waiting == 10);
    CHECK(world.log.total().acknowledged == 0);
    CHECK(world.pump->stop(0ms));  // again is harmless
}

TEST_CASE("pump thread: a sink that does not heed delays stop, which says so") {
    struct Deaf final : Sink {
        std::promise<void> entered, leave;
        Result<void> connect(MonoTime, const StepWords&) override {
            entered.set_value();
            leave.get_future().wait();
            return Error{Errc::unreachable, "late", {}};
        }
        std::vector<Verdict> send(std::span<const Outgoing>, MonoTime) override { return {}; }
        bool connected() const override { return false; }
        void close() override {}
    };
    set_log_level(LogLevel::error);
    SystemClock clock;
    Metrics metrics;
    MemorySinkLog log;
    auto made = std::make_unique<Deaf>();
    Deaf& sink = *made;
    Pump pump("deaf", "deaf", std::move(made), {}, Pump::Site{log, clock, metrics, {}});
    pump.start();
    sink.entered.get_future().wait();
    CHECK_FALSE(pump.stop(10ms));
    sink.leave.set_value();
    CHECK(pump.stop(10s));
}

TEST_CASE("pump thread: pause keeps the backlog, resume sends it") {
    World world;
    world.pump->start();
    REQUIRE(world.wait_state(PumpState::streaming));
    world.pump->pause();
    REQUIRE(world.wait_state(PumpState::paused));
    world.add(50);
    CHECK_FALSE(world.sink->up);
    world.pump->resume();
    CHECK(world.log.wait_drained(10s));
    CHECK(world.log.total().acknowledged == 50);
}

}  // namespace
}  // namespace fog
