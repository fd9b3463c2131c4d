#include <algorithm>
#include <array>
#include <cmath>

#include "firmware/core/text.hpp"
#include "rules/language/program.hpp"

namespace fog {

namespace {

constexpr std::array<Function, 31> kFunctions = {{
    {"abs", 0, 1, 1},       {"min", 1, 1, 16},         {"max", 2, 1, 16},
    {"clamp", 3, 3, 3},     {"round", 4, 1, 2},        {"floor", 5, 1, 1},
    {"ceil", 6, 1, 1},      {"sqrt", 7, 1, 1},         {"exp", 8, 1, 1},
    {"ln", 9, 1, 1},        {"log10", 10, 1, 1},       {"sin", 11, 1, 1},
    {"cos", 12, 1, 1},      {"atan2", 13, 2, 2},       {"mod", 14, 2, 2},
    {"sign", 15, 1, 1},     {"coalesce", 16, 1, 16},   {"known", 17, 1, 1},
    {"age", 18, 1, 1},      {"quality", 19, 1, 1},     {"value_at_least", 20, 2, 17},
    {"contains", 21, 2, 2}, {"starts_with", 22, 2, 2}, {"ends_with", 23, 2, 2},
    {"len", 24, 1, 1},      {"lower", 25, 1, 1},       {"hour", 26, 0, 0},
    {"weekday", 27, 0, 0},  {"now", 28, 0, 0},         {"dewpoint", 29, 2, 2},
    {"convert", 30, 2, 2},
}};

constexpr std::string_view kTypeNames[] = {"a value of any type", "a number", "a text",
                                           "true or false", "a time"};

}  // namespace

std::span<const Function> functions() {
    return kFunctions;
}
std::string_view to_text(Type type) {
    return kTypeNames[static_cast<std::size_t>(type)];
}

/// Walks the tree once: types, units, code. Faults are collected, not just the first.
class Compiler {
public:
    Compiler(const Ast& ast, Scope scope, std::vector<ExprFault>& faults)
        : ast_(ast), scope_(scope), faults_(faults), types_(scope.size(), Type::any) {}

    Program run() {
        const Typed root = compile(ast_.root());
        program_.type_ = root.type;
        program_.unit_ = root.unit;
        program_.stack_.reserve(program_.code_.size() + 1);
        return std::move(program_);
    }

private:
    struct Typed {
        Type type = Type::any;
        Unit unit;
        bool bare = false;  // a literal without a unit
        bool broken = false;
        std::int64_t slot = -1;
        std::uint32_t node = 0;
        std::size_t end = 0;  // code size after it
    };
    using Code = Instr::Code;

    void fault(const AstNode& node, std::string code, std::string detail, std::string hint = {}) {
        faults_.push_back({std::move(code), node.at, std::max(node.length, 1U), std::move(detail),
                           std::move(hint)});
    }
    Typed broken(std::uint32_t id) {
        Typed result;
        result.broken = true;
        result.unit = any_unit();
        result.node = id;
        return result;
    }
    void emit(Instr instr) { program_.code_.push_back(instr); }
    void emit(Code code, std::size_t count = 0) {
        Instr instr;
        instr.code = code;
        instr.count = static_cast<std::uint16_t>(count);
        emit(instr);
    }
    Typed typed(std::uint32_t id, Type type, Unit unit = {}) const {
        Typed result;
        result.type = type;
        result.unit = std::move(unit);
        result.node = id;
        return result;
    }
    std::string source_of(const Typed& one) const {
        if (one.slot < 0) return "this";
        return scope_[static_cast<std::size_t>(one.slot)].name;
    }
    std::string described(const Typed& one) const {
        std::string text = source_of(one) + " is " + unit_text(one.unit);
        if (one.slot >= 0 && !scope_[static_cast<std::size_t>(one.slot)].origin.empty())
            text += " (" + scope_[static_cast<std::size_t>(one.slot)].origin + ")";
        return text;
    }

