#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>

#include "tests/bench/proc.hpp"

namespace fog::bench {

/// The least a durable MQTT 3.1.1 ingest can do, in a process of its own: an epoll loop that reads
/// what is there, finds the publishes, commits topics and payloads as they are as one row of SQLite
/// (WAL, synchronous=FULL) and then acknowledges them, one send() a connection. It decodes nothing.
class MqttFloor {
public:
    explicit MqttFloor(const std::filesystem::path& below);
    ~MqttFloor();
    MqttFloor(const MqttFloor&) = delete;
    MqttFloor& operator=(const MqttFloor&) = delete;

    std::uint16_t port() const { return port_; }
    pid_t pid() const { return pid_; }

private:
    WorkFolder folder_;
    pid_t pid_ = -1;
    std::uint16_t port_ = 0;
};

}  // namespace fog::bench
