#pragma once

#include <sys/types.h>

#include <cstdint>

#include "firmware/io/fd.hpp"

namespace fog::bench {

/// The least a push server can do, in a process of its own: an epoll loop that takes a message from
/// a pipe and calls send() without blocking once for every client of the group.
class FloorServer {
public:
    explicit FloorServer(std::uint32_t message_bytes);
    ~FloorServer();
    FloorServer(const FloorServer&) = delete;
    FloorServer& operator=(const FloorServer&) = delete;

    void send(unsigned group, std::int64_t stamp_us);
    std::uint16_t port() const { return port_; }
    pid_t pid() const { return pid_; }

private:
    Fd messages_;
    pid_t pid_ = -1;
    std::uint16_t port_ = 0;
};

}  // namespace fog::bench
