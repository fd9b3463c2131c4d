#include "drivers/dialect.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "firmware/core/records.hpp"
#include "firmware/core/text.hpp"
#include "tests/support/collected.hpp"

namespace fog {
extern const DialectInfo json_dialect;
}

using namespace fog;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kNow{1'795'279'200s};

Collected decode(std::string_view topic, std::string_view payload, bool retained = false,
                 WallTime now = kNow) {
    Collected out;
    const auto dialect = json_dialect.make(Limits{});
    dialect->decode({topic, as_bytes(payload), retained, now}, Context{}, out);
    return out;
}

const Reading& point(const Collected& got, std::string_view name) {
    const auto found = std::find_if(got.readings.begin(), got.readings.end(),
                                    [name](const Reading& r) { return r.point == name; });
    REQUIRE_MESSAGE(found != got.readings.end(), std::string(name));
    return *found;
}

double number(const Reading& reading) {
    double out = NAN;
    as_number(reading.value, out);
    return out;
}

}  // namespace

TEST_CASE("json dialect: a nested object becomes dotted points with units and time") {
    const auto got = decode("plant/press4/telemetry",
                            R"({"ts":1795279200123,"oil":{"temp":61.2,"bar":112},"running":true})");
    REQUIRE(got.readings.size() == 3);
    CHECK(got.readings[0].device_key == "json:plant/press4");
    CHECK(number(point(got, "oil.temp")) == 61.2);
    CHECK(point(got, "oil.temp").unit == "Cel");
    CHECK(point(got, "oil.temp").unit_guessed);
    CHECK(number(point(got, "oil.bar")) == 112);
    CHECK(point(got, "oil.bar").unit == "bar");
    CHECK(point(got, "running").value == Value{true});
    CHECK(point(got, "running").source_time == kNow + 123ms);
}

TEST_CASE("json dialect: a Tasmota report gives device, point and declared unit") {
    const auto got = decode(
        "tele/cold1/SENSOR",
        R"({"Time":"2026-11-21T10:13:52","DS18B20":{"Id":"011927","Temperature":20.6},"TempUnit":"C"})");
    REQUIRE(got.readings.size() == 1);
    const auto& reading = got.readings[0];
    CHECK(reading.device_key == "json:cold1");
    CHECK(reading.point == "ds18b20.temperature");
    CHECK(number(reading) == 20.6);
    CHECK(reading.unit == "Cel");
    CHECK_FALSE(reading.unit_guessed);
    CHECK(reading.quality.is_good());
    CHECK(reading.source_time == WallTime{});
    CHECK(got.raws.empty());
    const auto fahrenheit =
        decode("tele/cold1/SENSOR", R"({"DS18B20":{"Temperature":69.08},"TempUnit":"F"})");
    CHECK(number(point(fahrenheit, "ds18b20.temperature")) == doctest::Approx(20.6));
    CHECK(point(fahrenheit, "ds18b20.temperature").unit == "Cel");
}

TEST_CASE("json dialect: the device is a field of the payload if there is one") {
    CHECK(decode("gw/up", R"({"deviceId":"A1:B2","x":1})").readings[0].device_key == "json:A1:B2");
    CHECK(decode("gw/up", R"({"sn":12345678,"x":1})").readings[0].device_key == "json:12345678");
    CHECK(decode("gw/a/up", R"({"id":0,"x":1})").readings[0].device_key == "json:gw/a/0");
    CHECK(decode("gw/up", R"({"id":1.5,"x":1})").readings[0].device_key == "json:gw");
    const auto got = decode("gw/up", R"({"mac":"aa","x":1,"y":2})");
    CHECK(got.readings.size() == 2);
}

TEST_CASE("json dialect: times are read in s, ms, us, ns and ISO with a zone") {
    for (const char* ts : {"1795279201", "1795279201000", "1795279201000000", "1795279201000000000",
                           "\"1795279201\"", "\"2026-11-21T16:40:01Z\"",
                           "\"2026-11-21T17:40:01+01:00\"", "1795279201.0"}) {
        CAPTURE(ts);
        const auto got = decode("a/b", std::string(R"({"x":1,"timestamp":)") + ts + "}");
        REQUIRE(got.readings.size() == 1);
        CHECK(got.readings[0].source_time == kNow + 1s);
    }
}

