#include "rules/engine/engine.hpp"

#include <algorithm>

#include "firmware/core/text.hpp"
#include "rules/engine/engine_impl.hpp"

namespace fog {

namespace {

using std::chrono::nanoseconds;

constexpr std::uint32_t kStepAfter = 3;  // late samples in a row that are a step of the clock
constexpr auto kRank = [](const Instance& instance) { return instance.rank; };

std::uint64_t as_cause(MonoTime due) {
    return static_cast<std::uint64_t>(due.time_since_epoch().count());
}

std::string quantity_text(const Value& value, const std::string& unit) {
    std::string out;
    double number = 0;
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
    if (!as_number(value, number)) return "unknown";
    append_double(out, number);
    if (!unit.empty()) out += " " + unit;
    return out;
}

}  // namespace

RuleEngine::Impl::Impl(const PointDirectory& points, const Limits& limits, Metrics& metrics,
                       const BootTable* boots)
    : points_(points),
      limits_(limits),
      boots_(boots),
      evaluations_(metrics.counter("fogline_rules_evaluations_total", {}, "rules judged")),
      fires_(metrics.counter("fogline_rules_fires_total", {}, "conditions that became true")),
      duplicates_(metrics.counter("fogline_rules_skipped_total", "reason=\"duplicate\"",
                                  "samples no rule was shown")),
      conflicts_(metrics.counter("fogline_rules_conflicts_total", {},
                                 "other value at the same source time")),
      out_of_order_(metrics.counter("fogline_rules_skipped_total", "reason=\"out-of-order\"")),
      faults_(metrics.counter("fogline_rules_faults_total", {}, "rule instances stopped")),
      filtered_(metrics.counter("fogline_rules_filtered_total", {}, "samples dropped by rules")) {
    learn_points();
}

// --- time

void RuleEngine::Impl::set_wake(Instance& instance, std::uint32_t slot, MonoTime due) {
    timers_.set({due, &instance, slot}, instance.wakes[slot], kRank);
}

std::optional<WallTime> RuleEngine::Impl::wall(MonoTime now) const {
    if (boots_ == nullptr) return std::nullopt;
    bool trusted = false;
    const auto wall = boots_->wall(boot_, now, &trusted);
    return trusted ? wall : std::nullopt;
}

/// Where the present moment is; another boot makes every input unknown.
void RuleEngine::Impl::enter(BootId boot, MonoTime now, Effects& out) {
    if (ranks_stale_) rerank();
    if (boot == boot_) return;
    const bool first = boot_.value == 0;
    boot_ = boot;
    now_ = now;
    if (first) return;
    cause_ = as_cause(now);
    timers_ = {};
    for (auto& [id, rule] : rules_)
        for (auto& [device, instance] : rule.instances) {
            for (Wake& wake : instance->wakes) wake = {};
            if (!instance->fault.empty()) continue;
            instance->forget_time(now, *this);
            mark(*instance, rule);
        }
    recount_silence();
    settle(out);
    for (std::uint32_t id = 0; id < states_.size(); ++id)
        if (states_[id].silent > 0) point_silence(PointId{id}, out);
}

/// For calls from outside: what was due before them happens first.
void RuleEngine::Impl::come_to(RuleMoment at, Effects& out) {
    enter(at.boot, at.now, out);
    advance(at.now, true, at.boot, out);
    now_ = std::max(now_, at.now);
    cause_ = as_cause(at.now);
}

void RuleEngine::Impl::advance(MonoTime upto, bool inclusive, BootId boot, Effects& out) {
    if (boot != boot_) return;
    while (!timers_.empty()) {
        const MonoTime due = timers_.front().due;
        if (inclusive ? due > upto : due >= upto) return;
        const Timers::Entry entry = timers_.pop(kRank);
        Wake& wake = entry.owner->wakes[entry.slot];
        if (entry.due != wake.queued) continue;  // an earlier wish was put in since
        wake.queued = Wake::kNever;
        if (wake.due == Wake::kNever) continue;
        if (wake.due > entry.due) {
            set_wake(*entry.owner, entry.slot, wake.due);
            continue;
        }
        wake.due = Wake::kNever;
        now_ = std::max(now_, due);
        cause_ = as_cause(due);
        dirty = true;
        Instance& instance = *entry.owner;
        Rule& rule = rules_.find(instance.spec.id)->second;
        const bool input = entry.slot < instance.inputs.size();
        const bool was = input && instance.inputs[entry.slot].expired;
        instance.fire(entry.slot, due, *this);
        mark(instance, rule);
        settle(out);
        if (input) update_silence(instance, entry.slot, was, out);
    }
}

std::optional<MonoTime> RuleEngine::Impl::next_timer() {
    if (timers_.empty()) return std::nullopt;
    return timers_.front().due;
}

void RuleEngine::Impl::rerank() {
    std::uint32_t rank = 0;
    for (auto& [id, rule] : rules_)
        for (auto& [device, instance] : rule.instances) instance->rank = rank++;
    for (PointState& state : states_)
        std::sort(state.readers.begin(), state.readers.end(), [](const Reader& a, const Reader& b) {
            if (a.instance != b.instance) return a.instance->rank < b.instance->rank;
            return a.input < b.input;
        });
    ranks_stale_ = false;
}

// --- records

void RuleEngine::Impl::on_batch(std::span<const Record> records, Effects& out) {
    std::size_t from = 0;
    while (from < records.size()) {
        std::size_t end = from + 1;
        const Record& head = records[from];
        if (head.is_sample()) {
            const PointInfo* info = points_.find(head.sample().point);
            while (end < records.size() && info != nullptr && records[end].is_sample() &&
                   records[end].received() == head.received() &&
                   records[end].boot() == head.boot()) {
                const PointInfo* other = points_.find(records[end].sample().point);
                if (other == nullptr || other->device != info->device) break;
                ++end;
            }
            run_group(records.subspan(from, end - from), from, records.size(), out);
        }
        from = end;
    }
}

void RuleEngine::Impl::run_group(std::span<const Record> group, std::size_t first,
                                 std::size_t total, Effects& out) {
    const Record& head = group.front();
    enter(head.boot(), head.received(), out);
    advance(head.received(), false, head.boot(), out);
    now_ = std::max(now_, head.received());
    routed_.clear();
    dirty = true;
    for (std::size_t i = 0; i < group.size(); ++i) {
        cause_ = group[i].seq.value;
        last_seq_ = std::max(last_seq_, group[i].seq);
        apply(group[i], first + i);
    }
    cause_ = head.seq.value;
    settle(out);
    for (const Record& record : group) {
        PointState* state = record.sample().point.value < states_.size()
                                ? &states_[record.sample().point.value]
                                : nullptr;
        if (state != nullptr && state->silent > 0) {
            recount_silence();
            if (state->silent == 0) point_silence(record.sample().point, out);
        }
    }
    if (!routed_.empty()) route(total, out);
}

/// Whether this sample may become the latest of its point (order, duplicates).
bool RuleEngine::Impl::fresh(PointState& state, const Sample& sample) {
    if (sample.source_time == WallTime{}) return true;
    const bool first = state.newest == WallTime{};
    if (!first && sample.source_time == state.newest) {
        if (sample.value == state.value && sample.quality == state.quality) {
            duplicates_.add();
            return false;
        }
        conflicts_.add();
    } else if (!first && sample.source_time < state.newest) {
        const bool on = state.late_in_row > 0 && sample.source_time > state.late;
        state.late_in_row = on ? state.late_in_row + 1 : 1;
        state.late = sample.source_time;
        if (state.late_in_row < kStepAfter) {
            out_of_order_.add();
            return false;
        }
    }
    state.late_in_row = 0;
    state.newest = sample.source_time;
    state.value = sample.value;
    state.quality = sample.quality;
    return true;
}

void RuleEngine::Impl::apply(const Record& record, std::size_t index) {
    const Sample& sample = record.sample();
    if (sample.point.value >= states_.size()) return;
    PointState& state = states_[sample.point.value];
    if (state.readers.empty()) return;
    const bool historic = (sample.flags & flag::kHistoric) != 0;
    if (!historic && !fresh(state, sample)) return;
    for (const Reader& reader : state.readers) {
        Instance& instance = *reader.instance;
        if (historic && !instance.spec.inputs[reader.input].historical) continue;
        instance.passed = 0;
        if (instance.feed(reader.input, sample, now_, *this)) mark(instance, *reader.rule);
        if (!instance.spec.routes.empty())
            routed_.push_back(
                {index, &instance, reader.input, (instance.passed >> reader.input & 1U) != 0});
    }
}

void RuleEngine::Impl::mark(Instance& instance, Rule& rule) {
    if (instance.dirty) return;
    instance.dirty = true;
    judged_.push_back({&instance, &rule});
}

/// Judges what was marked, in rank order.
void RuleEngine::Impl::settle(Effects& out) {
    const auto before = [](const Judged& a, const Judged& b) {
        return a.instance->rank < b.instance->rank;
    };
    if (!std::is_sorted(judged_.begin(), judged_.end(), before))
        std::sort(judged_.begin(), judged_.end(), before);
    for (const Judged& one : judged_) {
        one.instance->dirty = false;
        judge(*one.instance, *one.rule, out);
    }
    judged_.clear();
}

void RuleEngine::Impl::judge(Instance& instance, Rule& rule, Effects& out) {
    ++rule.info.evaluations;
    evaluations_.add();
    if (!instance.spec.derives.empty()) derive(instance, out);
    const Verdict3 before = instance.effective;
    instance.judge(now_, *this);
    const Verdict3& after = instance.effective;
    if (after.truth == before.truth && after.level == before.level) return;
    if (before.level == Level::none && after.level != Level::none) {
        ++rule.info.fires;
        fires_.add();
    }
    act(instance, rule, before, out);
}

// --- actions

void RuleEngine::Impl::act(Instance& instance, Rule& rule, const Verdict3& before, Effects& out) {
    (void)rule;
    const Verdict3& verdict = instance.effective;
    for (const AlarmSpec& spec : instance.spec.alarms) {
        const std::string id =
            instance.device + "/" + instance.spec.id + (spec.name.empty() ? "" : "." + spec.name);
        AlarmRecord& record = book_.record(id);
        const bool give_up = verdict.truth == Truth::unknown && before.truth != Truth::unknown &&
                             instance.spec.no_data == OnNoData::clear;
        const auto change = give_up ? record.machine.close()
                                    : record.machine.condition(verdict.truth, verdict.level);
        if (!change) continue;
        if (*change == AlarmChange::raised) {
            record.info.acked_by.clear();
            record.info.note.clear();
            record.info.boot = boot_;
            record.info.since = now_;
        }
        describe(record, spec, instance);
        book_.announce(record, *change, cause(), {}, {}, give_up ? "no data" : "", out);
    }
}

/// What people see of an alarm, as of now.
void RuleEngine::Impl::describe(AlarmRecord& record, const AlarmSpec& spec,
                                const Instance& instance) {
    AlarmInfo& info = record.info;
    const Verdict3& verdict = instance.effective;
    const std::size_t stream = instance.stream_of_condition();
    info.value = instance.slots[stream].value;
    info.unit = instance.units[stream].code;
    info.text = fill_text(spec, instance, info.limit);
    if (verdict.level == Level::none) return;  // a return keeps level and severity of the raise
    info.level = to_text(verdict.level);
    info.severity = spec.severity[static_cast<std::size_t>(verdict.level)];
    info.limit = verdict.level == Level::on ? std::nullopt : std::optional(verdict.limit);
}

// A return names the limit that was left, which the verdict no longer has.
std::string RuleEngine::Impl::fill_text(const AlarmSpec& spec, const Instance& instance,
                                        std::optional<double> raised_at) const {
    const Verdict3& verdict = instance.effective;
    const std::size_t stream = instance.stream_of_condition();
    const std::string& unit = instance.units[stream].code;
    const auto word = [&](std::string_view name) -> std::string {
        if (name == "device") return instance.device;
        if (name == "title") return instance.spec.title;
        if (name == "limit") {
            const bool judged = verdict.level != Level::none && verdict.level != Level::on;
            const auto limit = judged ? std::optional(verdict.limit) : raised_at;
            return limit ? quantity_text(*limit, unit) : std::string("none");
        }
        if (name == "peak") return quantity_text(instance.peak, unit);
        const auto held = std::max(now_ - verdict.since, nanoseconds{});
        if (name == "held") return duration_text(std::chrono::floor<std::chrono::seconds>(held));
        if (name == "since") {
            const auto at = wall(verdict.since);
            return at ? to_rfc3339(*at) : "an unknown time";
        }
        for (std::size_t i = 0; i < instance.slots.size(); ++i)
            if (instance.spec.streams[i] == name)
                return quantity_text(instance.slots[i].value, instance.units[i].code);
        return {};
    };
    std::string out;
    std::string_view rest = spec.text;
    for (;;) {
        const auto open = rest.find('{');
        const auto close = open == std::string_view::npos ? open : rest.find('}', open);
        if (close == std::string_view::npos) break;
        out += rest.substr(0, open);
        out += word(rest.substr(open + 1, close - open - 1));
        rest.remove_prefix(close + 1);
    }
    out += rest;
    return out;
}

void RuleEngine::Impl::derive(Instance& instance, Effects& out) {
    for (std::size_t i = 0; i < instance.spec.derives.size(); ++i) {
        const auto value = instance.derived(i, now_, *this);
        if (!value) continue;
        const DeriveSpec& spec = instance.spec.derives[i];
        const std::string point = with_device(spec.point, instance.device);
        const auto slash = point.find('/');
        Derived made{
            point.substr(0, slash), point.substr(slash + 1), spec.unit, {}, {}, {}, now_, boot_};
        instance.describe_derived(i, *value, made.value, made.quality, made.source_time);
        out.derived.push_back(std::move(made));
    }
}

void RuleEngine::Impl::route(std::size_t total, Effects& out) {
    for (const Routed& one : routed_) {
        const bool active = one.instance->effective.level != Level::none;
        for (const RouteSpec& spec : one.instance->spec.routes) {
            if ((spec.inputs >> one.input & 1U) == 0) continue;
            const bool applies = spec.when == While::always ||
                                 (spec.when == While::active && active) ||
                                 (spec.when == While::inactive && !active) ||
                                 (spec.when == While::passed && one.passed) ||
                                 (spec.when == While::withheld && !one.passed);
            if (!applies) continue;
            if (out.routing.size() < total) out.routing.resize(total);
            merge(out.routing[one.record], spec, out);
        }
    }
}

/// Several rules on one sample: the stricter drop, the more urgent lane, sinks both allow.
void RuleEngine::Impl::merge(Routing& routing, const RouteSpec& spec, Effects& out) const {
    if (spec.drop > routing.drop) {
        if (routing.drop == Drop::no) filtered_.add();
        routing.drop = spec.drop;
    }
    if (spec.lane) {
        routing.lane = routing.has_lane ? std::min(routing.lane, *spec.lane) : *spec.lane;
        routing.has_lane = true;
    }
    if (spec.sinks.empty()) return;
    if (routing.sinks == nullptr) {
        out.allow_lists.push_back(spec.sinks);
    } else {
        std::vector<std::string> both;
        for (const auto& sink : *routing.sinks)
            if (std::find(spec.sinks.begin(), spec.sinks.end(), sink) != spec.sinks.end())
                both.push_back(sink);
        out.allow_lists.push_back(std::move(both));
    }
    routing.sinks = &out.allow_lists.back();
}

// --- no data

void RuleEngine::Impl::update_silence(Instance& instance, std::size_t input, bool was,
                                      Effects& out) {
    if (instance.spec.no_data != OnNoData::alarm || instance.inputs[input].expired == was) return;
    const PointId id = instance.inputs[input].point;
    PointState& state = point_state(id);
    const bool silent = state.silent > 0;
    state.silent += was ? 0U - 1U : 1U;
    if ((state.silent > 0) != silent) point_silence(id, out);
}

void RuleEngine::Impl::recount_silence() {
    for (PointState& state : states_) {
        state.silent = 0;
        for (const Reader& reader : state.readers)
            if (reader.instance->spec.no_data == OnNoData::alarm &&
                reader.instance->inputs[reader.input].expired)
                ++state.silent;
    }
}

/// A no-data alarm stands as long as some rule wants one for its point.
void RuleEngine::Impl::own_silences() {
    for (auto& [id, record] : book_.all())
        if (record.info.rule == "no-data") record.owned = false;
    for (std::uint32_t id = 0; id < states_.size(); ++id) {
        const auto& readers = states_[id].readers;
        const bool wanted = std::any_of(readers.begin(), readers.end(), [](const Reader& reader) {
            return reader.instance->spec.no_data == OnNoData::alarm;
        });
        const PointInfo* info = wanted ? points_.find(PointId{id}) : nullptr;
        if (info == nullptr) continue;
        if (AlarmRecord* record = book_.find(info->device + "/no-data." + info->point))
            record->owned = true;
    }
}

/// After rules came and went.
void RuleEngine::Impl::settle_silence(Effects& out) {
    recount_silence();
    own_silences();
    for (std::uint32_t id = 0; id < states_.size(); ++id) {
        const PointInfo* info = states_[id].readers.empty() ? nullptr : points_.find(PointId{id});
        if (info == nullptr) continue;
        const AlarmRecord* record = book_.find(info->device + "/no-data." + info->point);
        if (states_[id].silent > 0 || (record != nullptr && record->owned))
            point_silence(PointId{id}, out);
    }
}

/// Raises or clears `<dev>/no-data.<pt>`, one per point.
void RuleEngine::Impl::point_silence(PointId id, Effects& out) {
    const PointInfo* info = points_.find(id);
    if (info == nullptr) return;
    AlarmRecord& record = book_.record(info->device + "/no-data." + info->point);
    record.owned = true;
    record.info.alarm = info->device + "/no-data." + info->point;
    record.info.device = info->device;
    record.info.point = info->point;
    record.info.rule = "no-data";
    const bool silent = point_state(id).silent > 0;
    const auto change =
        record.machine.condition(silent ? Truth::yes : Truth::no, silent ? Level::on : Level::none);
    if (!change) return;
    if (*change == AlarmChange::raised) {
        record.info.severity = Severity::medium;
        record.info.level = to_text(Level::on);
        record.info.boot = boot_;
        record.info.since = now_;
        record.info.acked_by.clear();
    }
    record.info.text = silent ? "no data from " + info->device + "/" + info->point
                              : "data from " + info->device + "/" + info->point + " again";
    book_.announce(record, *change, cause(), {}, {}, {}, out);
}

// --- people

Result<AlarmState> RuleEngine::Impl::person(std::string_view alarm, AlarmChange change,
                                            std::string_view who, std::string_view note,
                                            RuleMoment at, Effects& out) {
    AlarmRecord* record = book_.find(alarm);
    if (record == nullptr || record->machine.occurrence() == 0)
        return Error{Errc::not_found, "no alarm is called '" + std::string(alarm) + "'", ""};
    come_to(at, out);
    if (change == AlarmChange::reset && record->machine.active())
        return Error{Errc::conflict, "the condition of '" + std::string(alarm) + "' is still true",
                     "reset it when it has returned"};
    const auto done =
        change == AlarmChange::reset ? record->machine.reset() : record->machine.ack();
    if (!done) return record->machine.state();
    record->info.acked_by = who;
    record->info.note = note;
    dirty = true;
    book_.announce(*record, *done, {at.boot, at.now, cause_}, who, note, {}, out);
    return record->machine.state();
}

std::vector<AlarmInfo> RuleEngine::Impl::alarms() const {
    std::vector<AlarmInfo> result;
    for (const auto& [id, record] : book_.all()) {
        if (record.machine.state() == AlarmState::normal) continue;
        AlarmInfo info = record.info;
        info.state = record.machine.state();
        info.stale = record.machine.stale();
        result.push_back(std::move(info));
    }
    return result;
}

std::vector<RuleInfo> RuleEngine::Impl::list() const {
    static constexpr std::string_view kTruths[] = {"no", "yes", "unknown"};
    std::vector<RuleInfo> result;
    for (const auto& [id, rule] : rules_) {
        RuleInfo info = rule.info;
        for (const auto& [device, instance] : rule.instances) {
            RuleInstanceInfo one{device, "filter", instance->fault};
            if (!instance->fault.empty())
                one.state = "faulted";
            else if (instance->waiting())
                one.state = "waiting";
            else if (instance->spec.condition)
                one.state = kTruths[static_cast<std::size_t>(instance->effective.truth)];
            if (one.state == "waiting") one.why = "not every point was seen yet";
            info.withheld += instance->withheld;
            info.instances.push_back(std::move(one));
        }
        result.push_back(std::move(info));
    }
    return result;
}

// --- the interface

RuleEngine::RuleEngine(const PointDirectory& points, const Limits& limits, Metrics& metrics,
                       const BootTable* boots)
    : impl_(std::make_unique<Impl>(points, limits, metrics, boots)) {}
void RuleEngine::adopt() {
    impl_->owner.bind();
}

RuleEngine::~RuleEngine() = default;

std::vector<Fault> RuleEngine::check(std::string_view id, const Node& spec) const {
    return impl_->check(id, spec);
}
std::vector<Fault> RuleEngine::load(std::string_view id, const Node& spec, std::uint64_t version,
                                    std::string_view who, RuleMoment at, Effects& out) {
    impl_->owner.check();
    return impl_->load(id, spec, version, who, at, out);
}
bool RuleEngine::remove(std::string_view id, RuleMoment at, Effects& out) {
    impl_->owner.check();
    return impl_->remove(id, at, out);
}
std::vector<RuleInfo> RuleEngine::list() const {
    return impl_->list();
}
void RuleEngine::point_appeared(PointId point, RuleMoment at, Effects& out) {
    impl_->owner.check();
    impl_->point_appeared(point, at, out);
}
void RuleEngine::on_batch(std::span<const Record> records, Effects& out) {
    impl_->owner.check();
    impl_->on_batch(records, out);
}
std::optional<MonoTime> RuleEngine::next_timer() const {
    return impl_->next_timer();
}
void RuleEngine::on_time(RuleMoment at, Effects& out) {
    impl_->owner.check();
    impl_->enter(at.boot, at.now, out);
    impl_->advance(at.now, true, at.boot, out);
}
Result<AlarmState> RuleEngine::ack_alarm(std::string_view alarm, std::string_view who,
                                         std::string_view note, RuleMoment at, Effects& out) {
    impl_->owner.check();
    return impl_->person(alarm, AlarmChange::acked, who, note, at, out);
}
Result<AlarmState> RuleEngine::reset_alarm(std::string_view alarm, std::string_view who,
                                           std::string_view note, RuleMoment at, Effects& out) {
    impl_->owner.check();
    return impl_->person(alarm, AlarmChange::reset, who, note, at, out);
}
std::vector<AlarmInfo> RuleEngine::alarms() const {
    return impl_->alarms();
}
bool RuleEngine::dirty() const {
    return impl_->dirty;
}
void RuleEngine::save(Bytes& out) {
    impl_->save(out);
}
Result<Seq> RuleEngine::restore(std::span<const std::byte> snapshot, RuleMoment at, Effects& out) {
    impl_->owner.check();
    return impl_->restore(snapshot, at, out);
}
void RuleEngine::recover(std::span<const Record> records) {
    impl_->recover(records);
}
void RuleEngine::end_recovery(RuleMoment at, Effects& out) {
    impl_->end_recovery(at, out);
}

}  // namespace fog
