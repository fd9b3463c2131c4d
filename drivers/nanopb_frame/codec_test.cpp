#include "drivers/nanopb_frame/codec.hpp"

#include <doctest/doctest.h>

#include "drivers/nanopb_frame/link_pair_test.hpp"
#include "drivers/nanopb_frame/sim_wire.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

/// The frames in some bytes, read by the simulated device's own decoder.
std::vector<mcu_sim::Packet> packets(std::span<const std::byte> bytes) {
    std::vector<mcu_sim::Packet> all;
    Bytes half;
    for (const std::byte byte : bytes) {
        if (byte != std::byte{0}) {
            half.push_back(byte);
            continue;
        }
        const auto packet = mcu_sim::unpack(half, false);
        REQUIRE(packet);
        all.push_back(*packet);
        half.clear();
    }
    return all;
}

constexpr unsigned kAck = 3, kNak = 4, kTime = 5, kCommand = 8, kPing = 11;

/// A pair that has met: schema known, one reading stored.
LinkPair met() {
    Node config;
    config.set("writable", {}).data = std::string("relay");
    LinkPair pair(config);
    pair.report(1, {{"relay", false, ""}, {"temp", 20.0, "Cel"}});
    pair.pass(200ms);
    REQUIRE(pair.out.readings.size() == 2);
    pair.out.readings.clear();
    return pair;
}

}  // namespace

TEST_CASE("mcu codec: the acknowledgement moves only after the commit") {
    LinkPair pair = met();
    pair.store = false;
    pair.report(2, {{"temp", 21.0, "Cel"}});
    CHECK(pair.out.readings.size() == 1);
    CHECK(pair.device->take_acknowledged() == std::vector<std::uint64_t>{1});
    pair.codec->committed();
    const Bytes output = pair.codec->take_output();
    REQUIRE(packets(output).size() == 1);
    CHECK(packets(output)[0].type == kAck);
    CHECK(packets(output)[0].ack == 2);
    pair.device->feed(output);
    CHECK(pair.device->take_acknowledged() == std::vector<std::uint64_t>{2});
}

