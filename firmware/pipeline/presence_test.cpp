#include "firmware/pipeline/presence.hpp"

#include <doctest/doctest.h>

using namespace fog;

namespace {

PresenceFacts facts(double age, double interval, double up = 10'000) {
    PresenceFacts out;
    out.age = age;
    out.interval = interval;
    out.up = up;
    return out;
}

}  // namespace

TEST_CASE("presence: the age against the usual interval decides, with the reason in words") {
    struct Row {
        double age, interval;
        Presence state;
        const char* reason;
    };
    for (const Row& row :
         {Row{3, 5, Presence::online, "data 3 s ago"},
          Row{10, 5, Presence::online, "data 10 s ago"},
          Row{11, 5, Presence::stale, "usually every 5 s, 11 s ago"},
          Row{130, 60, Presence::stale, "usually every 60 s, 2 min ago"},
          Row{720, 5, Presence::silent, "usually every 5 s, 12 min ago"},
          Row{4, 1, Presence::stale, "usually every 1 s, 4 s ago"},
          Row{5, 1, Presence::silent, "usually every 1 s, 5 s ago"},
          Row{500, 0, Presence::online, "data 8 min ago"},
          Row{900, 0, Presence::unknown, "interval not known yet, last data 15 min ago"}}) {
        const auto one = facts(row.age, row.interval);
        CAPTURE(row.reason);
        CHECK(judge(one) == row.state);
        CHECK(reason_of(judge(one), one) == row.reason);
    }
}

TEST_CASE("presence: just after the start a device is unknown until it had time to speak") {
    CHECK(judge(facts(500, 60, 100)) == Presence::unknown);
    CHECK(reason_of(Presence::unknown, facts(500, 60, 100)) == "gateway started 100 s ago");
    CHECK(judge(facts(500, 60, 121)) == Presence::silent);
    CHECK(judge(facts(50, 60, 100)) == Presence::online);
    CHECK(judge(facts(-1, 60, 100)) == Presence::unknown);
    CHECK(judge(facts(-1, 60, 200)) == Presence::silent);
}

TEST_CASE("presence: a broken link says so; many bad values are degraded") {
    const std::string words = "port unplugged";
    auto one = facts(1, 5);
    one.link_fault = &words;
    CHECK(judge(one) == Presence::silent);
    CHECK(reason_of(judge(one), one) == "port unplugged");
    one.broker = true;
    CHECK(judge(one) == Presence::unknown);
    auto bad = facts(1, 5);
    bad.bad_share = 0.34;
    CHECK(judge(bad) == Presence::degraded);
    CHECK(reason_of(judge(bad), bad) == "34 % bad values");
}

TEST_CASE("presence: the rhythm is the median of the gaps, so one outage does not move it") {
    Rhythm rhythm;
    for (int i = 0; i < 4; ++i) rhythm.add(10);
    CHECK(rhythm.interval_s() == 0);
    rhythm.add(3'600);
    CHECK(rhythm.interval_s() == 10);
    for (int i = 0; i < 20; ++i) rhythm.add(0.05);
    CHECK(rhythm.interval_s() == 1);  // no less than a second
}

TEST_CASE("presence: the share of bad values is of the last five minutes") {
    BadShare share;
    CHECK(share.share(1'000) == 0);
    for (int i = 0; i < 8; ++i) share.add(true);
    CHECK(share.share(1'001) == 0);  // too few to judge
    for (int i = 0; i < 12; ++i) share.add(i < 4);
    CHECK(share.share(1'100) == doctest::Approx(12.0 / 20));
    for (int i = 0; i < 4; ++i) share.add(false);
    CHECK(share.share(1'160) == doctest::Approx(12.0 / 24));  // the first half is still looked at
    for (int i = 0; i < 10; ++i) share.add(false);
    CHECK(share.share(1'310) == 0);
    CHECK(share.share(9'000) == 0);
}

TEST_CASE("presence: a spark keeps the last sixty values, one a second") {
    Spark spark;
    CHECK(spark.size() == 0);
    spark.add(1, 7);
    spark.add(2, 7);
    CHECK(spark.size() == 1);
    CHECK(spark[0] == 2);
    for (std::uint32_t i = 0; i < 100; ++i) spark.add(static_cast<float>(i), 8 + i);
    CHECK(spark.size() == 60);
    CHECK(spark[0] == 40);
    CHECK(spark[59] == 99);
    CHECK(sizeof(Spark) <= 248);
}
