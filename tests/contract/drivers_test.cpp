#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <thread>

#include "drivers/link/link.hpp"
#include "drivers/sim_device.hpp"
#include "tests/support/collected.hpp"
#include "tests/support/fake_sinks.hpp"
#include "tests/support/pty.hpp"

// Rules of drivers/codec.hpp, checked for every codec that is built in.

namespace {
std::atomic<long> live_bytes{0};  // on the heap of this program

void* counted(std::size_t size) {
    void* block = std::malloc(size);
    if (block == nullptr) throw std::bad_alloc();
    live_bytes += static_cast<long>(::malloc_usable_size(block));
    return block;
}
void uncounted(void* block) {
    if (block == nullptr) return;
    live_bytes -= static_cast<long>(::malloc_usable_size(block));
    std::free(block);
}
}  // namespace

void* operator new(std::size_t size) {
    return counted(size);
}
void* operator new[](std::size_t size) {
    return counted(size);
}
void operator delete(void* block) noexcept {
    uncounted(block);
}
void operator delete[](void* block) noexcept {
    uncounted(block);
}
void operator delete(void* block, std::size_t) noexcept {
    uncounted(block);
}
void operator delete[](void* block, std::size_t) noexcept {
    uncounted(block);
}

using namespace fog;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<Codec> fresh(const DriverInfo& info) {
    const Node config;
    std::vector<Fault> faults;
    ConfigView view(config, faults);
    return info.make_codec(view);
}

/// What a device of this driver says in a conversation with a gateway that stores everything.
Bytes conversation(const DriverInfo& info, std::uint64_t reports) {
    const auto sims = all_sim_devices();
    const auto sim = std::ranges::find(sims, info.name, [](const auto* one) { return one->name; });
    REQUIRE(sim != sims.end());
    const Node config;
    std::vector<Fault> faults;
    ConfigView view(config, faults);
    const auto device = (*sim)->make("node-7", view);
    const auto codec = fresh(info);
    Collected out;
    Bytes all;
    MonoTime now{1000s};
    const auto say = [&](const Bytes& bytes) {
        all.insert(all.end(), bytes.begin(), bytes.end());
        codec->feed(bytes, out);
        codec->committed();
        device->feed(codec->take_output());
    };
    for (std::uint64_t id = 0; id < reports; ++id) {
        const std::vector<SimPoint> points = {
            {"temp", 20.0 + 0.25 * static_cast<double>(id), "Cel"},
            {"count", static_cast<std::int64_t>(id), ""},
            {"door", id % 2 == 0, ""}};
        say(device->report(id, points, now));
        for (int tick = 0; tick < 4; ++tick) say(device->tick(now += 50ms));
    }
    CHECK(out.readings.size() == 3 * reports);
    return all;
}

Bytes random_bytes(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    Bytes bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 0xFFU);
    return bytes;
}

/// A conversation with garbage in it, such as a bad line makes.
Bytes damaged(Bytes bytes, unsigned seed) {
    std::mt19937 random(seed);
    for (std::size_t hits = bytes.size() / 200; hits > 0; --hits) {
        const auto at = bytes.begin() + static_cast<long>(random() % bytes.size());
        switch (random() % 3) {
            case 0:
                *at ^= static_cast<std::byte>(1U << (random() % 8));
                break;
            case 1:
                bytes.erase(at);
                break;
            case 2:
                bytes.insert(at, static_cast<std::byte>(random() & 0xFFU));
                break;
        }
    }
    return bytes;
}

std::vector<std::uint64_t> numbers(const CodecStats& stats) {
    return {stats.frames,          stats.readings, stats.bytes,         stats.frame_bytes,
            stats.discarded_bytes, stats.bad_crc,  stats.bad_frame,     stats.undecodable,
            stats.oversized,       stats.repeated, stats.device_dropped};
}

/// Every byte is in a frame or in a discard once nothing is held back.
void check_sums(Codec& codec) {
    codec.reset(Cause::stopped);
    const CodecStats stats = codec.stats();
    CHECK(stats.bytes == stats.frame_bytes + stats.discarded_bytes);
}

template <class Check>
void for_each_codec(const Check& check) {
    for (const DriverInfo* info : all_drivers()) {
        if (info->make_codec == nullptr) continue;
        CAPTURE(info->name);
        check(*info);
    }
}

}  // namespace

