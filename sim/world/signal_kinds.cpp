#include "sim/world/signal_kinds.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "firmware/core/text.hpp"
#include "sim/world/expression.hpp"
#include "sim/world/plant.hpp"
#include "sim/world/random.hpp"
#include "sim/world/trace.hpp"

namespace fog::sim {
namespace {

constexpr SimTime kHour = std::chrono::hours{1};
constexpr std::size_t kMaxParts = 16;

double as_double(SimTime t) {
    return static_cast<double>(t.count());
}

/// 24 hourly knots, straight lines between them, times a factor of the weekday.
class Daily final : public Signal {
public:
    Daily(std::array<double, 24> knots, std::array<double, 7> weekday, WallTime start)
        : knots_(knots), weekday_(weekday), start_(start) {}
    double at(SimTime t) override {
        const SimTime wall = start_.time_since_epoch() + t;
        const auto hours = wall / kHour;
        const auto hour = static_cast<std::size_t>(hours % 24);
        const double part = as_double(wall % kHour) / as_double(kHour);
        // 1970-01-01 was a Thursday; Monday is the first.
        const auto day = static_cast<std::size_t>((hours / 24 + 3) % 7);
        const double value = knots_[hour] + (knots_[(hour + 1) % 24] - knots_[hour]) * part;
        return value * weekday_[day];
    }

private:
    std::array<double, 24> knots_;
    std::array<double, 7> weekday_;
    WallTime start_;
};

/// States that last for exponential times; the next one is any other, each equally likely.
class Markov final : public Signal {
public:
    struct State {
        double level = 0;
        SimTime dwell{};
    };
    Markov(std::vector<State> states, RandomStream random)
        : states_(std::move(states)), random_(random) {
        begin();
    }
    double at(SimTime t) override {
        if (t < since_) begin();
        while (t >= until_) {
            const std::size_t others = states_.size() - 1;
            const auto pick =
                static_cast<std::size_t>(random_.uniform(drawn_++) * static_cast<double>(others));
            state_ = (state_ + 1 + std::min(pick, others - 1)) % states_.size();
            since_ = until_;
            until_ = until_ + dwell();
        }
        return states_[state_].level;
    }

private:
    void begin() {
        state_ = 0;
        drawn_ = 0;
        since_ = SimTime{0};
        until_ = dwell();
    }
    SimTime dwell() {
        const double time = as_double(states_[state_].dwell) * random_.exponential(drawn_++);
        return std::max(SimTime{static_cast<std::int64_t>(time)},
                        SimTime{std::chrono::milliseconds{1}});
    }
    std::vector<State> states_;
    RandomStream random_;
    std::size_t state_ = 0;
    std::uint64_t drawn_ = 0;
    SimTime since_{}, until_{};
};

/// A counter of things that happen at random: so many per hour on average.
class Poisson final : public Signal {
public:
    Poisson(double per_hour, double start, RandomStream random)
        : gap_(as_double(kHour) / per_hour), start_(start), random_(random) {}
    double at(SimTime t) override {
        if (t < last_) {
            count_ = 0;
            next_ = SimTime{0};
        }
        last_ = t;
        if (count_ == 0 && next_.count() == 0) next_ = gap();
        while (t >= next_) {
            ++count_;
            next_ = next_ + gap();
        }
        return start_ + static_cast<double>(count_);
    }

private:
    SimTime gap() const {
        const double gap = gap_ * random_.exponential(count_);
        return SimTime{1 + static_cast<std::int64_t>(gap)};
    }
    double gap_, start_;
    RandomStream random_;
    std::uint64_t count_ = 0;
    SimTime next_{}, last_{};
};

/// Holds each row's value until the next; a gap has none, nor has the time before the first row,
/// nor, without a loop, the time after the last one.
class Trace final : public Signal {
public:
    Trace(std::vector<TraceRow> rows, SimTime loop) : rows_(std::move(rows)), loop_(loop) {}
    double at(SimTime t) override {
        if (loop_.count() > 0) t = t % loop_;
        const auto after =
            std::upper_bound(rows_.begin(), rows_.end(), t,
                             [](SimTime time, const TraceRow& row) { return time < row.at; });
        const bool over = loop_.count() == 0 && t > rows_.back().at;
        if (after == rows_.begin() || over || std::prev(after)->gap) {
            return std::numeric_limits<double>::quiet_NaN();
        }
        return std::prev(after)->value;
    }

private:
    std::vector<TraceRow> rows_;
    SimTime loop_;
};

class FromPlant final : public Signal {
public:
    FromPlant(Plants& plants, std::size_t plant, std::string output)
        : plants_(plants), plant_(plant), output_(std::move(output)) {}
    double at(SimTime t) override { return plants_.value(plant_, output_, t); }

private:
    Plants& plants_;
    std::size_t plant_;
    std::string output_;
};

class Product final : public Signal {
public:
    explicit Product(std::vector<std::unique_ptr<Signal>> parts) : parts_(std::move(parts)) {}
    double at(SimTime t) override {
        double product = 1;
        for (const auto& part : parts_) product = product * part->at(t);
        return product;
    }

private:
    std::vector<std::unique_ptr<Signal>> parts_;
};

class Clip final : public Signal {
public:
    Clip(std::unique_ptr<Signal> inner, double low, double high)
        : inner_(std::move(inner)), low_(low), high_(high) {}
    double at(SimTime t) override {
        const double value = inner_->at(t);
        return std::isnan(value) ? value : std::clamp(value, low_, high_);
    }

private:
    std::unique_ptr<Signal> inner_;
    double low_, high_;
};

/// Follows another signal with a time constant, in fixed steps.
class Lag final : public Signal {
public:
    Lag(std::unique_ptr<Signal> inner, SimTime tau, SimTime every)
        : inner_(std::move(inner)), every_(every) {
        share_ = as_double(every) / (as_double(tau) + as_double(every));
        value_ = inner_->at(SimTime{0});
    }
    double at(SimTime t) override {
        const std::int64_t wanted = std::max(t, SimTime{0}) / every_;
        if (wanted < done_) {
            done_ = 0;
            value_ = inner_->at(SimTime{0});
        }
        while (done_ < wanted) {
            ++done_;
            const double now = inner_->at(every_ * done_);
            if (std::isnan(now)) continue;
            value_ = std::isnan(value_) ? now : value_ + (now - value_) * share_;
        }
        return value_;
    }

private:
    std::unique_ptr<Signal> inner_;
    SimTime every_;
    double share_ = 1, value_ = 0;
    std::int64_t done_ = 0;
};

class Formula final : public Signal {
public:
    Formula(Expression expression, std::vector<std::unique_ptr<Signal>> parts)
        : expression_(std::move(expression)), parts_(std::move(parts)), values_(parts_.size()) {}
    double at(SimTime t) override {
        for (std::size_t i = 0; i < parts_.size(); ++i) values_[i] = parts_[i]->at(t);
        return expression_.eval(as_double(t) / 1e9, values_);
    }

private:
    Expression expression_;
    std::vector<std::unique_ptr<Signal>> parts_;
    std::vector<double> values_;
};

/// Reads the table of one signal of these kinds.
class Maker {
public:
    Maker(ConfigView& view, const SignalSite& site) : view_(view), site_(site) {}

