#include "drivers/line_ascii/checksum.hpp"

#include <charconv>

#include "drivers/framing/checks.hpp"
#include "firmware/core/reading.hpp"

namespace fog::line {

namespace {

unsigned checksum_of(std::span<const std::byte> bytes, Checksum kind) {
    switch (kind) {
        case Checksum::none:
            return 0;
        case Checksum::xor8:
            return xor8(bytes);
        case Checksum::sum8:
            return sum8(bytes);
        case Checksum::crc16_modbus:
            return crc16_modbus(bytes);
        case Checksum::crc16_ccitt:
            return crc16_ccitt(bytes);
    }
    return 0;
}

}  // namespace

std::optional<std::string_view> check_line(std::string_view line, const Options& options) {
    if (options.checksum == Checksum::none) return line;
    const bool wide =
        options.checksum == Checksum::crc16_modbus || options.checksum == Checksum::crc16_ccitt;
    const std::size_t digits = wide ? 4 : 2;
    const std::size_t tail = options.checksum_mark.size() + digits;
    if (line.size() < tail + options.checksum_skip) return std::nullopt;
    const std::string_view body = line.substr(0, line.size() - tail);
    if (line.substr(body.size(), options.checksum_mark.size()) != options.checksum_mark)
        return std::nullopt;
    const std::string_view hex = line.substr(line.size() - digits);
    unsigned said = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), said, 16);
    if (error != std::errc{} || end != hex.data() + hex.size()) return std::nullopt;
    const auto covered = as_bytes(body.substr(options.checksum_skip));
    if (said != checksum_of(covered, options.checksum)) return std::nullopt;
    return body;
}

}  // namespace fog::line
