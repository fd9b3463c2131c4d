#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/limits.hpp"
#include "rules/operator.hpp"

namespace fog {

/// A fault in an expression: where (byte offset and length), what, and what to do.
struct ExprFault {
    std::string code;
    std::uint32_t at = 0;
    std::uint32_t length = 0;
    std::string detail;
    std::string hint;
};

enum class Tok : std::uint8_t { number, text, unit, name, symbol, end };
struct Token {
    Tok kind = Tok::end;
    std::uint32_t at = 0;
    std::uint32_t length = 0;
    std::string text;  // names, symbols; strings without quotes; units without brackets
};

/// The tokens of an expression, ending with Tok::end; or one fault (R0001..R0004).
bool lex_expression(std::string_view text, std::vector<Token>& tokens, ExprFault& fault);

enum class Op : std::uint8_t {
    number,
    text,
    truth,
    name,
    negate,
    logic_not,
    add,
    sub,
    mul,
    div,
    power,
    less,
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,
    between,
    in,
    is,
    logic_and,
    logic_or,
    choose,
    call
};

struct AstNode {
    Op op = Op::number;
    std::uint32_t at = 0;
    std::uint32_t length = 0;
    double number = 0;
    bool whole = false;        // a literal without fraction; `integer` is exact
    std::int64_t integer = 0;  // also the exponent of power
    std::string text;          // name, function, string, the word after `is`
    std::string unit;          // of a number; "" = bare
    bool truth = false;        // of a literal; `is not`
    std::vector<std::uint32_t> kids;
};

/// Nodes by index, children before parents; the last one is the root.
struct Ast {
    std::vector<AstNode> nodes;
    std::uint32_t root() const { return static_cast<std::uint32_t>(nodes.size() - 1); }
};

/// Parses the grammar of rules/README.md; false with one fault (R00xx, R05xx).
/// Bounded by Limits::expression_nodes and expression_depth.
bool parse_expression(std::string_view text, const Limits& limits, Ast& ast, ExprFault& fault);

/// The tree as text, "(and (< t 3[Cel]) (not door))", for golden tests.
std::string ast_text(const Ast& ast);

}  // namespace fog
