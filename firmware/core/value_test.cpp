#include "firmware/core/value.hpp"

#include <doctest/doctest.h>

#include "firmware/core/point_directory.hpp"
#include "firmware/core/records.hpp"

using namespace fog;

TEST_CASE("quality: text form reads back for every class and reason") {
    for (const auto cls : {QualityClass::good, QualityClass::uncertain, QualityClass::bad})
        for (unsigned reason = 0; reason <= 19; ++reason)
            for (const std::uint8_t detail : {0, 11}) {
                if (reason == 0 && detail != 0) continue;
                const auto quality = Quality::make(cls, static_cast<Reason>(reason), detail);
                Quality back;
                CHECK(parse_quality(to_text(quality), back));
                CHECK(back == quality);
            }
    Quality any;
    for (const auto* bad : {"", "fine", "bad.", "bad.nope", "bad.exception(", "bad.exception(99)"})
        CHECK(!parse_quality(bad, any));
    CHECK(to_text(Quality::make(QualityClass::bad, Reason::exception, 2)) == "bad.exception(2)");
}

TEST_CASE("quality: the worse one wins") {
    CHECK(worse(Quality::good(), Quality::bad(Reason::crc)) == Quality::bad(Reason::crc));
    CHECK(worse(Quality::uncertain(Reason::stale), Quality::good()) ==
          Quality::uncertain(Reason::stale));
}

TEST_CASE("lanes: words read back") {
    for (const auto lane : {Lane::alarm, Lane::reply, Lane::live, Lane::bulk}) {
        Lane back{};
        CHECK(parse_lane(to_text(lane), back));
        CHECK(back == lane);
    }
    Lane any{};
    CHECK(!parse_lane("fast", any));
}

TEST_CASE("point directory: a changed unit replaces the name, old references stay readable") {
    PointDirectory points;
    CHECK(points.find(PointId{1}) == nullptr);
    CHECK(points.set({PointId{1}, "d", "t", "", {}, false}));
    const PointInfo* before = points.find(PointId{1});
    CHECK(points.set({PointId{1}, "d", "t", "Cel", {}, false}));
    CHECK(before->unit.empty());
    CHECK(points.find(PointId{1})->unit == "Cel");
    CHECK(points.find(PointId{1})->channel == "samples/d/t");
    CHECK(!points.set({PointId{10'000'000}, "d", "t", "", {}, false}));
    CHECK(points.highest() == 1);
}
