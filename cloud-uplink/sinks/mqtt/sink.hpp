#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cloud-uplink/sinks/mqtt/settings.hpp"
#include "firmware/core/bounded_queue.hpp"

namespace fog {

/// MQTT 3.1.1 with QoS 1: a record counts when the PUBACK of its message came, on this connection.
/// Every connection is a new Paho client, so that nothing is sent again behind the pump's back.
/// Thread: fog-up-<sink>; acknowledgements come from Paho's threads through a queue.
class MqttSink final : public Sink {
public:
    MqttSink(MqttSinkSettings settings, const SinkSite& site, std::string_view id);
    ~MqttSink() override;

    Result<void> connect(MonoTime deadline, const StepWords& step) override;
    std::vector<Verdict> send(std::span<const Outgoing> batch, MonoTime deadline) override;
    bool connected() const override;
    void close() override;
    void interrupt() override;

private:
    struct Notice {
        enum class Kind : std::uint8_t { acknowledged, undelivered, lost, interrupted } kind;
        std::int64_t token = 0;
        std::string why;
    };
    /// One send() in progress.
    struct Transfer;

    MqttClient::Handlers handlers();
    void hand_over(Transfer& transfer);
    void note(Transfer& transfer, const Notice& notice);
    void announce(std::string_view state, std::chrono::milliseconds wait);
    static std::vector<Verdict> verdicts(const Transfer& transfer, std::size_t records);

    const MqttSinkSettings settings_;
    const RecordContext records_;
    Counter& acks_ignored_;  // late, repeated, of nothing we know
    Counter& names_replaced_;
    Counter& notices_lost_;
    BoundedQueue<Notice> notices_;
    std::shared_ptr<MqttClient> client_;  // by atomic_load and atomic_store: interrupt() reads it
    std::atomic<bool> interrupted_{false};
    std::int64_t next_token_ = 1;
};

}  // namespace fog
