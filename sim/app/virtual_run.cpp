#include "sim/app/virtual_run.hpp"

#include <algorithm>

#include "firmware/core/text.hpp"
#include "firmware/io/logging.hpp"
#include "sim/app/scratch_folder.hpp"
#include "sim/app/virtual_gateway.hpp"
#include "sim/app/virtual_links.hpp"
#include "sim/links/fault_board.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto kDrain = 10min;     // after the scenario, for what is still on its way
constexpr auto kTruthEvery = 10s;  // of plants
constexpr auto kFlushEvery = 1s;   // of the ledger: nothing real leaves before it
constexpr MonoTime kBegin{100s};   // as a box that has just started

/// The library's own words about an alarm, for the ledger: what a subscribed client saw.
std::string push_members(const Record& record) {
    std::string out = "\"seq\":";
    append_uint(out, record.seq.value);
    out += ",\"channel\":";
    append_json_string(out, record.event().channel);
    out += ",";
    out += record.event().members;
    return out;
}

class VirtualRun {
public:
    VirtualRun(Scenario scenario, const VirtualOptions& options, Ledger& ledger)
        : options_(options),
          ledger_(ledger),
          world_(std::move(scenario)),
          clock_(world_.scenario().start, kBegin),
          faults_(world_.scenario()),
          steps_(world_.scenario().clock) {
        std::stable_sort(steps_.begin(), steps_.end(),
                         [](const ClockStep& a, const ClockStep& b) { return a.at < b.at; });
    }

    Result<VirtualResult> run(const std::filesystem::path& state) {
        auto gateway =
            VirtualGateway::open({world_.scenario(), state, options_.out, clock_,
                                  [this](const SharedRecords& batch) { published(*batch); }});
        if (!gateway) return std::move(gateway).error();
        gateway_ = std::move(*gateway);
        auto links = make_virtual_links(world_.scenario(), options_.out,
                                        {*gateway_, ledger_, clock_, world_.scenario().seed});
        if (!links) return std::move(links).error();
        links_ = std::move(*links);
        for (const auto& link : links_) {
            if (link->has_timers()) timed_.push_back(link.get());
        }
        ledger_.run(world_.scenario(), world_.scenario().start, kBegin);
        for (const auto& link : links_) ledger_.device(link->endpoint().view());
        tell_skipped();
        if (auto done = generate(); !done) return std::move(done).error();
        if (auto done = drain(); !done) return std::move(done).error();
        return close();
    }

private:
    SimTime elapsed() const { return clock_.mono() - kBegin; }

    Result<void> generate() {
        for (;;) {
            if (auto done = moment(true); !done) return done;
            const auto due = world_.next_due();
            if (!due || (options_.until && *due >= *options_.until)) break;
            MonoTime next = std::min(kBegin + *due, others());
            jump(next);
        }
        return {};
    }

    Result<void> drain() {
        const MonoTime limit = clock_.mono() + kDrain;
        while (clock_.mono() < limit && !settled()) {
            const MonoTime next = others();
            if (next > limit) break;
            jump(next);
            if (auto done = moment(false); !done) return done;
        }
        return {};
    }

    /// When something other than a report is due.
    MonoTime others() {
        MonoTime next = gateway_->next();
        for (const VirtualLink* link : timed_) next = std::min(next, link->next());
        if (const auto change = faults_.next_change(elapsed())) {
            next = std::min(next, kBegin + *change);
        }
        if (step_ < steps_.size()) next = std::min(next, kBegin + steps_[step_].at);
        return next;
    }

    void jump(MonoTime to) {
        if (to > clock_.mono()) clock_.advance(to - clock_.mono());
    }

    /// All that happens at this time, until every queue is empty.
    Result<void> moment(bool generating) {
        step_clock();
        change_faults();
        if (generating) take_due();
        for (VirtualLink* link : timed_) {
            if (link->next() <= clock_.mono()) link->step();
        }
        for (;;) {
            if (auto done = gateway_->run(); !done) return done;
            const auto acked = gateway_->take_acked();
            for (const std::uint64_t token : acked) links_[token >> kDeviceShift]->committed(token);
            if (acked.empty()) break;
        }
        tell_truth();
        if (clock_.mono() < flush_at_) return {};
        flush_at_ = clock_.mono() + kFlushEvery;
        return ledger_.flush();
    }

    void take_due() {
        for (;;) {
            const auto due = world_.next_due();
            if (!due || kBegin + *due > clock_.mono() ||
                (options_.until && *due >= *options_.until)) {
                return;
            }
            Report report = world_.next();
            if (report.fate == Fate::held) continue;
            ++reports_;
            VirtualLink& link = *links_[report.device];
            const bool missed = report.fate == Fate::missed;
            if (missed || faults_.silenced(report.device)) {
                ledger_.unsent(report.id, link.endpoint().id, missed ? "dropout" : "silent",
                               clock_.mono());
                ++unsent_;
                continue;
            }
            const WallTime source = world_.scenario().start + report.at;
            link.take(std::move(report), source);
        }
    }