    std::unique_ptr<Signal> daily() {
        std::array<double, 24> knots{};
        std::array<double, 7> weekday{};
        weekday.fill(1);
        const bool good = numbers("daily", knots);
        if (view_.has("weekday") && !numbers("weekday", weekday)) return nullptr;
        if (!good) return nullptr;
        return std::make_unique<Daily>(knots, weekday, site_.context.start);
    }

    std::unique_ptr<Signal> markov() {
        const auto rows = view_.tables("markov");
        std::vector<Markov::State> states;
        for (ConfigView row : rows) {
            Markov::State state;
            if (!row.has("level")) row.fault("level", "S0102", "'level' is missing");
            if (!row.has("dwell")) row.fault("dwell", "S0102", "'dwell' is missing");
            state.level = row.number("level", 0);
            state.dwell = row.duration("dwell", std::chrono::seconds{1});
            if (state.dwell.count() <= 0) {
                row.fault("dwell", "S0102", "'dwell' must be more than zero");
                return nullptr;
            }
            row.done();
            states.push_back(state);
        }
        if (states.size() < 2 || states.size() > 64) {
            add(*view_.raw("markov"), "'markov' takes 2 to 64 states",
                "[ { level = 0, dwell = \"5 min\" }, { level = 1, dwell = \"1 min\" } ]");
            return nullptr;
        }
        return std::make_unique<Markov>(std::move(states), random());
    }

