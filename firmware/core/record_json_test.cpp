#include "firmware/core/record_json.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "firmware/core/reading_pack.hpp"
#include "firmware/core/text.hpp"

using namespace fog;

namespace {
struct Fixture {
    PointDirectory points;
    BootTable boots;
    RecordContext context{"gw-7f3a", &points, &boots};
    Fixture() {
        points.set({PointId{1}, "boiler-1", "supply_temp", "Cel", {}, false});
        boots.add({BootId{42}, MonoTime{}, *parse_rfc3339("2026-11-21T16:40:00.131Z"), true});
    }
    std::string json(const Record& record) const {
        std::string out;
        append_record_json(out, record, context);
        return out;
    }
};
}  // namespace

TEST_CASE("record json: a sample has the documented members") {
    const Fixture f;
    const Record record{
        Seq{918273}, Lane::live, 0,
        Sample{PointId{1}, 71.25, Quality::good(), *parse_rfc3339("2026-11-21T16:40:00.123Z"),
               BootId{42}, MonoTime{}, 0}};
    CHECK(
        f.json(record) ==
        R"({"gw":"gw-7f3a","dev":"boiler-1","pt":"supply_temp","ts":"2026-11-21T16:40:00.123Z",)"
        R"("rx":"2026-11-21T16:40:00.131Z","v":71.25,"u":"Cel","q":"good","seq":918273,"boot":42})");
    CHECK(channel_of(record, f.context) == "samples/boiler-1/supply_temp");
    CHECK(kind_of(record) == "sample");
}

TEST_CASE("record json: a missing value is null with its reason, NaN never appears") {
    const Fixture f;
    Record record{Seq{1}, Lane::live, 0,
                  Sample{PointId{1},
                         {},
                         Quality::bad(Reason::sensor_failure),
                         {},
                         BootId{42},
                         MonoTime{},
                         flag::kHistoric}};
    CHECK(f.json(record) ==
          R"({"gw":"gw-7f3a","dev":"boiler-1","pt":"supply_temp","ts":"2026-11-21T16:40:00.131Z",)"
          R"("v":null,"u":"Cel","q":"bad.sensor-failure","seq":1,"boot":42,"hist":true})");
    record.sample().value = std::nan("");
    CHECK(f.json(record).find("\"v\":null") != std::string::npos);
}

TEST_CASE("record json: an event carries its own members after the head") {
    const Fixture f;
    const Record record{Seq{7}, Lane::alarm, 0,
                        Event{EventKind::alarm,
                              "alarms/boiler-1/hot",
                              "boiler-1",
                              {},
                              BootId{42},
                              MonoTime{},
                              R"("alarm":"boiler-1/hot","state":"active-unack")",
                              0}};
    CHECK(f.json(record) ==
          R"({"gw":"gw-7f3a","seq":7,"ts":"2026-11-21T16:40:00.131Z","dev":"boiler-1",)"
          R"("alarm":"boiler-1/hot","state":"active-unack"})");
    CHECK(channel_of(record, f.context) == "alarms/boiler-1/hot");
}

TEST_CASE("packed readings: read back equal, damage is noticed") {
    std::vector<Reading> readings(3);
    readings[0] = {"json:a",
                   "a",
                   "t",
                   21.5,
                   "Cel",
                   WallTime{std::chrono::seconds{5}},
                   Quality::uncertain(Reason::stale),
                   flag::kRetained,
                   true,
                   true};
    readings[1].value = std::int64_t{-9'007'199'254'740'993};
    readings[2].value = std::string("ON");
    Bytes bytes;
    pack_readings(readings, bytes);
    CHECK(*unpack_readings(bytes) == readings);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
        CHECK(!unpack_readings(std::span(bytes).first(cut)));
    bytes.push_back(std::byte{0});
    CHECK(!unpack_readings(bytes));
}
