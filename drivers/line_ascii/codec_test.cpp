#include "drivers/line_ascii/codec.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/codec_cases.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace fog {
extern const DriverInfo line_ascii_driver;
}

namespace {

std::vector<Fault> faults_of(std::string_view toml) {
    std::vector<Fault> faults;
    const auto config = parse_toml(toml, "line.toml", faults);
    REQUIRE(config);
    ConfigView view(*config, faults);
    line_ascii_driver.make_codec(view);
    view.done();
    return faults;
}

void feed(Codec& codec, std::string_view text, Collected& out) {
    codec.feed(as_bytes(text), out);
}

}  // namespace

TEST_CASE("line: without configuration T=21.5 is point t of device line:<id>") {
    const auto codec = make_codec(line_ascii_driver, "id = \"scale-1\"");
    Collected out;
    feed(*codec, "T=21.5\n", out);
    REQUIRE(out.readings.size() == 1);
    CHECK(out.readings[0].device_key == "line:scale-1");
    CHECK(out.readings[0].device_name == "scale-1");
    CHECK(out.readings[0].point == "t");
    CHECK(out.readings[0].value == Value(21.5));
    CHECK(out.readings[0].quality.is_good());
}

TEST_CASE("line: 1 MB without a delimiter is dropped and counted, the next line is heard") {
    const auto codec = make_codec(line_ascii_driver, "");
    Collected out;
    const std::string block(1U << 16U, '=');
    for (int round = 0; round < 16; ++round) feed(*codec, block, out);
    feed(*codec, "\nT=1\n", out);
    CHECK(out.readings.size() == 1);
    CHECK(codec->stats().oversized == 1);
    CHECK(codec->stats().discarded_bytes == (1U << 20U) + 1);
}

TEST_CASE("line: a half line is forgotten on reset, and counted") {
    const auto codec = make_codec(line_ascii_driver, "");
    Collected out;
    feed(*codec, "T=2", out);
    codec->reset(Cause::reconnected);
    feed(*codec, "T=3\n", out);
    REQUIRE(out.readings.size() == 1);
    CHECK(out.readings[0].value == Value(std::int64_t{3}));
    CHECK(codec->stats().discarded_bytes == 3);
}

TEST_CASE("line: a long text value is cut and marked") {
    const auto codec = make_codec(line_ascii_driver, "");
    Collected out;
    feed(*codec, "name=" + std::string(900, 'a') + "\n", out);
    REQUIRE(out.readings.size() == 1);
    CHECK(std::get<std::string>(out.readings[0].value).size() == 256);
    CHECK(to_text(out.readings[0].quality) == "uncertain.partial");
}

TEST_CASE("line: the device is asked at its interval") {
    const auto codec =
        make_codec(line_ascii_driver, "[poll]\nsend = \"READ\\r\\n\"\nevery = \"2 s\"");
    int asked = 0;
    for (int tenth = 0; tenth < 100; ++tenth) {
        codec->tell_time(MonoTime{1000s + tenth * 100ms}, {});
        const Bytes output = codec->take_output();
        if (output.empty()) continue;
        CHECK(as_text(output) == "READ\r\n");
        ++asked;
    }
    CHECK(asked == 5);
}

TEST_CASE("line: a writable point is written by its template, others are refused") {
    const auto codec = make_codec(line_ascii_driver,
                                  "id = \"oven\"\n[[point]]\nname = \"target\"\nscale = 0.1\n"
                                  "write = \"SET {value}\\r\\n\"\n");
    const auto set = codec->encode({"line:oven", "target", 21.5, {}});
    REQUIRE(set);
    CHECK(as_text(*set) == "SET 215\r\n");
    CHECK(codec->encode({"line:oven", "t", 1.0, {}}).error().code == Errc::refused);
    CHECK(codec->encode({"line:oven", "target", std::string("1\r\nRESET"), {}}).error().code ==
          Errc::bad_request);
    CHECK(codec->encode({"line:oven", "target", {}, {}}).error().code == Errc::bad_request);
}

TEST_CASE("line: faulty configurations say what and where") {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"framing = \"idle\"", "not supported"},
        {"framing = \"length\"", "is needed"},
        {"framing = \"start_end\"", "is needed"},
        {"delimiter = \"12345\"", "1 to 4 bytes"},
        {"decode = \"template\"", "has no field"},
        {"decode = \"template\"\ntemplate = \"{a:f}{b:f}\"", "text between"},
        {"decode = \"template\"\ntemplate = \"{a:q}\"", "is not"},
        {"decode = \"template\"\ntemplate = \"T={a\"", "has no '}'"},
        {"decode = \"regex\"\npoints = [\"a\"]", "is needed"},
        {"decode = \"regex\"\nregex = \"(a\"\npoints = [\"a\"]", "not valid"},
        {"decode = \"regex\"\nregex = '(a)\\1'\npoints = [\"a\"]", "back-references"},
        {"decode = \"regex\"\nregex = \"((a{255}){255})\"\npoints = [\"a\", \"b\"]", "repeats"},
        {"decode = \"regex\"\nregex = \"(a)(b)\"\npoints = [\"a\"]", "2 groups"},
        {"csv_separator = \"ab\"", "one character"},
        {"[[point]]\nname = \"t\"\nwrite = \"SET\"", "{value}"},
        {"[poll]\nsend = \"x\"\nevery = \"1 ms\"", "50 ms"},
        {"checksun = \"xor8\"", "checksun"},
    };
    for (const auto& [toml, words] : cases) {
        const std::string tried(toml);  // Clang 14 captures no structured binding
        CAPTURE(tried);
        const auto faults = faults_of(toml);
        REQUIRE(!faults.empty());
        CAPTURE(to_text(faults[0]));
        CHECK(std::ranges::any_of(faults, [&words = words](const Fault& fault) {
            return to_text(fault).find(words) != std::string::npos;
        }));
    }
}
