#include "sim/world/expression.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>

#include "firmware/core/text.hpp"
#include "sim/world/random.hpp"

namespace fog::sim {
namespace {

using Op = Expression::Op;
using Step = Expression::Step;

constexpr std::size_t kMaxText = 1'000;
constexpr std::size_t kMaxNesting = 32;

struct Function {
    std::string_view name;
    Op op;
    std::size_t arguments;
};
constexpr std::array<Function, 8> kFunctions = {{{"min", Op::minimum, 2},
                                                 {"max", Op::maximum, 2},
                                                 {"clamp", Op::clamp, 3},
                                                 {"abs", Op::absolute, 1},
                                                 {"floor", Op::floor, 1},
                                                 {"sqrt", Op::root, 1},
                                                 {"sine", Op::sine, 1},
                                                 {"if", Op::choose, 3}}};

/// How many numbers a step takes off the stack; it puts one back.
std::size_t takes(Op op) {
    switch (op) {
        case Op::number:
        case Op::variable:
        case Op::time:
            return 0;
        case Op::negate:
        case Op::absolute:
        case Op::floor:
        case Op::root:
        case Op::sine:
            return 1;
        case Op::add:
        case Op::subtract:
        case Op::multiply:
        case Op::divide:
        case Op::less:
        case Op::less_equal:
        case Op::equal:
        case Op::not_equal:
        case Op::minimum:
        case Op::maximum:
            return 2;
        case Op::clamp:
        case Op::choose:
            return 3;
    }
    return 0;
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Recursive descent; the first fault ends it.
class Parser {
public:
    Parser(std::string_view text, const std::vector<std::string>& names)
        : text_(text), names_(names) {}

    Result<std::vector<Step>> run() {
        if (text_.size() > kMaxText) fail("the expression is longer than 1000 characters");
        if (good_) comparison(0);
        skip();
        if (good_ && at_ < text_.size()) {
            fail("'" + std::string(1, text_[at_]) + "' is not expected here");
        }
        if (!good_) return error_;
        return std::move(steps_);
    }

private:
    void fail(std::string what, std::string hint = {}) {
        if (!good_) return;
        good_ = false;
        error_ = {Errc::bad_config, "at column " + std::to_string(at_ + 1) + ": " + std::move(what),
                  std::move(hint)};
    }
    void skip() {
        while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    }
    bool take(std::string_view token) {
        skip();
        if (!text_.substr(at_).starts_with(token)) return false;
        at_ += token.size();
        return true;
    }
    void emit(Op op) { steps_.push_back({op, 0, 0}); }

    void comparison(std::size_t depth) {
        if (depth > kMaxNesting) return fail("nested more than 32 deep");
        sum(depth);
        // The longer operators first: "<" is a beginning of "<=". Greater is less, turned round.
        for (const auto& [token, op, turned] :
             std::initializer_list<std::tuple<std::string_view, Op, bool>>{
                 {"<=", Op::less_equal, false},
                 {">=", Op::less, true},
                 {"==", Op::equal, false},
                 {"!=", Op::not_equal, false},
                 {"<", Op::less, false},
                 {">", Op::less_equal, true}}) {
            if (!good_ || !take(token)) continue;
            sum(depth);
            emit(op);
            if (turned) {  // a >= b is not a < b
                steps_.push_back({Op::number, 0, 0});
                emit(Op::equal);
            }
            return;
        }
    }
    void sum(std::size_t depth) {
        product(depth);
        while (good_) {
            if (take("+")) {
                product(depth);
                emit(Op::add);
            } else if (take("-")) {
                product(depth);
                emit(Op::subtract);
            } else {
                return;
            }
        }
    }
    void product(std::size_t depth) {
        factor(depth);
        while (good_) {
            if (take("*")) {
                factor(depth);
                emit(Op::multiply);
            } else if (take("/")) {
                factor(depth);
                emit(Op::divide);
            } else {
                return;
            }
        }
    }
    void factor(std::size_t depth) {
        if (depth > kMaxNesting) return fail("nested more than 32 deep");
        skip();
        if (take("-")) {
            factor(depth + 1);
            return emit(Op::negate);
        }
        if (take("(")) {
            comparison(depth + 1);
            if (good_ && !take(")")) fail("expected ')'");
            return;
        }
        if (at_ >= text_.size()) return fail("the expression ends too early");
        if (is_digit(text_[at_]) || text_[at_] == '.') return literal();
        if (is_letter(text_[at_])) return word(depth);
        fail("'" + std::string(1, text_[at_]) + "' is not expected here");
    }
    void literal() {
        std::size_t end = at_;
        while (end < text_.size() &&
               (is_digit(text_[end]) || text_[end] == '.' || text_[end] == 'e' ||
                (text_[end] == '-' && text_[end - 1] == 'e'))) {
            ++end;
        }
        const auto value = parse_double(text_.substr(at_, end - at_));
        if (!value || !std::isfinite(*value)) return fail("this is no number");
        steps_.push_back({Op::number, *value, 0});
        at_ = end;
    }
    void word(std::size_t depth) {
        const std::size_t begin = at_;
        std::size_t end = at_;
        while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))) ++end;
        const std::string_view name = text_.substr(at_, end - at_);
        at_ = end;
        if (take("(")) return call(name, begin, depth);
        const auto found = std::find(names_.begin(), names_.end(), name);
        if (found != names_.end()) {
            steps_.push_back({Op::variable, 0, static_cast<std::size_t>(found - names_.begin())});
            return;
        }
        if (name == "t") return emit(Op::time);
        at_ = begin;
        std::vector<std::string_view> known(names_.begin(), names_.end());
        known.emplace_back("t");
        const auto near = nearest(name, known);
        fail("no name '" + std::string(name) + "'",
             near ? "did you mean '" + std::string(*near) + "'?" : "names come from 'with'");
    }
    void call(std::string_view name, std::size_t begin, std::size_t depth) {
        const auto found = std::find_if(kFunctions.begin(), kFunctions.end(),
                                        [name](const Function& each) { return each.name == name; });
        if (found == kFunctions.end()) {
            at_ = begin;
            std::vector<std::string_view> known;
            for (const Function& each : kFunctions) known.push_back(each.name);
            const auto near = nearest(name, known);
            return fail("no function '" + std::string(name) + "'",
                        near ? "did you mean '" + std::string(*near) + "'?" : "");
        }
        for (std::size_t i = 0; i < found->arguments && good_; ++i) {
            if (i > 0 && !take(",")) {
                return fail("'" + std::string(name) + "' takes " +
                            std::to_string(found->arguments) + " values");
            }
            comparison(depth + 1);
        }
        if (good_ && !take(")")) return fail("expected ')'");
        emit(found->op);
    }

