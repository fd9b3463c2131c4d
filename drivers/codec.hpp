#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "firmware/core/reading.hpp"
#include "firmware/core/result.hpp"

namespace fog {

/// Why a link's decoding state is forgotten.
enum class Cause : std::uint8_t { opened, reconnected, timeout, stopped };

/// A value to be written to a device.
struct Command {
    std::string device_key;
    std::string point;
    Value value;
    MonoTime expires;
};

/// What a codec counts. Every byte fed is in a frame, in a discard, or in the half frame that
/// waits for its end; after reset() bytes = frame_bytes + discarded_bytes.
struct CodecStats {
    std::uint64_t frames = 0;
    std::uint64_t readings = 0;
    std::uint64_t bytes = 0;
    std::uint64_t frame_bytes = 0;      // in `frames`, delimiters included
    std::uint64_t discarded_bytes = 0;  // sum over the reasons below
    std::uint64_t bad_crc = 0;          // frames
    std::uint64_t bad_frame = 0;        // framing, length, version
    std::uint64_t undecodable = 0;      // well framed, content makes no sense
    std::uint64_t oversized = 0;        // longer than the bound
    std::uint64_t repeated = 0;         // retransmissions that were not stored again
    std::uint64_t device_dropped = 0;   // readings the device says it lost before sending
};

/// For devices that talk by themselves: bytes in, readings out. No I/O, no clock, no threads.
class Codec {
public:
    virtual ~Codec() = default;
    /// Any split of the input gives the same output. Bad frames are counted, not thrown.
    virtual void feed(std::span<const std::byte> bytes, Emit& out) = 0;
    /// What time it is: told before every feed and at least every 100 ms, because a codec has no
    /// clock. `wall` is the epoch while wall time cannot be trusted.
    virtual void tell_time(MonoTime mono, WallTime wall) { (void)mono, (void)wall; }
    /// Bytes to send to the device by itself (handshake, acknowledgements); empty if none.
    virtual Bytes take_output() { return {}; }
    /// True: the device is acknowledged, so readings are handed over durably, and committed()
    /// follows; if the hand-over is refused, reset(timeout) makes the device send them again.
    virtual bool acknowledges() const { return false; }
    /// The readings of every frame fed so far are on flash: acknowledgements may move.
    virtual void committed() {}
    virtual Result<Bytes> encode(const Command& command) = 0;
    virtual void reset(Cause cause) = 0;  // forgets the half frame, keeps the counters
    virtual CodecStats stats() const = 0;
};

}  // namespace fog
