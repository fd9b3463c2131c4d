#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "rules/operator.hpp"

namespace fog {

/// Runs one operator by hand: keeps what it emits, concludes and wishes, and fires its timer.
class OperatorBench final : public Step, public OperatorSite {
public:
    OperatorBench(const OperatorInfo& info, Node params) : info_(info), params_(std::move(params)) {
        op = make();
    }
    std::unique_ptr<Operator> make() {
        faults.clear();
        ConfigView view(params_, faults);
        auto made = info_.make(view, *this);
        view.done();
        return made;
    }

    /// Time goes to `time` (timers that are due before it fire first), then the sample arrives.
    void push(MonoTime time, Value value, Quality quality = {}) {
        advance(time - std::chrono::nanoseconds(1));
        StepSample sample{std::move(value), quality, time, {}, true, 0};
        sample.known = quality.cls() != QualityClass::bad;
        op->on_sample(0, sample, *this);
    }
    /// Fires every timer due up to and including `time`.
    void advance(MonoTime time) {
        while (due && *due <= time) {
            const MonoTime at = *due;
            due.reset();
            op->on_timer(at, *this);
        }
    }

    void emit(const StepSample& sample) override { emitted.push_back(sample); }
    void conclude(const Verdict3& one) override { verdict = one; }
    void wake_at(MonoTime at) override { due = at; }
    void no_wake() override { due.reset(); }
    std::optional<WallTime> wall() const override { return std::nullopt; }

    Result<double> quantity(std::size_t, const Node& text, bool) override {
        if (const auto number = text.number()) return *number;
        return Error{Errc::bad_config, "no number", ""};
    }
    std::string_view unit(std::size_t) const override { return {}; }
    void emits(std::string_view) override {}

    std::unique_ptr<Operator> op;
    std::vector<Fault> faults;
    std::vector<StepSample> emitted;
    Verdict3 verdict;
    std::optional<MonoTime> due;

private:
    const OperatorInfo& info_;
    Node params_;
};

inline Node params(std::initializer_list<std::pair<std::string_view, Node::Data>> members) {
    Node node{Node::Table{}};
    for (const auto& [key, data] : members) node.set(key, Node{data});
    return node;
}

}  // namespace fog
