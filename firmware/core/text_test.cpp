#include "firmware/core/text.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace fog;

TEST_CASE("utf-8: overlong forms, surrogates and cut sequences are refused and repaired") {
    CHECK(valid_utf8("plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"));
    for (const auto* bad :
         {"\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80", "\xFF"}) {
        CHECK(!valid_utf8(bad));
        CHECK(valid_utf8(repair_utf8(bad)));
    }
}

TEST_CASE("slugs: names of any origin become ids") {
    CHECK(device_slug("Cold/Freezer 1") == "cold-freezer-1");
    CHECK(device_slug("0x00158D") == "0x00158d");
    CHECK(device_slug("///") == "device");
    CHECK(device_slug(std::string(200, 'x')).size() == 64);
    CHECK(point_slug("supplyTemp") == "supply_temp");
    CHECK(point_slug("DS18B20.Temperature") == "ds18b20.temperature");
    CHECK(point_slug("RSSI") == "rssi");
    CHECK(point_slug("oil pressure (bar)") == "oil_pressure_bar");
    CHECK(point_slug("") == "value");
}

TEST_CASE("nearest: near words are found, far ones are not") {
    constexpr std::array<std::string_view, 3> kKnown = {"hysteresis", "for", "keep_for"};
    CHECK(nearest("hysterisis", kKnown) == "hysteresis");
    CHECK(nearest("fro", kKnown) == "for");
    CHECK(nearest("fo", kKnown) == "for");
    CHECK(nearest("banana", kKnown) == std::nullopt);
}

TEST_CASE("json strings: control characters, quotes and broken bytes are safe") {
    std::string out;
    append_json_string(out, std::string_view("a\"b\\c\n\x01\xFF\xC3\xA9", 10));
    CHECK(out == "\"a\\\"b\\\\c\\n\\u0001\xEF\xBF\xBD\xC3\xA9\"");
}

TEST_CASE("rfc 3339: zones, fractions and the way back") {
    CHECK(to_rfc3339(*parse_rfc3339("2026-11-21T17:40:00.123456789+01:00")) ==
          "2026-11-21T16:40:00.123Z");
    CHECK(to_rfc3339(*parse_rfc3339("1969-12-31 23:59:59.5Z")) == "1969-12-31T23:59:59.500Z");
    CHECK(parse_rfc3339("2026-11-21T16:40:00,25Z")->time_since_epoch() % std::chrono::seconds(1) ==
          std::chrono::milliseconds(250));
}

TEST_CASE("rfc 3339: no zone, no such day and garbage are refused") {
    for (const auto* bad : {"2026-11-21T16:40:00", "2026-02-30T00:00:00Z", "2026-11-21",
                            "yesterday", "2026-11-21T25:00:00Z", "2026-11-21T16:40:00Zx",
                            "2026-11-21T16:40:00.Z", "9999-01-01T00:00:00Z"})
        CHECK(!parse_rfc3339(bad));
}

TEST_CASE("durations and sizes: units are required") {
    using namespace std::chrono;
    CHECK(*parse_duration("250ms") == milliseconds(250));
    CHECK(*parse_duration("1.5 h") == minutes(90));
    CHECK(*parse_duration(" 10 min ") == minutes(10));
    CHECK(*parse_size("4 MiB") == 4U << 20U);
    for (const auto* bad : {"10", "", "s", "-1 s", "1 s s", "1e300 d", "nan s"}) {
        CHECK(!parse_duration(bad));
        CHECK(!parse_size(bad));
    }
    CHECK(duration_text(seconds(90)) == "1.5 min");
    CHECK(duration_text(milliseconds(20)) == "20 ms");
}

TEST_CASE("numbers: the whole text or nothing") {
    CHECK(parse_double("21.5") == 21.5);
    CHECK(parse_double("+2") == 2);
    CHECK(!parse_double("21.5 "));
    CHECK(!parse_double(""));
    CHECK(parse_int("-7") == -7);
    CHECK(!parse_int("7.0"));
}

TEST_CASE("base64: whole and padded ends") {
    const auto coded = [](std::string_view bytes) {
        std::string out;
        append_base64(out, bytes);
        return out;
    };
    CHECK(coded("").empty());
    CHECK(coded("f") == "Zg==");
    CHECK(coded("fo") == "Zm8=");
    CHECK(coded("foo") == "Zm9v");
    CHECK(coded(std::string_view("\xff\x00\xfe", 3)) == "/wD+");
}
