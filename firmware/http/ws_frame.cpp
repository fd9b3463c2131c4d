#include "firmware/http/ws_frame.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>

#include "firmware/core/text.hpp"

namespace fog::ws {

namespace {

constexpr std::size_t kControlBytes = 125;
constexpr std::uint16_t kNoCode = 1005;

bool is_control(Opcode opcode) {
    return (static_cast<unsigned>(opcode) & 8U) != 0;
}

std::size_t header_bytes(const std::uint8_t* header) {
    const unsigned length = header[1] & 0x7FU;
    const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    return 2 + extra + ((header[1] & 0x80U) != 0 ? 4 : 0);
}

}  // namespace

void append_header(std::string& out, Opcode opcode, std::size_t payload) {
    out += static_cast<char>(0x80U | static_cast<unsigned>(opcode));
    if (payload < 126) {
        out += static_cast<char>(payload);
        return;
    }
    const int bytes = payload <= 0xFFFF ? 2 : 8;
    out += static_cast<char>(bytes == 2 ? 126 : 127);
    for (int i = bytes - 1; i >= 0; --i)
        out += static_cast<char>((static_cast<std::uint64_t>(payload) >> (8 * i)) & 0xFFU);
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
    append_header(out, opcode, payload.size());
    out += payload;
}

std::string close_frame(std::uint16_t code, std::string_view reason) {
    std::string payload;
    payload += static_cast<char>(code >> 8U);
    payload += static_cast<char>(code & 0xFFU);
    payload += reason.substr(0, kControlBytes - 2);
    std::string out;
    append_frame(out, Opcode::close, payload);
    return out;
}

bool valid_close_code(std::uint16_t code) {
    if (code >= 3000 && code <= 4999) return true;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

Decoder::Event Decoder::fault(std::uint16_t code, std::string_view why) {
    broken_ = true;
    message_ = {};
    control_ = {};
    return {Kind::fault, std::string(why), code};
}

bool Decoder::take_header(std::span<const std::byte>& in) {
    while (have_ < 2 || have_ < header_bytes(header_)) {
        if (in.empty()) return false;
        header_[have_++] = static_cast<std::uint8_t>(in.front());
        in = in.subspan(1);
        // Faults of the first two bytes are told at once, not when the rest has come.
        if (have_ == 2 && (header_[1] & 0x80U) == 0) return true;
    }
    return true;
}

Decoder::Event Decoder::check_header() {
    const auto opcode = static_cast<Opcode>(header_[0] & 0x0FU);
    const bool fin = (header_[0] & 0x80U) != 0;
    if ((header_[0] & 0x70U) != 0) return fault(kProtocolError, "reserved bits are set");
    if ((header_[1] & 0x80U) == 0) return fault(kProtocolError, "client frames must be masked");
    const unsigned code = static_cast<unsigned>(opcode);
    if ((code > 2 && code < 8) || code > 10) return fault(kProtocolError, "unknown opcode");
    std::uint64_t length = header_[1] & 0x7FU;
    const int extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (extra != 0) length = 0;
    for (int i = 0; i < extra; ++i) length = (length << 8U) | header_[2 + i];
    if (extra == 8 && (length >> 63U) != 0) return fault(kProtocolError, "length out of range");
    if ((extra == 2 && length < 126) || (extra == 8 && length <= 0xFFFF))
        return fault(kProtocolError, "length is not in its shortest form");
    if (is_control(opcode)) {
        if (!fin) return fault(kProtocolError, "fragmented control frame");
        if (length > kControlBytes) return fault(kProtocolError, "control frame over 125 bytes");
    } else if (opcode == Opcode::continuation) {
        if (!fragmented_) return fault(kProtocolError, "continuation of nothing");
    } else {
        if (fragmented_) return fault(kProtocolError, "a message begins inside another");
        if (stream_ && opcode == Opcode::text)
            return fault(kUnsupported, "text, only binary frames are taken here");
        opcode_ = opcode;
    }
    if (!is_control(opcode) && length > most_ - message_.size())
        return fault(kTooBig, "message over " + std::to_string(most_) + " bytes");
    left_ = length;
    at_ = 0;
    in_payload_ = true;
    return {};
}

Decoder::Event Decoder::finish_control(Opcode opcode) {
    std::string payload = std::move(control_);
    control_ = {};
    if (opcode == Opcode::ping) return {Kind::ping, std::move(payload), 0};
    if (opcode == Opcode::pong) return {Kind::pong, std::move(payload), 0};
    if (payload.empty()) return {Kind::close, {}, kNoCode};
    if (payload.size() == 1) return fault(kProtocolError, "close frame with one byte");
    const auto code = static_cast<std::uint16_t>((static_cast<std::uint8_t>(payload[0]) << 8U) |
                                                 static_cast<std::uint8_t>(payload[1]));
    if (!valid_close_code(code)) return fault(kProtocolError, "close code not allowed");
    payload.erase(0, 2);
    if (!valid_utf8(payload)) return fault(kBadUtf8, "close reason is not UTF-8");
    return {Kind::close, std::move(payload), code};
}

Decoder::Event Decoder::finish_frame() {
    const auto opcode = static_cast<Opcode>(header_[0] & 0x0FU);
    const bool fin = (header_[0] & 0x80U) != 0;
    in_payload_ = false;
    have_ = 0;
    if (is_control(opcode)) return finish_control(opcode);
    fragmented_ = !fin;
    if (!fin || stream_) return {};
    std::string message = std::move(message_);
    message_ = {};
    if (opcode_ == Opcode::binary) return {Kind::binary, std::move(message), 0};
    if (!valid_utf8(message)) return fault(kBadUtf8, "text is not UTF-8");
    return {Kind::text, std::move(message), 0};
}

Decoder::Event Decoder::next(std::span<const std::byte>& in) {
    if (broken_) {
        in = {};
        return {};
    }
    for (;;) {
        if (!in_payload_) {
            if (!take_header(in)) return {};
            if (Event event = check_header(); event.kind != Kind::more) return event;
        }
        const auto opcode = static_cast<Opcode>(header_[0] & 0x0FU);
        std::string& into = is_control(opcode) ? control_ : message_;
        const auto* mask = header_ + header_bytes(header_) - 4;
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
        const auto start = into.size();
        into.resize(start + count);
        for (std::size_t i = 0; i < count; ++i)
            into[start + i] =
                static_cast<char>(static_cast<std::uint8_t>(in[i]) ^ mask[(at_ + i) & 3U]);
        at_ += count;
        left_ -= count;
        in = in.subspan(count);
        if (stream_ && !message_.empty()) return {Kind::binary, std::exchange(message_, {}), 0};
        if (left_ != 0) return {};
        if (Event event = finish_frame(); event.kind != Kind::more) return event;
        if (in.empty()) return {};
    }
}

std::string accept_key(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::array<unsigned char, 32> encoded{};
    const int length = EVP_EncodeBlock(encoded.data(), digest.data(), digest.size());
    return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length)};
}

}  // namespace fog::ws
