#include "cloud-uplink/pump/isolation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <set>

namespace fog {
namespace {

/// A target that breaks the connection at certain records; returns the convicted ones.
struct Kicker {
    std::set<std::uint64_t> poison;
    std::deque<std::uint64_t> queue;
    int connections = 0;
    std::set<std::uint64_t> delivered, convicted;

    void run(Isolation& isolation, std::size_t batch, int most) {
        while (!queue.empty() && connections < most) step(isolation, batch);
    }
    void step(Isolation& isolation, std::size_t batch) {
        const auto size = isolation.limit() == 0 ? batch : isolation.limit();
        std::deque<std::uint64_t> sent;
        for (const auto seq : queue)
            if (sent.size() < size && !aside(isolation, seq)) sent.push_back(seq);
        if (sent.empty()) sent.push_back(queue.front());
        for (const auto seq : sent)
            if (poison.count(seq) != 0) return kick(isolation, sent);
        std::vector<Seq> passed;
        for (const auto seq : sent) {
            delivered.insert(seq);
            std::erase(queue, seq);
            passed.push_back(Seq{seq});
        }
        isolation.passed(passed);
    }
    static bool aside(const Isolation& isolation, std::uint64_t seq) {
        const auto list = isolation.aside();
        return std::find(list.begin(), list.end(), Seq{seq}) != list.end();
    }
    void kick(Isolation& isolation, const std::deque<std::uint64_t>& sent) {
        ++connections;
        if (const auto guilty = isolation.broke(Seq{sent.front()}, sent.size())) {
            convicted.insert(guilty->value);
            std::erase(queue, guilty->value);
        }
    }
};

TEST_CASE("isolation: one connection loss, or two, limit nothing") {
    Isolation isolation;
    CHECK_FALSE(isolation.broke(Seq{1}, 20));
    CHECK_FALSE(isolation.broke(Seq{1}, 20));
    CHECK(isolation.limit() == 0);
    isolation.passed(std::array{Seq{1}});
    CHECK_FALSE(isolation.broke(Seq{1}, 20));
    CHECK_FALSE(isolation.broke(Seq{1}, 20));
    CHECK(isolation.limit() == 0);
}

TEST_CASE("isolation: losses at different records are not suspicious") {
    Isolation isolation;
    for (std::uint64_t n = 1; n < 50; ++n) CHECK_FALSE(isolation.broke(Seq{n}, 20));
    CHECK(isolation.limit() == 0);
}

TEST_CASE("isolation: the record that breaks every connection is found, the rest passes") {
    for (const std::uint64_t bad : {1U, 2U, 7U, 20U, 33U, 60U}) {
        Isolation isolation;
        Kicker target;
        target.poison = {bad};
        for (std::uint64_t n = 1; n <= 60; ++n) target.queue.push_back(n);
        target.run(isolation, 20, 40);
        INFO("poison ", bad, " took ", target.connections);
        if (bad == 60) {  // the last one: nothing is left to compare it with, so it stays owed
            CHECK(target.delivered.size() == 59);
            CHECK(target.convicted.empty());
            target.queue.push_back(61);
            target.run(isolation, 20, 80);
        }
        CHECK(target.convicted == std::set<std::uint64_t>{bad});
        CHECK(target.delivered.count(bad) == 0);
        CHECK(target.queue.empty());
    }
}

TEST_CASE("isolation: bad records side by side are all found, and only they") {
    Isolation isolation;
    Kicker target;
    target.poison = {5, 6, 7, 20};
    for (std::uint64_t n = 1; n <= 30; ++n) target.queue.push_back(n);
    target.run(isolation, 20, 200);
    CHECK(target.convicted == target.poison);
    CHECK(target.delivered.size() == 26);
    CHECK(target.queue.empty());
}

TEST_CASE("isolation: a target that breaks everything convicts nobody") {
    Isolation isolation;
    Kicker target;
    for (std::uint64_t n = 1; n <= 30; ++n) {
        target.queue.push_back(n);
        target.poison.insert(n);
    }
    target.run(isolation, 20, 300);
    CHECK(target.convicted.empty());
    CHECK(target.queue.size() == 30);
}

TEST_CASE("isolation: a send refused whole is halved down to one and opens again") {
    Isolation isolation;
    isolation.refused_whole(500);
    CHECK(isolation.limit() == 250);
    isolation.refused_whole(250);
    isolation.refused_whole(125);
    CHECK(isolation.limit() == 62);
    for (int n = 0; n < 8; ++n) isolation.refused_whole(isolation.limit());
    CHECK(isolation.limit() == 1);
    isolation.passed(std::array{Seq{1}});  // the one, refused by itself
    CHECK(isolation.limit() == 0);
}

TEST_CASE("isolation: what passed narrows the search") {
    Isolation isolation;
    isolation.refused_whole(8);
    CHECK(isolation.limit() == 4);
    isolation.passed(std::array{Seq{1}, Seq{2}, Seq{3}, Seq{4}});
    CHECK(isolation.limit() == 2);
    isolation.refused_whole(2);
    CHECK(isolation.limit() == 1);
    isolation.passed(std::array{Seq{5}});
    CHECK(isolation.limit() == 1);
    isolation.passed(std::array{Seq{6}});
    CHECK(isolation.limit() == 0);
}

TEST_CASE("isolation: one bad record among many costs about twelve connections") {
    for (std::uint64_t bad = 1; bad <= 40; ++bad) {
        Isolation isolation;
        Kicker target;
        target.poison = {bad};
        for (std::uint64_t n = 1; n <= 60; ++n) target.queue.push_back(n);
        target.run(isolation, 20, 100);
        INFO("poison ", bad, " took ", target.connections);
        CHECK(target.connections <= 12);
        CHECK(target.convicted == std::set<std::uint64_t>{bad});
    }
}

}  // namespace
}  // namespace fog
