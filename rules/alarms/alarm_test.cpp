#include "rules/alarms/alarm.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

namespace fog {
namespace {

Alarm active(AlarmPolicy policy = {}, Level level = Level::high) {
    Alarm alarm(policy);
    (void)alarm.condition(Truth::yes, level);
    return alarm;
}

Alarm acked(AlarmPolicy policy = {}, Level level = Level::high) {
    Alarm alarm = active(policy, level);
    (void)alarm.ack();
    return alarm;
}

Alarm returned(AlarmPolicy policy = {}) {
    Alarm alarm = active(policy);
    (void)alarm.condition(Truth::no, Level::none);
    return alarm;
}

constexpr AlarmPolicy kLatch{true, true};
constexpr AlarmPolicy kNoAck{false, false};

}  // namespace

TEST_CASE("alarm: normal, condition true: active-unack, a new occurrence") {
    Alarm alarm;
    CHECK(alarm.state() == AlarmState::normal);
    CHECK(alarm.condition(Truth::yes, Level::high) == AlarmChange::raised);
    CHECK(alarm.state() == AlarmState::active_unack);
    CHECK(alarm.occurrence() == 1);
}

TEST_CASE("alarm: active-unack, ack: active-acked, and again changes nothing") {
    Alarm alarm = active();
    CHECK(alarm.ack() == AlarmChange::acked);
    CHECK(alarm.state() == AlarmState::active_acked);
    CHECK(!alarm.ack());
    CHECK(!Alarm().ack());
}

TEST_CASE("alarm: active-unack, condition false: returned-unack, without ack_required normal") {
    Alarm alarm = active();
    CHECK(alarm.condition(Truth::no, Level::none) == AlarmChange::cleared);
    CHECK(alarm.state() == AlarmState::returned_unack);
    Alarm quick = active(kNoAck);
    CHECK(quick.condition(Truth::no, Level::none) == AlarmChange::cleared);
    CHECK(quick.state() == AlarmState::normal);
}

TEST_CASE("alarm: active-acked, condition false: normal, latched: latched-acked") {
    Alarm alarm = acked();
    CHECK(alarm.condition(Truth::no, Level::none) == AlarmChange::cleared);
    CHECK(alarm.state() == AlarmState::normal);
    Alarm latched = acked(kLatch);
    CHECK(latched.condition(Truth::no, Level::none) == AlarmChange::cleared);
    CHECK(latched.state() == AlarmState::latched_acked);
}

TEST_CASE("alarm: active-acked, more severe: active-unack again; less severe: stays") {
    Alarm alarm = acked();
    CHECK(alarm.condition(Truth::yes, Level::high_high) == AlarmChange::escalated);
    CHECK(alarm.state() == AlarmState::active_unack);
    CHECK(alarm.occurrence() == 1);
    Alarm down = acked({}, Level::high_high);
    CHECK(down.condition(Truth::yes, Level::high) == AlarmChange::deescalated);
    CHECK(down.state() == AlarmState::active_acked);
}

TEST_CASE("alarm: active-unack, other levels: the same occurrence") {
    Alarm alarm = active();
    CHECK(alarm.condition(Truth::yes, Level::high_high) == AlarmChange::escalated);
    CHECK(alarm.condition(Truth::yes, Level::high) == AlarmChange::deescalated);
    CHECK(!alarm.condition(Truth::yes, Level::high));
    CHECK(alarm.state() == AlarmState::active_unack);
    CHECK(alarm.occurrence() == 1);
}

TEST_CASE("alarm: returned-unack, ack: normal; condition true: a new occurrence") {
    Alarm alarm = returned();
    CHECK(alarm.ack() == AlarmChange::acked);
    CHECK(alarm.state() == AlarmState::normal);
    Alarm again = returned();
    CHECK(again.condition(Truth::yes, Level::high) == AlarmChange::raised);
    CHECK(again.state() == AlarmState::active_unack);
    CHECK(again.occurrence() == 2);
}

TEST_CASE("alarm: a latched alarm that returned needs the ack and then the reset") {
    Alarm alarm = returned(kLatch);
    CHECK(alarm.state() == AlarmState::returned_unack);
    CHECK(alarm.ack() == AlarmChange::acked);
    CHECK(alarm.state() == AlarmState::latched_acked);
    CHECK(alarm.reset() == AlarmChange::reset);
    CHECK(alarm.state() == AlarmState::normal);
}

TEST_CASE("alarm: latched-acked, condition true: active-unack; reset while active is refused") {
    Alarm alarm = acked(kLatch);
    CHECK(!alarm.reset());
    (void)alarm.condition(Truth::no, Level::none);
    CHECK(alarm.condition(Truth::yes, Level::low) == AlarmChange::raised);
    CHECK(alarm.state() == AlarmState::active_unack);
}

TEST_CASE("alarm: an unknown condition marks it stale, keeps its state and never clears") {
    for (Alarm alarm : {active(), acked(), returned(), acked(kLatch)}) {
        const AlarmState before = alarm.state();
        CHECK(alarm.condition(Truth::unknown, Level::none) == AlarmChange::stale);
        CHECK(alarm.stale());
        CHECK(alarm.state() == before);
        CHECK(!alarm.condition(Truth::unknown, Level::none));
        const Truth same = alarm.active() ? Truth::yes : Truth::no;
        CHECK(alarm.condition(same, Level::high) == AlarmChange::unstale);
        CHECK(!alarm.stale());
    }
    Alarm calm;
    CHECK(!calm.condition(Truth::unknown, Level::none));
    CHECK(!calm.stale());
}

TEST_CASE("alarm: closing ends every state and keeps the number") {
    for (Alarm alarm : {active(), acked(), returned()}) {
        CHECK(alarm.close() == AlarmChange::closed);
        CHECK(alarm.state() == AlarmState::normal);
        CHECK(!alarm.close());
        CHECK(alarm.condition(Truth::yes, Level::on) == AlarmChange::raised);
        CHECK(alarm.occurrence() == 2);
    }
}

TEST_CASE("alarm: random walks stay inside the table") {
    for (unsigned seed = 1; seed <= 8; ++seed) {
        std::mt19937 random(seed);
        Alarm alarm({(seed & 1U) != 0, (seed & 2U) != 0});
        bool truth = false;
        for (int step = 0; step < 10'000; ++step) {
            const AlarmState before = alarm.state();
            const std::uint64_t number = alarm.occurrence();
            const unsigned what = random() % 7;
            if (what <= 1) {
                truth = what == 1;
                const Level level = (random() & 1U) != 0 ? Level::high : Level::high_high;
                (void)alarm.condition(truth ? Truth::yes : Truth::no, truth ? level : Level::none);
            }
            if (what == 2) (void)alarm.condition(Truth::unknown, Level::none);
            if (what == 3) (void)alarm.ack();
            if (what == 4) (void)alarm.reset();
            if (what == 5 && random() % 50 == 0) {
                (void)alarm.close();
                truth = false;
            }
            if (what == 6) {
                std::vector<std::byte> bytes;
                Packer packer(bytes);
                alarm.save(packer);
                Alarm copy({(seed & 1U) != 0, (seed & 2U) != 0});
                Unpacker reader(bytes);
                REQUIRE(copy.load(reader));
                REQUIRE(copy == alarm);
            }
            const AlarmState now = alarm.state();
            // Only a condition raises, and only then is there a new occurrence.
            const bool raised = alarm.occurrence() != number;
            if (raised) REQUIRE(now == AlarmState::active_unack);
            if (what >= 2) REQUIRE(!raised);
            REQUIRE(alarm.active() == truth);
            // An acknowledgement only ever comes from a person.
            if (before == AlarmState::active_unack && now == AlarmState::active_acked)
                REQUIRE(what == 3);
            if (before == AlarmState::returned_unack && now == AlarmState::normal)
                REQUIRE((what == 3 || what == 4 || what == 5));
            if (before == AlarmState::latched_acked && now == AlarmState::normal)
                REQUIRE((what == 4 || what == 5));
            if (now == AlarmState::normal) REQUIRE(!alarm.stale());
        }
    }
}

TEST_CASE("alarm: damaged state is refused") {
    const std::vector<std::byte> bytes = {std::byte{0x40}, std::byte{9}};
    Unpacker reader(bytes);
    CHECK(!Alarm().load(reader));
}

}  // namespace fog