    std::unique_ptr<Signal> poisson() {
        const double rate = view_.number("poisson", 1);
        const double level = view_.number("level", 0);
        if (!(rate > 0 && rate <= 1e7)) {
            view_.fault("poisson", "S0102",
                        "'poisson' is a rate per hour, more than 0 and at most 1e7");
            return nullptr;
        }
        return std::make_unique<Poisson>(rate, level, random());
    }

    std::unique_ptr<Signal> trace() {
        const Node& node = *view_.raw("trace");
        const std::string column = view_.text("column");
        const bool loop = view_.flag("loop", false);
        const bool rebase = view_.flag("rebase", true);
        if (!node.is_string()) {
            add(node, "'trace' names a CSV file beside the scenario");
            return nullptr;
        }
        if (site_.context.files == nullptr || !*site_.context.files) {
            add(node, "there are no files beside this scenario");
            return nullptr;
        }
        const auto text = (*site_.context.files)(*node.string());
        if (!text) {
            add(node, text.error().what, text.error().hint);
            return nullptr;
        }
        auto rows = parse_trace(*text, {column, rebase});
        if (!rows) {
            add(node, *node.string() + ": " + rows.error().what, rows.error().hint);
            return nullptr;
        }
        SimTime around{0};
        if (loop) {  // the last row lasts as long as the one before it
            const std::size_t n = rows->size();
            const SimTime step =
                n < 2 ? SimTime{std::chrono::seconds{1}} : (*rows)[n - 1].at - (*rows)[n - 2].at;
            around = rows->back().at + step;
        }
        return std::make_unique<Trace>(std::move(*rows), around);
    }

    std::unique_ptr<Signal> plant() {
        const Node& node = *view_.raw("plant");
        const std::string output = view_.text("output");
        Plants* plants = site_.context.plants;
        if (!node.is_string()) {
            add(node, "'plant' names a plant, e.g. { plant = \"room-1\" }");
            return nullptr;
        }
        const auto found = plants != nullptr ? plants->find(*node.string()) : std::nullopt;
        if (!found) {
            std::vector<std::string_view> known;
            if (plants != nullptr) known = plants->ids();
            const auto near = nearest(*node.string(), known);
            add(node, "no plant '" + *node.string() + "'",
                near ? "did you mean '" + std::string(*near) + "'?" : std::string());
            return nullptr;
        }
        if (!plants->spec(*found).has_output(output)) {
            view_.fault("output", "S0102", "the plant has no output '" + output + "'",
                        "\"x\", an input, or of a motor \"speed\" and \"temp\"");
            return nullptr;
        }
        return std::make_unique<FromPlant>(*plants, *found, output);
    }

    std::unique_ptr<Signal> product() {
        const Node& node = *view_.raw("product");
        const auto* rows = node.array();
        if (rows == nullptr || rows->empty() || rows->size() > kMaxParts) {
            add(node, "'product' takes 1 to 16 signals");
            return nullptr;
        }
        std::vector<std::unique_ptr<Signal>> parts;
        for (const Node& row : *rows) {
            parts.push_back(site_.nested(row, std::to_string(parts.size())));
        }
        return std::make_unique<Product>(std::move(parts));
    }

