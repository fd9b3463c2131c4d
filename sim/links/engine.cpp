#include "sim/links/engine.hpp"

#include <algorithm>

#include "firmware/core/text.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t kReportsPerRound = 512;  // then links get their turn

MonoTime mono_now() {
    return std::chrono::steady_clock::now();
}

/// Nobody but who started a gateway can end it.
bool can_do(const FaultSpec& fault, const Scenario& scenario) {
    return info(fault.kind).place != FaultPlace::gateway || scenario.starts_gateway;
}

}  // namespace

Engine::Engine(World& world, RunOptions options, Ledger& ledger)
    : world_(world),
      options_(std::move(options)),
      ledger_(ledger),
      links_(make_links(world.scenario(), options_.place, ledger, wake_)),
      faults_(world.scenario()),
      asked_("sim-asked", 64, Overflow::refuse),
      inputs_(scenario_inputs(world.scenario())) {}

bool Engine::ask(std::function<void()> work) {
    const bool taken = asked_.push(std::move(work));
    wake_.signal();
    return taken;
}

void Engine::run_asked() {
    while (auto work = asked_.pop(0ns)) (*work)();
}

void Engine::pause() {
    if (!paused_since_) paused_since_ = mono_now();
}

void Engine::resume() {
    if (!paused_since_) return;
    start_ += mono_now() - *paused_since_;
    paused_since_.reset();
}

SimTime Engine::elapsed() const {
    return simulated(mono_now());
}

bool Engine::set_input(const std::string& address, double value) {
    return world_.set_input(address, value, elapsed());
}

std::vector<std::pair<std::string, double>> Engine::inputs() const {
    auto out = inputs_;
    const SimTime now = elapsed();
    for (auto& [address, value] : out) {
        value = world_.scenario().inputs.at(address, now, value);
    }
    return out;
}

std::string_view Engine::state(std::size_t device) const {
    if (faults_.silenced(device)) return "silent";
    return links_.carriers[links_.carrier_of[device]]->state();
}

void Engine::stop() {
    stopping_ = true;
    wake_.signal();
}

MonoTime Engine::real(SimTime t) const {
    if (options_.speed == 1) return start_ + t;
    return start_ +
           SimTime{static_cast<std::int64_t>(static_cast<double>(t.count()) / options_.speed)};
}

SimTime Engine::simulated(MonoTime now) const {
    const SimTime since = paused_since_.value_or(now) - start_;
    if (options_.speed == 1) return since;
    return SimTime{static_cast<std::int64_t>(static_cast<double>(since.count()) * options_.speed)};
}

Result<void> Engine::open_links(MonoTime now) {
    ledger_.run(world_.scenario(), wall_start_, now);
    for (const Endpoint& endpoint : links_.endpoints) ledger_.device(endpoint.view());
    for (const FaultSpec& fault : world_.scenario().faults) {
        if (can_do(fault, world_.scenario())) continue;
        std::string members = "\"what\":";
        append_json_string(members,
                           "fault " + std::string(to_text(fault.kind)) + " on " + fault.on);
        members += ",\"why\":\"this run has not started the gateway\"";
        ledger_.fact("skipped", members, now);
    }
    if (auto flushed = ledger_.flush(); !flushed) return flushed;
    for (auto& carrier : links_.carriers) {
        if (auto started = carrier->start(now); !started) return started;
    }
    return {};
}

Result<RunResult> Engine::run() {
    origin_ = start_ = mono_now();
    wall_start_ = SystemClock().wall();
    progress_at_ = start_ + 1s;
    if (auto opened = open_links(start_); !opened) return std::move(opened).error();
    bool generating = true;
    MonoTime give_up{};
    std::string why;
    while (true) {
        run_asked();
        const MonoTime now = mono_now();
        if (generating) {
            if (!paused_since_) take_due(now);
            const auto due = world_.next_due();
            const bool over = !due || (options_.until && simulated(now) >= *options_.until);
            if (stopping_ || over) {
                generating = false;
                give_up = now + options_.settle;
                why = stopping_ ? "stopped" : "end of scenario";
            }
        }
        if (auto done = round(now); !done) return std::move(done).error();
        if (!generating && (settled() || now >= give_up)) break;
        wait(now, generating);
    }
    asked_.close();
    run_asked();
    for (auto& carrier : links_.carriers) carrier->stop();
    ledger_.end(why, mono_now());
    if (auto flushed = ledger_.flush(); !flushed) return std::move(flushed).error();
    RunResult out = result();
    out.ended = std::move(why);
    return out;
}

