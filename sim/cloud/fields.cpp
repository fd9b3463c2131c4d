#include "sim/cloud/fields.hpp"

#include <bit>
#include <charconv>

#include "sim/cloud/json.hpp"

namespace fog::sim {
namespace {

/// Names are short and mostly begin differently: few of them are worth a call.
bool same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    if (a.empty()) return true;
    return a.front() == b.front() && a.back() == b.back() && a == b;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// The end of the plain text that begins behind a quote; npos if it is not plain or has no end.
std::size_t plain_end(std::string_view text, std::size_t at) {
    for (; at < text.size(); ++at) {
        const auto c = static_cast<unsigned char>(text[at]);
        if (c == '"') return at;
        if (c < 0x20 || c >= 0x80 || c == '\\') return std::string_view::npos;
    }
    return std::string_view::npos;
}

/// How many characters a JSON number takes; 0 if there is none. `whole`: neither point nor
/// exponent.
std::size_t number_length(std::string_view text, bool& whole) {
    const auto digits = [&text](std::size_t at) {
        std::size_t n = 0;
        while (at + n < text.size() && is_digit(text[at + n])) ++n;
        return n;
    };
    std::size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
    const std::size_t leading = digits(at);
    if (leading == 0 || (leading > 1 && text[at] == '0')) return 0;
    at += leading;
    whole = true;
    if (at < text.size() && text[at] == '.') {
        const std::size_t n = digits(at + 1);
        if (n == 0) return 0;
        at += 1 + n;
        whole = false;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        const std::size_t n = digits(at);
        if (n == 0) return 0;
        at += n;
        whole = false;
    }
    return at;
}

}  // namespace

bool Fields::read(std::string_view text) {
    return read_plainly(text) || read_slowly(text);
}

bool Fields::read_plainly(std::string_view text) {
    count_ = 0;
    more_.clear();
    if (text.size() < 2 || text[0] != '{') return false;
    for (std::size_t at = 1;;) {
        if (at >= text.size() || text[at] != '"' || count_ == kMembers) return false;
        Member& member = members_[count_];
        std::size_t end = plain_end(text, at + 1);
        if (end == std::string_view::npos) return false;
        member.key = text.substr(at + 1, end - at - 1);
        at = end + 1;
        if (at + 1 >= text.size() || text[at] != ':') return false;
        ++at;
        const std::string_view rest = text.substr(at);
        member.text = {};
        if (rest[0] == '"') {
            end = plain_end(text, at + 1);
            if (end == std::string_view::npos) return false;
            member.kind = Kind::text;
            member.text = text.substr(at + 1, end - at - 1);
            at = end + 1;
        } else if (rest[0] <= '9') {
            if (!number_at(text, at, member)) return false;
        } else if (rest.starts_with("true")) {
            member.kind = Kind::yes;
            at += 4;
        } else if (rest.starts_with("false")) {
            member.kind = Kind::no;
            at += 5;
        } else if (rest.starts_with("null")) {
            member.kind = Kind::null;
            at += 4;
        } else {
            return false;
        }
        ++count_;
        if (at >= text.size()) return false;
        if (text[at] == '}') return at + 1 == text.size();
        if (text[at] != ',') return false;
        ++at;
    }
}

bool Fields::number_at(std::string_view text, std::size_t& at, Member& out) {
    bool whole = false;
    const std::size_t length = number_length(text.substr(at), whole);
    if (length == 0) return false;
    const char* begin = text.data() + at;
    const char* end = begin + length;
    at += length;
    if (!whole) {
        double number = 0;
        out.kind = Kind::real;
        const bool good = std::from_chars(begin, end, number).ec == std::errc{};
        out.bits = std::bit_cast<std::uint64_t>(number);
        return good;
    }
    if (*begin == '-') {
        std::int64_t number = 0;
        out.kind = Kind::whole;
        const bool good = std::from_chars(begin, end, number).ec == std::errc{};
        out.bits = static_cast<std::uint64_t>(number);
        return good;
    }
    out.kind = Kind::natural;
    return std::from_chars(begin, end, out.bits).ec == std::errc{};
}

bool Fields::read_slowly(std::string_view text) {
    const nlohmann::json root = parse_json(text);
    if (!root.is_object()) return false;
    take(root);
    return true;
}

void Fields::take(const nlohmann::json& object) {
    count_ = 0;
    more_.clear();
    texts_.clear();
    for (const auto& [key, node] : object.items()) {
        Member& member = count_ < kMembers ? members_[count_++] : more_.emplace_back();
        member = {};
        member.key = texts_.emplace_back(key);
        if (node.is_string()) {
            member.kind = Kind::text;
            member.text = texts_.emplace_back(node.get_ref<const std::string&>());
        } else if (node.is_boolean()) {
            member.kind = node.get<bool>() ? Kind::yes : Kind::no;
        } else if (node.is_number_unsigned()) {
            member.kind = Kind::natural;
            member.bits = node.get<std::uint64_t>();
        } else if (node.is_number_integer()) {
            member.kind = Kind::whole;
            member.bits = static_cast<std::uint64_t>(node.get<std::int64_t>());
        } else if (node.is_number()) {
            member.kind = Kind::real;
            member.bits = std::bit_cast<std::uint64_t>(node.get<double>());
        } else if (!node.is_null()) {
            member.kind = Kind::nested;
        }
    }
}

const Fields::Member* Fields::find(std::string_view key) const {
    for (const Member& member : more_)
        if (member.key == key) return &member;
    // Of two members with one name the last counts.
    for (std::size_t i = count_; i-- > 0;)
        if (same(members_[i].key, key)) return &members_[i];
    return nullptr;
}

std::string_view Fields::text(std::string_view key) const {
    const Member* member = find(key);
    return member != nullptr && member->kind == Kind::text ? member->text : std::string_view();
}

std::uint64_t Fields::number(std::string_view key) const {
    const Member* member = find(key);
    return member != nullptr && member->kind == Kind::natural ? member->bits : 0;
}

bool Fields::flag(std::string_view key, bool otherwise) const {
    const Member* member = find(key);
    if (member == nullptr || (member->kind != Kind::yes && member->kind != Kind::no))
        return otherwise;
    return member->kind == Kind::yes;
}

Value Fields::value(std::string_view key) const {
    const Member* member = find(key);
    if (member == nullptr) return {};
    switch (member->kind) {
        case Kind::yes:
        case Kind::no:
            return member->kind == Kind::yes;
        case Kind::natural:
        case Kind::whole:
            return static_cast<std::int64_t>(member->bits);
        case Kind::real:
            return std::bit_cast<double>(member->bits);
        case Kind::text:
            return std::string(member->text);
        case Kind::null:
        case Kind::nested:
            break;
    }
    return {};
}

}  // namespace fog::sim
