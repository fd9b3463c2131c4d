#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "firmware/core/metrics.hpp"
#include "firmware/mqtt/packet.hpp"

namespace fog::mqtt {

/// What a client talks over.
enum class Transport : std::uint8_t { tcp, tls, websocket };

/// What /metrics knows of the listener. Thread: fog-io.
class Stats {
public:
    explicit Stats(Metrics& metrics);

    /// A publish, subscription or connection that was not granted.
    void refused(std::string_view reason) { by("fogline_mqtt_refused_total", reason); }
    /// A connection we ended.
    void closed(std::string_view reason) { by("fogline_mqtt_closed_total", reason); }
    /// A message a subscriber did not get.
    void dropped(std::string_view reason) { by("fogline_mqtt_dropped_total", reason); }
    /// A TLS handshake that came to nothing.
    void tls_failed(std::string_view reason) { by("fogline_mqtt_tls_failures_total", reason); }
    /// Those connected.
    Gauge& clients(Version version, Transport transport) {
        return *clients_[static_cast<std::size_t>(version == Version::v5)]
                        [static_cast<std::size_t>(transport)];
    }
    void acked(Code code);
    void packet_in(Type type) { in_[static_cast<std::size_t>(type)]->add(); }
    void packet_out(Type type) { out_[static_cast<std::size_t>(type)]->add(); }
    void publish_in(unsigned qos) { publish_in_[qos]->add(); }
    void publish_out(unsigned qos) { publish_out_[qos]->add(); }

    Counter &bytes_in, &bytes_out, &expired, &redelivered, &takeovers, &hurried, &ring_full,
        &missed, &repeated, &sessions_expired, &passed_on;
    Gauge &subscriptions, &retained, &retained_bytes, &retained_changed, &waiting_acks;
    Gauge &sessions_here, &sessions_away, &catching_up, &groups;
    Histogram& ack_wait;

private:
    void by(std::string_view name, std::string_view reason);

    Metrics& metrics_;
    std::array<std::array<Gauge*, 3>, 2> clients_{};
    std::array<Counter*, 16> in_{}, out_{};
    std::array<Counter*, 3> publish_in_{}, publish_out_{};
    std::unordered_map<std::string, Counter*> counters_;
};

}  // namespace fog::mqtt
