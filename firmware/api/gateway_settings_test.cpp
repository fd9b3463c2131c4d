#include "firmware/api/gateway_settings.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/temp_folder.hpp"

using namespace fog;

TEST_CASE("gateway settings: what was put is there at once and after a restart") {
    const TempFolder folder;
    const GatewaySettings::Options options{folder.path() / "gateway.json", "", "box"};
    {
        GatewaySettings settings(options);
        CHECK(settings.get()->name == "box");
        CHECK(settings.get()->time_zone.empty());
        const auto etag = settings.get()->etag;
        REQUIRE(settings.put("Boiler house", "Europe/Berlin", etag));
        CHECK(settings.get()->name == "Boiler house");
        CHECK(settings.get()->etag != etag);
        CHECK(settings.put("Other", "", etag).error().code == Errc::conflict);
    }
    const GatewaySettings again(options);
    CHECK(again.get()->name == "Boiler house");
    CHECK(again.get()->time_zone == "Europe/Berlin");
}

TEST_CASE("gateway settings: a name in the configuration wins and cannot be changed here") {
    const TempFolder folder;
    GatewaySettings settings({folder.path() / "gateway.json", "plant-7", "box"});
    CHECK(settings.get()->name == "plant-7");
    CHECK(settings.get()->name_fixed);
    CHECK(settings.put("Other", "UTC", settings.get()->etag).error().code == Errc::bad_request);
    REQUIRE(settings.put("plant-7", "UTC", settings.get()->etag));
    const GatewaySettings later({folder.path() / "gateway.json", "", "box"});
    CHECK(later.get()->name == "box");
    CHECK(later.get()->time_zone == "UTC");
}

TEST_CASE("gateway settings: names and zones that cannot be are refused, a broken file is none") {
    const TempFolder folder;
    const auto file = folder.path() / "gateway.json";
    GatewaySettings settings({file, "", "box"});
    for (const std::string& name : {std::string(), std::string(65, 'x'), std::string(" x"),
                                    std::string("a\nb"), std::string("\xff")})
        CHECK_FALSE(settings.put(name, "UTC", settings.get()->etag));
    for (const auto* zone : {"../etc/passwd", "/UTC", "Europe/", "a b", "Europe//Berlin"})
        CHECK_FALSE(settings.put("x", zone, settings.get()->etag));
    CHECK(GatewaySettings::valid_time_zone("America/Argentina/Buenos_Aires"));
    CHECK(GatewaySettings::valid_time_zone("Etc/GMT+3"));
    std::ofstream(file) << "{\"name\":";
    CHECK(GatewaySettings({file, "", "box"}).get()->name == "box");
}
