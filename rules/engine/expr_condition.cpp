#include "rules/engine/expr_condition.hpp"

#include "rules/latch.hpp"

namespace fog {

namespace {

class ExprCondition final : public Operator {
public:
    ExprCondition(std::chrono::nanoseconds hold, std::chrono::nanoseconds keep)
        : hold_(hold), keep_(keep) {}

    void on_sample(std::size_t, const StepSample& sample, Step& out) override {
        truth_ = !sample.known                  ? Truth::unknown
                 : std::get<bool>(sample.value) ? Truth::yes
                                                : Truth::no;
        judge(sample.time, out);
    }
    void on_timer(MonoTime due, Step& out) override { judge(due, out); }
    void save(StateWriter& state) const override {
        state.u8(static_cast<std::uint8_t>(truth_));
        latch_.save(state);
    }
    Result<void> load(StateReader& state) override {
        const auto truth = state.u8();
        Latch latch;
        const bool good = latch.load(state) && truth <= static_cast<unsigned>(Truth::unknown);
        if (!good) return Error{Errc::bad_frame, "expr: damaged state", ""};
        truth_ = static_cast<Truth>(truth);
        latch_ = latch;
        return {};
    }

private:
    void judge(MonoTime now, Step& out) {
        const auto need = [this] { return latch_.active ? keep_ : hold_; };
        if (truth_ == Truth::unknown)
            latch_.give_up();
        else
            latch_.step((truth_ == Truth::yes) != latch_.active, now, need());
        if (latch_.pending)
            out.wake_at(latch_.since + need());
        else
            out.no_wake();
        Verdict3 verdict;
        verdict.level = latch_.active ? Level::on : Level::none;
        verdict.since = latch_.held_since();
        if (truth_ != Truth::unknown) verdict.truth = latch_.active ? Truth::yes : Truth::no;
        out.conclude(verdict);
    }

    std::chrono::nanoseconds hold_;
    std::chrono::nanoseconds keep_;
    Truth truth_ = Truth::unknown;
    Latch latch_;
};

}  // namespace

std::unique_ptr<Operator> make_expr_condition(std::chrono::nanoseconds hold,
                                              std::chrono::nanoseconds keep) {
    return std::make_unique<ExprCondition>(hold, keep);
}

}  // namespace fog
