#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "drivers/driver.hpp"
#include "firmware/core/bounded_queue.hpp"
#include "firmware/core/clock.hpp"
#include "firmware/io/published.hpp"
#include "firmware/io/serial_port.hpp"

namespace fog {

class PortWatch;

/// How long a link waits; tests shorten it.
struct LinkTiming {
    std::chrono::milliseconds slice{50};          // of reading: how soon stop and commands are seen
    std::chrono::milliseconds retry_first{1000};  // for a port that cannot be opened, doubled ...
    std::chrono::milliseconds retry_most{
        10000};                             // ... up to here; a new device node wakes it earlier
    std::chrono::milliseconds check{1000};  // that the name still leads to the open device
};

/// Runs a codec on a serial port, on its own thread fog-drv-<name>: opens, reads, feeds, hands the
/// readings over, sends what the codec has to say, and comes back when the device does.
/// Threads: start, stop by one owner; submit and health by any. Blocks: stop() until the thread has
/// ended (one slice, plus what Sinks::readings still takes). A missing port is not a failure.
class CodecLink final : public Driver {
public:
    /// `clock` must outlive the link.
    CodecLink(std::string name, SerialSpec spec, std::unique_ptr<Codec> codec, const Clock& clock,
              LinkTiming timing = {});
    ~CodecLink() override;
    CodecLink(const CodecLink&) = delete;
    CodecLink& operator=(const CodecLink&) = delete;

    Result<void> start(Sinks& sinks) override;
    void stop() override;
    Health health() const override;
    /// Takes a command for the device; Errc::busy when 16 are waiting.
    Result<void> submit(Command command);
    const std::string& name() const { return name_; }

private:
    void run();
    void serve(SerialPort port);
    bool hand_over();
    void send_commands(Bytes& output);
    bool write_all(SerialPort& port, const Bytes& output);
    bool wait_for_port(PortWatch& watch, std::chrono::milliseconds at_most);
    void say(bool up, std::string words);
    void publish();

    struct Batch;
    const std::string name_;    // the id of the config
    const std::string source_;  // "serial:<id>", as Sinks and the ingest ring name it
    const SerialSpec spec_;
    const Clock& clock_;
    const LinkTiming timing_;
    std::unique_ptr<Codec> codec_;  // fog-drv-<name> only
    std::unique_ptr<Batch> batch_;  // fog-drv-<name> only
    Sinks* sinks_ = nullptr;
    Health current_;  // fog-drv-<name> only; `health_` is its copy for others
    Published<Health> health_;
    BoundedQueue<Command> commands_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

/// Makes what one object of ports.d asks for: `type` names the driver, `id` the link, `port`,
/// `baud`
/// ... the serial port, the rest is the codec's. Codec drivers become a CodecLink; drivers that are
/// complete by themselves are made as they are. Faults are added to the list; Errc::bad_config if
/// there were errors. `clock` must outlive the driver.
Result<std::unique_ptr<Driver>> make_link(const Node& config, const Clock& clock,
                                          std::vector<Fault>& faults);

}  // namespace fog
