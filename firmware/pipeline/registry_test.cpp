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

TEST_CASE("registry: a device that stops is told once as stale, then as silent, with the reason") {
    Fixture f;
    f.registry.begin(BootId{1}, MonoTime{50s}, {});
    for (int i = 0; i < 8; ++i) f.hear("json:a", "t", 1.0 * i);  // one a second
    auto changes = f.registry.check_presence(f.now);
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].device->id == "a");
    CHECK(changes[0].now.state == Presence::online);
    CHECK(f.registry.check_presence(f.now + 1s).empty());
    changes = f.registry.check_presence(f.now + 3s);
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].from == Presence::online);
    CHECK(changes[0].now.state == Presence::stale);
    CHECK(changes[0].now.reason == "usually every 1 s, 3 s ago");
    CHECK(f.registry.check_presence(f.now + 4s).empty());
    changes = f.registry.check_presence(f.now + 720s);
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].now.state == Presence::silent);
    CHECK(f.registry.presence(0, f.now + 720s).reason == "usually every 1 s, 12 min ago");
}

TEST_CASE("registry: a link that is down silences its devices, a broker makes them unknown") {
    Fixture f;
    const std::string words = "connection refused";
    f.registry.begin(BootId{1}, MonoTime{50s}, [&words](std::string_view source) {
        return source == "mqtt:test" ? &words : nullptr;
    });
    f.hear("json:a", "t", 1.0);
    CHECK(f.registry.presence(0, f.now).state == Presence::unknown);
    CHECK(f.registry.presence(0, f.now).reason == "connection refused");
}

TEST_CASE("registry: a retained message and a derived value are no sign of life") {
    Fixture f;
    f.registry.begin(BootId{1}, MonoTime{50s}, {});
    f.hear("json:a", "t", 1.0);
    const auto seen = f.registry.devices()[0].last_seen;
    Reading kept;
    kept.device_key = "json:a";
    kept.point = "t";
    kept.value = 2.0;
    kept.flags = flag::kRetained;
    f.registry.accept(kept, f.arrival());
    Sample derived{{}, 3.0, {}, {}, BootId{1}, f.now, flag::kDerived};
    f.registry.accept_derived("a", "t2", "", derived);
    CHECK(f.registry.devices()[0].last_seen == seen);
}

TEST_CASE("registry: a device that flaps is told ten times in five minutes") {
    Fixture f;
    f.registry.begin(BootId{1}, MonoTime{50s}, {});
    std::size_t told = 0;
    for (int i = 0; i < 40; ++i) {
        f.hear("json:a", "t", 1.0 * i);
        told += f.registry.check_presence(f.now).size();
        if (i < 10) continue;
        f.now += 2500ms;
        told += f.registry.check_presence(f.now).size();
    }
    CHECK(told == 10);
}

TEST_CASE("registry: numbers and missing values become a spark, text does not") {
    Fixture f;
    const auto number = f.hear("json:a", "n", 1.5).sample->point;
    const auto text = f.hear("json:a", "s", std::string("on")).sample->point;
    f.hear("json:a", "n", std::numeric_limits<double>::quiet_NaN());
    f.hear("json:a", "n", std::int64_t{3});
    REQUIRE(f.registry.spark(number) != nullptr);
    const Spark& spark = *f.registry.spark(number);
    REQUIRE(spark.size() == 3);
    CHECK(spark[0] == 1.5F);
    CHECK(std::isnan(spark[1]));
    CHECK(spark[2] == 3.0F);
    CHECK(f.registry.spark(text) == nullptr);
}
