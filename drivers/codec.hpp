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

/// What a codec counts. Every byte fed is in a frame or in one of the discards.
struct CodecStats {
    std::uint64_t frames = 0;
    std::uint64_t readings = 0;
    std::uint64_t bytes = 0;
    std::uint64_t discarded_bytes = 0;  // sum over the reasons below
    std::uint64_t bad_crc = 0;          // frames
    std::uint64_t bad_frame = 0;        // framing, length, version
    std::uint64_t undecodable = 0;      // well framed, content makes no sense
    std::uint64_t oversized = 0;        // longer than the bound
    std::uint64_t repeated = 0;         // retransmissions that were not stored again
};

/// For devices that talk by themselves: bytes in, readings out. No I/O, no clock, no threads.
class Codec {
public:
    virtual ~Codec() = default;
    /// Any split of the input gives the same output. Bad frames are counted, not thrown.
    virtual void feed(std::span<const std::byte> bytes, Emit& out) = 0;
    /// Bytes to send to the device by itself (handshake, acknowledgements); empty if none.
    virtual Bytes take_output() { return {}; }
    /// The readings of every frame fed so far are on flash: acknowledgements may move.
    virtual void committed() {}
    virtual Result<Bytes> encode(const Command& command) = 0;
    virtual void reset(Cause cause) = 0;  // forgets the half frame, keeps the counters
    virtual CodecStats stats() const = 0;
};

}  // namespace fog
