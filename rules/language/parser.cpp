#include <algorithm>
#include <array>
#include <optional>

#include "firmware/core/text.hpp"
#include "rules/language/syntax.hpp"

namespace fog {

namespace {

constexpr std::array<std::string_view, 17> kWords = {
    "if",   "then",  "else",    "or",   "and",       "not", "between", "in", "is",
    "true", "false", "unknown", "good", "uncertain", "bad", "stale",   "#"};

bool reserved(std::string_view word) {
    // The quality words are reserved only after `is`.
    const auto* end = kWords.begin() + 11;
    return std::find(kWords.begin(), end, word) != end;
}

class Parser {
public:
    Parser(const std::vector<Token>& tokens, const Limits& limits, Ast& ast, ExprFault& fault)
        : tokens_(tokens), limits_(limits), ast_(ast), fault_(fault) {}

    bool run() {
        if (now().kind == Tok::end) return fail("R0005", "the expression is empty", {});
        if (!expr()) return false;
        if (now().kind == Tok::end) return true;
        return fail("R0006", "expected an operator or the end, found " + found(),
                    "join conditions with 'and' or 'or'");
    }

private:
    using Id = std::optional<std::uint32_t>;

    const Token& now() const { return tokens_[next_]; }
    bool symbol(std::string_view text) const {
        return now().kind == Tok::symbol && now().text == text;
    }
    bool word(std::string_view text) const { return now().kind == Tok::name && now().text == text; }
    bool take(bool matched) {
        if (matched) ++next_;
        return matched;
    }
    std::string found() const {
        switch (now().kind) {
            case Tok::end:
                return "the end";
            case Tok::unit:
                return "the unit [" + now().text + "]";
            case Tok::text:
                return "a text";
            case Tok::number:
            case Tok::name:
            case Tok::symbol:
                break;
        }
        return "'" + now().text + "'";
    }
    bool fail(std::string code, std::string detail, std::string hint) {
        if (fault_.code.empty())
            fault_ = {std::move(code), now().at, std::max(now().length, 1U), std::move(detail),
                      std::move(hint)};
        return false;
    }
    Id none(std::string code, std::string detail, std::string hint = {}) {
        fail(std::move(code), std::move(detail), std::move(hint));
        return std::nullopt;
    }
    Id add(AstNode node) {
        if (ast_.nodes.size() >= limits_.expression_nodes)
            return none("R0501",
                        "the expression is longer than " +
                            std::to_string(limits_.expression_nodes) + " parts",
                        "split it with derive actions");
        ast_.nodes.push_back(std::move(node));
        return static_cast<std::uint32_t>(ast_.nodes.size() - 1);
    }
    Id join(Op op, const Token& at, std::vector<std::uint32_t> kids) {
        AstNode node;
        node.op = op;
        node.at = at.at;
        node.length = at.length;
        node.kids = std::move(kids);
        return add(std::move(node));
    }
    bool expect_word(std::string_view text) {
        if (take(word(text))) return true;
        return fail("R0006", "expected '" + std::string(text) + "', found " + found(), {});
    }

