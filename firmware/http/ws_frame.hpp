#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fog::ws {

enum class Opcode : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10
};

/// Close codes we send.
inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kUnsupported = 1003;
inline constexpr std::uint16_t kBadUtf8 = 1007;
inline constexpr std::uint16_t kTooBig = 1009;
inline constexpr std::uint16_t kRestart = 1012;

/// Header of a whole, unmasked frame as servers send it (2, 4 or 10 bytes).
void append_header(std::string& out, Opcode opcode, std::size_t payload);
void append_frame(std::string& out, Opcode opcode, std::string_view payload);
std::string close_frame(std::uint16_t code, std::string_view reason);

/// Whether a peer may send this code in a close frame.
bool valid_close_code(std::uint16_t code);

/// Server side of RFC 6455: bytes of a client in, whole messages and control frames out.
/// Pure; any split of the input gives the same output. Holds at most one message; empty when idle.
class Decoder {
public:
    explicit Decoder(std::size_t message_bytes) : most_(message_bytes) {}
    /// For a stream in binary messages whose borders mean nothing: their bytes come as they arrive,
    /// none are held. Text is a fault.
    static Decoder of_stream() {
        Decoder out(SIZE_MAX);
        out.stream_ = true;
        return out;
    }

    enum class Kind : std::uint8_t { more, text, binary, ping, pong, close, fault };
    struct Event {
        Kind kind = Kind::more;  // more: the input is used up
        std::string data;        // payload; reason of close and fault
        std::uint16_t code = 0;  // of close (1005 = none sent) and fault
    };
    /// Next thing in `in`; what was used is removed from its front. After a fault: only faults.
    Event next(std::span<const std::byte>& in);

private:
    Event fault(std::uint16_t code, std::string_view why);
    bool take_header(std::span<const std::byte>& in);
    Event check_header();
    Event finish_frame();
    Event finish_control(Opcode opcode);

    std::size_t most_;
    std::string message_;  // unmasked so far, all fragments
    std::string control_;  // of a control frame
    std::uint8_t header_[14] = {};
    std::uint8_t have_ = 0;  // bytes of the header read
    bool in_payload_ = false;
    bool broken_ = false;
    bool stream_ = false;
    bool fragmented_ = false;       // between fragments
    Opcode opcode_ = Opcode::text;  // of the message
    std::uint64_t left_ = 0;        // payload bytes to come
    std::uint64_t at_ = 0;          // position in the mask
};

/// Sec-WebSocket-Accept for a key.
std::string accept_key(std::string_view key);

}  // namespace fog::ws
