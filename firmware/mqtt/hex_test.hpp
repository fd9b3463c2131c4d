#pragma once

#include <string>
#include <string_view>

namespace fog::mqtt {

/// Bytes of a packet as people write them: "10 02", 'text' between quotes, blanks ignored.
inline std::string wire(std::string_view text) {
    std::string out;
    const auto digit = [](char c) {
        return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == ' ') continue;
        if (text[i] == '\'') {
            for (++i; i < text.size() && text[i] != '\''; ++i) out += text[i];
            continue;
        }
        out += static_cast<char>(digit(text[i]) << 4U | digit(text[i + 1]));
        ++i;
    }
    return out;
}

}  // namespace fog::mqtt
