#include "firmware/push/push_metrics.hpp"

namespace fog {

namespace {

std::string label(std::string_view name, std::string_view value) {
    return std::string(name) + "=\"" + std::string(value) + "\"";
}

}  // namespace

PushMetrics::PushMetrics(Metrics& metrics)
    : subscriptions(metrics.gauge("fogline_push_subscriptions", {}, "open subscriptions")),
      conflated(
          metrics.counter("fogline_push_conflated_total", {}, "values replaced by newer ones")),
      replayed(metrics.counter("fogline_push_replayed_total", {},
                               "records sent again to resuming clients")),
      queue_bytes(metrics.gauge("fogline_push_queue_bytes", {}, "waiting for slow clients")),
      slow_clients(
          metrics.gauge("fogline_push_slow_clients", {}, "clients under their slow policy")),
      latency(),
      metrics_(metrics) {
    for (std::size_t i = 0; i < kPushClasses; ++i)
        latency[i] = &metrics.histogram("fogline_push_latency_seconds",
                                        label("class", to_text(static_cast<PushClass>(i))),
                                        "ingest to accepted by the socket");
}

PushMetrics::PerTransport& PushMetrics::transport(std::string_view name) {
    if (const auto found = transports_.find(name); found != transports_.end()) return found->second;
    const std::string own = label("transport", name);
    PerTransport made{
        &metrics_.gauge("fogline_push_clients", own, "held clients"),
        &metrics_.counter("fogline_push_bytes_total", own, "bytes accepted by sockets"),
        {}};
    for (std::size_t i = 0; i < made.events.size(); ++i) {
        const auto kind = i < kRecordKinds.size() ? kRecordKinds[i] : std::string_view("control");
        made.events[i] = &metrics_.counter("fogline_push_events_total",
                                           own + "," + label("kind", kind), "events sent");
    }
    return transports_.emplace(std::string(name), made).first->second;
}

void PushMetrics::count(std::string_view name, std::string_view key, std::string_view value,
                        std::uint64_t n) {
    metrics_.counter(name, label(key, value)).add(n);
}

}  // namespace fog
