#include "firmware/core/position.hpp"

#include <charconv>

namespace fog {

std::string Position::text() const {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out(16, '0');
    for (unsigned i = 0; i < 16; ++i) out[15 - i] = kDigits[(epoch >> (4 * i)) & 0xFU];
    return out + "." + std::to_string(seq.value);
}

std::optional<Position> Position::parse(std::string_view text) {
    if (text.size() < 18 || text.size() > 40 || text[16] != '.') return std::nullopt;
    Position position;
    const auto* begin = text.data();
    const auto epoch = std::from_chars(begin, begin + 16, position.epoch, 16);
    const auto* end = begin + text.size();
    const auto seq = std::from_chars(begin + 17, end, position.seq.value);
    if (epoch.ec != std::errc{} || epoch.ptr != begin + 16 || seq.ec != std::errc{} ||
        seq.ptr != end)
        return std::nullopt;
    return position;
}

}  // namespace fog