    /// Makes `one` a `type`; a stream whose type is open becomes it.
    bool need(Typed& one, Type type) {
        if (one.broken) return false;
        if (one.type == type || type == Type::any) return true;
        if (one.type == Type::any) {
            one.type = type;
            if (one.slot >= 0) types_[static_cast<std::size_t>(one.slot)] = type;
            return true;
        }
        fault(ast_.nodes[one.node], "R0101",
              "expected " + std::string(to_text(type)) + ", this is " +
                  std::string(to_text(one.type)),
              one.slot >= 0 ? "'" + source_of(one) + "' is used as " +
                                  std::string(to_text(one.type)) + " elsewhere in this expression"
                            : "");
        one.broken = true;
        return false;
    }

    /// Both are looked at, so that both faults are told.
    bool need_both(Typed& a, Typed& b, Type type) {
        const bool first = need(a, type);
        return need(b, type) && first;
    }

    /// Inserts a unit conversion right behind the code of `one`. Only for the operand last compiled
    /// or, for earlier ones, by shifting what follows.
    void convert_code(std::vector<Typed*> all, const Typed& one, const Affine& by) {
        if (by.identity()) return;
        Instr instr;
        instr.code = Code::affine;
        instr.a = by.factor;
        instr.b = by.shift;
        auto& code = program_.code_;
        code.insert(code.begin() + static_cast<std::ptrdiff_t>(one.end), instr);
        const auto from = one.end;
        for (Typed* other : all)
            if (other->end >= from) ++other->end;
    }

    /// Brings `other` to the unit of `base`; `verb` is for the message.
    bool unify(Typed& base, Typed& other, std::vector<Typed*> all, std::string_view verb) {
        if (base.broken || other.broken) return false;
        const bool base_any = base.unit.kind == Unit::Kind::any;
        if (base_any || other.unit.kind == Unit::Kind::any) {
            if (base_any) base.unit = other.unit;
            return true;
        }
        if (base.bare != other.bare && (base.bare ? !other.unit.none() : !base.unit.none())) {
            const Typed& bare = base.bare ? base : other;
            const Typed& quantity = base.bare ? other : base;
            const AstNode& node = ast_.nodes[bare.node];
            std::string number;
            append_double(number, node.number);
            const std::string code =
                quantity.unit.code.empty() ? "unit" : difference_hint(quantity.unit);
            fault(node, "R0102", "a bare number against a quantity: " + described(quantity),
                  "write " + number + "[" + code + "]");
            return false;
        }
        const auto by = conversion(other.unit, base.unit);
        if (!by) return mismatch(base, other, verb);
        convert_code(std::move(all), other, *by);
        return true;
    }
    static std::string difference_hint(const Unit& unit) {
        return unit.kind == Unit::Kind::difference && unit.code == "Cel" ? "K" : unit.code;
    }
    bool mismatch(const Typed& base, const Typed& other, std::string_view verb) {
        const AstNode& node = ast_.nodes[other.node];
        std::string hint;
        if (base.slot >= 0 && !base.unit.code.empty())
            hint = "use the same quantity, for example " + source_of(base) + " > 1[" +
                   base.unit.code + "]";
        if (base.unit.kind == Unit::Kind::difference && other.unit.kind == Unit::Kind::absolute)
            hint = "a difference of temperatures is in K: write [K]";
        fault(node, "R0104",
              "cannot " + std::string(verb) + ": " + described(base) + ", " + described(other),
              hint);
        return false;
    }

    Typed compile(std::uint32_t id) {
        Typed result = compile_node(id, ast_.nodes[id]);
        result.node = id;
        result.end = program_.code_.size();
        return result;
    }

