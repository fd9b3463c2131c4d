#include "drivers/mqtt/dialects/units.hpp"

#include <doctest/doctest.h>

using namespace fog;

namespace {
std::string guess(std::string_view point, Value value = 1.0) {
    return std::string(unit_for_name(point, value).unit);
}
}  // namespace

TEST_CASE("units: the end of a name at a word boundary gives the unit") {
    CHECK(guess("temperature") == "Cel");
    CHECK(guess("ds18b20.temperature") == "Cel");
    CHECK(guess("supply_temp") == "Cel");
    CHECK(guess("temp_2") == "Cel");
    CHECK(guess("soil_moisture") == "%");
    CHECK(guess("battery_voltage") == "V");
    CHECK(guess("energy.power.1") == "W");
    CHECK(guess("total_kwh") == "kW.h");
    CHECK(guess("aenergy") == "W.h");
    CHECK(guess("oil.bar") == "bar");
    CHECK(guess("pm2_5") == "ug/m3");
    CHECK(guess("wind_avg_km_h") == "km/h");
    CHECK(guess("attempt").empty());
    CHECK(guess("power_factor").empty());
    CHECK(guess("c").empty());
    CHECK(guess("out_c") == "Cel");
}

TEST_CASE("units: the value supports a guess") {
    CHECK(guess("signal", -65.0) == "{dBm}");
    CHECK(guess("signal", 65.0).empty());
    CHECK(guess("brightness", 55.0) == "%");
    CHECK(guess("brightness", 254.0).empty());
    CHECK(guess("power", true).empty());
}

TEST_CASE("units: diagnostics and truth values are told by name") {
    CHECK(unit_for_name("wifi.rssi", -60.0).diagnostic);
    CHECK(unit_for_name("battery", 97.0).diagnostic);
    CHECK_FALSE(unit_for_name("humidity", 97.0).diagnostic);
    CHECK(unit_for_name("front_door", 1.0).boolean);
    CHECK(unit_for_name("power", Value{std::string("ON")}).boolean);
    CHECK_FALSE(unit_for_name("power", 1.0).boolean);
}

TEST_CASE("units: foreign spellings become UCUM, unknown ones are kept for display") {
    CHECK(ucum_for_spelling("°C") == "Cel");
    CHECK(ucum_for_spelling(" degC ") == "Cel");
    CHECK(ucum_for_spelling("%RH") == "%");
    CHECK(ucum_for_spelling("kWh") == "kW.h");
    CHECK(ucum_for_spelling("μg/m³") == "ug/m3");
    CHECK(ucum_for_spelling("furlong").empty());
    CHECK(declared_unit("furlong") == "{furlong}");
    CHECK(declared_unit("a{b}") == "{ab}");
    CHECK(declared_unit("").empty());
}

TEST_CASE("units: degrees Fahrenheit become degrees Celsius, others stay as declared") {
    Value value = 212.0;
    std::string unit = "[degF]";
    convert_unit(value, unit);
    CHECK(std::get<double>(value) == doctest::Approx(100));
    CHECK(unit == "Cel");
    Value kelvin = 300.0;
    std::string other = "K";
    convert_unit(kelvin, other);
    CHECK(std::get<double>(kelvin) == 300);
    CHECK(other == "K");
}
