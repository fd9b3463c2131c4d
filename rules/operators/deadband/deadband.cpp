#include <cmath>
#include <string>

#include "firmware/core/limits.hpp"
#include "firmware/core/records.hpp"
#include "rules/operator.hpp"

namespace fog {

namespace {

using std::chrono::nanoseconds;

struct Band {
    double width = 0;  // absolute, in the unit of the stream; percent: a fraction
    bool relative = false;
    nanoseconds max_silence{};  // 0: never repeats
};

class Deadband final : public Operator {
public:
    explicit Deadband(Band band) : band_(band) {}

    void on_sample(std::size_t, const StepSample& sample, Step& out) override {
        latest_ = sample;
        if (sample.time < passed_at_) passed_at_ = sample.time;  // time began anew (another boot)
        if (passes(sample))
            pass(sample, out);
        else if (overdue(sample.time))
            repeat(sample.time, out);
    }
    void on_timer(MonoTime due, Step& out) override {
        if (any_ && overdue(due)) repeat(due, out);
    }
    void save(StateWriter& state) const override;
    Result<void> load(StateReader& state) override;

private:
    bool passes(const StepSample& sample) const {
        if (!any_ || sample.known != passed_.known || !(sample.quality == passed_.quality))
            return true;
        if (!sample.known) return false;
        double now = 0;
        double before = 0;
        const bool numbers = as_number(sample.value, now) && as_number(passed_.value, before);
        if (!numbers || std::isnan(now) || std::isnan(before)) return sample.value != passed_.value;
        const double moved = std::fabs(now - before);
        if (band_.width == 0) return moved > 0;
        return moved >= (band_.relative ? band_.width * std::fabs(before) : band_.width) &&
               moved > 0;
    }
    bool overdue(MonoTime now) const {
        return band_.max_silence.count() > 0 && now - passed_at_ >= band_.max_silence;
    }
    void pass(const StepSample& sample, Step& out) {
        passed_ = sample;
        any_ = true;
        passed_at_ = sample.time;
        if (band_.max_silence.count() > 0) out.wake_at(passed_at_ + band_.max_silence);
        out.emit(sample);
    }
    void repeat(MonoTime now, Step& out) {
        StepSample again = latest_;
        again.time = now;
        again.flags |= flag::kHeartbeat;
        pass(again, out);
    }

    Band band_;
    bool any_ = false;
    StepSample passed_;
    StepSample latest_;
    MonoTime passed_at_;
};

void save_value(StateWriter& state, const Value& value) {
    state.u8(static_cast<std::uint8_t>(value.index()));
    switch (value.index()) {
        case 1:
            return state.fixed(std::get<double>(value));
        case 2:
            return state.zigzag(std::get<std::int64_t>(value));
        case 3:
            return state.u8(std::get<bool>(value) ? 1 : 0);
        case 4:
            return state.text(std::get<std::string>(value));
        default:
            return;
    }
}

Value load_value(StateReader& state) {
    switch (state.u8()) {
        case 1:
            return state.fixed<double>();
        case 2:
            return state.zigzag();
        case 3:
            return state.u8() != 0;
        case 4:
            return std::string(state.text());
        default:
            return {};
    }
}

void save_sample(StateWriter& state, const StepSample& sample) {
    save_value(state, sample.value);
    state.varint(sample.quality.bits);
    state.zigzag(sample.time.time_since_epoch().count());
    state.zigzag(sample.source_time.time_since_epoch().count());
    state.u8(sample.known ? 1 : 0);
    state.varint(sample.flags);
}

StepSample load_sample(StateReader& state) {
    StepSample sample;
    sample.value = load_value(state);
    sample.quality.bits = static_cast<std::uint16_t>(state.varint());
    sample.time = MonoTime{nanoseconds{state.zigzag()}};
    sample.source_time = WallTime{nanoseconds{state.zigzag()}};
    sample.known = state.u8() != 0;
    sample.flags = static_cast<std::uint16_t>(state.varint());
    return sample;
}

void Deadband::save(StateWriter& state) const {
    state.u8(any_ ? 1 : 0);
    state.zigzag(passed_at_.time_since_epoch().count());
    save_sample(state, passed_);
    save_sample(state, latest_);
}

Result<void> Deadband::load(StateReader& state) {
    const auto any = state.u8();
    const MonoTime passed_at{nanoseconds{state.zigzag()}};
    StepSample passed = load_sample(state);
    StepSample latest = load_sample(state);
    if (!state.ok() || any > 1) return Error{Errc::bad_frame, "deadband: damaged state", ""};
    any_ = any == 1;
    passed_at_ = passed_at;
    passed_ = std::move(passed);
    latest_ = std::move(latest);
    return {};
}

double read_percent(ConfigView& params, std::string_view key) {
    const auto value = params.maybe_number(key);
    if (value && *value >= 0 && *value <= 100) return *value / 100;
    if (value) params.fault(key, "R0302", "'" + std::string(key) + "' is 0 to 100, in percent");
    return 0;
}

double read_span(ConfigView& params, OperatorSite& site) {
    const Node* span = params.raw("span");
    if (span == nullptr || !span->is_array() || span->array()->size() != 2) {
        params.fault("span_percent", "R0303", "span_percent needs span = [low, high]");
        return 0;
    }
    const auto low = site.quantity(0, (*span->array())[0], false);
    const auto high = site.quantity(0, (*span->array())[1], false);
    if (low && high && *high > *low) return *high - *low;
    if (!low)
        params.fault("span", "R0301", low.error().what, low.error().hint);
    else if (!high)
        params.fault("span", "R0301", high.error().what, high.error().hint);
    else
        params.fault("span", "R0303", "span is two limits, the lower one first");
    return 0;
}

std::unique_ptr<Operator> make(ConfigView& params, OperatorSite& site) {
    Band band;
    const int kinds = (params.has("abs") ? 1 : 0) + (params.has("percent") ? 1 : 0) +
                      (params.has("span_percent") ? 1 : 0);
    if (kinds != 1)
        params.fault("", "R0307", "a deadband needs exactly one of abs, percent, span_percent",
                     "for example abs = \"0.5 Cel\"");
    if (const Node* node = params.raw("abs")) {
        const auto width = site.quantity(0, *node, true);
        if (!width) params.fault("abs", "R0301", width.error().what, width.error().hint);
        if (width && *width < 0) params.fault("abs", "R0302", "abs must not be negative");
        if (width) band.width = *width;
    }
    if (params.has("percent")) {
        band.width = read_percent(params, "percent");
        band.relative = true;
    }
    if (params.has("span_percent"))
        band.width = read_percent(params, "span_percent") * read_span(params, site);
    band.max_silence = params.duration("max_silence", nanoseconds{});
    return std::make_unique<Deadband>(band);
}

}  // namespace

extern const OperatorInfo deadband_operator;
const OperatorInfo deadband_operator = {
    "deadband", "passes a value on only when it moved; withholds the rest",
    R"({"type":"object","properties":{
"abs":{"type":"string","format":"quantity"},"percent":{"type":"number","minimum":0,"maximum":100},
"span_percent":{"type":"number","minimum":0,"maximum":100},"span":{"type":"array"},
"max_silence":{"type":"string","format":"duration"}}})",
    // Two samples with a text of Limits::string_value_bytes each.
    2 * (256 + 64), false, make};

}  // namespace fog
