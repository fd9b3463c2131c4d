#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "firmware/io/fd.hpp"

namespace fog::bench {

enum class Wire { sse, websocket, bare };

/// What clients of a push server got. A message carries the time it was sent as `"v":<µs>`.
struct Harvest {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;   // after the measuring began
    std::uint64_t closed = 0;  // connections the server ended
    std::vector<double> latencies_us;
};

/// `count` clients of one push server in a process of their own, one epoll loop.
/// Client i asks for group i % groups: channel samples/d<group>/#. Of `stalled_every` clients of a
/// group one stops reading once it is answered; it asks for samples/flood/# too.
class Crowd {
public:
    struct Wanted {
        Wire wire = Wire::sse;
        std::uint16_t port = 0;
        std::string token;
        unsigned count = 0;
        unsigned groups = 1;
        unsigned stalled_every = 0;  // 0: none
        bool stalled(unsigned client) const {
            return stalled_every != 0 && client / groups % stalled_every == 0;
        }
    };
    /// Returns when all are connected and answered.
    explicit Crowd(const Wanted& wanted);
    ~Crowd();
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    /// Ends the process; what was sent at `from_us` or later.
    Harvest end(std::int64_t from_us);

private:
    pid_t pid_ = -1;
    Fd to_;
    Fd from_;
};

}  // namespace fog::bench
