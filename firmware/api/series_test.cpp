#include "firmware/api/series.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace fog;

namespace {

constexpr std::int64_t kFrom = 1'000'000;

Series::Frame frame(std::size_t points, std::int64_t longest = 3'000) {
    return {kFrom, kFrom + 100'000, points, longest, kFrom + 100'000};
}

std::string text_of(Series& series) {
    std::string out;
    series.write(out);
    return out;
}

bool has(const std::string& text, std::string_view words) {
    return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("series: what fits comes as it is, rounded to seven digits") {
    Series series(frame(10, 0));
    series.add(kFrom, 21.5);
    series.add(kFrom + 1'000, 21.49999923);
    series.add(kFrom + 2'000, 123456789.0);
    CHECK(text_of(series) ==
          R"("reduced":false,"count":3,"t":[1000000,1001000,1002000],"v":[21.5,21.5,123456789],)"
          R"("min":[],"max":[],"gaps":[])");
}

TEST_CASE("series: more than fits is reduced without losing an extreme") {
    Series series(frame(10));
    for (int i = 0; i <= 100; ++i) series.add(kFrom + i * 1'000, i == 55 ? 999.0 : i % 10);
    const auto text = text_of(series);
    CHECK(has(text, R"("reduced":true,"count":101,)"));
    CHECK(has(text, R"("min":[0,0,0,0,0,0,0,0,0,0])"));
    CHECK(has(text, R"("max":[9,9,9,9,9,999,9,9,9,9])"));
    CHECK(has(text, R"("gaps":[])"));
}

TEST_CASE("series: an outage is a gap, also at the beginning, at the end and when reduced") {
    for (const std::size_t points : {200, 5}) {
        CAPTURE(points);
        Series series(frame(points));
        for (int i = 20; i <= 80; ++i)
            if (i < 40 || i > 50) series.add(kFrom + i * 1'000, 1);
        const auto text = text_of(series);
        CHECK(has(text, R"("gaps":[[1000000,1020000,"no data"],[1039000,1051000,"no data"],)"
                        R"([1080000,1100000,"no data"]])"));
    }
}

TEST_CASE("series: a late sample splits its gap") {
    Series series(frame(100));
    series.add(kFrom, 1);
    series.add(kFrom + 20'000, 1);
    series.add(kFrom + 2'000, 1);
    series.add(kFrom + 10'000, 1);
    const auto text = text_of(series);
    CHECK(has(text, R"([[1002000,1010000,"no data"],[1010000,1020000,"no data"],)"));
    CHECK(has(text, R"("t":[1000000,1002000,1010000,1020000])"));
}

TEST_CASE("series: late samples of before the log leave its silence a gap") {
    Series series(frame(100));
    series.add_gap(kFrom, kFrom + 80'000, "the log begins later");
    series.add(kFrom + 80'000, 1);
    for (const int at : {10'000, 12'000, 60'000}) series.add(kFrom + at, 1);
    const auto text = text_of(series);
    CHECK(has(text, R"([[1000000,1010000,"the log begins later"],[1012000,1060000,"no data"],)"));
    CHECK(has(text, R"([1060000,1080000,"no data"])"));
}

TEST_CASE("series: missing values are a gap with their reason, never a number") {
    Series series(frame(100, 20'000));
    series.add(kFrom, 1);
    series.add_missing(kFrom + 1'000, "bad:sensor_failure");
    series.add_missing(kFrom + 2'000, "bad:sensor_failure");
    series.add(kFrom + 3'000, 2);
    series.add_missing(kFrom + 90'000, "bad:decode");
    const auto text = text_of(series);
    CHECK(has(text, R"("v":[1,2])"));
    CHECK(has(text, R"([1001000,1003000,"bad:sensor_failure"])"));
    CHECK(has(text, R"([1003000,1090000,"no data"])"));
    CHECK(has(text, R"([1090000,1100000,"bad:decode"])"));
}

TEST_CASE("series: what lies outside of the frame or in the future is not there") {
    auto early = frame(100);
    early.now = kFrom + 10'000;
    Series series(early);
    series.add(kFrom - 1, 5);
    series.add(kFrom + 100'001, 5);
    series.add(kFrom + 9'000, 5);
    const auto text = text_of(series);
    CHECK(has(text, R"("count":1)"));
    CHECK(has(text, R"("gaps":[[1000000,1009000,"no data"]])"));
}

TEST_CASE("series: the number of gaps is bounded") {
    Series series({0, 100'000'000, 10, 1'000, 100'000'000});
    for (int i = 0; i < 5'000; ++i) series.add(i * 10'000, 1);
    const auto text = text_of(series);
    std::size_t gaps = 0;
    for (auto at = text.find("no data"); at != std::string::npos; at = text.find("no data", at + 1))
        ++gaps;
    CHECK(gaps <= 1'000);
    CHECK(has(text, "100000000,\"no data\"]]"));
}
