#include "sim/links/byte_faults.hpp"

#include <doctest/doctest.h>

#include <set>

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

FaultSpec fault(FaultKind kind, SimTime by = 0s, double probability = 1) {
    FaultSpec out;
    out.id = 1;
    out.kind = kind;
    out.by = by;
    out.probability = probability;
    return out;
}

struct Cable {
    ByteFaults faults;
    MonoTime now{100s};
    explicit Cable(const FaultSpec& with, std::uint64_t seed = 1) : faults(seed, "node-1") {
        faults.set(with, true, now);
    }
    /// What has come out by then, one text per write.
    std::vector<std::string> out(SimTime after = 0s) {
        std::vector<std::string> pieces;
        while (const auto piece = faults.release(now + after)) {
            pieces.emplace_back(as_text(*piece));
        }
        return pieces;
    }
    void say(std::string_view text) { (void)faults.take(as_bytes(text), now); }
};

using Pieces = std::vector<std::string>;

TEST_CASE("byte faults: drop, duplicate and reorder act on whole frames") {
    Cable drop(fault(FaultKind::drop));
    drop.say("a;");
    CHECK(drop.out().empty());
    CHECK(drop.faults.idle());
    Cable twice(fault(FaultKind::duplicate));
    twice.say("a;");
    CHECK(twice.out() == Pieces{"a;", "a;"});
    Cable order(fault(FaultKind::reorder));
    order.say("a;");
    CHECK(order.out().empty());
    order.say("b;");
    CHECK(order.out() == Pieces{"b;", "a;"});
    order.say("c;");
    order.faults.set(fault(FaultKind::reorder), false, order.now);
    CHECK(order.out() == Pieces{"c;"});
}

TEST_CASE("byte faults: merge joins two frames, split takes one apart in time") {
    Cable merge(fault(FaultKind::merge));
    merge.say("a;");
    merge.say("b;");
    CHECK(merge.out() == Pieces{"a;b;"});
    Cable split(fault(FaultKind::split, 30ms));
    split.say("abcdef;");
    const Pieces first = split.out(29ms);
    REQUIRE(first.size() == 1);
    const Pieces rest = split.out(30ms);
    REQUIRE(rest.size() == 1);
    CHECK(first[0] + rest[0] == "abcdef;");
    CHECK_FALSE(first[0].empty());
}

TEST_CASE("byte faults: delay and jitter are late and keep the order") {
    Cable delay(fault(FaultKind::delay, 200ms));
    delay.say("a;");
    CHECK(delay.out(199ms).empty());
    CHECK(delay.faults.next() == delay.now + 200ms);
    CHECK(delay.out(200ms) == Pieces{"a;"});
    Cable jitter(fault(FaultKind::jitter, 100ms));
    std::string all;
    for (char c = 'a'; c <= 'z'; ++c) jitter.say(std::string(1, c));
    for (const auto& piece : jitter.out(100ms)) all += piece;
    CHECK(all == "abcdefghijklmnopqrstuvwxyz");
}

TEST_CASE("byte faults: bytes are changed as the kind says") {
    Cable flip(fault(FaultKind::bit_flip));
    flip.say("temp=20\n");
    std::string got = flip.out().at(0);
    int bits = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        bits += __builtin_popcount(static_cast<unsigned char>(got[i] ^ "temp=20\n"[i]));
    }
    CHECK(bits == 1);
    Cable crc(fault(FaultKind::bad_crc));
    crc.say("temp=20*5A\r\n");
    got = crc.out().at(0);
    CHECK(got.substr(0, 9) == "temp=20*5");
    CHECK(got[9] != 'A');
    CHECK(got.substr(10) == "\r\n");
    Cable cut(fault(FaultKind::truncate));
    std::set<std::size_t> sizes;
    for (int i = 0; i < 50; ++i) {
        cut.say("0123456789");
        const auto pieces = cut.out();
        const std::string rest = pieces.empty() ? "" : pieces[0];
        CHECK(std::string("0123456789").substr(0, rest.size()) == rest);
        sizes.insert(rest.size());
    }
    CHECK(*sizes.rbegin() < 10);
    CHECK(sizes.size() > 3);
    Cable baud(fault(FaultKind::baud_mismatch));
    baud.say("abc");
    got = baud.out().at(0);
    for (std::size_t i = 0; i < 3; ++i) CHECK(got[i] != "abc"[i]);
}

TEST_CASE("byte faults: probability holds over many frames, and one seed strikes alike") {
    Cable one(fault(FaultKind::drop, 0s, 0.25)), same(fault(FaultKind::drop, 0s, 0.25)),
        other(fault(FaultKind::drop, 0s, 0.25), 2);
    for (int i = 0; i < 2'000; ++i) {
        const std::string frame = std::to_string(i) + ";";
        for (Cable* cable : {&one, &same, &other}) cable->say(frame);
    }
    const Pieces left = one.out();
    CHECK(left.size() > 1'400);
    CHECK(left.size() < 1'600);
    CHECK(left == same.out());
    CHECK(left != other.out());
}

}  // namespace
}  // namespace fog::sim
