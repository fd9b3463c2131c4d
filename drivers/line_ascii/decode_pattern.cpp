#include "drivers/line_ascii/decode_pattern.hpp"

#include <regex.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "drivers/line_ascii/decode.hpp"
#include "drivers/line_ascii/number_text.hpp"
#include "firmware/core/result.hpp"
#include "firmware/core/text.hpp"

namespace fog::line {

namespace {

constexpr std::size_t kMostGroups = 32;

/// "T={temp:f} H={hum:f}%" as literal texts with fields between them.
struct Piece {
    std::string literal;  // before the field
    std::string name;     // "" = the text after the last field; "*" = skipped
    char type = 's';
};

Result<std::vector<Piece>> parse_template(std::string_view text) {
    std::vector<Piece> pieces(1);
    const auto bad = [](std::string what) { return Error{Errc::bad_config, std::move(what), {}}; };
    while (!text.empty()) {
        if (text[0] != '{') {
            pieces.back().literal += text[0];
            text.remove_prefix(1);
            continue;
        }
        const auto end = text.find('}');
        if (end == std::string_view::npos) return bad("a '{' has no '}'");
        const std::string_view field = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        Piece& piece = pieces.back();
        if (pieces.size() > 1 && piece.literal.empty()) return bad("two fields need text between");
        if (field == "*") {
            piece.name = "*";
        } else {
            const auto colon = field.find(':');
            piece.name = point_slug(field.substr(0, colon));
            const auto type = colon == std::string_view::npos ? "f" : field.substr(colon + 1);
            if (piece.name.empty() || type.size() != 1 ||
                std::string_view("fixsb").find(type[0]) == std::string_view::npos)
                return bad("field '{" + std::string(field) + "}' is not {name:f|i|x|s|b} or {*}");
            piece.type = type[0];
        }
        pieces.emplace_back();
        if (pieces.size() > kMostGroups) return bad("has more than 31 fields");
    }
    if (pieces.size() == 1) return bad("has no field");
    return pieces;
}

bool parse_typed(std::string_view text, char type, bool comma, Value& out) {
    text = trim(text);
    if (type == 's') {
        out = std::string(text);
        return true;
    }
    if (type == 'x') {
        if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
        std::int64_t number = 0;
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), number, 16);
        out = number;
        return !text.empty() && error == std::errc{} && end == text.data() + text.size();
    }
    if (type == 'b') {
        const bool on = text == "1" || text == "true" || text == "on" || text == "ON";
        const bool off = text == "0" || text == "false" || text == "off" || text == "OFF";
        out = on;
        return on || off;
    }
    auto number = parse_number(text, comma);
    if (!number) return false;
    if (type == 'i' && !std::holds_alternative<std::int64_t>(*number)) return false;
    out = std::move(*number);
    return true;
}

class Template final : public Decoder {
public:
    Template(std::vector<Piece> pieces, bool comma) : pieces_(std::move(pieces)), comma_(comma) {}

    Match decode(std::string_view line, std::vector<Field>& fields) override {
        for (std::size_t at = 0; at < pieces_.size(); ++at) {
            const Piece& piece = pieces_[at];
            if (!line.starts_with(piece.literal)) return fail(fields);
            line.remove_prefix(piece.literal.size());
            if (piece.name.empty()) break;  // the last one
            const std::string& after = pieces_[at + 1].literal;
            const auto end = after.empty() ? line.size() : line.find(after);
            if (end == std::string_view::npos) return fail(fields);
            if (piece.name != "*") {
                Field field{piece.name, {}, std::string(trim(line.substr(0, end))), false, {}};
                field.failed = !parse_typed(line.substr(0, end), piece.type, comma_, field.value);
                fields.push_back(std::move(field));
            }
            line.remove_prefix(end);
        }
        return line.empty() ? Match::yes : fail(fields);
    }

private:
    static Match fail(std::vector<Field>& fields) {
        fields.clear();
        return Match::no;
    }
    const std::vector<Piece> pieces_;
    const bool comma_;
};

