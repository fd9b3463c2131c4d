#include "firmware/mqtt/stats.hpp"

#include <cstdio>

namespace fog::mqtt {
namespace {

std::string_view help_of(std::string_view name) {
    if (name == "fogline_mqtt_refused_total") return "what clients asked for and did not get";
    if (name == "fogline_mqtt_tls_failures_total") return "TLS handshakes that failed";
    if (name == "fogline_mqtt_closed_total") return "connections ended by the gateway";
    return "messages subscribers did not get";
}

}  // namespace

Stats::Stats(Metrics& metrics)
    : bytes_in(metrics.counter("fogline_mqtt_bytes_total", "dir=\"in\"", "bytes of MQTT clients")),
      bytes_out(metrics.counter("fogline_mqtt_bytes_total", "dir=\"out\"")),
      expired(metrics.counter("fogline_mqtt_expired_total", {},
                              "messages whose expiry passed before they could be sent")),
      redelivered(metrics.counter("fogline_mqtt_redelivered_total", {},
                                  "publishes sent again with DUP, stored as new")),
      takeovers(metrics.counter("fogline_mqtt_takeovers_total", {},
                                "connections replaced by a newer one of the same client")),
      hurried(metrics.counter("fogline_mqtt_hurried_total", {},
                              "commits asked for at once because every sender waited")),
      ring_full(metrics.counter("fogline_mqtt_paused_total", "cause=\"ring_full\"",
                                "times a connection was not read, by cause")),
      missed(metrics.counter("fogline_mqtt_session_missed_total", {},
                             "records that sessions were owed at most and the log has lost")),
      repeated(metrics.counter("fogline_mqtt_duplicates_total", {},
                               "publishes of QoS 2 sent again, not stored again")),
      sessions_expired(metrics.counter("fogline_mqtt_sessions_expired_total", {},
                                       "sessions whose clients did not come back in time")),
      passed_on(metrics.counter("fogline_mqtt_passed_on_total", {},
                                "shared messages given to another member, as theirs was gone")),
      subscriptions(metrics.gauge("fogline_mqtt_subscriptions", {}, "filters subscribed")),
      retained(metrics.gauge("fogline_mqtt_retained", {}, "topics with a retained message")),
      retained_bytes(metrics.gauge("fogline_mqtt_retained_bytes", {}, "bytes of these")),
      retained_changed(metrics.gauge("fogline_mqtt_retained_changed", {},
                                     "topics whose retained message is only in memory")),
      waiting_acks(metrics.gauge("fogline_mqtt_waiting_acks", {},
                                 "publishes whose acknowledgement waits for a commit")),
      sessions_here(metrics.gauge("fogline_mqtt_sessions", "state=\"connected\"",
                                  "sessions that outlive their connections")),
      sessions_away(metrics.gauge("fogline_mqtt_sessions", "state=\"absent\"")),
      catching_up(metrics.gauge("fogline_mqtt_catching_up", {},
                                "sessions that read the log to come up with it")),
      groups(metrics.gauge("fogline_mqtt_groups", {}, "groups of shared subscriptions")),
      ack_wait(metrics.histogram("fogline_mqtt_ack_wait_seconds", {},
                                 "from reading a publish to writing its acknowledgement")),
      metrics_(metrics) {
    static constexpr std::array<std::string_view, 3> kTransports = {"tcp", "tls", "websocket"};
    for (std::size_t version = 0; version < clients_.size(); ++version)
        for (std::size_t i = 0; i < kTransports.size(); ++i)
            clients_[version][i] =
                &metrics.gauge("fogline_mqtt_clients",
                               "version=\"" + std::string(version == 0 ? "3.1.1" : "5.0") +
                                   "\",transport=\"" + std::string(kTransports[i]) + "\"",
                               "clients connected");
    for (unsigned type = 1; type < 16; ++type) {
        const std::string name(to_text(static_cast<Type>(type)));
        in_[type] = &metrics.counter("fogline_mqtt_packets_total",
                                     "type=\"" + name + "\",dir=\"in\"", "MQTT packets");
        out_[type] =
            &metrics.counter("fogline_mqtt_packets_total", "type=\"" + name + "\",dir=\"out\"");
    }
    in_[0] = in_[1];
    out_[0] = out_[1];
    for (unsigned qos = 0; qos < 3; ++qos) {
        const auto label = "qos=\"" + std::to_string(qos) + "\",dir=\"";
        publish_in_[qos] = &metrics.counter("fogline_mqtt_publish_total", label + "in\"",
                                            "messages published and delivered");
        publish_out_[qos] = &metrics.counter("fogline_mqtt_publish_total", label + "out\"");
    }
}

void Stats::by(std::string_view name, std::string_view reason) {
    std::string key(name);
    key += reason;
    auto found = counters_.find(key);
    if (found == counters_.end()) {
        auto& made =
            metrics_.counter(name, "reason=\"" + std::string(reason) + "\"", help_of(name));
        found = counters_.emplace(std::move(key), &made).first;
    }
    found->second->add();
}

void Stats::acked(Code code) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "0x%02x", static_cast<unsigned>(code));
    const std::string key = std::string("ack") + text.data();
    auto found = counters_.find(key);
    if (found == counters_.end()) {
        auto& made =
            metrics_.counter("fogline_mqtt_acks_total", "code=\"" + std::string(text.data()) + "\"",
                             "acknowledgements of publishes, by reason code");
        found = counters_.emplace(key, &made).first;
    }
    found->second->add();
}

}  // namespace fog::mqtt
