#include "sim/world/signal.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "firmware/core/text.hpp"
#include "sim/world/random.hpp"
#include "sim/world/signal_kinds.hpp"

namespace fog::sim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kMaxParts = 16;   // of a sum
constexpr std::size_t kMaxKnots = 256;  // of steps
constexpr std::size_t kMaxDepth = 8;

double as_double(SimTime t) {
    return static_cast<double>(t.count());
}

class Constant final : public Signal {
public:
    explicit Constant(double level) : level_(level) {}
    double at(SimTime) override { return level_; }

private:
    double level_;
};

class Ramp final : public Signal {
public:
    Ramp(double from, double to, SimTime over) : from_(from), to_(to), over_(over) {}
    double at(SimTime t) override {
        if (t >= over_) return to_;
        return from_ + (to_ - from_) * (as_double(t) / as_double(over_));
    }

private:
    double from_, to_;
    SimTime over_;
};

/// Sine, square and sawtooth differ only in the shape over one period.
class Wave final : public Signal {
public:
    enum class Shape : std::uint8_t { sine, square, sawtooth };
    Wave(Shape shape, double low, double high, SimTime period, double phase, double duty)
        : shape_(shape), low_(low), high_(high), period_(period), phase_(phase), duty_(duty) {}
    double at(SimTime t) override {
        // The remainder first: whole periods must not cost precision after weeks.
        const double turns = as_double(t % period_) / as_double(period_) + phase_;
        const double part = turns - std::floor(turns);
        switch (shape_) {
            case Shape::sine:
                return (low_ + high_) / 2 + (high_ - low_) / 2 * sine_of_turns(part);
            case Shape::square:
                return part < duty_ ? high_ : low_;
            case Shape::sawtooth:
                return low_ + (high_ - low_) * part;
        }
        return low_;
    }

private:
    Shape shape_;
    double low_, high_;
    SimTime period_;
    double phase_, duty_;
};

class Steps final : public Signal {
public:
    struct Knot {
        SimTime at{};
        double level = 0;
    };
    Steps(std::vector<Knot> knots, SimTime repeat) : knots_(std::move(knots)), repeat_(repeat) {}
    double at(SimTime t) override {
        if (repeat_.count() > 0) t = t % repeat_;
        auto after =
            std::upper_bound(knots_.begin(), knots_.end(), t,
                             [](SimTime time, const Knot& knot) { return time < knot.at; });
        return after == knots_.begin() ? knots_.front().level : std::prev(after)->level;
    }

private:
    std::vector<Knot> knots_;
    SimTime repeat_;
};

/// Steps that add up (pull = 1), or are drawn back to `mean` (Ornstein-Uhlenbeck, pull < 1).
class Walk final : public Signal {
public:
    struct Shape {
        double start = 0, step = 0, low = -kInfinity, high = kInfinity, pull = 1, mean = 0;
        SimTime every{std::chrono::seconds{1}};
    };
    Walk(Shape shape, RandomStream random) : shape_(shape), random_(random), value_(shape.start) {}
    double at(SimTime t) override {
        const auto wanted = static_cast<std::uint64_t>(std::max(t, SimTime{0}) / shape_.every);
        if (wanted < done_) {
            done_ = 0;
            value_ = shape_.start;
        }
        for (; done_ < wanted; ++done_) {
            value_ = shape_.mean + (value_ - shape_.mean) * shape_.pull;
            value_ = value_ + shape_.step * random_.normal(done_);
            if (value_ > shape_.high) value_ = 2 * shape_.high - value_;
            if (value_ < shape_.low) value_ = 2 * shape_.low - value_;
            value_ = std::clamp(value_, shape_.low, shape_.high);
        }
        return value_;
    }

private:
    Shape shape_;
    RandomStream random_;
    std::uint64_t done_ = 0;
    double value_;
};

class Input final : public Signal {
public:
    Input(const Inputs& inputs, std::string address, double initial)
        : inputs_(&inputs), address_(std::move(address)), initial_(initial) {}
    double at(SimTime t) override { return inputs_->at(address_, t, initial_); }

private:
    const Inputs* inputs_;
    std::string address_;
    double initial_;
};