    // Every nested construct passes here or through unary(), so depth is bounded.
    Id expr() {
        const Depth depth(*this);
        if (depth.too_deep()) return std::nullopt;
        const Token start = now();
        if (!take(word("if"))) return either();
        const Id condition = expr();
        if (!condition || !expect_word("then")) return std::nullopt;
        const Id yes = expr();
        if (!yes || !expect_word("else")) return std::nullopt;
        const Id no = expr();
        if (!no) return std::nullopt;
        return join(Op::choose, start, {*condition, *yes, *no});
    }
    Id either() {
        Id left = both();
        while (left && word("or")) {
            const Token at = now();
            ++next_;
            const Id right = both();
            if (!right) return std::nullopt;
            left = join(Op::logic_or, at, {*left, *right});
        }
        return left;
    }
    Id both() {
        Id left = negation();
        while (left && word("and")) {
            const Token at = now();
            ++next_;
            const Id right = negation();
            if (!right) return std::nullopt;
            left = join(Op::logic_and, at, {*left, *right});
        }
        return left;
    }
    Id negation() {
        const Token at = now();
        if (!take(word("not"))) return comparison();
        const Id inner = comparison();
        return inner ? join(Op::logic_not, at, {*inner}) : std::nullopt;
    }
    static std::optional<Op> comparing(const Token& token) {
        if (token.kind != Tok::symbol) return std::nullopt;
        if (token.text == "<") return Op::less;
        if (token.text == "<=") return Op::less_equal;
        if (token.text == ">") return Op::greater;
        if (token.text == ">=") return Op::greater_equal;
        if (token.text == "==") return Op::equal;
        if (token.text == "!=") return Op::not_equal;
        return std::nullopt;
    }
    Id comparison() {
        const Id left = sum();
        if (!left) return std::nullopt;
        const Token at = now();
        Id result = left;
        if (const auto op = comparing(at)) {
            ++next_;
            const Id right = sum();
            if (!right) return std::nullopt;
            result = join(*op, at, {*left, *right});
        } else if (take(word("between"))) {
            result = range(*left, at);
        } else if (take(word("in"))) {
            result = list(*left, at);
        } else if (take(word("is"))) {
            result = quality(*left, at);
        } else {
            return result;
        }
        if (result && comparing(now()))
            return none("R0007", "comparisons do not chain", "write a < b and b < c");
        return result;
    }
    Id range(std::uint32_t left, const Token& at) {
        const Id low = sum();
        if (!low || !expect_word("and")) return std::nullopt;
        const Id high = sum();
        return high ? join(Op::between, at, {left, *low, *high}) : std::nullopt;
    }
    Id list(std::uint32_t left, const Token& at) {
        std::vector<std::uint32_t> kids = {left};
        if (!take(symbol("(")))
            return none("R0006", "expected '(' after in, found " + found(), "x in (1, 2, 3)");
        do {
            const Id one = sum();
            if (!one) return std::nullopt;
            kids.push_back(*one);
        } while (take(symbol(",")));
        if (!take(symbol(")"))) return none("R0006", "expected ',' or ')', found " + found());
        return join(Op::in, at, std::move(kids));
    }
    Id quality(std::uint32_t left, const Token& at) {
        AstNode node;
        node.op = Op::is;
        node.at = at.at;
        node.length = at.length;
        node.truth = take(word("not"));
        const auto* begin = kWords.begin() + 11;
        const bool fits =
            now().kind == Tok::name && std::find(begin, kWords.end(), now().text) != kWords.end();
        if (!fits)
            return none("R0006",
                        "expected unknown, good, uncertain, bad or stale, found " + found());
        node.text = now().text;
        ++next_;
        node.kids = {left};
        return add(std::move(node));
    }
    Id sum() {
        Id left = term();
        while (left && (symbol("+") || symbol("-"))) {
            const Token at = now();
            ++next_;
            const Id right = term();
            if (!right) return std::nullopt;
            left = join(at.text == "+" ? Op::add : Op::sub, at, {*left, *right});
        }
        return left;
    }
    Id term() {
        Id left = unary();
        while (left && (symbol("*") || symbol("/"))) {
            const Token at = now();
            ++next_;
            const Id right = unary();
            if (!right) return std::nullopt;
            left = join(at.text == "*" ? Op::mul : Op::div, at, {*left, *right});
        }
        return left;
    }
    Id unary() {
        const Token at = now();
        if (!take(symbol("-"))) return exponent();
        const Id inner = exponent();
        if (!inner) return std::nullopt;
        AstNode& node = ast_.nodes[*inner];
        if (node.op != Op::number) return join(Op::negate, at, {*inner});
        node.number = -node.number;  // so that -15[Cel] is a temperature, not a product
        node.integer = -node.integer;
        node.length += node.at - at.at;
        node.at = at.at;
        return inner;
    }
    Id exponent() {
        const Id base = atom();
        if (!base || !symbol("^")) return base;
        const Token at = now();
        ++next_;
        const bool minus = take(symbol("-"));
        const auto value = now().kind == Tok::number ? parse_int(now().text) : std::nullopt;
        if (!value || *value > 16)
            return none("R0006", "expected a whole exponent up to 16, found " + found());
        ++next_;
        const Id result = join(Op::power, at, {*base});
        if (result) ast_.nodes[*result].integer = minus ? -*value : *value;
        return result;
    }
    Id atom() {
        const Token at = now();
        switch (at.kind) {
            case Tok::number:
                return number();
            case Tok::text: {
                ++next_;
                const Id id = join(Op::text, at, {});
                if (id) ast_.nodes[*id].text = at.text;
                return id;
            }
            case Tok::name:
                return named();
            case Tok::symbol:
                if (at.text == "(") return parenthesis();
                break;
            case Tok::unit:
            case Tok::end:
                break;
        }
        return none("R0006", "expected a value, found " + found(),
                    "a value is a number with a unit (30[Cel]), a name, a text or ( ... )");
    }
    Id parenthesis() {
        ++next_;
        const Id inner = expr();
        if (!inner) return std::nullopt;
        if (!take(symbol(")"))) return none("R0006", "expected ')', found " + found());
        return inner;
    }
    Id number() {
        const Token at = now();
        const auto value = parse_double(at.text);
        if (!value || !(*value < 1e300)) return none("R0003", "this number is too large");
        const Id id = join(Op::number, at, {});
        ++next_;
        if (!id) return std::nullopt;
        AstNode& node = ast_.nodes[*id];
        node.number = *value;
        if (const auto whole = parse_int(at.text)) {
            node.whole = true;
            node.integer = *whole;
        }
        if (now().kind == Tok::unit) {
            node.unit = now().text;
            node.length = now().at + now().length - node.at;
            ++next_;
        }
        return id;
    }
    Id named() {
        const Token at = now();
        if (at.text == "true" || at.text == "false") {
            ++next_;
            const Id id = join(Op::truth, at, {});
            if (id) ast_.nodes[*id].truth = at.text == "true";
            return id;
        }
        if (reserved(at.text)) return none("R0006", "expected a value, found '" + at.text + "'");
        ++next_;
        if (symbol("(")) return call(at);
        const Id id = join(Op::name, at, {});
        if (id) ast_.nodes[*id].text = at.text;
        return id;
    }
    Id call(const Token& at) {
        ++next_;
        std::vector<std::uint32_t> kids;
        if (!symbol(")")) {
            do {
                const Id one = expr();
                if (!one) return std::nullopt;
                kids.push_back(*one);
            } while (take(symbol(",")));
        }
        if (!take(symbol(")"))) return none("R0006", "expected ',' or ')', found " + found());
        const Id id = join(Op::call, at, std::move(kids));
        if (id) ast_.nodes[*id].text = at.text;
        return id;
    }

