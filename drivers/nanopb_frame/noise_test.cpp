#include <doctest/doctest.h>

#include <deque>
#include <random>

#include "drivers/nanopb_frame/link_pair_test.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

/// A line that damages one frame of a hundred, in both directions, and passes pieces of any size.
class NoisyLine {
public:
    explicit NoisyLine(unsigned seed) : random_(seed) {}

    Bytes pass(const Bytes& sent) {
        Bytes got;
        Bytes frame;
        for (const std::byte byte : sent) {
            frame.push_back(byte);
            if (byte != std::byte{0}) continue;
            damage(frame, got);
            frame.clear();
        }
        return got;
    }
    std::mt19937& random() { return random_; }
    std::size_t damaged = 0;

private:
    void damage(Bytes& frame, Bytes& got) {
        const bool hit = random_() % 100 == 0;
        damaged += hit;
        switch (hit ? random_() % 5 : 5) {
            case 0:  // a bit flips, perhaps the delimiter's
                frame[random_() % frame.size()] ^= static_cast<std::byte>(1U << (random_() % 8));
                break;
            case 1:  // some bytes are lost
                frame.resize(random_() % frame.size());
                break;
            case 2:  // garbage in between
                for (unsigned more = random_() % 40; more > 0; --more)
                    got.push_back(static_cast<std::byte>(random_() % 256));
                break;
            case 3:  // said twice
                got.insert(got.end(), frame.begin(), frame.end());
                break;
            case 4:
                frame.clear();
                break;
            case 5:
                break;
        }
        got.insert(got.end(), frame.begin(), frame.end());
    }
    std::mt19937 random_;
};

}  // namespace

TEST_CASE("mcu link: 100,000 frames over a line with 1 % damage, every value once, none wrong") {
    constexpr std::int64_t kFrames = 100'000;
    LinkPair pair;
    NoisyLine line(20261121);
    std::int64_t made = 0;
    std::int64_t expected = 0;
    bool wrong = false;
    std::size_t acknowledged = 0;
    std::size_t steps = 0;
    while (acknowledged < kFrames && steps++ < 400'000) {
        pair.now += 10ms;
        Bytes sent;
        if (made < kFrames && made - expected < 400) {
            const std::int64_t value = made++;
            sent = pair.device->report(static_cast<std::uint64_t>(value),
                                       std::vector<SimPoint>{{"n", value, ""}}, pair.now);
        } else {
            sent = pair.device->tick(pair.now);
        }
        const Bytes arrived = line.pass(sent);
        std::span<const std::byte> rest(arrived);
        while (!rest.empty()) {  // reads see fragments
            const std::size_t some = std::min<std::size_t>(rest.size(), 1 + line.random()() % 64);
            pair.codec->tell_time(pair.now, pair.wall());
            pair.codec->feed(rest.first(some), pair.out);
            rest = rest.subspan(some);
            // Now and then the store says no, and then nothing of it may count.
            if (line.random()() % 500 == 0) {
                pair.out.readings.clear();
                pair.codec->reset(Cause::timeout);
            } else {
                for (const Reading& one : pair.out.readings)
                    wrong |= one.value != Value(expected++) || one.point != "n";
                pair.out.readings.clear();
                pair.codec->committed();
            }
        }
        pair.device->feed(line.pass(pair.codec->take_output()));
        acknowledged += pair.device->take_acknowledged().size();
    }
    CHECK_FALSE(wrong);
    CHECK(expected == kFrames);
    CHECK(acknowledged == kFrames);
    CHECK(line.damaged > 1000);
    const CodecStats stats = pair.codec->stats();
    CHECK(stats.bad_crc + stats.bad_frame > 500);
    CHECK(stats.device_dropped == 0);
}