class Sum final : public Signal {
public:
    explicit Sum(std::vector<std::unique_ptr<Signal>> parts) : parts_(std::move(parts)) {}
    double at(SimTime t) override {
        double sum = 0;
        for (const auto& part : parts_) sum = sum + part->at(t);
        return sum;
    }

private:
    std::vector<std::unique_ptr<Signal>> parts_;
};

/// Reads one signal table; `path` tells nested signals of one point apart.
class Reader {
public:
    Reader(const SignalContext& context, std::vector<Fault>& faults)
        : context_(context), faults_(faults) {}

    std::unique_ptr<Signal> read(const Node& node, const std::string& path, std::size_t depth) {
        if (auto level = node.number()) return std::make_unique<Constant>(*level);
        ConfigView view(node, faults_);
        if (!node.is_table()) {
            add(node, "a signal is a table such as { constant = 5.0 }, found " +
                          std::string(node.kind()));
            return std::make_unique<Constant>(0);
        }
        auto signal = build(view, path, depth);
        if (!signal) return std::make_unique<Constant>(0);
        view.done();
        return signal;
    }

private:
    static constexpr std::array<std::string_view, 19> kKinds = {
        "constant", "ramp",    "sine", "square", "sawtooth", "steps",   "random_walk",
        "ou",       "input",   "sum",  "daily",  "markov",   "poisson", "trace",
        "plant",    "product", "clip", "lag",    "expr"};

    void add(const Node& node, std::string detail, std::string hint = {}) {
        faults_.push_back(
            {"S0102", node.pointer, node.mark, std::move(detail), std::move(hint), false});
    }

    std::unique_ptr<Signal> build(ConfigView& view, const std::string& path, std::size_t depth) {
        const std::string kind = kind_of(view);
        if (kind.empty()) return nullptr;
        if (kind == "constant") return std::make_unique<Constant>(view.number("constant", 0));
        if (kind == "ramp") return ramp(view);
        if (kind == "sine" || kind == "square" || kind == "sawtooth") return wave(view, kind, path);
        if (kind == "steps") return steps(view);
        if (kind == "random_walk" || kind == "ou") return walk(view, kind, path);
        if (kind == "sum") return sum(view, path, depth);
        if (kind != "input") return further(view, kind, path, depth);
        if (context_.input_addresses != nullptr) {
            context_.input_addresses->push_back(context_.address);
        }
        return std::make_unique<Input>(*context_.inputs, context_.address, view.number("input", 0));
    }

    std::unique_ptr<Signal> further(ConfigView& view, const std::string& kind,
                                    const std::string& path, std::size_t depth) {
        if (depth >= kMaxDepth) {
            add(view.node(), "signals are nested at most 8 deep");
            return nullptr;
        }
        const SignalSite site{context_, path, faults_,
                              [this, &path, depth](const Node& node, const std::string& name) {
                                  return read(node, path + "/" + name, depth + 1);
                              }};
        return make_further_signal(kind, view, site);
    }

    /// The one member that names the kind; empty (and a fault) if there is none or two.
    std::string kind_of(ConfigView& view) {
        std::string found;
        for (const auto kind : kKinds) {
            if (!view.has(kind)) continue;
            if (!found.empty()) {
                add(view.node(),
                    "a signal has one kind, found '" + found + "' and '" + std::string(kind) + "'",
                    "combine signals with { sum = [ ... ] }");
                return {};
            }
            found = kind;
        }
        if (found.empty()) report_unknown(view.node());
        return found;
    }

    void report_unknown(const Node& node) {
        std::string hint;
        for (const auto& [key, value] : *node.table()) {
            if (auto near = nearest(key, kKinds)) {
                hint = "did you mean '" + std::string(*near) + "' instead of '" + key + "'?";
            }
        }
        if (hint.empty()) {
            hint = "one of";
            for (const auto kind : kKinds) hint += " " + std::string(kind);
        }
        add(node, "the signal names no known kind", std::move(hint));
    }

