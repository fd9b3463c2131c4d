#include "firmware/pipeline/registry.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "firmware/core/text.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

const WallTime kNow = *parse_rfc3339("2026-11-21T16:40:00Z");

struct Fixture {
    Limits limits;
    PointDirectory directory;
    Registry registry{directory, limits};
    MonoTime now{100s};

    Arrival arrival() {
        now += 1s;
        return {BootId{1}, now, kNow, 0, "mqtt:test", "json"};
    }
    Registry::Outcome hear(std::string_view key, std::string_view point, Value value) {
        Reading reading;
        reading.device_key = key;
        reading.point = point;
        reading.value = std::move(value);
        return registry.accept(reading, arrival());
    }
};

}  // namespace

TEST_CASE("registry: a device and its point appear with the first reading and stay the same") {
    Fixture f;
    const auto first = f.hear("json:cold/1", "temp", 20.5);
    REQUIRE(first.sample);
    CHECK(first.new_device);
    CHECK(first.appeared);
    CHECK(f.directory.find(first.sample->point)->channel == "samples/cold-1/temp");
    const auto second = f.hear("json:cold/1", "temp", 20.6);
    CHECK(second.sample->point == first.sample->point);
    CHECK(!second.new_device);
    CHECK(!second.appeared);
    CHECK(f.registry.device("cold-1")->samples == 2);
}

TEST_CASE("registry: two keys with the same name become two devices") {
    Fixture f;
    f.hear("json:a b", "t", 1.0);
    f.hear("scalar:a-b", "t", 1.0);
    REQUIRE(f.registry.devices().size() == 2);
    CHECK(f.registry.devices()[0].id == "a-b");
    CHECK(f.registry.devices()[1].id.starts_with("a-b-"));
}

TEST_CASE("registry: NaN and infinities never get further") {
    Fixture f;
    const auto nan = f.hear("k", "t", std::nan(""));
    CHECK(is_null(nan.sample->value));
    CHECK(nan.sample->quality == Quality::bad(Reason::sensor_failure));
    const auto inf = f.hear("k", "t", std::numeric_limits<double>::infinity());
    CHECK(is_null(inf.sample->value));
    CHECK(inf.sample->quality == Quality::bad(Reason::decode));
}

TEST_CASE("registry: another type is a null sample, ten in a row change the type") {
    Fixture f;
    f.hear("k", "t", 1.0);
    for (int i = 0; i < 9; ++i)
        CHECK(f.hear("k", "t", std::string("on")).sample->quality == Quality::bad(Reason::decode));
    CHECK(std::get<std::string>(f.hear("k", "t", std::string("on")).sample->value) == "on");
    CHECK(is_null(f.hear("k", "t", 2.0).sample->value));
}

TEST_CASE("registry: absurd device times are not believed, history is kept") {
    Fixture f;
    Reading reading;
    reading.device_key = "k";
    reading.point = "t";
    reading.value = 1.0;
    for (const auto time : {kNow + 24h, kNow - 24h, WallTime{-5s}}) {
        reading.source_time = time;
        const auto got = f.registry.accept(reading, f.arrival());
        CHECK(got.sample->source_time == WallTime{});
        CHECK(got.live);
    }
    reading.source_time = kNow - 24h;
    reading.flags = flag::kHistoric;
    const auto late = f.registry.accept(reading, f.arrival());
    CHECK(late.sample->source_time == kNow - 24h);
    CHECK(!late.live);
    reading.source_time = kNow + 24h;  // history cannot be in the future
    CHECK(f.registry.accept(reading, f.arrival()).sample->source_time == WallTime{});
}

TEST_CASE("registry: the same source time and value again is a duplicate, a bare value is not") {
    Fixture f;
    Reading reading;
    reading.device_key = "k";
    reading.point = "t";
    reading.value = 1.0;
    CHECK(f.registry.accept(reading, f.arrival()).sample);
    CHECK(f.registry.accept(reading, f.arrival()).sample);
    reading.source_time = kNow;
    CHECK(f.registry.accept(reading, f.arrival()).sample);
    CHECK(f.registry.accept(reading, f.arrival()).why == "duplicate");
    reading.value = 2.0;
    CHECK(f.registry.accept(reading, f.arrival()).sample);
}

TEST_CASE("registry: a flood of new devices is held back by the minute, known ones go on") {
    Fixture f;
    f.limits.new_devices_per_minute = 3;
    for (int i = 0; i < 10; ++i) {
        Reading reading;
        reading.device_key = "d" + std::to_string(i);
        reading.point = "t";
        reading.value = 1.0;
        f.registry.accept(reading, {BootId{1}, f.now, kNow, 0, "mqtt:test", "json"});
    }
    CHECK(f.registry.devices().size() == 3);
    CHECK(f.registry.held_back() == 7);
    CHECK(f.hear("d0", "t", 2.0).sample);
    f.now += 2min;
    CHECK(f.hear("d9", "t", 2.0).sample);
}

TEST_CASE("registry: points per device and in all are bounded") {
    Fixture f;
    f.limits.points_per_device = 2;
    f.limits.points = 3;
    CHECK(f.hear("a", "1", 1.0).sample);
    CHECK(f.hear("a", "2", 1.0).sample);
    CHECK(f.hear("a", "3", 1.0).why == "too many points of one device");
    CHECK(f.hear("b", "1", 1.0).sample);
    CHECK(f.hear("b", "2", 1.0).why == "too many points");
}

TEST_CASE("registry: rows bring everything back, records of the log bring it up to date") {
    Fixture f;
    auto first = f.hear("json:cold/1", "temp", 20.5);
    f.registry.numbered({Seq{7}, Lane::live, 0, *first.sample});
    f.hear("json:cold/1", "door", true);
    std::vector<PointRow> points;
    std::vector<DeviceRow> devices;
    f.registry.rows(true, points, devices);
    CHECK(points.size() >= 2);

    PointDirectory directory;
    Registry again(directory, f.limits);
    again.load(devices, points);
    const PointState* point = again.point(first.sample->point);
    REQUIRE(point);
    CHECK(std::get<double>(point->last.value) == 20.5);
    CHECK(point->last_seq == Seq{7});
    CHECK(directory.find(point->id)->device == "cold-1");
    Sample newer = *first.sample;
    newer.value = 21.0;
    again.replay({Seq{9}, Lane::live, 0, newer});
    again.replay({Seq{8}, Lane::live, 0, *first.sample});
    CHECK(std::get<double>(again.point(point->id)->last.value) == 21.0);
    REQUIRE(again.last_records().size() == 1);
    CHECK(again.last_records().front().seq == Seq{9});
}

TEST_CASE("registry: undecodable input is remembered once with its count, and bounded") {
    Fixture f;
    f.limits.raw_kept = 2;
    for (int i = 0; i < 3; ++i)
        f.registry.undecodable("mqtt:x", "a", as_bytes("{"), "not JSON", f.now);
    CHECK(f.registry.raw().size() == 1);
    CHECK(f.registry.raw().front().times == 3);
    f.registry.undecodable("mqtt:x", "b", as_bytes("{"), "not JSON", f.now);
    f.registry.undecodable("mqtt:x", "c", as_bytes(std::string(9'000, 'x')), "too odd", f.now);
    CHECK(f.registry.raw().size() == 2);
    CHECK(f.registry.raw().back().payload.size() == f.limits.raw_bytes);
}