    std::string_view text_;
    const std::vector<std::string>& names_;
    std::size_t at_ = 0;
    bool good_ = true;
    Error error_{Errc::bad_config, {}, {}};
    std::vector<Step> steps_;
};

double apply(Op op, const double* arg) {
    switch (op) {
        case Op::negate:
            return -arg[0];
        case Op::add:
            return arg[0] + arg[1];
        case Op::subtract:
            return arg[0] - arg[1];
        case Op::multiply:
            return arg[0] * arg[1];
        case Op::divide:
            return arg[1] == 0 ? 0 : arg[0] / arg[1];
        case Op::less:
            return arg[0] < arg[1] ? 1 : 0;
        case Op::less_equal:
            return arg[0] <= arg[1] ? 1 : 0;
        case Op::equal:
            return arg[0] == arg[1] ? 1 : 0;
        case Op::not_equal:
            return arg[0] != arg[1] ? 1 : 0;
        case Op::minimum:
            return std::min(arg[0], arg[1]);
        case Op::maximum:
            return std::max(arg[0], arg[1]);
        case Op::clamp:
            return std::max(arg[1], std::min(arg[0], arg[2]));
        case Op::absolute:
            return std::abs(arg[0]);
        case Op::floor:
            return std::floor(arg[0]);
        case Op::root:
            return arg[0] > 0 ? std::sqrt(arg[0]) : 0;
        case Op::sine:
            return std::abs(arg[0]) < 1e15 ? sine_of_turns(arg[0]) : 0;
        case Op::choose:
            return arg[0] != 0 ? arg[1] : arg[2];
        case Op::number:
        case Op::variable:
        case Op::time:
            break;
    }
    return 0;
}

}  // namespace

Result<Expression> Expression::parse(std::string_view text, const std::vector<std::string>& names) {
    auto steps = Parser(text, names).run();
    if (!steps) return std::move(steps).error();
    Expression out;
    out.steps_ = std::move(*steps);
    std::size_t height = 0;
    for (const Step& step : out.steps_) {
        height = height + 1 - takes(step.op);
        out.depth_ = std::max(out.depth_, height);
    }
    return out;
}

double Expression::eval(double seconds, const std::vector<double>& values) const {
    std::vector<double> stack;
    stack.reserve(depth_);
    for (const Step& step : steps_) {
        if (step.op == Op::number) {
            stack.push_back(step.number);
        } else if (step.op == Op::variable) {
            stack.push_back(step.place < values.size() ? values[step.place] : 0);
        } else if (step.op == Op::time) {
            stack.push_back(seconds);
        } else {
            const std::size_t n = takes(step.op);
            const double result = apply(step.op, stack.data() + (stack.size() - n));
            stack.resize(stack.size() - n);
            stack.push_back(result);
        }
    }
    return stack.empty() ? 0 : stack.back();
}

}  // namespace fog::sim