    /// The two numbers of `key`.
    std::pair<double, double> pair(ConfigView& view, std::string_view key) {
        const Node* node = view.raw(key);
        const auto* array = node->array();
        if (array != nullptr && array->size() == 2) {
            const auto low = (*array)[0].number();
            const auto high = (*array)[1].number();
            if (low && high) return {*low, *high};
        }
        add(*node, "'" + std::string(key) + "' takes two numbers: [from, to]");
        return {0, 0};
    }

    SimTime positive(ConfigView& view, std::string_view key, SimTime otherwise) {
        if (!view.has(key) && otherwise.count() == 0) {
            add(view.node(), "'" + std::string(key) + "' is missing");
            return std::chrono::seconds{1};
        }
        const SimTime time = view.duration(key, otherwise);
        if (time.count() > 0) return time;
        view.fault(key, "S0102", "'" + std::string(key) + "' must be more than zero");
        return std::chrono::seconds{1};
    }

    double phase(ConfigView& view, const std::string& path) {
        const Node* node = view.raw("phase");
        if (node == nullptr) return 0;
        if (const auto turns = node->number()) return *turns;
        if (node->is_string() && *node->string() == "random") {
            return RandomStream(context_.seed, context_.address, path + "/phase").uniform(0);
        }
        add(*node, "'phase' is a share of the period (0 to 1) or \"random\"");
        return 0;
    }

    std::unique_ptr<Signal> ramp(ConfigView& view) {
        const auto [from, to] = pair(view, "ramp");
        return std::make_unique<Ramp>(from, to, positive(view, "over", SimTime{0}));
    }

    std::unique_ptr<Signal> wave(ConfigView& view, const std::string& kind,
                                 const std::string& path) {
        const SimTime period = positive(view, "period", SimTime{0});
        const double turns = phase(view, path);
        if (kind == "sine") {
            const double amplitude = view.number("sine", 0);
            const double level = view.number("level", 0);
            return std::make_unique<Wave>(Wave::Shape::sine, level - amplitude, level + amplitude,
                                          period, turns, 0.5);
        }
        const auto [low, high] = pair(view, kind);
        if (kind == "sawtooth") {
            return std::make_unique<Wave>(Wave::Shape::sawtooth, low, high, period, turns, 0.5);
        }
        const double duty = view.number("duty", 0.5);
        if (!(duty > 0 && duty < 1)) view.fault("duty", "S0102", "'duty' is between 0 and 1");
        return std::make_unique<Wave>(Wave::Shape::square, low, high, period, turns, duty);
    }

    std::unique_ptr<Signal> steps(ConfigView& view) {
        std::vector<Steps::Knot> knots;
        const Node* node = view.raw("steps");
        const auto* rows = node->array();
        if (rows == nullptr || rows->empty() || rows->size() > kMaxKnots) {
            add(*node, "'steps' takes 1 to 256 pairs: [[\"0 s\", -20.0], [\"60 s\", -8.0]]");
            return nullptr;
        }
        for (const Node& row : *rows) {
            const auto knot = step(row);
            if (!knot) return nullptr;
            if (!knots.empty() && knot->at <= knots.back().at) {
                add(row, "the times of 'steps' must rise");
                return nullptr;
            }
            knots.push_back(*knot);
        }
        const SimTime repeat = view.duration("repeat", SimTime{0});
        if (repeat.count() < 0 || (repeat.count() > 0 && repeat <= knots.back().at)) {
            view.fault("repeat", "S0102", "'repeat' must be after the last step");
        }
        return std::make_unique<Steps>(std::move(knots), repeat);
    }

    std::optional<Steps::Knot> step(const Node& row) {
        const auto* cells = row.array();
        if (cells == nullptr || cells->size() != 2 || !(*cells)[0].is_string() ||
            !(*cells)[1].number()) {
            add(row, "a step is [time, level], e.g. [\"60 s\", -8.0]");
            return std::nullopt;
        }
        auto at = parse_duration(*(*cells)[0].string());
        if (!at || at->count() < 0) {
            add((*cells)[0], "'" + *(*cells)[0].string() + "' is not a time such as \"60 s\"");
            return std::nullopt;
        }
        return Steps::Knot{*at, *(*cells)[1].number()};
    }