    Typed compile_node(std::uint32_t id, const AstNode& node) {
        switch (node.op) {
            case Op::number:
                return number(id, node);
            case Op::text:
                program_.texts_.push_back(node.text);
                constant(Val::of_text(program_.texts_.back()));
                return typed(id, Type::text);
            case Op::truth:
                constant(Val::of_truth(node.truth));
                return typed(id, Type::truth);
            case Op::name:
                return name(id, node);
            case Op::negate:
                return negate(id, node);
            case Op::logic_not:
            case Op::logic_and:
            case Op::logic_or:
                return logic(id, node);
            case Op::add:
            case Op::sub:
                return sum(id, node);
            case Op::mul:
            case Op::div:
                return term(id, node);
            case Op::power:
                return exponent(id, node);
            case Op::less:
            case Op::less_equal:
            case Op::greater:
            case Op::greater_equal:
                return order(id, node);
            case Op::equal:
            case Op::not_equal:
            case Op::in:
                return equality(id, node);
            case Op::between:
                return order(id, node);
            case Op::is:
                return quality(id, node);
            case Op::choose:
                return choose(id, node);
            case Op::call:
                return call(id, node);
        }
        return broken(id);
    }

    void constant(Val value) {
        Instr instr;
        instr.code = Code::constant;
        instr.index = static_cast<std::uint32_t>(program_.constants_.size());
        program_.constants_.push_back(value);
        emit(instr);
    }
    Typed number(std::uint32_t id, const AstNode& node) {
        constant(node.whole && node.unit.empty() ? Val::of_integer(node.integer)
                                                 : Val::of(node.number));
        Typed result = typed(id, Type::number, parse_unit(node.unit));
        result.bare = node.unit.empty();
        return result;
    }
    std::int64_t find_name(const AstNode& node) {
        for (std::size_t i = 0; i < scope_.size(); ++i)
            if (scope_[i].name == node.text) return static_cast<std::int64_t>(i);
        std::vector<std::string_view> names;
        for (const auto& one : scope_) names.push_back(one.name);
        const auto near = nearest(node.text, names);
        fault(node, "R0201", "nothing is called '" + node.text + "'",
              near ? "did you mean " + std::string(*near) + "?"
                   : "name it under inputs or as the out of a step");
        return -1;
    }
    Typed name(std::uint32_t id, const AstNode& node) {
        const auto slot = find_name(node);
        if (slot < 0) return broken(id);
        const auto index = static_cast<std::size_t>(slot);
        Instr instr;
        instr.code = Code::load;
        instr.index = static_cast<std::uint32_t>(index);
        emit(instr);
        if (index < 64) program_.reads_ |= std::uint64_t{1} << index;
        Typed result = typed(id, types_[index], scope_[index].unit);
        result.slot = slot;
        return result;
    }
    Typed negate(std::uint32_t id, const AstNode& node) {
        Typed inner = compile(node.kids[0]);
        if (!need(inner, Type::number)) return broken(id);
        if (inner.unit.kind == Unit::Kind::absolute) {
            fault(node, "R0103", "a temperature cannot be negated: " + described(inner),
                  "subtract two temperatures, or convert to K");
            return broken(id);
        }
        emit(Code::negate);
        return typed(id, Type::number, inner.unit);
    }
    Typed logic(std::uint32_t id, const AstNode& node) {
        bool good = true;
        for (const auto kid : node.kids) {
            Typed one = compile(kid);
            good = need(one, Type::truth) && good;
        }
        if (!good) return broken(id);
        emit(node.op == Op::logic_not   ? Code::logic_not
             : node.op == Op::logic_and ? Code::logic_and
                                        : Code::logic_or);
        return typed(id, Type::truth);
    }
    Typed sum(std::uint32_t id, const AstNode& node) {
        Typed left = compile(node.kids[0]);
        Typed right = compile(node.kids[1]);
        const bool minus = node.op == Op::sub;
        if (left.type == Type::time && minus) {
            if (!need(right, Type::time)) return broken(id);
            emit(Code::sub);
            return typed(id, Type::number, parse_unit("s"));
        }
        const bool numbers = need_both(left, right, Type::number);
        if (!numbers) return broken(id);
        return temperature_sum(id, node, left, right, minus);
    }
    /// Cel - Cel = difference; Cel + K = Cel; Cel + Cel is refused; else the same quantity.
    Typed temperature_sum(std::uint32_t id, const AstNode& node, Typed& left, Typed& right,
                          bool minus) {
        using Kind = Unit::Kind;
        const auto emit_result = [&](const Unit& unit) {
            emit(minus ? Code::sub : Code::add);
            return typed(id, Type::number, unit);
        };
        const bool left_absolute = left.unit.kind == Kind::absolute;
        const bool right_absolute = right.unit.kind == Kind::absolute;
        const bool open = left.unit.kind == Kind::any || right.unit.kind == Kind::any;
        if (open || (!left_absolute && !right_absolute)) {
            if (!unify(left, right, {&left, &right}, minus ? "subtract" : "add")) return broken(id);
            if (open) return emit_result(any_unit());
            if (minus && left.unit.kind == Kind::kelvin)
                return emit_result(difference_of(left.unit));
            return emit_result(left.unit);
        }
        if (left_absolute && right_absolute) {
            if (!minus) {
                fault(node, "R0103", "two temperatures cannot be added",
                      "add a difference: t + 5[K]");
                return broken(id);
            }
            if (!unify(left, right, {&left, &right}, "subtract")) return broken(id);
            return emit_result(difference_of(left.unit));
        }
        if (right_absolute && minus) {
            fault(node, "R0103", "a temperature cannot be taken from a difference",
                  "swap the two sides");
            return broken(id);
        }
        Typed& absolute = left_absolute ? left : right;
        Typed& shift = left_absolute ? right : left;
        Typed target = absolute;
        target.unit = difference_of(absolute.unit);
        Typed source = shift;
        source.unit = difference_of(shift.unit);
        if (!unify(target, source, {&left, &right, &source}, minus ? "subtract" : "add"))
            return broken(id);
        return emit_result(absolute.unit);
    }
    Typed term(std::uint32_t id, const AstNode& node) {
        Typed left = compile(node.kids[0]);
        Typed right = compile(node.kids[1]);
        const bool numbers = need_both(left, right, Type::number);
        if (!numbers) return broken(id);
        const bool times = node.op == Op::mul;
        const auto unit = times ? product(left.unit, right.unit) : quotient(left.unit, right.unit);
        if (!unit) {
            const bool hot =
                left.unit.kind == Unit::Kind::absolute || right.unit.kind == Unit::Kind::absolute;
            fault(node, hot ? "R0103" : "R0105",
                  std::string("cannot ") + (times ? "multiply" : "divide") + ": " +
                      described(left) + ", " + described(right),
                  hot ? "only differences of temperatures can be scaled: (t - 0[Cel]) * 2" : "");
            return broken(id);
        }
        emit(times ? Code::mul : Code::div);
        Typed result = typed(id, Type::number, *unit);
        result.bare = left.bare && right.bare;
        return result;
    }
    Typed exponent(std::uint32_t id, const AstNode& node) {
        Typed base = compile(node.kids[0]);
        if (!need(base, Type::number)) return broken(id);
        const auto unit = power(base.unit, static_cast<int>(node.integer));
        if (!unit) {
            fault(node, "R0105", "no power of this unit: " + described(base));
            return broken(id);
        }
        Instr instr;
        instr.code = Code::power;
        instr.a = static_cast<double>(node.integer);
        emit(instr);
        return typed(id, Type::number, *unit);
    }
    static Code order_code(Op op) {
        if (op == Op::less) return Code::less;
        if (op == Op::less_equal) return Code::less_equal;
        if (op == Op::greater) return Code::greater;
        return op == Op::greater_equal ? Code::greater_equal : Code::between;
    }
    Typed order(std::uint32_t id, const AstNode& node) {
        std::vector<Typed> sides;
        for (const auto kid : node.kids) sides.push_back(compile(kid));
        std::vector<Typed*> all;
        for (auto& side : sides) all.push_back(&side);
        const bool times = sides[0].type == Type::time;
        bool good = true;
        for (auto& side : sides) good = need(side, times ? Type::time : Type::number) && good;
        for (std::size_t i = 1; good && i < sides.size(); ++i)
            good = times || unify(sides[0], sides[i], all, "compare");
        if (!good) return broken(id);
        emit(order_code(node.op));
        return typed(id, Type::truth);
    }
    Typed equality(std::uint32_t id, const AstNode& node) {
        std::vector<Typed> sides;
        for (const auto kid : node.kids) sides.push_back(compile(kid));
        std::vector<Typed*> all;
        for (auto& side : sides) all.push_back(&side);
        Type type = Type::any;
        for (const auto& side : sides)
            if (type == Type::any && !side.broken) type = side.type;
        bool good = true;
        for (auto& side : sides) good = need(side, type) && !side.broken && good;
        const bool numeric = type == Type::number || type == Type::any;
        for (std::size_t i = 1; good && numeric && i < sides.size(); ++i)
            good = unify(sides[0], sides[i], all, "compare");
        if (!good) return broken(id);
        emit(node.op == Op::equal       ? Code::equal
             : node.op == Op::not_equal ? Code::not_equal
                                        : Code::in,
             sides.size() - 1);
        return typed(id, Type::truth);
    }
    Typed quality(std::uint32_t id, const AstNode& node) {
        static constexpr std::array<std::string_view, 5> kWords = {"unknown", "good", "uncertain",
                                                                   "bad", "stale"};
        const auto word = static_cast<std::size_t>(
            std::find(kWords.begin(), kWords.end(), node.text) - kWords.begin());
        Instr instr;
        instr.code = Code::is;
        instr.what = static_cast<std::uint8_t>(word | (node.truth ? 0x80U : 0U));
        instr.index = 0xFFFFFFFFU;
        Typed inner = compile(node.kids[0]);
        if (inner.broken) return broken(id);
        if (inner.slot >= 0) instr.index = static_cast<std::uint32_t>(inner.slot);
        if (word != 0 && inner.slot < 0) {
            fault(node, "R0101", "only a stream has a quality", "write a name before is");
            return broken(id);
        }
        emit(instr);
        return typed(id, Type::truth);
    }
    Typed choose(std::uint32_t id, const AstNode& node) {
        Typed condition = compile(node.kids[0]);
        Typed yes = compile(node.kids[1]);
        Typed no = compile(node.kids[2]);
        const Type type = yes.type == Type::any ? no.type : yes.type;
        bool good = need(condition, Type::truth);
        good = need_both(yes, no, type) && good;
        if (good && type == Type::number) good = unify(yes, no, {&yes, &no}, "choose between");
        if (!good) return broken(id);
        emit(Code::choose);
        return typed(id, type, yes.unit);
    }

