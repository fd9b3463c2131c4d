#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "drivers/driver.hpp"
#include "firmware/core/bounded_queue.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/metrics.hpp"
#include "firmware/io/mqtt_client.hpp"
#include "firmware/io/shared_text.hpp"

namespace fog {

/// One `[[mqtt.source]]`.
struct MqttSourceOptions {
    std::string name;
    MqttOptions client;
    std::vector<std::string> filters;
    int qos = 1;
    bool durable = false;
    std::chrono::milliseconds retry_min{1'000};
    std::chrono::milliseconds retry_max{60'000};
};
MqttSourceOptions read_mqtt_source(ConfigView& config);

/// Waits between attempts: decorrelated jitter, so that many boxes do not come back at once.
class RetryDelay {
public:
    RetryDelay(std::chrono::milliseconds least, std::chrono::milliseconds most, std::uint32_t seed)
        : least_(least), most_(most), last_(least), random_(seed) {}
    std::chrono::milliseconds next();
    void reset() { last_ = least_; }

private:
    std::chrono::milliseconds least_, most_, last_;
    std::minstd_rand random_;
};

/// A session with an external broker: every message goes to Sinks::message before its PUBACK
/// leaves. Thread: its own connects and waits; messages are handed over on Paho's thread, which is
/// that of every Paho client in the process. Blocks: stop() up to 500 ms. Fails: never at start; a
/// broker that is away is a state in words.
class MqttSource final : public Driver {
public:
    explicit MqttSource(MqttSourceOptions options);
    ~MqttSource() override;

    Result<void> start(Sinks& sinks) override;
    void stop() override;
    Health health() const override;

private:
    enum class Wake : std::uint8_t { lost, stop };

    void run();
    bool session();
    void say(bool up, const std::string& words);
    void on_message(const MqttClient::Message& message);
    std::string_view refusal(const MqttClient::Message& message) const;

    const MqttSourceOptions options_;
    const std::string link_;
    const Limits limits_;
    Sinks* sinks_ = nullptr;
    RetryDelay delay_;
    BoundedQueue<Wake> wake_;
    SharedText words_;
    std::atomic<bool> up_{false};
    std::atomic<bool> stopping_{false};
    Counter messages_, bytes_, oversized_, skipped_, refused_, sessions_;
    std::unique_ptr<MqttClient> client_;
    std::thread thread_;
};

}  // namespace fog
