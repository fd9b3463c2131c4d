#include "drivers/framing/cobs.hpp"

namespace fog {

void cobs_encode(std::span<const std::byte> bytes, Bytes& out) {
    std::size_t code_at = out.size();
    out.push_back(std::byte{1});
    unsigned code = 1;
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        if (bytes[index] != std::byte{0}) {
            out.push_back(bytes[index]);
            ++code;
        }
        const bool last = index + 1 == bytes.size();
        // A full group at the very end needs no further code byte.
        if (bytes[index] == std::byte{0} || (code == 0xFF && !last)) {
            out[code_at] = static_cast<std::byte>(code);
            code_at = out.size();
            out.push_back(std::byte{1});
            code = 1;
        }
    }
    out[code_at] = static_cast<std::byte>(code);
}

std::optional<Bytes> cobs_decode(std::span<const std::byte> frame) {
    if (frame.empty()) return std::nullopt;
    Bytes out;
    out.reserve(frame.size());
    std::size_t at = 0;
    while (at < frame.size()) {
        const auto code = std::to_integer<std::size_t>(frame[at]);
        if (code == 0 || at + code > frame.size()) return std::nullopt;
        for (std::size_t index = at + 1; index < at + code; ++index) {
            if (frame[index] == std::byte{0}) return std::nullopt;
            out.push_back(frame[index]);
        }
        at += code;
        if (code != 0xFF && at < frame.size()) out.push_back(std::byte{0});
    }
    return out;
}

}  // namespace fog
