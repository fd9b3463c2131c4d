#include "drivers/sim_device.hpp"

#include <doctest/doctest.h>

#include "tests/support/codec_cases.hpp"

using namespace fog;

namespace fog {
extern const DriverInfo line_ascii_driver;
extern const SimDeviceInfo line_ascii_sim_device;
}  // namespace fog

TEST_CASE("line sim: what it prints is read back, with and without checksum") {
    for (const std::string_view checksum : {"none", "xor8"}) {
        Node config;
        config.set("checksum", {}).data = std::string(checksum);
        std::vector<Fault> faults;
        ConfigView view(config, faults);
        const auto device = line_ascii_sim_device.make("scale-1", view);
        const auto codec =
            make_codec(line_ascii_driver, "checksum = \"" + std::string(checksum) + "\"");
        const std::vector<SimPoint> points = {{"T", 21.5, "Cel"},
                                              {"count", std::int64_t{-7}, ""},
                                              {"on", true, ""},
                                              {"mode", std::string("eco plus"), ""},
                                              {"none", Value{}, ""}};
        Collected out;
        codec->feed(device->report(1, points, MonoTime{}), out);
        REQUIRE(out.readings.size() == 5);
        CHECK(out.readings[0].value == Value(21.5));
        CHECK(out.readings[1].value == Value(std::int64_t{-7}));
        CHECK(out.readings[2].value == Value(true));
        CHECK(out.readings[3].value == Value(std::string("eco_plus")));
        CHECK(to_text(out.readings[4].quality) == "bad.sensor-failure");
        CHECK(codec->stats().discarded_bytes == 0);
    }
}
