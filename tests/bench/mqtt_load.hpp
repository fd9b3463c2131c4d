#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace fog::bench {

/// What the senders of a run count, in memory they share with this program.
struct LoadCount {
    static constexpr std::size_t kBuckets = 512;  // of waiting for the ack: eighths of an octave
    std::atomic<unsigned> connected{0};
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> acknowledged{0};
    std::atomic<unsigned> refused{0};
    std::atomic<bool> measure{false};
    std::array<std::atomic<std::uint32_t>, kBuckets> waits{};
};

/// MQTT 3.1.1 clients that publish QoS 1, in a process of their own: one epoll loop. Blocks where
/// it says so; fails (proc.hpp) when the other side does not let them in.
class MqttLoad {
public:
    struct Wanted {
        std::uint16_t port = 0;
        std::string password;
        unsigned connections = 1;
        unsigned window = 500;   // publishes unacknowledged, of each connection
        double per_second = 0;   // of all; 0: as fast as the window lets them
        std::size_t values = 5;  // in the JSON of a message, about 20 bytes each
        std::uint8_t qos = 1;
    };

    explicit MqttLoad(const Wanted& wanted);
    ~MqttLoad();
    MqttLoad(const MqttLoad&) = delete;
    MqttLoad& operator=(const MqttLoad&) = delete;

    std::uint64_t sent() const { return count_->sent.load(); }
    std::uint64_t acknowledged() const { return count_->acknowledged.load(); }
    /// From now on the waits for acks are kept.
    void measure() { count_->measure.store(true); }
    /// Of the waits for an ack kept so far, in ms; `part` in 0..1.
    double wait_ms(double part) const;
    /// Bytes of a payload, on average.
    static std::size_t payload_bytes(std::size_t values);

private:
    LoadCount* count_ = nullptr;
    pid_t pid_ = -1;
};

}  // namespace fog::bench
