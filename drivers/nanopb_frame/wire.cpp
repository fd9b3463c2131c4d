#include "drivers/nanopb_frame/wire.hpp"

#include "drivers/framing/checks.hpp"
#include "drivers/framing/cobs.hpp"

namespace fog::mcu {

namespace {

void put(Bytes& out, std::uint32_t value, std::size_t bytes) {
    for (std::size_t index = 0; index < bytes; ++index)
        out.push_back(static_cast<std::byte>(value >> (8U * index)));
}

std::uint32_t get(std::span<const std::byte> from, std::size_t bytes) {
    std::uint32_t value = 0;
    for (std::size_t index = 0; index < bytes; ++index)
        value |= std::to_integer<std::uint32_t>(from[index]) << (8U * index);
    return value;
}

constexpr std::size_t check_bytes(Check check) {
    return check == Check::crc32 ? 4 : 2;
}

std::uint32_t check_of(std::span<const std::byte> bytes, Check check) {
    return check == Check::crc32 ? crc32(bytes) : crc16_ccitt(bytes);
}

}  // namespace

void encode_frame(const Header& header, std::span<const std::byte> payload, Check check,
                  Bytes& out) {
    const Check used = always_crc32(header.type) ? Check::crc32 : check;
    Bytes plain;
    plain.reserve(kHeaderBytes + payload.size() + 4);
    put(plain, (header.version << 4U) | header.type, 1);
    put(plain, header.flags, 1);
    put(plain, header.seq, 2);
    put(plain, header.ack, 2);
    plain.insert(plain.end(), payload.begin(), payload.end());
    put(plain, check_of(plain, used), check_bytes(used));
    cobs_encode(plain, out);
    out.push_back(std::byte{0});
}

std::optional<Frame> parse_frame(std::span<const std::byte> bytes, Check check) {
    if (bytes.size() < kHeaderBytes + check_bytes(check)) return std::nullopt;
    const auto covered = bytes.first(bytes.size() - check_bytes(check));
    if (get(bytes.subspan(covered.size()), check_bytes(check)) != check_of(covered, check))
        return std::nullopt;
    Frame frame;
    frame.header.version = get(covered, 1) >> 4U;
    frame.header.type = get(covered, 1) & 0x0FU;
    frame.header.flags = static_cast<std::uint8_t>(get(covered.subspan(1), 1));
    frame.header.seq = static_cast<std::uint16_t>(get(covered.subspan(2), 2));
    frame.header.ack = static_cast<std::uint16_t>(get(covered.subspan(4), 2));
    frame.payload = covered.subspan(kHeaderBytes);
    return frame;
}

}  // namespace fog::mcu
