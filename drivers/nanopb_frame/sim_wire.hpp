#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "firmware/core/reading.hpp"

// The device's side of the wire, written from README.md alone and by other means than the gateway's
// side, so that a mistake in one of them shows.
namespace fog::mcu_sim {

/// Protobuf by hand, as much as the link needs.
class Writer {
public:
    void varint(std::uint32_t field, std::uint64_t value);
    void zigzag(std::uint32_t field, std::int64_t value);
    void fixed64(std::uint32_t field, std::uint64_t value);
    void real(std::uint32_t field, double value);
    void bytes(std::uint32_t field, std::span<const std::byte> value);
    void text(std::uint32_t field, std::string_view value) { bytes(field, as_bytes(value)); }
    const Bytes& done() const { return out_; }
    std::size_t size() const { return out_.size(); }

private:
    void raw_varint(std::uint64_t value);
    void raw_fixed(std::uint64_t value);
    Bytes out_;
};

struct Field {
    std::uint32_t number = 0;
    std::uint32_t wire_type = 0;
    std::uint64_t value = 0;           // varint, fixed32, fixed64
    std::span<const std::byte> bytes;  // length-delimited
};
/// The fields of a message; empty if it is malformed.
std::vector<Field> read_fields(std::span<const std::byte> message);
/// The value of a number field, 0 if it is not there.
std::uint64_t number_of(const std::vector<Field>& fields, std::uint32_t number);

struct Packet {
    unsigned type = 0;
    std::uint8_t flags = 0;
    std::uint16_t seq = 0, ack = 0;
    Bytes payload;
};
void pack(const Packet& packet, bool crc16, Bytes& wire);
/// One frame without its delimiter; nothing if damaged.
std::optional<Packet> unpack(std::span<const std::byte> wire, bool crc16);

}  // namespace fog::mcu_sim