    std::unique_ptr<Signal> clip() {
        auto inner = site_.nested(*view_.raw("clip"), "0");
        const double low = view_.number("min", -std::numeric_limits<double>::infinity());
        const double high = view_.number("max", std::numeric_limits<double>::infinity());
        if (!(low <= high)) {
            view_.fault("min", "S0102", "'min' must not be above 'max'");
            return nullptr;
        }
        return std::make_unique<Clip>(std::move(inner), low, high);
    }

    std::unique_ptr<Signal> lag() {
        auto inner = site_.nested(*view_.raw("lag"), "0");
        if (!view_.has("tau")) add(view_.node(), "'tau' is missing");
        const SimTime tau = view_.duration("tau", std::chrono::seconds{1});
        const SimTime every = view_.duration("every", std::chrono::seconds{1});
        if (tau.count() <= 0 || every < std::chrono::milliseconds{1}) {
            view_.fault(tau.count() <= 0 ? "tau" : "every", "S0102",
                        "'tau' must be more than zero, 'every' at least 1 ms");
            return nullptr;
        }
        return std::make_unique<Lag>(std::move(inner), tau, every);
    }

    std::unique_ptr<Signal> expr() {
        const Node& node = *view_.raw("expr");
        if (!node.is_string()) {
            add(node, "'expr' is a text such as \"a * 2 + 1\"");
            return nullptr;
        }
        std::vector<std::string> names;
        std::vector<std::unique_ptr<Signal>> parts;
        const Node* with = view_.raw("with");
        if (with != nullptr && !with->is_table()) {
            add(*with, "'with' is a table of signals: { a = { constant = 1 } }");
            return nullptr;
        }
        if (with != nullptr) {
            for (const auto& [name, signal] : *with->table()) {
                if (names.size() >= kMaxParts) {
                    add(*with, "'with' takes at most 16 signals");
                    return nullptr;
                }
                names.push_back(name);
                parts.push_back(site_.nested(signal, name));
            }
        }
        auto expression = Expression::parse(*node.string(), names);
        if (!expression) {
            add(node, expression.error().what, expression.error().hint);
            return nullptr;
        }
        return std::make_unique<Formula>(std::move(*expression), std::move(parts));
    }

private:
    void add(const Node& node, std::string detail, std::string hint = {}) {
        site_.faults.push_back(
            {"S0102", node.pointer, node.mark, std::move(detail), std::move(hint), false});
    }
    RandomStream random() const { return {site_.context.seed, site_.context.address, site_.path}; }
    template <std::size_t N>
    bool numbers(const char* key, std::array<double, N>& out) {
        const Node& node = *view_.raw(key);
        const auto* rows = node.array();
        bool good = rows != nullptr && rows->size() == N;
        for (std::size_t i = 0; good && i < N; ++i) {
            const auto value = (*rows)[i].number();
            good = value.has_value();
            if (good) out[i] = *value;
        }
        if (!good) add(node, "'" + std::string(key) + "' takes " + std::to_string(N) + " numbers");
        return good;
    }

    ConfigView& view_;
    const SignalSite& site_;
};

}  // namespace

std::unique_ptr<Signal> make_further_signal(const std::string& kind, ConfigView& view,
                                            const SignalSite& site) {
    Maker maker(view, site);
    if (kind == "daily") return maker.daily();
    if (kind == "markov") return maker.markov();
    if (kind == "poisson") return maker.poisson();
    if (kind == "trace") return maker.trace();
    if (kind == "plant") return maker.plant();
    if (kind == "product") return maker.product();
    if (kind == "clip") return maker.clip();
    if (kind == "lag") return maker.lag();
    return maker.expr();
}

}  // namespace fog::sim
