#include "firmware/io/event_loop.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using namespace std::chrono_literals;

TEST_CASE("event loop: work posted from another thread runs on the loop in order") {
    fog::EventLoop loop;
    std::vector<int> seen;
    std::thread runner([&loop] { loop.run(); });
    for (int i = 0; i < 100; ++i) loop.post([&seen, i] { seen.push_back(i); });
    loop.post([&loop] { loop.stop(); });
    runner.join();
    REQUIRE(seen.size() == 100);
    for (int i = 0; i < 100; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("event loop: a repeating timer can cancel itself, a cancelled one never fires") {
    fog::EventLoop loop;
    int fired = 0;
    bool wrong = false;
    fog::EventLoop::TimerId repeating = 0;
    repeating = loop.every(1ms, [&] {
        if (++fired != 3) return;
        loop.cancel(repeating);
        loop.after(20ms, [&loop] { loop.stop(); });  // long enough for a fourth, if it came
    });
    const auto never = loop.after(1ms, [&wrong] { wrong = true; });
    loop.cancel(never);
    loop.run();
    CHECK(fired == 3);
    CHECK_FALSE(wrong);
}