    std::unique_ptr<Signal> walk(ConfigView& view, const std::string& kind,
                                 const std::string& path) {
        Walk::Shape shape;
        shape.start = view.number("level", 0);
        shape.every = positive(view, "every", std::chrono::seconds{1});
        shape.low = view.number("min", -kInfinity);
        shape.high = view.number("max", kInfinity);
        shape.step = view.number(kind, 0);
        if (shape.low > shape.start || shape.high < shape.start) {
            add(view.node(), "'level' must be between 'min' and 'max'");
            return nullptr;
        }
        if (kind == "ou") {
            const SimTime tau = positive(view, "tau", SimTime{0});
            shape.mean = shape.start;
            shape.pull = 1 / (1 + as_double(shape.every) / as_double(tau));
            shape.step = shape.step * std::sqrt(1 - shape.pull * shape.pull);
        }
        return std::make_unique<Walk>(shape, RandomStream(context_.seed, context_.address, path));
    }

    std::unique_ptr<Signal> sum(ConfigView& view, const std::string& path, std::size_t depth) {
        const Node* node = view.raw("sum");
        const auto* rows = node->array();
        if (rows == nullptr || rows->empty() || rows->size() > kMaxParts || depth >= kMaxDepth) {
            add(*node, "'sum' takes 1 to 16 signals, nested at most 8 deep");
            return nullptr;
        }
        std::vector<std::unique_ptr<Signal>> parts;
        for (const Node& row : *rows) {
            parts.push_back(read(row, path + "/" + std::to_string(parts.size()), depth + 1));
        }
        return std::make_unique<Sum>(std::move(parts));
    }

    const SignalContext& context_;
    std::vector<Fault>& faults_;
};

}  // namespace

void Inputs::add(std::string address, InputEvent event) {
    events_[std::move(address)].push_back(event);
}

void Inputs::set(const std::string& address, SimTime t, double value) {
    auto& events = events_[address];
    // What was set before is never the latest again: commands must not pile up over days.
    std::erase_if(events, [](const InputEvent& each) { return each.set; });
    events.push_back({t, SimTime{0}, value, true});
}

double Inputs::at(std::string_view address, SimTime t, double initial) const {
    const auto found = events_.find(address);
    if (found == events_.end()) return initial;
    SimTime latest{-1};
    double value = initial;
    for (const InputEvent& event : found->second) {
        if (t < event.at) continue;
        const SimTime last = event.every.count() > 0 ? t - (t - event.at) % event.every : event.at;
        if (last >= latest) {  // of two at the same time the later line wins
            latest = last;
            value = event.value;
        }
    }
    return value;
}

std::unique_ptr<Signal> make_signal(const Node& node, const SignalContext& context,
                                    std::vector<Fault>& faults) {
    return Reader(context, faults).read(node, "signal", 0);
}

Sensor read_sensor(const Node& node, std::vector<Fault>& faults) {
    ConfigView view(node, faults);
    Sensor sensor;
    sensor.noise = view.number("noise", 0);
    sensor.quantum = view.number("quantum", 0);
    if (!(sensor.noise >= 0)) view.fault("noise", "S0103", "'noise' is a deviation, 0 or more");
    if (!(sensor.quantum >= 0)) view.fault("quantum", "S0103", "'quantum' is a step, 0 or more");
    view.done();
    return sensor;
}

double measured(double truth, const Sensor& sensor, double deviate) {
    double value = truth + sensor.noise * deviate;
    if (sensor.quantum > 0) {
        const double steps = std::nearbyint(value / sensor.quantum);
        const double per_unit = std::nearbyint(1 / sensor.quantum);
        // -194 / 10 is the double that prints as -19.4; -194 * 0.1 is not.
        const bool decimal = per_unit >= 1 && std::abs(per_unit * sensor.quantum - 1) < 1e-12;
        value = decimal ? steps / per_unit : steps * sensor.quantum;
    }
    return value == 0 ? 0 : value;  // no negative zero
}

}  // namespace fog::sim
