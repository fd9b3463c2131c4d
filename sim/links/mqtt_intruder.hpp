#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "firmware/core/bounded_queue.hpp"
#include "firmware/io/mqtt_client.hpp"

namespace fog::sim {

/// A second device that was given the same client id: it comes again and again, and each time the
/// broker throws the other one out. Its thread `fog-sim-clash` lives as long as the object.
/// Blocks: the destructor, until a connect() that waits was interrupted.
class MqttIntruder {
public:
    MqttIntruder(MqttOptions options, std::chrono::nanoseconds every);
    ~MqttIntruder();
    MqttIntruder(const MqttIntruder&) = delete;
    MqttIntruder& operator=(const MqttIntruder&) = delete;

private:
    void run();

    std::chrono::nanoseconds every_;
    BoundedQueue<int> nudges_;
    std::atomic<bool> stopping_{false};
    MqttClient client_;
    std::thread thread_;
};

}  // namespace fog::sim
