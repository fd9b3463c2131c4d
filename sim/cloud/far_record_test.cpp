#include "sim/cloud/far_record.hpp"

#include <doctest/doctest.h>

namespace fog::sim {

TEST_CASE("far record: one record, an array and a wrapped array are read") {
    const auto one = parse_far_payload(
        R"({"gw":"gw-1","dev":"boiler-1","pt":"temp","ts":"2026-11-21T16:40:00.123Z","v":71.25,"u":"Cel","q":"good","seq":918273,"hist":true})");
    REQUIRE(one);
    REQUIRE(one->size() == 1);
    const FarRecord& record = one->front();
    CHECK(record.gateway == "gw-1");
    CHECK(record.seq == 918273);
    CHECK(record.device == "boiler-1");
    CHECK(record.point == "temp");
    CHECK(record.time == "2026-11-21T16:40:00.123Z");
    CHECK(record.value == Value(71.25));
    CHECK(record.historic);
    CHECK(record.is_sample);

    const auto array = parse_far_payload(
        R"([{"gw":"g","seq":1,"dev":"d","pt":"p","v":null},{"gw":"g","seq":2,"dev":"d"}])");
    REQUIRE(array);
    CHECK(array->at(0).is_sample);
    CHECK_FALSE(array->at(1).is_sample);
    CHECK(parse_far_payload(R"({"records":[{"gw":"g","seq":1}]})")->size() == 1);
}

TEST_CASE("far record: what is no record is refused with what is wrong") {
    CHECK(parse_far_payload("21.5").error().what == "a record is an object, found number");
    CHECK(parse_far_payload("{").error().what == "not JSON");
    CHECK(parse_far_payload(R"({"seq":1})").error().what == "a record without 'gw'");
    CHECK(parse_far_payload(R"({"gw":"g","seq":-1})").error().what == "a record without 'seq'");
    CHECK(parse_far_payload(R"([{"gw":"g","seq":1},7])").error().code == Errc::bad_frame);
}

TEST_CASE("far record: its line has the agreed form") {
    std::string out;
    append_far_line(out, "cloud",
                    {"gw-1", 7, "d", "p", -19.4, "2026-11-21T16:40:00.123Z", "", true, true}, 99);
    CHECK(
        out ==
        R"({"k":"far","sink":"cloud","gw":"gw-1","seq":7,"dev":"d","pt":"p","ts":"2026-11-21T16:40:00.123Z","v":-19.4,"hist":true,"mono":99})"
        "\n");
}

TEST_CASE("far record: lines of a payload are those of its records, however it is written") {
    for (
        const char* payload :
        {R"({"gw":"g","seq":7,"dev":"d","pt":"p","v":-19.4,"ts":"2026-11-21T16:40:00Z","hist":true})",
         R"({"gw":"g","seq":7,"dev":"d","pt":"p","v":"text \u00b5","q":"bad_decode"})",
         R"({"gw":"g","seq":7,"dev":"d","pt":"p","v":"plain"})",
         R"({"gw":"g","seq":8,"dev":"d","ev":"alarm","alarm":"d/hot","state":"active","change":"raised","v":1,"pt":"p"})",
         R"({"gw":"g","seq":1,"seq":2,"q":"x","q":null,"dev":"d","pt":"p","v":true})",
         R"([{"gw":"g","seq":1,"dev":"d","pt":"p","v":null},{"gw":"g","seq":2}])",
         R"({"records":[{"gw":"g","seq":1}]})", R"({"records":1,"gw":"g","seq":1})", "[]",
         R"({"gw":"g"})", "7", "{"}) {
        CAPTURE(payload);
        FarLines lines("cloud");
        std::string expected, out = "before\n";
        const auto records = parse_far_payload(payload);
        const auto added = lines.append(out, payload, 5);
        REQUIRE(added.has_value() == records.has_value());
        if (!records) {
            CHECK(added.error().what == records.error().what);
            CHECK(out == "before\n");
            continue;
        }
        for (const FarRecord& record : *records) append_far_line(expected, "cloud", record, 5);
        CHECK(*added == records->size());
        CHECK(out == "before\n" + expected);
    }
}

}  // namespace fog::sim
