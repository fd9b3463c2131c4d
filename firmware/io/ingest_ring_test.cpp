#include "firmware/io/ingest_ring.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <optional>
#include <random>
#include <thread>

#include "firmware/core/reading.hpp"
#include "firmware/io/fd.hpp"
#include "tests/support/temp_folder.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kBoot = "0b1e7c6a-1111-2222-3333-444455556666";

std::unique_ptr<IngestRing> open_ring(const TempFolder& folder, std::size_t bytes,
                                      std::uint64_t committed = 0, std::string_view boot = kBoot) {
    auto ring = IngestRing::open(folder.path() / "ingest.ring", bytes, boot, committed);
    REQUIRE(ring.has_value());
    return std::move(*ring);
}

IngestRing::Push put(IngestRing& ring, std::string_view payload, IngestWaiter waiter = {},
                     std::chrono::milliseconds wait = 0ms) {
    IngestItem item;
    item.source = "mqtt:test";
    item.topic = "a/b";
    item.payload = as_bytes(payload);
    item.received = MonoTime{7s};
    return ring.push(item, wait, std::move(waiter));
}

struct Popped {
    std::string payload;
    std::uint64_t number = 0;
    bool recovered = false;
    IngestWaiter waiter;
};
std::optional<Popped> take(IngestRing& ring) {
    IngestItem item;
    Popped got;
    if (!ring.pop(item, got.number, got.recovered, got.waiter, 0ms)) return std::nullopt;
    CHECK(item.source == "mqtt:test");
    CHECK(item.topic == "a/b");
    CHECK(item.received == MonoTime{7s});
    got.payload = as_text(item.payload);
    return got;
}

}  // namespace

TEST_CASE("ingest ring: items come out once, in order, numbered") {
    const TempFolder folder;
    const auto ring = open_ring(folder, 64 << 10);
    CHECK(put(*ring, "one") == IngestRing::Push::ok);
    CHECK(put(*ring, "") == IngestRing::Push::ok);
    CHECK(take(*ring)->payload == "one");
    const auto second = take(*ring);
    CHECK(second->payload.empty());
    CHECK(second->number == 2);
    CHECK(!take(*ring));
}

TEST_CASE("ingest ring: what was not committed is processed again after a restart, nothing else") {
    const TempFolder folder;
    {
        const auto ring = open_ring(folder, 64 << 10);
        for (int i = 1; i <= 5; ++i) put(*ring, std::to_string(i));
        for (int i = 1; i <= 4; ++i) take(*ring);
        ring->release(1);
    }
    const auto ring = open_ring(folder, 64 << 10, 2);
    CHECK(ring->counts().recovered == 3);
    for (int i = 3; i <= 5; ++i) {
        const auto got = take(*ring);
        REQUIRE(got);
        CHECK(got->payload == std::to_string(i));
        CHECK(got->recovered);
        CHECK(got->number == static_cast<std::uint64_t>(i));
    }
    CHECK(!take(*ring));
    put(*ring, "6");
    CHECK(take(*ring)->number == 6);
}

TEST_CASE("ingest ring: another kernel boot starts empty, above the committed number") {
    const TempFolder folder;
    put(*open_ring(folder, 64 << 10), "old");
    const auto ring = open_ring(folder, 64 << 10, 40, "another-boot");
    CHECK(!take(*ring));
    put(*ring, "new");
    CHECK(take(*ring)->number == 41);
}

TEST_CASE("ingest ring: a torn last entry was never accepted") {
    const TempFolder folder;
    {
        const auto ring = open_ring(folder, 64 << 10);
        put(*ring, "whole");
        put(*ring, "to-be-torn");
    }
    {
        std::fstream file(folder.path() / "ingest.ring",
                          std::ios::in | std::ios::out | std::ios::binary);
        std::string bytes(64 << 10, '\0');
        file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        file.clear();
        file.seekp(static_cast<std::streamoff>(bytes.find("to-be-torn")));
        file << "XX";
    }
    const auto ring = open_ring(folder, 64 << 10);
    CHECK(take(*ring)->payload == "whole");
    CHECK(!take(*ring));
    CHECK(ring->counts().torn == 1);
    put(*ring, "next");
    CHECK(take(*ring)->number == 2);
}

TEST_CASE("ingest ring: full of unprocessed items refuses, then takes again") {
    const TempFolder folder;
    const auto ring = open_ring(folder, 4096);
    int taken = 0;
    while (put(*ring, std::string(100, 'x')) == IngestRing::Push::ok) ++taken;
    CHECK(taken > 10);
    CHECK(put(*ring, std::string(100, 'x')) == IngestRing::Push::full);
    CHECK(ring->counts().refused_full >= 2);
    for (int i = 0; i < 3; ++i) take(*ring);
    ring->release(2);
    CHECK(put(*ring, std::string(100, 'x')) == IngestRing::Push::ok);
}

TEST_CASE("ingest ring: when commits lag, processed items lose protection and are counted") {
    const TempFolder folder;
    const auto ring = open_ring(folder, 4096);
    for (int i = 0; i < 200; ++i) {
        REQUIRE(put(*ring, std::string(100, 'x')) == IngestRing::Push::ok);
        REQUIRE(take(*ring));
    }
    CHECK(ring->counts().exposed > 100);
}

