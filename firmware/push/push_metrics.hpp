#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "firmware/core/metrics.hpp"
#include "firmware/push/frame.hpp"

namespace fog {

/// The counters fogline_push_…; every drop, refusal and close has one.
class PushMetrics {
public:
    explicit PushMetrics(Metrics& metrics);

    struct PerTransport {
        Gauge* clients;
        Counter* bytes;
        std::array<Counter*, kRecordKinds.size() + 1> events;  // last: control
    };
    PerTransport& transport(std::string_view name);
    void gap(std::string_view reason) { count("fogline_push_gaps_total", "reason", reason); }
    void resumed(std::string_view how) { count("fogline_push_resumes_total", "how", how); }
    void refused(std::string_view reason) { count("fogline_push_refused_total", "reason", reason); }
    void closed(std::string_view reason) { count("fogline_push_closed_total", "reason", reason); }
    void fell_behind(std::string_view why) {
        count("fogline_push_fell_behind_total", "reason", why);
    }
    void dropped(std::string_view reason, std::uint64_t n) {
        count("fogline_push_dropped_total", "reason", reason, n);
    }

    Gauge& subscriptions;
    Counter& conflated;
    Counter& replayed;
    Gauge& queue_bytes;
    Gauge& slow_clients;
    std::array<Histogram*, kPushClasses> latency;

private:
    void count(std::string_view name, std::string_view label, std::string_view value,
               std::uint64_t n = 1);
    Metrics& metrics_;
    std::map<std::string, PerTransport, std::less<>> transports_;
};

}  // namespace fog