/// Owns a compiled POSIX expression.
class Regex {
public:
    explicit Regex(const std::string& text) {
        error_ = regcomp(&regex_, text.c_str(), REG_EXTENDED);
    }
    ~Regex() {
        if (error_ == 0) regfree(&regex_);
    }
    Regex(const Regex&) = delete;
    Regex& operator=(const Regex&) = delete;
    std::string why() const {
        std::array<char, 128> text{};
        if (error_ != 0) regerror(error_, &regex_, text.data(), text.size());
        return text.data();
    }
    std::size_t groups() const { return error_ == 0 ? regex_.re_nsub : 0; }
    bool match(const char* text, std::span<regmatch_t> into) const {
        return error_ == 0 && regexec(&regex_, text, into.size(), into.data(), 0) == 0;
    }

private:
    regex_t regex_{};
    int error_ = 0;
};

class RegexDecoder final : public Decoder {
public:
    explicit RegexDecoder(const Options& options)
        : regex_(options.pattern), names_(options.points), comma_(options.decimal_comma) {}

    Match decode(std::string_view line, std::vector<Field>& fields) override {
        const std::string text(line.substr(0, line.find('\0')));
        std::array<regmatch_t, kMostGroups + 1> groups{};
        if (!regex_.match(text.c_str(), groups)) return Match::no;
        const std::size_t count = std::min({names_.size(), regex_.groups(), kMostGroups});
        for (std::size_t index = 0; index < count; ++index) {
            const regmatch_t& group = groups[index + 1];
            if (group.rm_so < 0 || names_[index] == "*") continue;
            const auto part = text.substr(static_cast<std::size_t>(group.rm_so),
                                          static_cast<std::size_t>(group.rm_eo - group.rm_so));
            fields.push_back({names_[index], parse_field(part, comma_), part, false, {}});
        }
        return fields.empty() ? Match::no : Match::yes;
    }

private:
    const Regex regex_;
    const std::vector<std::string> names_;
    const bool comma_;
};

}  // namespace

std::string check_template(std::string_view text) {
    auto pieces = parse_template(text);
    return pieces ? std::string() : pieces.error().what;
}

std::string check_regex(const std::string& text, std::size_t names) {
    if (text.empty()) return "is needed for decode = \"regex\"";
    if (text.size() > 512) return "is longer than 512 bytes";
    for (std::size_t at = 0; at + 1 < text.size(); ++at) {
        // A back-reference makes matching exponential. An escaped backslash is none.
        if (text[at] != '\\') continue;
        if (text[at + 1] >= '1' && text[at + 1] <= '9') return "back-references are not supported";
        ++at;
    }
    // Counted repeats are unrolled when compiled: "(a{255}){255}" would take all memory.
    if (text.find('{') != std::string::npos) {
        for (std::size_t at = text.find('{'); at != std::string::npos;
             at = text.find('{', at + 1)) {
            const auto end = text.find('}', at);
            const auto body = text.substr(at + 1, end == std::string::npos ? 0 : end - at - 1);
            if (body.size() > 2) return "repeats above {99} and ranges {m,n} are not supported";
        }
        if (std::ranges::count(text, '{') > 2) return "more than two {n} are not supported";
    }
    const Regex regex(text);
    if (const std::string why = regex.why(); !why.empty()) return "is not valid: " + why;
    if (regex.groups() == 0) return "has no group ( )";
    if (regex.groups() > kMostGroups) return "has more than 32 groups";
    if (names != regex.groups())
        return "has " + std::to_string(regex.groups()) + " groups, points names " +
               std::to_string(names);
    return {};
}

std::unique_ptr<Decoder> make_template_decoder(const Options& options) {
    auto pieces = parse_template(options.pattern);
    // Faulty configurations are refused by who reads them; this only keeps the promise of no throw.
    return std::make_unique<Template>(pieces ? std::move(*pieces) : std::vector<Piece>(1),
                                      options.decimal_comma);
}

std::unique_ptr<Decoder> make_regex_decoder(const Options& options) {
    return std::make_unique<RegexDecoder>(options);
}

}  // namespace fog::line