TEST_CASE("json dialect: a time without a zone is ignored, an implausible one is said") {
    for (const char* ts :
         {"\"2026-11-21T16:40:01\"", "\"10:13\"", "4211", "true", "\"9999-12-31T23:59:59Z\""}) {
        CAPTURE(ts);
        const auto got = decode("a/b", std::string(R"({"x":1,"time":)") + ts + "}");
        REQUIRE(got.readings.size() == 1);
        CHECK(got.readings[0].source_time == WallTime{});
        CHECK(got.readings[0].quality.is_good());
    }
    for (const char* ts :
         {"1795282800", "1795275600", "9e15", "9223372036854775807", "9e18", "17952792027920023",
          "999999999999999999", "99999999999999", "\"1999-12-31T23:59:59Z\"",
          "\"2261-12-31T23:59:59Z\"", "\"1678-01-01T00:00:00Z\""}) {
        CAPTURE(ts);
        const auto got = decode("a/b", std::string(R"({"x":1,"ts":)") + ts + "}");
        REQUIRE(got.readings.size() == 1);
        CHECK(got.readings[0].source_time == WallTime{});
        CHECK(got.readings[0].quality == Quality::uncertain(Reason::time_estimated));
    }
    const auto untrusted = decode("a/b", R"({"x":1,"ts":1000000001})", false, WallTime{});
    CHECK(untrusted.readings[0].source_time == WallTime{1'000'000'001s});
}

TEST_CASE("json dialect: t is a time only if it can be one") {
    const auto got = decode("a/b", R"({"t":21.5})");
    REQUIRE(got.readings.size() == 1);
    CHECK(got.readings[0].point == "t");
    CHECK(decode("a/b", R"({"t":1795279200,"x":1})").readings.size() == 1);
}

TEST_CASE("json dialect: value with unit is one point, lists of named values are many") {
    const auto one = decode("a/b", R"({"value":70.7,"unit":"°F"})");
    REQUIRE(one.readings.size() == 1);
    CHECK(one.readings[0].point == "value");
    CHECK(one.readings[0].unit == "Cel");
    CHECK(number(one.readings[0]) == doctest::Approx(21.5));
    const auto nested = decode("a/b", R"({"tank":{"value":3,"unit":"furlong"}})");
    CHECK(point(nested, "tank").unit == "{furlong}");
    const auto named =
        decode("a/b", R"([{"name":"a","value":1},{"name":"b","value":2,"unit":"V"}])");
    REQUIRE(named.readings.size() == 2);
    CHECK(number(point(named, "a")) == 1);
    CHECK(point(named, "b").unit == "V");
    const auto inside = decode("a/b", R"({"s":[{"name":"x","value":1}]})");
    CHECK(number(point(inside, "s.x")) == 1);
}

TEST_CASE("json dialect: plain lists and ids are no points") {
    const auto got = decode("a/b", R"({"by_minute":[0,1,2],"total":3,"x":{"Id":"77","uuid":"q"}})");
    REQUIRE(got.readings.size() == 1);
    CHECK(got.readings[0].point == "total");
    REQUIRE(got.left.size() == 1);
    CHECK(got.left[0].find("by_minute") != std::string::npos);
    const auto only = decode("a/b", "[1,2,3]");
    CHECK(only.readings.empty());
    REQUIRE(only.raws.size() == 1);
}

TEST_CASE("json dialect: numeric strings are numbers, missing words are null with a reason") {
    const auto got = decode(
        "a/b",
        R"({"a":"21.5","b":"nan","c":"unavailable","d":null,"e":"","f":"-inf","g":"12 apples","h":"0x10"})");
    CHECK(point(got, "a").value == Value{21.5});
    CHECK(is_null(point(got, "b").value));
    CHECK(point(got, "b").quality == Quality::bad(Reason::sensor_failure));
    CHECK(point(got, "c").quality == Quality::bad(Reason::no_data));
    CHECK(point(got, "d").quality == Quality::bad(Reason::no_data));
    CHECK(is_null(point(got, "e").value));
    CHECK(point(got, "f").quality == Quality::bad(Reason::sensor_failure));
    CHECK(point(got, "g").value == Value{std::string("12 apples")});
    CHECK(point(got, "h").value == Value{std::string("0x10")});
}

TEST_CASE("json dialect: integers beyond 2^53 stay exact") {
    const auto got = decode("a/b", R"({"small":9007199254740992,"big":9007199254740993,
                                       "huge":18446744073709551615})");
    CHECK(point(got, "small").value == Value{9007199254740992.0});
    CHECK(point(got, "big").value == Value{std::int64_t{9007199254740993}});
    CHECK(std::holds_alternative<double>(point(got, "huge").value));
}

TEST_CASE("json dialect: malformed text is raw with the reason and the byte") {
    const auto got = decode("a/b", R"({"a":1,,"b":2})");
    CHECK(got.readings.empty());
    REQUIRE(got.raws.size() == 1);
    CHECK(got.raws[0].second == "malformed JSON at byte 8");
    CHECK(decode("a/b", R"({"a":1)").raws.at(0).second.find("malformed") == 0);
    CHECK(decode("a/b", R"({"a":1e999})").raws.size() == 1);
    const auto utf8 = decode("a/b", "{\"a\":\"\xff\xfe\"}");
    REQUIRE(utf8.raws.size() == 1);
    CHECK(utf8.raws[0].second.find("not UTF-8") == 0);
    CHECK(decode("a/b", std::string(40, '[') + std::string(40, ']')).raws.at(0).second ==
          "JSON nested deeper than 32");
}

TEST_CASE("json dialect: depth, keys, values and text are bounded, and it is said") {
    const auto deep = decode("a/b", R"({"a":{"b":{"c":{"d":{"e":1,"f":{"g":2}}}}},"x":1})");
    CHECK(number(point(deep, "a.b.c.d.e")) == 1);
    CHECK(deep.readings.size() == 2);
    REQUIRE(deep.left.size() == 1);
    CHECK(deep.left[0].find("nested deeper than 5") == 0);

    std::string many = "{";
    for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":1,";
    many.back() = '}';
    const auto keys = decode("a/b", many);
    CHECK(keys.readings.size() == 64);
    CHECK(keys.left.at(0).find("more than 64 keys") == 0);

    std::string records = "[";
    for (int i = 0; i < 100; ++i)
        records += R"({"name":"n)" + std::to_string(i) + R"(","value":1},)";
    records.back() = ']';
    const auto values = decode("a/b", records);
    CHECK(values.readings.size() == 64);
    CHECK(values.left.at(0).find("more than 64 values") == 0);

    const auto text = decode("a/b", R"({"s":")" + std::string(300, 'x') + "\"}");
    CHECK(std::get<std::string>(text.readings.at(0).value).size() == 256);
    CHECK(text.readings[0].quality == Quality::uncertain(Reason::partial));

    const auto name = decode("a/b", "{\"" + std::string(60, 'n') + R"(":{"longer":1},"ok":1})");
    CHECK(name.readings.size() == 1);
    CHECK(name.left.size() == 1);
}

TEST_CASE("json dialect: retained values are last known and keep their own time") {
    const auto got = decode("a/b", R"({"x":1,"ts":1795275600})", true);
    REQUIRE(got.readings.size() == 1);
    CHECK(got.readings[0].flags == flag::kRetained);
    CHECK(got.readings[0].quality == Quality::uncertain(Reason::last_known));
    CHECK(got.readings[0].source_time == kNow - 1h);
}

TEST_CASE("json dialect: words for truth values follow the name") {
    const auto got = decode("stat/plug/RESULT", R"({"POWER":"ON","door":"open","mode":"on"})");
    CHECK(point(got, "power").value == Value{true});
    CHECK(point(got, "door").value == Value{true});
    CHECK(point(got, "mode").value == Value{std::string("on")});
}

TEST_CASE("json dialect: only objects and arrays are claimed") {
    const auto dialect = json_dialect.make(Limits{});
    CHECK(dialect->claim("a", as_bytes(" {\"a\":1}")).claim == Claim::possible);
    CHECK(dialect->claim("a", as_bytes("[1]")).claim == Claim::possible);
    CHECK(dialect->claim("a", as_bytes("21.5")).claim == Claim::none);
    CHECK(dialect->claim("a", {}).claim == Claim::none);
}
