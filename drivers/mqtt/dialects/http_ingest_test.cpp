#include "drivers/mqtt/dialects/http_ingest.hpp"

#include <doctest/doctest.h>

#include "firmware/core/records.hpp"
#include "tests/support/collected.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {
constexpr WallTime kNow{1'795'279'200s};

Result<IngestReport> ingest(std::string_view body, Collected& out,
                            std::string_view type = "application/json",
                            std::string_view device = "boiler-1", WallTime now = kNow) {
    return decode_ingest(device, type, as_bytes(body), now, Limits{}, out);
}
}  // namespace

TEST_CASE("http ingest: an object is one record for the device of the address") {
    Collected out;
    const auto report = ingest(R"({"supply_temp":71.25,"id":"ignored","pump":{"on":true}})", out);
    REQUIRE(report.has_value());
    CHECK(report->accepted == 1);
    CHECK(report->readings == 2);
    REQUIRE(out.readings.size() == 2);
    CHECK(out.readings[0].device_key == "http:boiler-1");
    CHECK(out.readings[0].device_name == "boiler-1");
    CHECK(out.readings[0].point == "supply_temp");
    CHECK(out.readings[1].point == "pump.on");
}

TEST_CASE("http ingest: records of an array are taken or rejected one by one, by index") {
    Collected out;
    const auto report = ingest(
        R"([{"a":1},5,{"a":2,"ts":"yesterday"},{},{"a":[1,2]},{"name":"b","value":3}])", out);
    REQUIRE(report.has_value());
    CHECK(report->accepted == 2);
    REQUIRE(report->rejected.size() == 4);
    CHECK(report->rejected[0] == std::pair{1U, std::string("not an object")});
    CHECK(report->rejected[1].first == 2);
    CHECK(report->rejected[1].second.find("time") != std::string::npos);
    CHECK(report->rejected[2] == std::pair{3U, std::string("no named values")});
    CHECK(report->rejected[3] == std::pair{4U, std::string("a list without names: a")});
    REQUIRE(out.readings.size() == 2);
    CHECK(out.readings[1].point == "b");
}

TEST_CASE("http ingest: a plain number is the point value") {
    for (const char* type : {"text/plain", "application/json", "", "text/plain; charset=utf-8"}) {
        CAPTURE(type);
        Collected out;
        REQUIRE(ingest(" 21.5\n", out, type).has_value());
        REQUIRE(out.readings.size() == 1);
        CHECK(out.readings[0].point == "value");
        CHECK(out.readings[0].value == Value{21.5});
    }
}

TEST_CASE("http ingest: old times are history, future ones give way to the time of receipt") {
    Collected out;
    REQUIRE(
        ingest(R"([{"a":1,"ts":1795278000},{"a":2,"ts":1795279100},{"a":3,"ts":1795290000}])", out)
            .has_value());
    REQUIRE(out.readings.size() == 3);
    CHECK(out.readings[0].source_time == kNow - 20min);
    CHECK(out.readings[0].flags == flag::kHistoric);
    CHECK(out.readings[1].source_time == kNow - 100s);
    CHECK(out.readings[1].flags == 0);
    CHECK(out.readings[2].source_time == WallTime{});
    CHECK(out.readings[2].quality == Quality::uncertain(Reason::time_estimated));
    Collected untrusted;
    REQUIRE(ingest(R"({"a":1,"ts":1795278000})", untrusted, "", "d", WallTime{}).has_value());
    CHECK(untrusted.readings[0].flags == 0);
}

TEST_CASE("http ingest: a wrong body, type or device fails as a whole") {
    Collected out;
    const auto syntax = ingest(R"({"a":1,})", out);
    REQUIRE(!syntax);
    CHECK(syntax.error().code == Errc::bad_frame);
    CHECK(syntax.error().what.find("byte 8") != std::string::npos);
    CHECK(ingest("", out).error().code == Errc::bad_frame);
    CHECK(ingest("hello", out, "text/plain").error().code == Errc::bad_frame);
    CHECK(ingest("<a/>", out, "application/xml").error().code == Errc::bad_request);
    CHECK(ingest("1", out, "", " ").error().code == Errc::bad_request);
    CHECK(ingest("1", out, "", std::string(65, 'd')).error().code == Errc::bad_request);
    CHECK(out.readings.empty());
}
