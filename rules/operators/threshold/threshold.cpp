#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>

#include "firmware/core/text.hpp"
#include "rules/latch.hpp"
#include "rules/operator.hpp"

namespace fog {

namespace {

using std::chrono::nanoseconds;

struct LevelRow {
    std::string_view key;
    Level level;
    bool high;
    int rank;
};
constexpr std::array<LevelRow, 4> kLevels = {{{"LL", Level::low_low, false, 2},
                                              {"L", Level::low, false, 1},
                                              {"H", Level::high, true, 1},
                                              {"HH", Level::high_high, true, 2}}};

struct Limit {
    bool used = false;
    double value = 0;
    nanoseconds hold{};  // for
    nanoseconds keep{};  // keep_for
    Latch latch;
};

class Threshold final : public Operator {
public:
    Threshold(std::array<Limit, 4> limits, double hysteresis)
        : limits_(limits), hysteresis_(hysteresis) {}

    void on_sample(std::size_t, const StepSample& sample, Step& out) override {
        double x = 0;
        known_ = sample.known && as_number(sample.value, x) && std::isfinite(x);
        x_ = x;
        if (!known_)
            for (Limit& limit : limits_) limit.latch.give_up();
        judge(sample.time, out);
    }
    void on_timer(MonoTime due, Step& out) override { judge(due, out); }
    void save(StateWriter& state) const override {
        state.u8(known_ ? 1 : 0);
        state.fixed(x_);
        for (const Limit& limit : limits_) limit.latch.save(state);
    }
    Result<void> load(StateReader& state) override {
        const auto known = state.u8();
        const auto x = state.fixed<double>();
        std::array<Limit, 4> limits = limits_;
        bool good = known < 2;
        for (Limit& limit : limits) good = limit.latch.load(state) && good;
        if (!good || !state.ok()) return Error{Errc::bad_frame, "threshold: damaged state", ""};
        known_ = known == 1;
        x_ = x;
        limits_ = limits;
        for (Limit& limit : limits_)
            if (!limit.used) limit.latch = {};
        armed_ = MonoTime::min();  // whatever comes next is said anew
        return {};
    }

private:
    static constexpr MonoTime unarmed() { return MonoTime::max(); }

    bool beyond(const Limit& limit, bool high) const {
        if (!limit.latch.active) return high ? x_ > limit.value : x_ < limit.value;
        return high ? x_ <= limit.value - hysteresis_ : x_ >= limit.value + hysteresis_;
    }
    void judge(MonoTime now, Step& out) {
        MonoTime due = unarmed();
        for (std::size_t i = 0; i < kLevels.size(); ++i) {
            Limit& limit = limits_[i];
            if (!limit.used || !known_) continue;
            const auto need = [&] { return limit.latch.active ? limit.keep : limit.hold; };
            limit.latch.step(beyond(limit, kLevels[i].high), now, need());
            if (limit.latch.pending) due = std::min(due, limit.latch.since + need());
        }
        arm(due, out);
        out.conclude(verdict());
    }
    void arm(MonoTime due, Step& out) {
        if (due == armed_) return;
        armed_ = due;
        if (due == unarmed())
            out.no_wake();
        else
            out.wake_at(due);
    }
    Verdict3 verdict() const {
        Verdict3 result;
        int rank = 0;
        for (std::size_t i = 0; i < kLevels.size(); ++i) {
            const Limit& limit = limits_[i];
            if (!limit.latch.active || kLevels[i].rank < rank) continue;
            const MonoTime since = limit.latch.held_since();
            if (kLevels[i].rank == rank && since < result.since) continue;
            rank = kLevels[i].rank;
            result.level = kLevels[i].level;
            result.limit = limit.value;
            result.since = since;
        }
        if (!known_)
            result.truth = Truth::unknown;
        else
            result.truth = rank > 0 ? Truth::yes : Truth::no;
        return result;
    }

