#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "firmware/core/node.hpp"
#include "firmware/core/result.hpp"

namespace fog {

enum class Parity : std::uint8_t { none, even, odd };
enum class Flow : std::uint8_t { none, rtscts, xonxoff };

struct SerialSpec {
    std::string port;             // "/dev/serial/by-id/...", "/dev/ttyUSB0", a pty
    std::uint32_t baud = 115200;  // any number, also non-standard ones
    std::uint8_t data_bits = 8;
    Parity parity = Parity::none;
    std::uint8_t stop_bits = 1;
    Flow flow = Flow::none;
    bool low_latency = false;  // asked of the driver; one that cannot is left as it is
};

/// Reads port, baud, data_bits, parity, stop_bits, flow, low_latency; faults go to the view.
SerialSpec read_serial_spec(ConfigView& config);

/// One serial port or pty, opened for us alone, in raw mode; closing puts its settings back.
/// Thread: one owner. Blocks: read() and write() up to their `wait`, nothing else.
class SerialPort {
public:
    /// Errc: not_found (no such device), denied (with the group to join), busy (with the process
    /// that holds it), bad_config (not a terminal, settings refused), unreachable (else).
    static Result<SerialPort> open(const SerialSpec& spec);
    SerialPort(SerialPort&&) noexcept;
    SerialPort& operator=(SerialPort&&) noexcept;
    ~SerialPort();

    /// What has arrived, up to the size of `into`; 0 = nothing within `wait`.
    /// Errc: unreachable once the device is gone (unplugged, hung up, far end of a pty closed).
    Result<std::size_t> read(std::span<std::byte> into, std::chrono::milliseconds wait);
    /// How much was taken within `wait`, perhaps not all. Errc: unreachable as above.
    Result<std::size_t> write(std::span<const std::byte> bytes, std::chrono::milliseconds wait);
    /// Whether the name still leads to the device that is open (a stat(2)): a link that was moved
    /// or a node that vanished without hang-up says false.
    bool still_there() const;

private:
    struct Impl;
    explicit SerialPort(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace fog
