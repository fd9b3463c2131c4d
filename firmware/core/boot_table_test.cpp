#include "firmware/core/boot_table.hpp"

#include <doctest/doctest.h>

using namespace fog;
using std::chrono::seconds;

namespace {
MonoTime mono(int s) {
    return MonoTime{seconds{s}};
}
WallTime wall(int s) {
    return WallTime{seconds{s}};
}
}  // namespace

TEST_CASE("boot table: an unknown boot has no wall time") {
    CHECK(!BootTable{}.wall(BootId{1}, mono(1)));
}

TEST_CASE("boot table: records before the clock was right get right stamps afterwards") {
    BootTable table;
    table.add({BootId{1}, mono(0), wall(1'000), false});
    CHECK(table.wall(BootId{1}, mono(5)) == wall(1'005));
    table.add({BootId{1}, mono(10), wall(500'010), true});
    bool trusted = false;
    CHECK(table.wall(BootId{1}, mono(5), &trusted) == wall(500'005));
    CHECK(trusted);
}

TEST_CASE("boot table: a step of a trusted clock leaves earlier records alone") {
    BootTable table;
    table.add({BootId{1}, mono(0), wall(1'000), true});
    table.add({BootId{1}, mono(100), wall(2'000), true});
    CHECK(table.wall(BootId{1}, mono(50)) == wall(1'050));
    CHECK(table.wall(BootId{1}, mono(150)) == wall(2'050));
}

TEST_CASE("boot table: lines of one boot are bounded") {
    BootTable table;
    for (int i = 0; i < 200; ++i) table.add({BootId{1}, mono(i), wall(i), true});
    CHECK(table.lines().size() == 64);
    CHECK(table.lines().front().mono == mono(0));
    CHECK(table.lines().back().mono == mono(199));
}