TEST_CASE("codecs: any split of the input gives the same output") {
    for_each_codec([](const DriverInfo& info) {
        for (unsigned seed = 0; seed < 20; ++seed) {
            Bytes wire = conversation(info, 40);
            if (seed > 0) wire = damaged(std::move(wire), seed);
            const auto whole = fresh(info);
            Collected expected;
            whole->feed(wire, expected);
            for (const unsigned most : {1U, 7U, 300U}) {
                std::mt19937 random(seed);
                const auto codec = fresh(info);
                Collected out;
                for (std::size_t at = 0; at < wire.size();) {
                    const std::size_t some =
                        std::min<std::size_t>(1 + random() % most, wire.size() - at);
                    codec->feed(std::span(wire).subspan(at, some), out);
                    at += some;
                }
                CHECK(out.readings == expected.readings);
                CHECK(out.raws == expected.raws);
                CHECK(numbers(codec->stats()) == numbers(whole->stats()));
            }
            check_sums(*whole);
        }
    });
}

TEST_CASE("codecs: a megabyte of random bytes is counted, takes no memory, and does not deafen") {
    for_each_codec([](const DriverInfo& info) {
        const Bytes clean = conversation(info, 10);
        const auto codec = fresh(info);
        const Bytes noise = random_bytes(1U << 20U, 5);
        long after_first = 0;
        for (int round = 0; round < 4; ++round) {
            {
                Collected out;
                codec->feed(noise, out);
            }
            codec->take_output();
            if (round == 0) after_first = live_bytes;
        }
        CHECK(live_bytes - after_first < 16 * 1024);
        CHECK(codec->stats().bytes == 4 * noise.size());
        check_sums(*codec);
        Collected heard;
        codec->feed(clean, heard);
        CHECK(heard.readings.size() == 30);
    });
}

TEST_CASE("codecs: input that ends anywhere gives a beginning of the output, and adds up") {
    for_each_codec([](const DriverInfo& info) {
        const Bytes wire = conversation(info, 6);
        const auto whole = fresh(info);
        Collected expected;
        whole->feed(wire, expected);
        for (std::size_t length = 0; length <= wire.size(); ++length) {
            const auto codec = fresh(info);
            Collected out;
            codec->feed(std::span(wire).first(length), out);
            CHECK(out.readings.size() <= expected.readings.size());
            CHECK(std::equal(out.readings.begin(), out.readings.end(), expected.readings.begin()));
            CHECK(out.raws.empty());
            check_sums(*codec);
        }
    });
}

TEST_CASE("codecs: after a reset in mid-frame the half frame is forgotten, counters stay") {
    for_each_codec([](const DriverInfo& info) {
        const Bytes wire = conversation(info, 6);
        Collected clean;
        fresh(info)->feed(wire, clean);
        for (const Cause cause : {Cause::opened, Cause::reconnected, Cause::timeout}) {
            const auto codec = fresh(info);
            Collected out;
            codec->feed(std::span(wire).first(wire.size() / 2 + 1), out);
            const std::uint64_t frames = codec->stats().frames;
            codec->reset(cause);
            CHECK(codec->stats().frames == frames);
            out.readings.clear();
            codec->feed(wire, out);
            REQUIRE(!out.readings.empty());
            CHECK(out.readings.back() == clean.readings.back());
            check_sums(*codec);
        }
    });
}

TEST_CASE("codecs: commands for strangers are refused with words, not with bytes") {
    for_each_codec([](const DriverInfo& info) {
        const auto codec = fresh(info);
        const auto bytes = codec->encode({"other:device", "point", 1.0, {}});
        REQUIRE(!bytes);
        CHECK_FALSE(bytes.error().what.empty());
    });
}

TEST_CASE("codecs: their link stops under load") {
    for_each_codec([](const DriverInfo& info) {
        const SystemClock clock;
        FakeSinks sinks;
        Pty pty;
        SerialSpec spec;
        spec.port = pty.path();
        CodecLink link("load", spec, fresh(info), clock);
        const Bytes noise = random_bytes(4096, 9);
        std::atomic<bool> done{false};
        REQUIRE(link.start(sinks));
        std::thread flood([&] {
            while (!done) {
                pty.write_now(as_text(noise));
                pty.read_now();
            }
        });
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (link.health().stats.bytes < (1U << 18U) &&
               std::chrono::steady_clock::now() < deadline)
            std::this_thread::yield();
        const auto before = std::chrono::steady_clock::now();
        link.stop();
        const auto took = std::chrono::steady_clock::now() - before;
        done = true;
        flood.join();
        CHECK(link.health().stats.bytes >= (1U << 18U));
        // The promise is 500 ms; a machine under a sanitizer may sleep a little longer.
        CHECK(took < 2s);
    });
}