    std::array<Limit, 4> limits_;
    double hysteresis_;
    double x_ = 0;
    bool known_ = false;
    MonoTime armed_ = unarmed();
};

/// `for` and `keep_for`: one duration, or a table by level.
std::array<nanoseconds, 4> durations(ConfigView& params, std::string_view key) {
    std::array<nanoseconds, 4> result{};
    const Node* node = params.raw(key);
    if (node == nullptr) return result;
    if (!node->is_table()) {
        result.fill(params.duration(key, nanoseconds{}));
        return result;
    }
    ConfigView table = params.table(key);
    for (std::size_t i = 0; i < kLevels.size(); ++i)
        result[i] = table.duration(kLevels[i].key, nanoseconds{});
    table.done();
    return result;
}

/// Hysteresis: a quantity, or "2 % of span" with `span = [lo, hi]`.
double read_hysteresis(ConfigView& params, OperatorSite& site) {
    const Node* span = params.raw("span");
    const Node* node = params.raw("hysteresis");
    if (node == nullptr) return 0;
    const std::string* text = node->string();
    const auto of = text != nullptr ? text->find("% of span") : std::string::npos;
    if (of == std::string::npos) {
        const auto value = site.quantity(0, *node, true);
        if (!value) params.fault("hysteresis", "R0301", value.error().what, value.error().hint);
        if (value && *value < 0)
            params.fault("hysteresis", "R0302", "hysteresis must not be negative");
        return value ? *value : 0;
    }
    const auto percent = parse_double(trim(std::string_view(*text).substr(0, of)));
    if (!percent || *percent < 0 || span == nullptr || !span->is_array() ||
        span->array()->size() != 2) {
        params.fault("hysteresis", "R0303", "a hysteresis in % of span needs span = [low, high]");
        return 0;
    }
    const auto low = site.quantity(0, (*span->array())[0], false);
    const auto high = site.quantity(0, (*span->array())[1], false);
    if (!low || !high || *high <= *low) {
        params.fault("span", "R0303", "span is two limits, the lower one first");
        return 0;
    }
    return *percent / 100 * (*high - *low);
}

void check_order(ConfigView& params, const std::array<Limit, 4>& limits, double hysteresis) {
    std::optional<std::size_t> before;
    for (std::size_t i = 0; i < kLevels.size(); ++i) {
        if (!limits[i].used) continue;
        if (before && limits[i].value <= limits[*before].value)
            params.fault(
                kLevels[i].key, "R0304",
                std::string(kLevels[*before].key) + " must be below " + std::string(kLevels[i].key),
                "the order is LL < L < H < HH");
        else if (before && hysteresis >= limits[i].value - limits[*before].value)
            params.fault("hysteresis", "R0305",
                         "hysteresis must be smaller than the distance between " +
                             std::string(kLevels[*before].key) + " and " +
                             std::string(kLevels[i].key));
        before = i;
    }
    if (!before)
        params.fault("", "R0306", "a threshold needs at least one of LL, L, H, HH",
                     "for example H = \"80 Cel\"");
}

std::unique_ptr<Operator> make(ConfigView& params, OperatorSite& site) {
    std::array<Limit, 4> limits;
    const auto hold = durations(params, "for");
    const auto keep = durations(params, "keep_for");
    bool good = true;
    for (std::size_t i = 0; i < kLevels.size(); ++i) {
        const Node* node = params.raw(kLevels[i].key);
        limits[i].hold = hold[i];
        limits[i].keep = keep[i];
        if (node == nullptr) continue;
        const auto value = site.quantity(0, *node, false);
        limits[i].used = true;
        good = good && value.has_value();
        if (value)
            limits[i].value = *value;
        else
            params.fault(kLevels[i].key, "R0301", value.error().what, value.error().hint);
    }
    const double hysteresis = read_hysteresis(params, site);
    if (good) check_order(params, limits, hysteresis);
    return std::make_unique<Threshold>(limits, hysteresis);
}

}  // namespace

extern const OperatorInfo threshold_operator;
const OperatorInfo threshold_operator = {"threshold",
                                         "levels LL, L, H, HH with hysteresis, for and keep_for",
                                         R"({"type":"object","properties":{
"LL":{"type":"string","format":"quantity"},"L":{"type":"string","format":"quantity"},
"H":{"type":"string","format":"quantity"},"HH":{"type":"string","format":"quantity"},
"hysteresis":{"type":"string","format":"quantity"},"span":{"type":"array"},
"for":{"type":["string","object"],"format":"duration"},
"keep_for":{"type":["string","object"],"format":"duration"}}})",
                                         128,
                                         true,
                                         make};

}  // namespace fog
