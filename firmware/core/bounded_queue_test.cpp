#include "firmware/core/bounded_queue.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <thread>

using namespace fog;
using namespace std::chrono_literals;

TEST_CASE("bounded queue: refuse keeps what is queued and counts what is not taken") {
    BoundedQueue<int> queue("q", 2, Overflow::refuse);
    CHECK(queue.push(1));
    CHECK(queue.push(2));
    CHECK(!queue.push(3));
    CHECK(queue.pop(0s) == 1);
    CHECK(queue.counts().refused == 1);
    CHECK(queue.counts().depth == 1);
}

TEST_CASE("bounded queue: drop_oldest keeps the newest and counts the dropped") {
    BoundedQueue<int> queue("q", 2, Overflow::drop_oldest);
    for (int i = 0; i < 5; ++i) CHECK(queue.push(i));
    CHECK(queue.counts().dropped == 3);
    CHECK(queue.pop(0s) == 3);
    CHECK(queue.pop(0s) == 4);
    CHECK(!queue.pop(0s));
}

TEST_CASE("bounded queue: a closed queue gives what it holds, then nothing, and takes nothing") {
    BoundedQueue<int> queue("q", 4, Overflow::refuse);
    CHECK(queue.push(1));
    queue.close();
    CHECK(!queue.push(2));
    CHECK(queue.pop(1h) == 1);
    CHECK(!queue.pop(1h));
}

TEST_CASE("bounded queue: every item of several producers arrives once, in each one's order") {
    BoundedQueue<int> queue("q", 64, Overflow::refuse);
    constexpr int kEach = 2'000;
    std::vector<std::jthread> producers;
    for (int p = 0; p < 3; ++p)
        producers.emplace_back([&queue, p] {
            for (int i = 0; i < kEach; ++i)
                while (!queue.push(p * kEach + i)) std::this_thread::yield();
        });
    std::vector<int> next = {0, 0, 0};
    std::vector<int> got;
    std::size_t seen = 0;
    while (seen < 3 * kEach) {
        got.clear();
        seen += queue.drain(got, 16, 1s);
        for (const int item : got) {
            auto& expected = next[static_cast<std::size_t>(item / kEach)];
            CHECK(item % kEach == expected++);
        }
    }
    CHECK(queue.counts().pushed == 3 * kEach);
}

TEST_CASE("bounded queue: a look without waiting never gives up the processor") {
    const auto given_up = [] {
        rusage usage{};
        ::getrusage(RUSAGE_THREAD, &usage);
        return usage.ru_nvcsw;
    };
    BoundedQueue<int> queue("q", 2, Overflow::refuse);
    std::vector<int> out;
    const long before = given_up();
    for (int i = 0; i < 1'000; ++i) {
        CHECK_FALSE(queue.pop(0s));
        CHECK(queue.drain(out, 1, 0s) == 0);
    }
    CHECK(given_up() - before < 100);
}
