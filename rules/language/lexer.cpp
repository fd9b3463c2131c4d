#include "firmware/core/text.hpp"
#include "rules/language/syntax.hpp"

namespace fog {

namespace {

bool digit(char c) {
    return c >= '0' && c <= '9';
}
bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

class Lexer {
public:
    Lexer(std::string_view text, std::vector<Token>& tokens, ExprFault& fault)
        : text_(text), tokens_(tokens), fault_(fault) {}

    bool run() {
        for (;;) {
            skip_space();
            if (at_ >= text_.size()) break;
            if (!next()) return false;
        }
        add(Tok::end, text_.size(), {});
        return true;
    }

private:
    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    void add(Tok kind, std::size_t from, std::string text) {
        tokens_.push_back({kind, static_cast<std::uint32_t>(from),
                           static_cast<std::uint32_t>(at_ - from), std::move(text)});
    }
    bool fail(std::string code, std::size_t from, std::string detail, std::string hint) {
        fault_ = {std::move(code), static_cast<std::uint32_t>(from),
                  static_cast<std::uint32_t>(std::max<std::size_t>(at_ - from, 1)),
                  std::move(detail), std::move(hint)};
        return false;
    }
    void skip_space() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '#')
                while (at_ < text_.size() && text_[at_] != '\n') ++at_;
            else if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
                ++at_;
            else
                return;
        }
    }
    bool next() {
        const char c = peek();
        if (digit(c) || (c == '.' && digit(peek(1)))) return number();
        if (letter(c)) return name();
        if (c == '"' || c == '\'') return string(c);
        if (c == '[') return unit();
        return symbol();
    }
    bool number() {
        const auto from = at_;
        while (digit(peek())) ++at_;
        if (peek() == '.' && digit(peek(1))) {
            ++at_;
            while (digit(peek())) ++at_;
        }
        const bool sign = peek(1) == '-' || peek(1) == '+';
        if ((peek() == 'e' || peek() == 'E') && digit(peek(sign ? 2 : 1))) {
            at_ += sign ? 2 : 1;
            while (digit(peek())) ++at_;
        }
        if (letter(peek()) || peek() == '.') {
            while (letter(peek()) || digit(peek()) || peek() == '.') ++at_;
            return fail("R0003", from,
                        "'" + std::string(text_.substr(from, at_ - from)) + "' is not a number",
                        "a unit goes into brackets: 30[Cel]");
        }
        add(Tok::number, from, std::string(text_.substr(from, at_ - from)));
        return true;
    }
    bool name() {
        const auto from = at_;
        while (letter(peek()) || digit(peek())) ++at_;
        add(Tok::name, from, std::string(text_.substr(from, at_ - from)));
        return true;
    }
    bool string(char quote) {
        const auto from = at_++;
        while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') ++at_;
        if (peek() != quote)
            return fail("R0002", from, "this text has no end",
                        std::string("close it with ") + quote);
        ++at_;
        add(Tok::text, from, std::string(text_.substr(from + 1, at_ - from - 2)));
        return true;
    }
    bool unit() {
        const auto from = at_;
        std::size_t depth = 0;
        for (; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
            if (text_[at_] == '[') ++depth;
            if (text_[at_] == ']' && --depth == 0) break;
        }
        if (peek() != ']')
            return fail("R0004", from, "this unit has no closing ']'", "write it as 30[Cel]");
        ++at_;
        const auto inside = trim(text_.substr(from + 1, at_ - from - 2));
        if (inside.empty())
            return fail("R0004", from, "the brackets hold no unit", "write it as 30[Cel]");
        add(Tok::unit, from, std::string(inside));
        return true;
    }
    bool symbol() {
        const auto from = at_;
        const std::string_view rest = text_.substr(at_);
        for (const std::string_view two : {"<=", ">=", "==", "!="})
            if (rest.starts_with(two)) {
                at_ += 2;
                add(Tok::symbol, from, std::string(two));
                return true;
            }
        ++at_;
        if (std::string_view("+-*/^<>(),").find(rest[0]) != std::string_view::npos) {
            add(Tok::symbol, from, std::string(1, rest[0]));
            return true;
        }
        if (rest[0] == '=') return fail("R0001", from, "'=' does nothing here", "compare with ==");
        if (rest.starts_with("&&"))
            return fail("R0001", from, "'&&' is not known here", "write and");
        if (rest.starts_with("||"))
            return fail("R0001", from, "'||' is not known here", "write or");
        if (rest[0] == '!') return fail("R0001", from, "'!' is not known here", "write not");
        return fail("R0001", from, "this character has no meaning here", {});
    }

    std::string_view text_;
    std::vector<Token>& tokens_;
    ExprFault& fault_;
    std::size_t at_ = 0;
};

}  // namespace

bool lex_expression(std::string_view text, std::vector<Token>& tokens, ExprFault& fault) {
    return Lexer(text, tokens, fault).run();
}

}  // namespace fog
