#pragma once

#include <deque>
#include <filesystem>
#include <span>
#include <string>

#include "firmware/core/clock.hpp"
#include "firmware/core/reading.hpp"
#include "firmware/core/result.hpp"
#include "firmware/io/fd.hpp"

namespace fog::sim {

/// The device's end of a pseudo terminal, found by the gateway under a stable symbolic link, as a
/// USB adapter is under /dev/serial/by-id. Bytes leave at line speed, 10 bits each (8N1).
/// Thread: one. Never blocks.
class PtyPort {
public:
    /// `baud` 0 = as fast as the pty takes them.
    PtyPort(std::filesystem::path link, unsigned baud);
    ~PtyPort();
    PtyPort(const PtyPort&) = delete;
    PtyPort& operator=(const PtyPort&) = delete;

    /// A new pty behind the link; what an earlier run left there is replaced.
    Result<void> plug();
    /// The gateway sees the line hang up and the link vanish; queued bytes are gone.
    void unplug();
    bool plugged() const { return static_cast<bool>(master_); }
    /// Whether somebody has the other end open.
    bool heard() const;

    /// Queues bytes; false if more than 64 KiB would wait (nothing is queued then).
    [[nodiscard]] bool send(std::span<const std::byte> bytes, MonoTime now);
    /// Writes what line speed allows by `now`. Nobody listening: they fall on the floor.
    void pump(MonoTime now);
    /// When pump() has something to do again; MonoTime::max() when nothing waits.
    MonoTime next_pump() const;
    std::size_t queued() const { return queue_.size(); }
    /// What the gateway has written.
    Bytes receive();

    int fd() const { return master_.get(); }
    const std::filesystem::path& link() const { return link_; }

private:
    std::chrono::nanoseconds line_time(std::size_t bytes) const;
    Result<void> open_pair(std::string& name);
    Result<void> place_link(const std::string& name) const;

    std::filesystem::path link_;
    unsigned baud_;
    Fd master_;
    std::deque<std::byte> queue_;
    MonoTime line_free_{};  // when the last byte written has left the line
};

}  // namespace fog::sim
