#include "firmware/core/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

namespace fog {
namespace {

// Length of the valid UTF-8 sequence at the start, 0 if there is none (RFC 3629).
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return 1;
    std::size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) length = 2;
    if (lead >= 0xE0 && lead <= 0xEF) length = 3;
    if (lead >= 0xF0 && lead <= 0xF4) length = 4;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    if (length == 0 || text.size() < length || byte(1) < low || byte(1) > high) return 0;
    for (std::size_t i = 2; i < length; ++i)
        if ((byte(i) & 0xC0U) != 0x80) return 0;
    return length;
}

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
char lower(char c) {
    return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

// Optimal string alignment: insertions, deletions, changes and swaps of neighbours count one each.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::vector<std::size_t> next(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    const auto same = [&](std::size_t i, std::size_t j) { return lower(a[i]) == lower(b[j]); };
    for (std::size_t i = 1; i <= a.size(); ++i) {
        next[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            next[j] =
                std::min({next[j - 1] + 1, row[j] + 1, row[j - 1] + (same(i - 1, j - 1) ? 0 : 1)});
            if (i > 1 && j > 1 && same(i - 1, j - 2) && same(i - 2, j - 1))
                next[j] = std::min(next[j], before[j - 2] + 1);
        }
        std::swap(before, row);
        std::swap(row, next);
    }
    return row[b.size()];
}

template <class T>
std::optional<T> parse_whole(std::string_view text) {
    T value{};
    const auto* last = text.data() + text.size();
    const auto [end, ec] = std::from_chars(text.data(), last, value);
    if (ec != std::errc{} || end != last) return std::nullopt;
    return value;
}

}  // namespace

bool valid_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto length = utf8_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string repair_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto length = utf8_length(text);
        if (length == 0)
            out += "\xEF\xBF\xBD";
        else
            out += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

std::string device_slug(std::string_view name) {
    std::string out;
    for (const char c : name) {
        const char small = lower(c);
        if (is_lower(small) || is_digit(small))
            out += small;
        else if (!out.empty() && out.back() != '-')
            out += '-';
        if (out.size() == 64) break;
    }
    while (!out.empty() && out.back() == '-') out.pop_back();
    return out.empty() ? "device" : out;
}

std::string point_slug(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size() && out.size() < 64; ++i) {
        const char c = name[i];
        const bool word_starts =
            is_upper(c) && i > 0 &&
            (is_lower(name[i - 1]) ||
             (is_upper(name[i - 1]) && i + 1 < name.size() && is_lower(name[i + 1])));
        if (word_starts && !out.empty() && out.back() != '_' && out.back() != '.') out += '_';
        const char small = lower(c);
        if (is_lower(small) || is_digit(small) || small == '.')
            out += small;
        else if (!out.empty() && out.back() != '_')
            out += '_';
    }
    while (!out.empty() && (out.back() == '_' || out.back() == '.')) out.pop_back();
    return out.empty() ? "value" : out;
}

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> known) {
    std::optional<std::string_view> best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const auto candidate : known) {
        const auto distance = edit_distance(word.substr(0, 64), candidate);
        if (distance >= best_distance) continue;
        best_distance = distance;
        best = candidate;
    }
    return best;
}

bool glob_matches(std::string_view glob, std::string_view text) {
    std::size_t g = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t back = 0;
    while (t < text.size()) {
        if (g < glob.size() && glob[g] == '*') {
            star = g++;
            back = t;
        } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
            ++g;
            ++t;
        } else if (star != std::string_view::npos) {
            g = star + 1;
            t = ++back;
        } else {
            return false;
        }
    }
    while (g < glob.size() && glob[g] == '*') ++g;
    return g == glob.size();
}

std::optional<double> parse_double(std::string_view text) {
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    return parse_whole<double>(text);
}
std::optional<std::int64_t> parse_int(std::string_view text) {
    return parse_whole<std::int64_t>(text);
}

void append_double(std::string& out, double value) {
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out.append(text.data(), end);
}
void append_int(std::string& out, std::int64_t value) {
    std::array<char, 24> text;  // NOLINT(cppcoreguidelines-pro-type-member-init): hot
    out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}
void append_uint(std::string& out, std::uint64_t value) {
    std::array<char, 24> text;  // NOLINT(cppcoreguidelines-pro-type-member-init): hot
    out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

namespace {

/// Most names and values are short and plain: one append instead of three and a walk.
bool append_plain(std::string& out, std::string_view text) {
    std::array<char, 64> quoted;  // NOLINT(cppcoreguidelines-pro-type-member-init): hot
    if (text.size() > quoted.size() - 2) return false;
    quoted[0] = '"';
    unsigned odd = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        odd |= static_cast<unsigned>(c < 0x20 || c >= 0x80 || c == '"' || c == '\\');
        quoted[i + 1] = text[i];
    }
    if (odd != 0) return false;
    quoted[text.size() + 1] = '"';
    out.append(quoted.data(), text.size() + 2);
    return true;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    if (append_plain(out, text)) return;
    static constexpr std::string_view kHex = "0123456789abcdef";
    out += '"';
    std::size_t plain = 0;  // start of what needs no escape
    for (std::size_t i = 0; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            ++i;
            continue;
        }
        const std::size_t length = c < 0x80 ? 0 : utf8_length(text.substr(i));
        if (length > 0) {
            i += length;
            continue;
        }
        out += text.substr(plain, i - plain);
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (c >= 0x80) {
                    out += "\xEF\xBF\xBD";
                } else {
                    out += "\\u00";
                    out += kHex[c >> 4U];
                    out += kHex[c & 0xFU];
                }
        }
        plain = ++i;
    }
    out += text.substr(plain);
    out += '"';
}

void append_base64(std::string& out, std::string_view bytes) {
    static constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto byte = [bytes](std::size_t at) {
        return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
    };
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const unsigned bits = byte(at) << 16U | byte(at + 1) << 8U | byte(at + 2);
        for (unsigned i = 0; i < 4; ++i)
            out += at + i > bytes.size() ? '=' : kDigits[bits >> (18U - 6U * i) & 63U];
    }
}

std::string hex(std::span<const std::byte> bytes) {
    static constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const std::byte byte : bytes) {
        out += kHex[static_cast<unsigned>(byte) >> 4U];
        out += kHex[static_cast<unsigned>(byte) & 0xFU];
    }
    return out;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
    return text;
}

}  // namespace fog
