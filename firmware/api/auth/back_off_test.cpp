#include "firmware/api/auth/back_off.hpp"

#include <doctest/doctest.h>

namespace fog {

using namespace std::chrono_literals;

TEST_CASE("back-off: five wrong tries cost 30 s, then each doubles up to 10 min") {
    BackOff door;
    MonoTime now{100s};
    for (int i = 0; i < 4; ++i) door.wrong(now);
    CHECK(door.wait(now) == 0s);
    door.wrong(now);
    CHECK(door.wait(now) == 30s);
    CHECK(door.wait(now + 29s) == 1s);
    now += 30s;
    CHECK(door.wait(now) == 0s);
    for (const auto expected : {60s, 120s, 240s, 480s, 600s, 600s}) {
        door.wrong(now);
        CHECK(door.wait(now) == expected);
        now += expected;
    }
    door.right();
    door.wrong(now);
    CHECK(door.wait(now) == 0s);
}

TEST_CASE("back-off: the table stays bounded and keeps who waits longest") {
    BackOffTable table;
    const MonoTime now{100s};
    for (int i = 0; i < 5; ++i) table.wrong("attacker", now);
    for (int i = 0; i < 1000; ++i) table.wrong("10.0.0." + std::to_string(i), now);
    CHECK(table.wait("attacker", now) == 30s);
    CHECK(table.wait("10.0.0.1", now) == 0s);
    table.right("attacker");
    CHECK(table.wait("attacker", now) == 0s);
}

}  // namespace fog