    /// Why a fault has nothing to act on here; nothing if it has.
    std::optional<std::string_view> why_not(const FaultSpec& fault) const {
        const FaultPlace place = info(fault.kind).place;
        if (place == FaultPlace::gateway) return "a virtual run has no process";
        if (place == FaultPlace::mqtt && fault.kind != FaultKind::clean_disconnect &&
            fault.kind != FaultKind::dirty_disconnect) {
            return "a virtual run has no MQTT connection";
        }
        const auto& sinks = world_.scenario().gateway.sinks;
        if (!fault.devices.empty() ||
            std::find(sinks.begin(), sinks.end(), fault.target) != sinks.end()) {
            return std::nullopt;
        }
        return "a virtual run has no sockets";
    }
    void tell_skipped() {
        for (const FaultSpec& fault : world_.scenario().faults) {
            const auto why = why_not(fault);
            if (!why) continue;
            std::string members = "\"what\":";
            append_json_string(members,
                               "fault " + std::string(to_text(fault.kind)) + " on " + fault.on);
            members += ",\"why\":";
            append_json_string(members, *why);
            ledger_.fact("skipped", members, clock_.mono());
        }
    }

    void change_faults() {
        changes_.clear();
        faults_.update(elapsed(), changes_);
        for (const FaultBoard::Change& change : changes_) {
            const FaultSpec& fault = *change.fault;
            if (why_not(fault)) continue;
            for (const std::size_t device : fault.devices) {
                ledger_.fault(to_text(fault.kind), links_[device]->endpoint().id, change.begins,
                              clock_.mono());
                links_[device]->fault(fault, change.begins);
            }
            if (fault.target.empty()) continue;
            ledger_.fault(to_text(fault.kind), fault.on, change.begins, clock_.mono());
            gateway_->fault(fault, change.begins);
        }
    }

    void step_clock() {
        for (; step_ < steps_.size() && steps_[step_].at <= elapsed(); ++step_) {
            const ClockStep& step = steps_[step_];
            if (step.trusted) clock_.set_trusted(*step.trusted);
            clock_.step_wall(step.by);
            gateway_->clock_changed();
            std::string members = "\"by_ns\":";
            append_int(members, step.by.count());
            ledger_.fact("clock", members, clock_.mono());
        }
    }

    void tell_truth() {
        if (world_.plants().size() == 0 || clock_.mono() < truth_at_) return;
        truth_at_ = clock_.mono() + kTruthEvery;
        for (std::size_t i = 0; i < world_.plants().size(); ++i) {
            std::string members = "\"plant\":";
            append_json_string(members, world_.plants().spec(i).id);
            members += ",\"x\":";
            append_double(members, world_.plants().value(i, "", elapsed()));
            ledger_.fact("truth", members, clock_.mono());
        }
    }

    void published(const std::vector<Record>& records) {
        for (const Record& record : records) {
            if (record.is_sample() || record.event().kind != EventKind::alarm) continue;
            ledger_.fact("push", push_members(record), clock_.mono());
        }
    }

    bool settled() {
        return gateway_->settled() &&
               std::all_of(links_.begin(), links_.end(),
                           [](const auto& link) { return link->waiting() == 0; });
    }

    Result<VirtualResult> close() {
        VirtualResult out;
        out.simulated = elapsed();
        if (auto done = gateway_->finish(); !done) return std::move(done).error();
        out.run.ended = "end of scenario";
        ledger_.end(out.run.ended, clock_.mono());
        if (auto done = ledger_.flush(); !done) return std::move(done).error();
        out.run.reports = reports_;
        out.run.counts.unsent = unsent_;
        for (const auto& link : links_) {
            const LinkCounts& counts = link->counts();
            out.run.counts.sent += counts.sent;
            out.run.counts.acked += counts.acked;
            out.run.counts.unsent += counts.unsent;
            out.run.counts.connects += counts.connects;
            out.run.waiting += link->waiting();
            if (!link->flush()) {
                return Error{Errc::storage_error, "link-*.bin: not all written", {}};
            }
        }
        return out;
    }

    const VirtualOptions& options_;
    Ledger& ledger_;
    World world_;
    FakeClock clock_;
    FaultBoard faults_;
    std::vector<ClockStep> steps_;
    std::size_t step_ = 0;
    std::unique_ptr<VirtualGateway> gateway_;
    std::vector<std::unique_ptr<VirtualLink>> links_;
    std::vector<VirtualLink*> timed_;  // of them, in the same order
    std::vector<FaultBoard::Change> changes_;
    MonoTime flush_at_{}, truth_at_{};
    std::uint64_t reports_ = 0, unsent_ = 0;
};

}  // namespace

Result<VirtualResult> run_virtual(Scenario scenario, const VirtualOptions& options) {
    if (!scenario.duration && !options.until) {
        return Error{Errc::bad_config, "the scenario has no end", "--until \"10 min\""};
    }
    set_log_level(LogLevel::error);  // the gateway's notices are no news here
    const ScratchFolder scratch(options.state);
    if (scratch.path().empty()) return Error{Errc::storage_error, "no folder for the log", {}};
    auto ledger = Ledger::open(options.out / "ledger.jsonl");
    if (!ledger) return std::move(ledger).error();
    return VirtualRun(std::move(scenario), options, *ledger).run(scratch.path());
}

}  // namespace fog::sim
