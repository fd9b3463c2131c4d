#include "drivers/nanopb_frame/sim_wire.hpp"

#include <bit>

namespace fog::mcu_sim {

namespace {

/// Half a byte at a time.
std::uint32_t sim_crc32(std::span<const std::byte> bytes) {
    static constexpr std::uint32_t kHalf[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC,
                                                0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
                                                0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                                0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    std::uint32_t crc = 0xFFFFFFFFU;
    for (const std::byte byte : bytes) {
        crc ^= std::to_integer<std::uint32_t>(byte);
        crc = (crc >> 4U) ^ kHalf[crc & 0xFU];
        crc = (crc >> 4U) ^ kHalf[crc & 0xFU];
    }
    return crc ^ 0xFFFFFFFFU;
}

/// Bit by bit, as the definition has it.
std::uint16_t sim_crc16(std::span<const std::byte> bytes) {
    std::uint32_t crc = 0xFFFFU;
    for (const std::byte byte : bytes) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            const std::uint32_t in = (std::to_integer<std::uint32_t>(byte) >> (7 - bit)) & 1U;
            const std::uint32_t out = (crc >> 15U) & 1U;
            crc = (crc << 1U) & 0xFFFFU;
            if ((in ^ out) != 0) crc ^= 0x1021U;
        }
    }
    return static_cast<std::uint16_t>(crc);
}

bool wants_crc16(unsigned type, bool agreed) {
    return agreed && type != 0 && type != 1 && type != 4;  // HELLO, WELCOME, NAK: always CRC-32
}

/// COBS by cutting at the zeros.
void stuff(std::span<const std::byte> plain, Bytes& wire) {
    std::size_t at = 0;
    while (true) {
        std::size_t run = 0;
        while (at + run < plain.size() && run < 254 && plain[at + run] != std::byte{0}) ++run;
        wire.push_back(static_cast<std::byte>(run + 1));
        const auto part = plain.subspan(at, run);
        wire.insert(wire.end(), part.begin(), part.end());
        at += run;
        if (at == plain.size()) return;
        if (run < 254) ++at;  // the zero itself
        if (at == plain.size() && run < 254) {
            wire.push_back(std::byte{1});
            return;
        }
    }
}

bool unstuff(std::span<const std::byte> wire, Bytes& plain) {
    while (!wire.empty()) {
        const auto code = std::to_integer<std::size_t>(wire[0]);
        if (code == 0 || code > wire.size()) return false;
        plain.insert(plain.end(), wire.begin() + 1, wire.begin() + static_cast<long>(code));
        wire = wire.subspan(code);
        if (code < 255 && !wire.empty()) plain.push_back(std::byte{0});
    }
    return true;
}

}  // namespace

void Writer::raw_varint(std::uint64_t value) {
    while (value >= 0x80U) {
        out_.push_back(static_cast<std::byte>(value | 0x80U));
        value >>= 7U;
    }
    out_.push_back(static_cast<std::byte>(value));
}

void Writer::raw_fixed(std::uint64_t value) {
    for (unsigned shift = 0; shift < 64; shift += 8)
        out_.push_back(static_cast<std::byte>(value >> shift));
}

void Writer::varint(std::uint32_t field, std::uint64_t value) {
    raw_varint(field << 3U);
    raw_varint(value);
}

void Writer::zigzag(std::uint32_t field, std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    varint(field, (bits << 1U) ^ (value < 0 ? ~std::uint64_t{0} : 0));
}

void Writer::fixed64(std::uint32_t field, std::uint64_t value) {
    raw_varint((field << 3U) | 1U);
    raw_fixed(value);
}

void Writer::real(std::uint32_t field, double value) {
    fixed64(field, std::bit_cast<std::uint64_t>(value));
}

void Writer::bytes(std::uint32_t field, std::span<const std::byte> value) {
    raw_varint((field << 3U) | 2U);
    raw_varint(value.size());
    out_.insert(out_.end(), value.begin(), value.end());
}

std::vector<Field> read_fields(std::span<const std::byte> message) {
    std::vector<Field> fields;
    const auto take_varint = [&message](std::uint64_t& value) {
        value = 0;
        for (unsigned shift = 0; shift < 64 && !message.empty(); shift += 7) {
            const auto byte = std::to_integer<std::uint64_t>(message[0]);
            message = message.subspan(1);
            value |= (byte & 0x7FU) << shift;
            if (byte < 0x80U) return true;
        }
        return false;
    };
    while (!message.empty()) {
        std::uint64_t key = 0;
        if (!take_varint(key)) return {};
        Field field{
            static_cast<std::uint32_t>(key >> 3U), static_cast<std::uint32_t>(key & 7U), 0, {}};
        if (field.wire_type == 0) {
            if (!take_varint(field.value)) return {};
        } else {
            std::uint64_t size = field.wire_type == 1 ? 8 : 4;
            if (field.wire_type == 2 && !take_varint(size)) return {};
            if (field.wire_type != 1 && field.wire_type != 2 && field.wire_type != 5) return {};
            if (size > message.size()) return {};
            field.bytes = message.first(static_cast<std::size_t>(size));
            for (std::size_t index = 0; field.wire_type != 2 && index < size; ++index)
                field.value |= std::to_integer<std::uint64_t>(field.bytes[index]) << (8 * index);
            message = message.subspan(static_cast<std::size_t>(size));
        }
        fields.push_back(field);
    }
    return fields;
}

std::uint64_t number_of(const std::vector<Field>& fields, std::uint32_t number) {
    for (const Field& field : fields)
        if (field.number == number) return field.value;
    return 0;
}

void pack(const Packet& packet, bool crc16, Bytes& wire) {
    Bytes plain;
    const auto put = [&plain](std::uint32_t value, int bytes) {
        for (; bytes > 0; --bytes, value >>= 8U) plain.push_back(static_cast<std::byte>(value));
    };
    put(0x10U | packet.type, 1);
    put(packet.flags, 1);
    put(packet.seq, 2);
    put(packet.ack, 2);
    plain.insert(plain.end(), packet.payload.begin(), packet.payload.end());
    if (wants_crc16(packet.type, crc16))
        put(sim_crc16(plain), 2);
    else
        put(sim_crc32(plain), 4);
    stuff(plain, wire);
    wire.push_back(std::byte{0});
}

std::optional<Packet> unpack(std::span<const std::byte> wire, bool crc16) {
    Bytes plain;
    if (!unstuff(wire, plain) || plain.size() < 8) return std::nullopt;
    const auto byte = [&plain](std::size_t at) {
        return std::to_integer<std::uint32_t>(plain[at]);
    };
    Packet packet;
    packet.type = byte(0) & 0x0FU;
    const bool small = wants_crc16(packet.type, crc16);
    const std::size_t body = plain.size() - (small ? 2U : 4U);
    if (byte(0) >> 4U != 1 || body < 6) return std::nullopt;
    const auto covered = std::span<const std::byte>(plain).first(body);
    std::uint32_t sent = 0;
    for (std::size_t at = body; at < plain.size(); ++at) sent |= byte(at) << (8 * (at - body));
    if (sent != (small ? sim_crc16(covered) : sim_crc32(covered))) return std::nullopt;
    packet.flags = static_cast<std::uint8_t>(byte(1));
    packet.seq = static_cast<std::uint16_t>(byte(2) | (byte(3) << 8U));
    packet.ack = static_cast<std::uint16_t>(byte(4) | (byte(5) << 8U));
    packet.payload.assign(plain.begin() + 6, plain.begin() + static_cast<long>(body));
    return packet;
}

}  // namespace fog::mcu_sim