    // --- functions
    Typed call(std::uint32_t id, const AstNode& node) {
        const Function* found = nullptr;
        for (const auto& one : kFunctions)
            if (one.name == node.text) found = &one;
        if (found == nullptr) {
            std::vector<std::string_view> names;
            for (const auto& one : kFunctions) names.push_back(one.name);
            const auto near = nearest(node.text, names);
            fault(node, "R0202", "no function is called '" + node.text + "'",
                  near ? "did you mean " + std::string(*near) + "?" : "");
            return broken(id);
        }
        if (node.kids.size() < found->least || node.kids.size() > found->most) {
            fault(node, "R0203",
                  node.text + " takes " + arguments_text(*found) + ", here are " +
                      std::to_string(node.kids.size()));
            return broken(id);
        }
        return checked_call(id, node, static_cast<Fn>(found->id));
    }
    static std::string arguments_text(const Function& function) {
        std::string text = std::to_string(function.least);
        if (function.most != function.least) text += " to " + std::to_string(function.most);
        return text + (function.most == 1 ? " argument" : " arguments");
    }
    Typed checked_call(std::uint32_t id, const AstNode& node, Fn fn) {
        switch (fn) {
            case Fn::known:
            case Fn::age:
            case Fn::quality:
                return about_stream(id, node, fn);
            case Fn::convert:
                return convert(id, node);
            case Fn::contains:
            case Fn::starts_with:
            case Fn::ends_with:
            case Fn::len:
            case Fn::lower:
                return text_call(id, node, fn);
            case Fn::hour:
            case Fn::weekday:
                emit_call(fn, 0);
                return typed(id, Type::number);
            case Fn::now:
                emit_call(fn, 0);
                return typed(id, Type::time);
            case Fn::value_at_least:
                return at_least(id, node);
            case Fn::dewpoint:
                return dewpoint(id, node);
            case Fn::exp:
            case Fn::ln:
            case Fn::log10:
            case Fn::sin:
            case Fn::cos:
                return of_number(id, node, fn);
            case Fn::abs:
            case Fn::min:
            case Fn::max:
            case Fn::clamp:
            case Fn::round:
            case Fn::floor:
            case Fn::ceil:
            case Fn::sqrt:
            case Fn::atan2:
            case Fn::mod:
            case Fn::sign:
            case Fn::coalesce:
                return same_unit(id, node, fn);
        }
        return broken(id);
    }
    void emit_call(Fn fn, std::size_t count, std::uint32_t index = 0) {
        Instr instr;
        instr.code = Code::call;
        instr.what = static_cast<std::uint8_t>(fn);
        instr.count = static_cast<std::uint16_t>(count);
        instr.index = index;
        emit(instr);
    }
    Typed about_stream(std::uint32_t id, const AstNode& node, Fn fn) {
        Typed inner = compile(node.kids[0]);
        if (inner.broken) return broken(id);
        if (inner.slot < 0) {
            fault(ast_.nodes[node.kids[0]], "R0101", node.text + " needs the name of a stream");
            return broken(id);
        }
        emit_call(fn, 1, static_cast<std::uint32_t>(inner.slot));
        if (fn == Fn::age) return typed(id, Type::number, parse_unit("s"));
        return typed(id, fn == Fn::known ? Type::truth : Type::text);
    }
    Typed convert(std::uint32_t id, const AstNode& node) {
        Typed inner = compile(node.kids[0]);
        const AstNode& target = ast_.nodes[node.kids[1]];
        if (target.op != Op::text) {
            fault(target, "R0101", "the second argument of convert is a unit in quotes",
                  "convert(t, \"Cel\")");
            return broken(id);
        }
        if (!need(inner, Type::number)) return broken(id);
        const Unit to = parse_unit(target.text);
        const auto by = conversion(inner.unit, to);
        if (!by) {
            fault(target, "R0106", "cannot convert to " + unit_text(to) + ": " + described(inner));
            return broken(id);
        }
        convert_code({&inner}, inner, *by);
        return typed(id, Type::number, to);
    }
    Typed text_call(std::uint32_t id, const AstNode& node, Fn fn) {
        bool good = true;
        for (const auto kid : node.kids) {
            Typed one = compile(kid);
            good = need(one, Type::text) && good;
        }
        if (!good) return broken(id);
        if (fn == Fn::lower) {
            emit_call(fn, 1, static_cast<std::uint32_t>(program_.scratch_.size()));
            program_.scratch_.emplace_back().reserve(Limits{}.string_value_bytes);
            return typed(id, Type::text);
        }
        emit_call(fn, node.kids.size());
        return typed(id, fn == Fn::len ? Type::number : Type::truth);
    }
    Typed at_least(std::uint32_t id, const AstNode& node) {
        Typed count = compile(node.kids[0]);
        bool good = need(count, Type::number);
        if (good && !count.unit.none() && count.unit.kind != Unit::Kind::any) {
            fault(ast_.nodes[node.kids[0]], "R0105", "the first argument is a count");
            good = false;
        }
        for (std::size_t i = 1; i < node.kids.size(); ++i) {
            Typed one = compile(node.kids[i]);
            good = need(one, Type::truth) && good;
        }
        if (!good) return broken(id);
        emit_call(Fn::value_at_least, node.kids.size());
        return typed(id, Type::truth);
    }
    Typed dewpoint(std::uint32_t id, const AstNode& node) {
        Typed t = compile(node.kids[0]);
        Typed rh = compile(node.kids[1]);
        if (!need_both(t, rh, Type::number)) return broken(id);
        const auto to_cel = conversion(t.unit, parse_unit("Cel"));
        const auto to_percent = conversion(rh.unit, parse_unit("%"));
        if (!to_cel || !to_percent) {
            fault(node, "R0105",
                  "dewpoint needs a temperature and a humidity in %: " + described(t) + ", " +
                      described(rh));
            return broken(id);
        }
        convert_code({&t, &rh}, t, *to_cel);
        convert_code({&rh}, rh, *to_percent);
        emit_call(Fn::dewpoint, 2);
        return typed(id, Type::number, parse_unit("Cel"));
    }
    Typed of_number(std::uint32_t id, const AstNode& node, Fn fn) {
        Typed inner = compile(node.kids[0]);
        if (!need(inner, Type::number)) return broken(id);
        const bool angle = fn == Fn::sin || fn == Fn::cos;
        std::optional<Affine> by = Affine{};
        if (!inner.unit.none()) by = conversion(inner.unit, parse_unit(angle ? "rad" : "1"));
        if (!by) {
            fault(node, "R0105",
                  node.text + (angle ? " needs an angle: " : " needs a bare number: ") +
                      described(inner));
            return broken(id);
        }
        convert_code({&inner}, inner, *by);
        emit_call(fn, 1);
        return typed(id, Type::number);
    }
    Typed same_unit(std::uint32_t id, const AstNode& node, Fn fn) {
        std::vector<Typed> all;
        for (const auto kid : node.kids) all.push_back(compile(kid));
        std::vector<Typed*> pointers;
        for (auto& one : all) pointers.push_back(&one);
        Type type = Type::number;
        if (fn == Fn::coalesce)
            for (const auto& one : all)
                if (!one.broken && one.type != Type::any) type = one.type;
        bool good = true;
        for (auto& one : all) good = need(one, type) && good;
        for (std::size_t i = 1; good && type == Type::number && i < all.size(); ++i)
            good = unify(all[0], all[i], pointers, "combine");
        if (!good) return broken(id);
        emit_call(fn, all.size());
        Typed result = typed(id, type, all[0].unit);
        return shaped(id, node, fn, std::move(result));
    }
    Typed shaped(std::uint32_t id, const AstNode& node, Fn fn, Typed result) {
        const bool absolute = result.unit.kind == Unit::Kind::absolute;
        if (absolute && (fn == Fn::abs || fn == Fn::mod || fn == Fn::sqrt || fn == Fn::sign)) {
            fault(node, "R0103", node.text + " of a temperature has no meaning",
                  "use a difference: abs(t - 20[Cel])");
            return broken(id);
        }
        if (fn == Fn::sign) result.unit = Unit{};
        if (fn == Fn::atan2) result.unit = parse_unit("rad");
        if (fn == Fn::sqrt) {
            const auto unit = root(result.unit);
            if (!unit) {
                fault(node, "R0105", "no root of " + unit_text(result.unit));
                return broken(id);
            }
            result.unit = *unit;
        }
        return result;
    }

    const Ast& ast_;
    Scope scope_;
    std::vector<ExprFault>& faults_;
    std::vector<Type> types_;
    Program program_;
};

std::optional<Program> compile_expression(std::string_view text, Scope scope, const Limits& limits,
                                          std::vector<ExprFault>& faults) {
    Ast ast;
    ExprFault fault;
    const auto before = faults.size();
    if (!parse_expression(text, limits, ast, fault)) {
        faults.push_back(std::move(fault));
        return std::nullopt;
    }
    Program program = Compiler(ast, scope, faults).run();
    if (faults.size() != before) return std::nullopt;
    if (program.cost() > limits.evaluation_steps) {
        faults.push_back({"R0503", 0, 1, "one evaluation takes more steps than allowed", {}});
        return std::nullopt;
    }
    return program;
}

}  // namespace fog
