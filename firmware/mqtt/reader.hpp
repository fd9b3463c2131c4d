#pragma once

#include <cstdint>
#include <string_view>

#include "firmware/core/text.hpp"

namespace fog::mqtt {

/// Takes fields off the front of a packet. After the first that is not whole or not valid ok() is
/// false and everything read is empty.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}
    bool ok() const { return ok_; }
    bool done() const { return ok_ && rest_.empty(); }
    std::string_view rest() const { return ok_ ? rest_ : std::string_view(); }

    std::string_view take(std::size_t count) {
        if (!ok_ || count > rest_.size()) {
            ok_ = false;
            return {};
        }
        const auto out = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return out;
    }
    std::uint32_t number(std::size_t bytes) {
        std::uint32_t out = 0;
        for (const char c : take(bytes)) out = out << 8U | static_cast<unsigned char>(c);
        return out;
    }
    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return number(4); }
    std::string_view binary() { return take(u16()); }
    /// UTF-8 without U+0000 (1.5.4 of both texts).
    std::string_view text() {
        const auto out = binary();
        if (out.find('\0') != std::string_view::npos || !valid_utf8(out)) ok_ = false;
        return ok_ ? out : std::string_view();
    }
    /// Variable byte integer, in its shortest form only (v5 1.5.5-1).
    std::uint32_t varint() {
        std::uint32_t out = 0;
        for (unsigned shift = 0; shift < 28; shift += 7) {
            const std::uint8_t byte = u8();
            out |= std::uint32_t{byte & 0x7FU} << shift;
            if (!ok_ || (shift > 0 && byte == 0)) break;
            if ((byte & 0x80U) == 0) return out;
        }
        ok_ = false;
        return 0;
    }

private:
    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace fog::mqtt
