#include "firmware/core/metrics.hpp"

#include <doctest/doctest.h>

using namespace fog;

TEST_CASE("metrics: the same name and labels are the same counter") {
    Metrics metrics;
    metrics.counter("fogline_x_total", "lane=\"live\"", "things").add(2);
    metrics.counter("fogline_x_total", "lane=\"live\"").add();
    metrics.counter("fogline_x_total", "lane=\"bulk\"").add();
    const auto text = metrics.render();
    CHECK(text.find("# TYPE fogline_x_total counter") != std::string::npos);
    CHECK(text.find("fogline_x_total{lane=\"live\"} 3\n") != std::string::npos);
    CHECK(text.find("fogline_x_total{lane=\"bulk\"} 1\n") != std::string::npos);
}

TEST_CASE("metrics: a histogram counts cumulatively and knows its quantiles") {
    Metrics metrics;
    auto& latency = metrics.histogram("fogline_l_seconds");
    for (int i = 0; i < 99; ++i) latency.record(0.0009);
    latency.record(0.2);
    CHECK(latency.quantile(0.5) == 0.001);
    CHECK(latency.quantile(0.999) == 0.25);
    const auto text = metrics.render();
    CHECK(text.find("fogline_l_seconds_bucket{le=\"0.001\"} 99\n") != std::string::npos);
    CHECK(text.find("fogline_l_seconds_bucket{le=\"+Inf\"} 100\n") != std::string::npos);
    CHECK(text.find("fogline_l_seconds_count 100\n") != std::string::npos);
}

TEST_CASE("metrics: a computed gauge is asked when rendered") {
    Metrics metrics;
    int now = 1;
    metrics.computed("fogline_g", "", "", [&now] { return now; });
    now = 7;
    metrics.computed("fogline_seen_total", "", "", [&now] { return now; });
    const std::string text = metrics.render();
    CHECK(text.find("# TYPE fogline_g gauge\nfogline_g 7\n") != std::string::npos);
    CHECK(text.find("# TYPE fogline_seen_total counter\n") != std::string::npos);
}
