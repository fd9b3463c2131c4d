#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/bounded_queue.hpp"
#include "firmware/core/result.hpp"
#include "firmware/io/fd.hpp"
#include "firmware/io/mqtt_client.hpp"
#include "sim/cloud/far_record.hpp"

namespace fog::sim {

/// Appends what a far side accepted to `far-<sink>.jsonl`; a line is in the file before take()
/// returns, so that an acknowledgement never comes before it.
/// Threads: one calls take(), any reads the counts. Blocks on the disk.
class FarRecorder {
public:
    static Result<FarRecorder> open(const std::filesystem::path& file, std::string sink);
    FarRecorder(FarRecorder&& other) noexcept;

    /// One message. What is no record is kept as {"k":"other"}.
    void take(std::string_view topic, std::string_view payload);
    std::uint64_t records() const { return records_.load(); }
    std::uint64_t others() const { return others_.load(); }
    std::uint64_t failed_writes() const { return failed_.load(); }

private:
    FarRecorder(Fd fd, std::string sink) : fd_(std::move(fd)), lines_(std::move(sink)) {}
    Fd fd_;
    FarLines lines_;
    std::string buffer_;
    std::atomic<std::uint64_t> records_{0}, others_{0}, failed_{0};
};

struct FarMqttOptions {
    std::string url;
    std::vector<std::string> topics{"#"};
    std::string client_id = "fogsim-far";
    std::string user{}, password{};
};

/// Subscribes at a broker that plays the cloud, with QoS 1 and a session that outlives us, and
/// records what comes. Thread: run() blocks the caller's; stop() from any thread.
class FarMqtt {
public:
    FarMqtt(FarMqttOptions options, FarRecorder& recorder);
    /// Until stop(). A broker that is away is waited for. Errc: what connect() says cannot heal.
    Result<void> run();
    void stop();
    bool subscribed() const { return subscribed_.load(); }

private:
    Result<void> once(MqttClient& client);

    FarMqttOptions options_;
    FarRecorder& recorder_;
    BoundedQueue<int> nudges_;
    std::atomic<bool> stopping_{false}, lost_{false}, subscribed_{false};
};

}  // namespace fog::sim