TEST_CASE("mcu codec: what was not stored comes again and is not taken for a repeat") {
    LinkPair pair = met();
    pair.store = false;
    pair.report(2, {{"temp", 21.0, "Cel"}});
    pair.codec->reset(Cause::timeout);  // the hand-over was refused
    const auto busy = packets(pair.codec->take_output());
    REQUIRE(busy.size() == 1);
    CHECK(busy[0].type == kNak);
    CHECK(mcu_sim::number_of(mcu_sim::read_fields(busy[0].payload), 2) == 2);  // BUSY
    pair.store = true;
    pair.pass(500ms);
    CHECK(pair.out.readings.size() == 2);
    CHECK(pair.codec->stats().repeated == 0);
    CHECK(pair.device->take_acknowledged() == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("mcu codec: a lost acknowledgement makes repeats that are acknowledged, not emitted") {
    LinkPair pair = met();
    const Bytes frame =
        pair.device->report(2, std::vector<SimPoint>{{"temp", 21.0, "Cel"}}, pair.now);
    pair.codec->feed(frame, pair.out);
    pair.codec->committed();
    pair.codec->take_output();  // lost
    pair.pass(500ms);
    CHECK(pair.out.readings.size() == 1);
    CHECK(pair.codec->stats().repeated == 1);
    CHECK(pair.device->take_acknowledged() == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("mcu codec: a gap is asked for once, a damaged frame as well") {
    LinkPair pair = met();
    Bytes first = pair.device->report(2, std::vector<SimPoint>{{"temp", 2.0, "Cel"}}, pair.now);
    const Bytes second =
        pair.device->report(3, std::vector<SimPoint>{{"temp", 3.0, "Cel"}}, pair.now);
    pair.codec->feed(second, pair.out);
    pair.codec->feed(second, pair.out);
    auto asked = packets(pair.codec->take_output());
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].type == kNak);
    CHECK(mcu_sim::number_of(mcu_sim::read_fields(asked[0].payload), 1) == 1);
    pair.codec->feed(first, pair.out);
    first[first.size() - 3] ^= std::byte{4};  // in the CRC
    pair.codec->feed(first, pair.out);
    asked = packets(pair.codec->take_output());
    REQUIRE(asked.size() == 1);
    CHECK(mcu_sim::number_of(mcu_sim::read_fields(asked[0].payload), 1) == 2);
    CHECK(pair.codec->stats().bad_crc == 1);
}

TEST_CASE("mcu codec: the same boot goes on after a reconnect, a new one starts over") {
    LinkPair pair = met();
    pair.codec->reset(Cause::reconnected);
    pair.report(2, {{"temp", 21.0, "Cel"}});  // refused: no session
    CHECK(pair.out.readings.empty());
    pair.pass(1500ms);
    CHECK(pair.out.readings.size() == 1);
    CHECK(pair.device->take_acknowledged() == std::vector<std::uint64_t>{1, 2});

    LinkPair other;  // a device of the same name with another boot nonce
    std::swap(other.device, pair.device);
    pair.out.readings.clear();
    pair.report(1, {{"temp", 5.0, "Cel"}});
    pair.pass(1500ms);
    CHECK(pair.out.readings.size() == 1);
}

TEST_CASE("mcu codec: a gateway that knows nothing takes over where the device is") {
    LinkPair pair = met();
    pair.codec = std::make_unique<mcu::FrameCodec>(mcu::FrameCodec::Options{});
    pair.report(2, {{"temp", 21.0, "Cel"}});
    pair.pass(1500ms);
    CHECK(pair.out.readings.size() == 1);
    CHECK(pair.device->take_acknowledged() == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("mcu codec: source times are those of the device, also for frames kept back") {
    LinkPair pair = met();
    const WallTime made = pair.wall();
    const Bytes frame =
        pair.device->report(2, std::vector<SimPoint>{{"temp", 1.0, "Cel"}}, pair.now);
    pair.now += 5s;
    pair.up(frame);  // five seconds late
    REQUIRE(pair.out.readings.size() == 1);
    const auto error = pair.out.readings[0].source_time - made;
    CHECK(error >= -50ms);
    CHECK(error <= 50ms);
}

TEST_CASE("mcu codec: without a trusted clock there is no source time") {
    LinkPair pair;
    pair.codec->feed(pair.device->report(1, std::vector<SimPoint>{{"t", 1.0, ""}}, pair.now),
                     pair.out);
    for (int step = 0; step < 20; ++step) {
        pair.device->feed(pair.codec->take_output());
        pair.now += 50ms;
        pair.codec->tell_time(pair.now, WallTime{});
        pair.codec->feed(pair.device->tick(pair.now), pair.out);
        pair.codec->committed();
    }
    REQUIRE(pair.out.readings.size() == 1);
    CHECK(pair.out.readings[0].source_time == WallTime{});
}

TEST_CASE("mcu codec: TIME is answered with our clocks") {
    LinkPair pair = met();
    mcu_sim::Writer time;
    time.varint(1, 4711);
    Bytes wire;
    mcu_sim::pack({kTime, 0, 1, 0, time.done()}, false, wire);
    pair.codec->tell_time(pair.now, pair.wall());
    pair.codec->feed(wire, pair.out);
    const auto answer = packets(pair.codec->take_output());
    REQUIRE(answer.size() == 1);
    const auto fields = mcu_sim::read_fields(answer[0].payload);
    CHECK(answer[0].type == kTime);
    CHECK(mcu_sim::number_of(fields, 1) == 4711);
    CHECK(mcu_sim::number_of(fields, 2) ==
          static_cast<std::uint64_t>(pair.now.time_since_epoch() / 1us));
    CHECK(mcu_sim::number_of(fields, 4) ==
          static_cast<std::uint64_t>(pair.wall().time_since_epoch() / 1ms));
}

TEST_CASE("mcu codec: a command goes down, its read-back comes up as a reading") {
    LinkPair pair = met();
    Command command{"mcu:node-7", "relay", true, pair.now + 3s};
    const auto bytes = pair.codec->encode(command);
    REQUIRE(bytes);
    const auto sent = packets(*bytes);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].type == kCommand);
    CHECK(mcu_sim::number_of(mcu_sim::read_fields(sent[0].payload), 7) == 3000);
    pair.device->feed(*bytes);
    pair.pass(50ms);
    REQUIRE(pair.out.readings.size() == 1);
    CHECK(pair.out.readings[0].point == "relay");
    CHECK(pair.out.readings[0].value == Value(true));
}

TEST_CASE("mcu codec: commands that cannot be are refused with a reason") {
    LinkPair pair = met();
    const auto code = [&pair](const char* key, const char* point, Value value, MonoTime expires) {
        const auto bytes = pair.codec->encode({key, point, std::move(value), expires});
        return bytes ? Errc::internal : bytes.error().code;
    };
    CHECK(code("mcu:other", "relay", true, {}) == Errc::unreachable);
    CHECK(code("mcu:node-7", "valve", true, {}) == Errc::not_found);
    CHECK(code("mcu:node-7", "temp", 1.0, {}) == Errc::refused);
    CHECK(code("mcu:node-7", "relay", {}, {}) == Errc::bad_request);
    CHECK(code("mcu:node-7", "relay", true, pair.now - 1s) == Errc::timeout);
}

TEST_CASE("mcu codec: a silent device is pinged once per three intervals") {
    LinkPair pair = met();
    std::size_t pings = 0;
    for (int step = 0; step < 100; ++step) {  // ten seconds without a byte
        pair.now += 100ms;
        pair.codec->tell_time(pair.now, pair.wall());
        for (const auto& packet : packets(pair.codec->take_output())) pings += packet.type == kPing;
    }
    CHECK(pings == 3);
}

TEST_CASE("mcu codec: output nobody takes stays bounded") {
    LinkPair pair = met();
    mcu_sim::Writer time;
    time.varint(1, 1);
    Bytes wire;
    mcu_sim::pack({kTime, 0, 1, 0, time.done()}, false, wire);
    for (int round = 0; round < 10'000; ++round) pair.codec->feed(wire, pair.out);
    CHECK(pair.codec->take_output().size() <= 8300);
}
