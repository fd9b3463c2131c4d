#include "drivers/dialect.hpp"

#include <doctest/doctest.h>

#include "firmware/core/records.hpp"
#include "tests/support/collected.hpp"

namespace fog {
extern const DialectInfo scalar_dialect;
}

using namespace fog;

namespace {

Collected decode(std::string_view topic, std::string_view payload, bool retained = false) {
    Collected out;
    const auto dialect = scalar_dialect.make(Limits{});
    dialect->decode({topic, as_bytes(payload), retained, WallTime{}}, Context{}, out);
    return out;
}
Reading one(std::string_view topic, std::string_view payload) {
    auto got = decode(topic, payload);
    REQUIRE(got.readings.size() == 1);
    return got.readings[0];
}
Claim claim(std::string_view payload) {
    return scalar_dialect.make(Limits{})->claim("a/b", as_bytes(payload)).claim;
}

}  // namespace

TEST_CASE("scalar dialect: the parent topic is the device, the last level the point") {
    const auto reading = one("garden/north/soil_moisture", "37");
    CHECK(reading.device_key == "json:garden/north");
    CHECK(reading.point == "soil_moisture");
    CHECK(reading.value == Value{37.0});
    CHECK(reading.unit == "%");
    CHECK(one("temperature", "1").device_key == "json:mqtt");
}

TEST_CASE("scalar dialect: numbers come with a point, a comma or a unit") {
    CHECK(one("a/x", "21.5").value == Value{21.5});
    CHECK(one("a/x", " -3e2 ").value == Value{-300.0});
    CHECK(one("a/x", "21,5").value == Value{21.5});
    CHECK(one("a/x", "1,2,3").value == Value{std::string("1,2,3")});
    CHECK(one("a/x", "1, 2").value == Value{std::string("1, 2")});
    CHECK(one("a/x", "21.5 °C").value == Value{21.5});
    CHECK(one("a/x", "21.5 °C").unit == "Cel");
    CHECK_FALSE(one("a/x", "21.5 °C").unit_guessed);
    CHECK(std::get<double>(one("a/x", "70.7°F").value) == doctest::Approx(21.5));
    CHECK(one("a/x", "21,5 kWh").unit == "kW.h");
    CHECK(one("a/x", "5 apples").value == Value{std::string("5 apples")});
    CHECK(one("a/x", "9007199254740993").value == Value{std::int64_t{9007199254740993}});
}

TEST_CASE("scalar dialect: words are truth values; 1 and 0 only where the name says so") {
    for (const char* yes : {"ON", "on", "true", "open", "online", "Online"})
        CHECK(one("a/x", yes).value == Value{true});
    for (const char* no : {"OFF", "off", "false", "closed", "offline"})
        CHECK(one("a/x", no).value == Value{false});
    CHECK(one("a/x", "1").value == Value{1.0});
    CHECK(one("a/door", "1").value == Value{true});
    CHECK(one("a/motion", "0").value == Value{false});
    CHECK(one("a/relay", "2").value == Value{2.0});
    CHECK(one("stat/plug3/POWER", "ON").device_key == "json:plug3");
}

TEST_CASE("scalar dialect: missing and broken values are null with a reason") {
    CHECK(one("a/x", "nan").quality == Quality::bad(Reason::sensor_failure));
    CHECK(one("a/x", "inf").quality == Quality::bad(Reason::sensor_failure));
    CHECK(one("a/x", "unavailable").quality == Quality::bad(Reason::no_data));
    CHECK(is_null(one("a/x", "None").value));
    CHECK(one("a/x", "1e999").quality.cls() != QualityClass::uncertain);
}

TEST_CASE("scalar dialect: short text is a value, long or binary text is raw") {
    CHECK(one("a/mode", "heating up").value == Value{std::string("heating up")});
    CHECK(decode("a/x", std::string(65, 'x')).raws.size() == 1);
    CHECK(decode("a/x", std::string_view("a\0b", 3)).raws.size() == 1);
    CHECK(decode("a/x", "\xff").raws.size() == 1);
    CHECK(claim("21.5") == Claim::weak);
    CHECK(claim("{\"a\":1}") == Claim::none);
    CHECK(claim(std::string(65, 'x')) == Claim::none);
    CHECK(claim("\x01\x02") == Claim::none);
    CHECK(claim("") == Claim::none);
}

TEST_CASE("scalar dialect: retained values are last known") {
    const auto got = decode("a/x", "1", true);
    CHECK(got.readings.at(0).flags == flag::kRetained);
    CHECK(got.readings[0].quality == Quality::uncertain(Reason::last_known));
}