Result<void> Engine::round(MonoTime now) {
    change_faults(now);
    for (auto& carrier : links_.carriers) carrier->step(now);
    if (auto flushed = ledger_.flush(); !flushed) return flushed;
    for (auto& carrier : links_.carriers) carrier->release(now);
    if (progress_ && now >= progress_at_) {
        progress_(result());
        progress_at_ = now + 1s;
    }
    return {};
}

void Engine::take_due(MonoTime now) {
    for (std::size_t n = 0; n < kReportsPerRound; ++n) {
        const auto due = world_.next_due();
        if (!due || real(*due) > now || (options_.until && *due >= *options_.until)) return;
        const Report report = world_.next();
        const WallTime source = wall_start_ + (real(report.at) - origin_);
        if (report.fate == Fate::held) continue;  // it comes again
        ++reports_;
        if (report.fate == Fate::missed) {
            ledger_.unsent(report.id, links_.endpoints[report.device].id, "dropout", now);
            ++silenced_;
            continue;
        }
        if (faults_.silenced(report.device)) {
            ledger_.unsent(report.id, links_.endpoints[report.device].id, "silent", now);
            ++silenced_;
            continue;
        }
        links_.carriers[links_.carrier_of[report.device]]->take(report, source, now);
    }
}

void Engine::change_faults(MonoTime now) {
    changes_.clear();
    faults_.update(simulated(now), changes_);
    for (const FaultBoard::Change& change : changes_) tell_fault(change, now);
}

void Engine::tell_fault(const FaultBoard::Change& change, MonoTime now) {
    const FaultSpec& fault = *change.fault;
    if (!can_do(fault, world_.scenario())) return;
    if (fault.devices.empty()) {
        ledger_.fault(to_text(fault.kind), fault.on, change.begins, now);
        if (place_fault_) place_fault_(fault, change.begins);
        return;
    }
    std::vector<std::size_t> told;  // a carrier with many devices hears it once
    for (const std::size_t device : fault.devices) {
        ledger_.fault(to_text(fault.kind), links_.endpoints[device].id, change.begins, now);
        const std::size_t carrier = links_.carrier_of[device];
        if (std::find(told.begin(), told.end(), carrier) != told.end()) continue;
        told.push_back(carrier);
        links_.carriers[carrier]->fault(fault, change.begins, now);
    }
}

void Engine::wait(MonoTime now, bool generating) {
    MonoTime until = now + 500ms;
    if (generating) {
        const auto due = world_.next_due();
        if (due && !paused_since_) until = std::min(until, real(*due));
        const auto change = faults_.next_change(simulated(now));
        if (change && !paused_since_) until = std::min(until, real(*change));
    } else {
        until = now + 10ms;
    }
    fds_.clear();
    fds_.push_back({wake_.fd(), POLLIN, 0});
    for (const auto& carrier : links_.carriers) {
        if (const auto next = carrier->next_step()) until = std::min(until, *next);
        carrier->watch(fds_);
    }
    const MonoTime still = mono_now();
    if (until <= still) {
        wake_.clear();
        return;
    }
    const auto rest = until - still;
    const timespec time{static_cast<time_t>(rest / 1s), static_cast<long>((rest % 1s).count())};
    if (::ppoll(fds_.data(), fds_.size(), &time, nullptr) > 0) wake_.clear();
}

bool Engine::settled() const {
    return std::all_of(links_.carriers.begin(), links_.carriers.end(),
                       [](const auto& carrier) { return carrier->settled(); });
}

RunResult Engine::result() const {
    RunResult out;
    out.reports = reports_;
    out.counts.unsent = silenced_;
    for (const auto& carrier : links_.carriers) {
        const LinkCounts& counts = carrier->counts();
        out.counts.sent += counts.sent;
        out.counts.acked += counts.acked;
        out.counts.resent += counts.resent;
        out.counts.unsent += counts.unsent;
        out.counts.unheard += counts.unheard;
        out.counts.connects += counts.connects;
        out.waiting += carrier->waiting();
    }
    return out;
}

}  // namespace fog::sim
