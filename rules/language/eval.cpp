#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "rules/language/program.hpp"

namespace fog {

namespace {

using Kind = Val::Kind;
constexpr Quality kMath = Quality::bad(Reason::math);
constexpr Quality kWrongType = Quality::bad(Reason::config);

/// The text of a quality without allocating: built once, details left out.
std::string_view quality_text(Quality quality) {
    static const auto kTexts = [] {
        std::array<std::array<std::string, 32>, 3> texts;
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t r = 0; r < 32; ++r)
                texts[c][r] =
                    to_text(Quality::make(static_cast<QualityClass>(c), static_cast<Reason>(r)));
        return texts;
    }();
    const auto cls = std::min<std::size_t>(static_cast<std::size_t>(quality.cls()), 2);
    return kTexts[cls][static_cast<std::size_t>(quality.reason()) % 32];
}

Val load(const Slot& slot) {
    if (!slot.known) return Val::unknown(slot.quality);
    switch (slot.value.index()) {
        case 1:
            return Val::of(std::get<double>(slot.value));
        case 2:
            return Val::of_integer(std::get<std::int64_t>(slot.value));
        case 3:
            return Val::of_truth(std::get<bool>(slot.value));
        case 4:
            return Val::of_text(std::get<std::string>(slot.value));
        default:
            return Val::unknown(Quality::bad(Reason::no_data));
    }
}

/// -1, 0, 1; 2 when they cannot be compared. Integers compare exactly.
int compare(const Val& a, const Val& b) {
    if (a.kind == Kind::text || b.kind == Kind::text) {
        if (a.kind != b.kind) return 2;
        const int order = a.text.compare(b.text);
        return order < 0 ? -1 : order > 0 ? 1 : 0;
    }
    if (a.kind != Kind::number && b.kind != Kind::number)
        return a.integer < b.integer ? -1 : a.integer > b.integer ? 1 : 0;
    double x = 0;
    double y = 0;
    if (!a.as_number(x) || !b.as_number(y)) return 2;
    return x < y ? -1 : x > y ? 1 : 0;
}

template <class Test>
Val compared(const Val& a, const Val& b, Test test) {
    if (!a.known) return Val::unknown(a.why);
    if (!b.known) return Val::unknown(b.why);
    const int order = compare(a, b);
    return order == 2 ? Val::unknown(kWrongType) : Val::of_truth(test(order));
}

Val of_kleene(Truth truth, Quality why) {
    return truth == Truth::unknown ? Val::unknown(why) : Val::of_truth(truth == Truth::yes);
}

Val kleene_not(const Val& a) {
    const Truth truth = a.truth();
    if (truth == Truth::unknown) return Val::unknown(a.known ? kWrongType : a.why);
    return Val::of_truth(truth == Truth::no);
}

/// `decides` is the value that settles it: no for and, yes for or.
Val kleene(const Val& a, const Val& b, Truth decides) {
    const Truth x = a.truth();
    const Truth y = b.truth();
    if (x == decides || y == decides) return Val::of_truth(decides == Truth::yes);
    if (x == Truth::unknown) return Val::unknown(a.known ? kWrongType : a.why);
    if (y == Truth::unknown) return Val::unknown(b.known ? kWrongType : b.why);
    return Val::of_truth(decides == Truth::no);
}

template <class Make>
Val arithmetic(const Val& a, const Val& b, Make make) {
    if (!a.known) return Val::unknown(a.why);
    if (!b.known) return Val::unknown(b.why);
    double x = 0;
    double y = 0;
    if (!a.as_number(x) || !b.as_number(y)) return Val::unknown(kWrongType);
    return Val::of(make(x, y));
}

Val is(const Val& value, const Slot* slot, unsigned what) {
    const bool negated = (what & 0x80U) != 0;
    bool result = false;
    switch (what & 0x7FU) {
        case 0:
            result = !value.known;
            break;
        case 1:
            result = slot->quality.is_good();
            break;
        case 2:
            result = slot->quality.cls() == QualityClass::uncertain;
            break;
        case 3:
            result = slot->quality.cls() == QualityClass::bad;
            break;
        default:
            result = slot->quality.reason() == Reason::stale;
            break;
    }
    return Val::of_truth(result != negated);
}

Val at_least(std::span<const Val> args) {
    double need = 0;
    if (!args[0].known) return Val::unknown(args[0].why);
    if (!args[0].as_number(need)) return Val::unknown(kWrongType);
    std::size_t yes = 0;
    std::size_t open = 0;
    Quality why = kWrongType;
    for (const Val& one : args.subspan(1)) {
        const Truth truth = one.truth();
        if (truth == Truth::yes) ++yes;
        if (truth != Truth::unknown) continue;
        ++open;
        if (!one.known) why = one.why;
    }
    if (static_cast<double>(yes) >= need) return Val::of_truth(true);
    return of_kleene(static_cast<double>(yes + open) < need ? Truth::no : Truth::unknown, why);
}

/// Magnus formula over water, degrees Celsius and percent.
double dewpoint(double t, double rh) {
    if (!(rh > 0)) return std::nan("");
    const double g = std::log(rh / 100) + 17.62 * t / (243.12 + t);
    return 243.12 * g / (17.62 - g);
}

double rounded(std::span<const double> x) {
    if (x.size() == 1) return std::round(x[0]);
    return std::round(x[0] / x[1]) * x[1];
}

double numeric(Fn fn, std::span<const double> x) {
    switch (fn) {
        case Fn::abs:
            return std::fabs(x[0]);
        case Fn::min:
            return *std::min_element(x.begin(), x.end());
        case Fn::max:
            return *std::max_element(x.begin(), x.end());
        case Fn::clamp:
            return x[1] > x[2] ? std::nan("") : std::clamp(x[0], x[1], x[2]);
        case Fn::round:
            return rounded(x);
        case Fn::floor:
            return std::floor(x[0]);
        case Fn::ceil:
            return std::ceil(x[0]);
        case Fn::sqrt:
            return std::sqrt(x[0]);
        case Fn::exp:
            return std::exp(x[0]);
        case Fn::ln:
            return std::log(x[0]);
        case Fn::log10:
            return std::log10(x[0]);
        case Fn::sin:
            return std::sin(x[0]);
        case Fn::cos:
            return std::cos(x[0]);
        case Fn::atan2:
            return std::atan2(x[0], x[1]);
        case Fn::mod:
            return x[1] == 0 ? std::nan("") : std::fmod(x[0], x[1]);
        case Fn::sign:
            return x[0] > 0 ? 1 : x[0] < 0 ? -1 : 0;
        case Fn::dewpoint:
            return dewpoint(x[0], x[1]);
        case Fn::coalesce:
        case Fn::known:
        case Fn::age:
        case Fn::quality:
        case Fn::value_at_least:
        case Fn::contains:
        case Fn::starts_with:
        case Fn::ends_with:
        case Fn::len:
        case Fn::lower:
        case Fn::hour:
        case Fn::weekday:
        case Fn::now:
        case Fn::convert:
            break;
    }
    return std::nan("");
}

Val numeric_call(Fn fn, std::span<const Val> args) {
    std::array<double, 17> x{};
    for (std::size_t i = 0; i < args.size(); ++i) {
        if (!args[i].known) return Val::unknown(args[i].why);
        if (!args[i].as_number(x[i])) return Val::unknown(kWrongType);
    }
    return Val::of(numeric(fn, std::span<const double>(x.data(), args.size())));
}

Val coalesce(std::span<const Val> args) {
    for (const Val& one : args)
        if (one.known) return one;
    return args.back();
}

Val text_call(Fn fn, std::span<const Val> args, std::deque<std::string>& scratch,
              std::uint32_t index) {
    for (const Val& one : args) {
        if (!one.known) return Val::unknown(one.why);
        if (one.kind != Kind::text) return Val::unknown(kWrongType);
    }
    const std::string_view text = args[0].text;
    if (fn == Fn::len) return Val::of_integer(static_cast<std::int64_t>(text.size()));
    if (fn == Fn::contains) return Val::of_truth(text.find(args[1].text) != std::string_view::npos);
    if (fn == Fn::starts_with) return Val::of_truth(text.starts_with(args[1].text));
    if (fn == Fn::ends_with) return Val::of_truth(text.ends_with(args[1].text));
    std::string& lower = scratch[index];
    lower.assign(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return Val::of_text(lower);
}

Val clock_call(Fn fn, const EvalTime& at) {
    if (!at.wall) return Val::unknown(Quality::uncertain(Reason::time_estimated));
    using std::chrono::days;
    using std::chrono::floor;
    const auto day = floor<days>(*at.wall);
    if (fn == Fn::now) return Val::of_time(at.wall->time_since_epoch().count());
    if (fn == Fn::hour)
        return Val::of_integer(
            std::chrono::duration_cast<std::chrono::hours>(*at.wall - day).count());
    return Val::of_integer(static_cast<std::int64_t>(std::chrono::weekday(day).iso_encoding()));
}

Val stream_call(Fn fn, const Slot& slot, const EvalTime& at) {
    if (fn == Fn::known) return Val::of_truth(slot.known);
    if (!slot.seen) return Val::unknown(slot.quality);
    if (fn == Fn::quality) return Val::of_text(quality_text(slot.quality));
    return Val::of(std::chrono::duration<double>(at.now - slot.time).count());
}

Val call(const Instr& instr, std::span<const Val> args, std::span<const Slot> slots,
         const EvalTime& at, std::deque<std::string>& scratch) {
    const auto fn = static_cast<Fn>(instr.what);
    switch (fn) {
        case Fn::known:
        case Fn::age:
        case Fn::quality:
            return stream_call(fn, slots[instr.index], at);
        case Fn::contains:
        case Fn::starts_with:
        case Fn::ends_with:
        case Fn::len:
        case Fn::lower:
            return text_call(fn, args, scratch, instr.index);
        case Fn::hour:
        case Fn::weekday:
        case Fn::now:
            return clock_call(fn, at);
        case Fn::value_at_least:
            return at_least(args);
        case Fn::coalesce:
            return coalesce(args);
        case Fn::abs:
        case Fn::min:
        case Fn::max:
        case Fn::clamp:
        case Fn::round:
        case Fn::floor:
        case Fn::ceil:
        case Fn::sqrt:
        case Fn::exp:
        case Fn::ln:
        case Fn::log10:
        case Fn::sin:
        case Fn::cos:
        case Fn::atan2:
        case Fn::mod:
        case Fn::sign:
        case Fn::dewpoint:
        case Fn::convert:
            break;
    }
    return numeric_call(fn, args);
}

Val between(const Val& x, const Val& low, const Val& high) {
    const Val above = compared(x, low, [](int order) { return order >= 0; });
    const Val below = compared(x, high, [](int order) { return order <= 0; });
    return kleene(above, below, Truth::no);
}

Val in(std::span<const Val> args) {
    Val result = Val::of_truth(false);
    for (const Val& one : args.subspan(1))
        result = kleene(result, compared(args[0], one, [](int order) { return order == 0; }),
                        Truth::yes);
    return result;
}

Val choose(const Val& condition, const Val& yes, const Val& no) {
    const Truth truth = condition.truth();
    if (truth == Truth::unknown) return Val::unknown(condition.known ? kWrongType : condition.why);
    return truth == Truth::yes ? yes : no;
}

/// Comparisons and arithmetic of two operands.
Val binary(Instr::Code code, const Val& a, const Val& b) {
    using Code = Instr::Code;
    switch (code) {
        case Code::less:
            return compared(a, b, [](int order) { return order < 0; });
        case Code::less_equal:
            return compared(a, b, [](int order) { return order <= 0; });
        case Code::greater:
            return compared(a, b, [](int order) { return order > 0; });
        case Code::greater_equal:
            return compared(a, b, [](int order) { return order >= 0; });
        case Code::equal:
            return compared(a, b, [](int order) { return order == 0; });
        case Code::not_equal:
            return compared(a, b, [](int order) { return order != 0; });
        case Code::logic_and:
            return kleene(a, b, Truth::no);
        case Code::logic_or:
            return kleene(a, b, Truth::yes);
        case Code::add:
            return arithmetic(a, b, [](double x, double y) { return x + y; });
        case Code::mul:
            return arithmetic(a, b, [](double x, double y) { return x * y; });
        case Code::div:
            return arithmetic(a, b,
                              [](double x, double y) { return y == 0 ? std::nan("") : x / y; });
        case Code::sub:
            if (a.known && b.known && a.kind == Kind::time && b.kind == Kind::time)
                return Val::of(static_cast<double>(a.integer - b.integer) / 1e9);
            return arithmetic(a, b, [](double x, double y) { return x - y; });
        case Code::constant:
        case Code::load:
        case Code::affine:
        case Code::negate:
        case Code::logic_not:
        case Code::power:
        case Code::between:
        case Code::in:
        case Code::is:
        case Code::choose:
        case Code::call:
            break;
    }
    return Val::unknown(kMath);
}

}  // namespace

Val Val::of(double value) {
    Val result;
    result.number = value;
    result.known = std::isfinite(value);
    if (!result.known) result.why = kMath;
    return result;
}
Val Val::of_integer(std::int64_t value) {
    Val result;
    result.kind = Kind::integer;
    result.integer = value;
    result.known = true;
    return result;
}
Val Val::of_truth(bool value) {
    Val result = of_integer(value ? 1 : 0);
    result.kind = Kind::truth;
    return result;
}
Val Val::of_text(std::string_view value) {
    Val result;
    result.kind = Kind::text;
    result.text = value;
    result.known = true;
    return result;
}
Val Val::of_time(std::int64_t ns) {
    Val result = of_integer(ns);
    result.kind = Kind::time;
    return result;
}
Val Val::unknown(Quality why) {
    Val result;
    result.why = why;
    return result;
}

Truth Val::truth() const {
    if (!known) return Truth::unknown;
    if (kind == Kind::truth) return integer != 0 ? Truth::yes : Truth::no;
    // Devices report switches as 0 and 1; anything else is no truth value.
    double number_value = 0;
    if (!as_number(number_value)) return Truth::unknown;
    return number_value == 0 ? Truth::no : number_value == 1 ? Truth::yes : Truth::unknown;
}

bool Val::as_number(double& out) const {
    if (!known) return false;
    switch (kind) {
        case Kind::number:
            out = number;
            return true;
        case Kind::integer:
        case Kind::truth:
            out = static_cast<double>(integer);
            return true;
        case Kind::text:
        case Kind::time:
            break;
    }
    return false;
}

void Program::step(const Instr& instr, std::span<const Slot> slots, const EvalTime& at) {
    using Code = Instr::Code;
    const auto take = [this](std::size_t count) {
        return std::span<Val>(stack_.data() + (stack_.size() - count), count);
    };
    const auto put = [this](std::size_t count, Val value) {
        stack_.resize(stack_.size() - count);
        stack_.push_back(value);
    };
    const auto one = [&](auto make) {
        Val& top = stack_.back();
        double x = 0;
        if (!top.known) return;
        top = top.as_number(x) ? Val::of(make(x)) : Val::unknown(kWrongType);
    };
    switch (instr.code) {
        case Code::constant:
            return stack_.push_back(constants_[instr.index]);
        case Code::load:
            return stack_.push_back(load(slots[instr.index]));
        case Code::affine:
            return one([&](double x) { return x * instr.a + instr.b; });
        case Code::negate:
            return one([](double x) { return -x; });
        case Code::power:
            return one([&](double x) { return std::pow(x, instr.a); });
        case Code::logic_not:
            return put(1, kleene_not(stack_.back()));
        case Code::is:
            return put(1,
                       is(stack_.back(), instr.index < slots.size() ? &slots[instr.index] : nullptr,
                          instr.what));
        case Code::between: {
            const auto args = take(3);
            return put(3, between(args[0], args[1], args[2]));
        }
        case Code::choose: {
            const auto args = take(3);
            return put(3, choose(args[0], args[1], args[2]));
        }
        case Code::in:
            return put(instr.count + 1U, in(take(instr.count + 1U)));
        case Code::call:
            return put(instr.count, call(instr, take(instr.count), slots, at, scratch_));
        case Code::add:
        case Code::sub:
        case Code::mul:
        case Code::div:
        case Code::less:
        case Code::less_equal:
        case Code::greater:
        case Code::greater_equal:
        case Code::equal:
        case Code::not_equal:
        case Code::logic_and:
        case Code::logic_or: {
            const auto args = take(2);
            return put(2, binary(instr.code, args[0], args[1]));
        }
    }
}

Val Program::run(std::span<const Slot> slots, const EvalTime& at) {
    stack_.clear();
    for (const Instr& instr : code_) step(instr, slots, at);
    return stack_.back();
}

}  // namespace fog