TEST_CASE("ingest ring: an item larger than a quarter of the ring is refused") {
    const TempFolder folder;
    const auto ring = open_ring(folder, 4096);
    CHECK(put(*ring, std::string(2000, 'x')) == IngestRing::Push::too_large);
    CHECK(ring->counts().refused_large == 1);
}

TEST_CASE("ingest ring: waiters travel with their item, closing wakes a waiting producer") {
    const TempFolder folder;
    const auto ring = open_ring(folder, 4096);
    int called = 0;
    put(*ring, "a", {[&called](const IngestOutcome&) { ++called; }});
    const auto got = take(*ring);
    REQUIRE(got->waiter);
    got->waiter.tell({});
    CHECK(called == 1);
    while (put(*ring, std::string(100, 'x')) == IngestRing::Push::ok) {
    }
    std::atomic<bool> closed{false};
    std::jthread producer(
        [&] { closed = put(*ring, std::string(100, 'x'), {}, 1h) == IngestRing::Push::closed; });
    while (ring->counts().waited == 0) std::this_thread::yield();
    ring->close();
    producer.join();
    CHECK(closed);
}

TEST_CASE("ingest ring: random sizes with wrap, release and restarts lose and repeat nothing") {
    const TempFolder folder;
    std::mt19937 random(11);
    std::uint64_t committed = 0;
    std::uint64_t sent = 0;
    std::uint64_t seen = 0;
    for (int life = 0; life < 30; ++life) {
        const auto ring = open_ring(folder, 8192, committed);
        seen = committed;
        for (int step = 0; step < 200; ++step) {
            if (random() % 2 == 0) {
                const std::string payload =
                    std::to_string(sent + 1) + ":" + std::string(random() % 900, 'p');
                if (put(*ring, payload) == IngestRing::Push::ok) ++sent;
            } else if (const auto got = take(*ring)) {
                CHECK(got->number == seen + 1);
                CHECK(got->payload.substr(0, got->payload.find(':')) == std::to_string(seen + 1));
                ++seen;
                ring->release(committed = seen - 1);
            }
            REQUIRE(ring->counts().exposed == 0);
        }
    }
    CHECK(sent > 1000);
}

TEST_CASE("ingest ring: after kill -9 everything whose push had returned is there") {
    const TempFolder folder;
    std::uint64_t committed = 0;
    for (int round = 0; round < 10; ++round) {
        int report[2];
        REQUIRE(::pipe(report) == 0);
        const pid_t child = ::fork();
        if (child == 0) {
            auto ring = IngestRing::open(folder.path() / "ingest.ring", 1 << 20, kBoot, committed);
            for (std::uint64_t i = 0;; ++i) {
                IngestItem item;
                item.source = "mqtt:test";
                item.topic = "a/b";
                item.received = MonoTime{7s};
                const std::string payload = "round" + std::to_string(i);
                item.payload = as_bytes(payload);
                if ((*ring)->push(item, 0ms) != IngestRing::Push::ok) ::pause();
                if (::write(report[1], &i, sizeof(i)) != sizeof(i)) ::_exit(1);
            }
        }
        const Fd from(report[0]);
        ::close(report[1]);
        std::uint64_t accepted = 0;
        for (int i = 0; i < 50 + round * 37; ++i)
            REQUIRE(::read(from.get(), &accepted, sizeof(accepted)) == sizeof(accepted));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        while (::read(from.get(), &accepted, sizeof(accepted)) == sizeof(accepted)) {
        }
        const auto ring = open_ring(folder, 1 << 20, committed);
        std::uint64_t count = 0;
        while (const auto got = take(*ring)) {
            CHECK(got->payload == "round" + std::to_string(count++));
            committed = got->number;
        }
        CHECK(count >= accepted + 1);
    }
}

TEST_CASE("ingest ring: properties, mark and flags survive a restart with their entry") {
    const TempFolder folder;
    {
        const auto ring = open_ring(folder, 64 << 10);
        IngestItem item;
        item.source = "client:a";
        item.topic = "a/b";
        item.payload = as_bytes("hello");
        item.properties = "\x03\x01x";
        item.mark = "mqtt.qos2/7/a";
        item.owed = item.apart = true;
        std::uint64_t number = 0;
        CHECK(ring->push_awaited(item, number) == IngestRing::Push::ok);
        CHECK(put(*ring, "next") == IngestRing::Push::ok);
    }
    const auto ring = open_ring(folder, 64 << 10);
    CHECK(ring->counts().recovered_to == 2);
    IngestItem item;
    std::uint64_t number = 0;
    bool recovered = false;
    IngestWaiter waiter;
    REQUIRE(ring->pop(item, number, recovered, waiter, 0ms));
    CHECK(recovered);
    CHECK(as_text(item.payload) == "hello");
    CHECK(item.properties == "\x03\x01x");
    CHECK(item.mark == "mqtt.qos2/7/a");
    CHECK(item.owed);
    CHECK(item.apart);
    CHECK(item.awaited);
    const auto next = take(*ring);
    REQUIRE(next);
    CHECK(next->payload == "next");
}