    class Depth {
    public:
        explicit Depth(Parser& parser) : parser_(parser) { ++parser_.depth_; }
        ~Depth() { --parser_.depth_; }
        Depth(const Depth&) = delete;
        Depth& operator=(const Depth&) = delete;
        bool too_deep() const {
            if (parser_.depth_ <= parser_.limits_.expression_depth) return false;
            parser_.fail("R0502",
                         "nested deeper than " + std::to_string(parser_.limits_.expression_depth) +
                             " levels",
                         {});
            return true;
        }

    private:
        Parser& parser_;
    };

    const std::vector<Token>& tokens_;
    const Limits& limits_;
    Ast& ast_;
    ExprFault& fault_;
    std::size_t next_ = 0;
    std::size_t depth_ = 0;
};

std::string_view op_text(Op op) {
    static constexpr std::array<std::string_view, 24> kTexts = {
        "",   "",  "",   "",   "neg", "not",     "+",  "-",  "*",   "/",  "^",  "<",
        "<=", ">", ">=", "==", "!=",  "between", "in", "is", "and", "or", "if", ""};
    return kTexts[static_cast<std::size_t>(op)];
}

void append_node(std::string& out, const Ast& ast, std::uint32_t id) {
    const AstNode& node = ast.nodes[id];
    switch (node.op) {
        case Op::number:
            append_double(out, node.number);
            if (!node.unit.empty()) out += "[" + node.unit + "]";
            return;
        case Op::text:
            append_json_string(out, node.text);
            return;
        case Op::truth:
            out += node.truth ? "true" : "false";
            return;
        case Op::name:
            out += node.text;
            return;
        case Op::negate:
        case Op::logic_not:
        case Op::add:
        case Op::sub:
        case Op::mul:
        case Op::div:
        case Op::power:
        case Op::less:
        case Op::less_equal:
        case Op::greater:
        case Op::greater_equal:
        case Op::equal:
        case Op::not_equal:
        case Op::between:
        case Op::in:
        case Op::is:
        case Op::logic_and:
        case Op::logic_or:
        case Op::choose:
        case Op::call:
            break;
    }
    out += '(';
    out += node.op == Op::call ? std::string_view(node.text) : op_text(node.op);
    for (const auto kid : node.kids) {
        out += ' ';
        append_node(out, ast, kid);
    }
    if (node.op == Op::power) {
        out += ' ';
        append_int(out, node.integer);
    }
    if (node.op == Op::is) out += (node.truth ? " not " : " ") + node.text;
    out += ')';
}

}  // namespace

bool parse_expression(std::string_view text, const Limits& limits, Ast& ast, ExprFault& fault) {
    std::vector<Token> tokens;
    return lex_expression(text, tokens, fault) && Parser(tokens, limits, ast, fault).run();
}

std::string ast_text(const Ast& ast) {
    std::string out;
    append_node(out, ast, ast.root());
    return out;
}

}  // namespace fog
