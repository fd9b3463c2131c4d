#pragma once

#include <deque>
#include <map>
#include <memory>
#include <thread>

#include "sim/cloud/far_faults.hpp"
#include "sim/cloud/far_recorder.hpp"
#include "sim/cloud/mqtt_packet.hpp"
#include "sim/net/stream_loop.hpp"

namespace fog::sim {

/// A small MQTT broker that plays the cloud: 3.1.1 and 5.0, QoS 0 and 1, retained messages, wills.
/// What is published is in the recorder's file before it is acknowledged. Keeps no sessions: a
/// connection that ends takes its subscriptions with it, and CONNACK says so.
/// Threads: any calls set() and stop(); the rest its own `fog-sim-far`.
class FarBroker final : public FarSide, private StreamService {
public:
    static constexpr std::size_t kPacketBytes = 16U << 20U;
    static constexpr std::size_t kRetained = 10'000;
    static constexpr std::size_t kFilters = 1'000;  // of a client

    FarBroker(FarRecorder& recorder, std::uint64_t seed, const std::string& name);
    ~FarBroker() override;
    /// The port taken. Errc: busy, bad_config.
    Result<std::uint16_t> start(const std::string& address, std::uint16_t port);
    void set(const FaultSpec& fault, bool begins) override;
    void stop() override;
    std::uint64_t accepted() const { return accepted_.load(); }

private:
    struct Client {
        int version = 4;
        bool known = false;  // CONNECT was taken
        bool goodbye = false;
        std::string id;
        MonoTime heard{};
        std::chrono::seconds silence{0};  // longest allowed; 0 = any
        std::optional<MqttPublish> will;
        std::vector<MqttSubscribe::Filter> filters;
        std::uint16_t last_id = 0;
        std::size_t unacked = 0;  // publishes whose acknowledgement is late or lost
    };
    struct LateAck {
        MonoTime at;
        std::uint64_t stream;
        std::string bytes;
    };
    void opened(Stream& stream, std::uint64_t listener) override;
    void heard(Stream& stream) override;
    void closed(Stream& stream) override;
    std::optional<MonoTime> due(MonoTime now) override;

    bool handle(Stream& stream, Client& client, const MqttFrame& frame);
    bool connect(Stream& stream, Client& client, const MqttFrame& frame);
    bool publish(Stream& stream, Client& client, const MqttFrame& frame);
    void acknowledge(Stream& stream, Client& client, std::uint16_t id);
    bool subscribe(Stream& stream, Client& client, const MqttFrame& frame);
    bool unsubscribe(Stream& stream, Client& client, const MqttFrame& frame);
    void kick(Stream& stream, const Client& client, unsigned code);
    void accept(const MqttPublish& message);
    void deliver(Stream& stream, Client& client, MqttPublish message, int granted);

    FarRecorder& recorder_;
    FarFaults faults_;
    StreamLoop loop_;
    std::map<std::uint64_t, Client> clients_;  // by stream
    std::map<std::string, MqttPublish> retained_;
    std::deque<LateAck> late_;
    std::uint64_t last_assigned_ = 0;
    std::atomic<std::uint64_t> accepted_{0};
    std::thread thread_;
};

}  // namespace fog::sim
