#include "firmware/core/reading_pack.hpp"

#include "firmware/core/pack.hpp"
#include "firmware/core/records.hpp"

namespace fog {
namespace {

constexpr std::uint8_t kVersion = 1;

void pack_value(Packer& out, const Value& value) {
    out.u8(static_cast<std::uint8_t>(value.index()));
    if (const auto* number = std::get_if<double>(&value)) out.fixed(*number);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) out.zigzag(*integer);
    if (const auto* truth = std::get_if<bool>(&value)) out.u8(*truth ? 1 : 0);
    if (const auto* text = std::get_if<std::string>(&value)) out.text(*text);
}

Value unpack_value(Unpacker& in) {
    switch (in.u8()) {
        case 1:
            return in.fixed<double>();
        case 2:
            return in.zigzag();
        case 3:
            return in.u8() != 0;
        case 4:
            return std::string(in.text());
        default:
            return {};
    }
}

}  // namespace

void pack_readings(std::span<const Reading> readings, Bytes& out) {
    Packer pack(out);
    pack.u8(kVersion);
    pack.varint(readings.size());
    for (const Reading& one : readings) {
        pack.text(one.device_key);
        pack.text(one.device_name);
        pack.text(one.point);
        pack_value(pack, one.value);
        pack.text(one.unit);
        pack.zigzag(one.source_time.time_since_epoch().count());
        pack.fixed(one.quality.bits);
        pack.fixed(one.flags);
        pack.u8(
            static_cast<std::uint8_t>((one.diagnostic ? 1U : 0U) | (one.unit_guessed ? 2U : 0U)));
    }
}

Result<std::vector<Reading>> unpack_readings(std::span<const std::byte> bytes) {
    Unpacker in(bytes);
    if (in.u8() != kVersion) return Error{Errc::bad_frame, "packed readings: unknown version", {}};
    const auto count = in.varint();
    std::vector<Reading> readings;
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
        Reading& one = readings.emplace_back();
        one.device_key = in.text();
        one.device_name = in.text();
        one.point = in.text();
        one.value = unpack_value(in);
        one.unit = in.text();
        one.source_time = WallTime{std::chrono::nanoseconds{in.zigzag()}};
        one.quality.bits = in.fixed<std::uint16_t>();
        one.flags = in.fixed<std::uint16_t>();
        const auto bits = in.u8();
        one.diagnostic = (bits & 1U) != 0;
        one.unit_guessed = (bits & 2U) != 0;
    }
    if (!in.ok() || !in.empty())
        return Error{Errc::bad_frame, "packed readings: cut short or too long", {}};
    return readings;
}

}  // namespace fog
