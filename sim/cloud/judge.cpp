#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "firmware/core/text.hpp"
#include "sim/cloud/check.hpp"

namespace fog::sim {
namespace {

using Result = Judgement::Result;

Judgement skipped(const Expectation& expect, std::string why) {
    return {expect.kind, expect.value, std::move(why), Result::skipped};
}
Judgement decided(const Expectation& expect, std::string wanted, std::string found, bool good) {
    return {expect.kind, std::move(wanted), std::move(found),
            good ? Result::passed : Result::failed};
}

std::string text_of(const Node& spec, const char* key) {
    const Node* node = spec.find(key);
    return node != nullptr && node->is_string() ? *node->string() : std::string();
}
std::optional<double> number_of(const Node& spec, const char* key) {
    const Node* node = spec.find(key);
    return node != nullptr ? node->number() : std::nullopt;
}
std::int64_t duration_of(const Node& spec, const char* key, std::int64_t otherwise) {
    const auto time = parse_duration(text_of(spec, key));
    return time ? time->count() : otherwise;
}
std::string seconds(std::int64_t ns) {
    std::string out;
    append_double(out, static_cast<double>(ns / 1'000'000) / 1000);
    return out + " s";
}

/// `within = [from, to]` in the time of the run.
struct Span {
    std::int64_t from = std::numeric_limits<std::int64_t>::min();
    std::int64_t to = std::numeric_limits<std::int64_t>::max();
    bool has(std::int64_t at) const { return at >= from && at <= to; }
};
Span within(const Node& spec) {
    Span out;
    const Node* node = spec.find("within");
    if (node == nullptr || node->array() == nullptr || node->array()->size() != 2) return out;
    const auto from = parse_duration(*(*node->array())[0].string());
    const auto to = parse_duration(*(*node->array())[1].string());
    if (from) out.from = from->count();
    if (to) out.to = to->count();
    return out;
}

/// One event or sample of the far side with its time since the run began.
struct Seen {
    const FarArrival* arrival = nullptr;
    const SeenRecord* record = nullptr;
    std::int64_t at = 0;
};
template <class Wanted>
std::vector<Seen> find_all(const RunFacts& run, const FarFacts& far, const Wanted& wanted) {
    std::vector<Seen> out;
    std::set<std::uint64_t> taken;
    for (const FarArrival& arrival : far.arrivals) {
        if (!wanted(arrival.record) || !taken.insert(arrival.record.seq).second) continue;
        std::int64_t at = arrival.mono - run.start_mono;
        const auto wall = arrival.record.time.wall();
        if (wall && !run.clock_stepped) at = wall->time_since_epoch().count() - run.start_wall;
        out.push_back({&arrival, &arrival.record, at});
    }
    return out;
}

std::vector<Seen> alarms_of(const RunFacts& run, const FarFacts& far, const std::string& glob) {
    return find_all(run, far, [&glob](const SeenRecord& record) {
        return !record.alarm.empty() && glob_matches(glob, record.alarm);
    });
}

Judgement judge_alarm(const Expectation& expect, const RunFacts& run, const FarFacts& far) {
    const std::string state = text_of(expect.spec, "state");
    const std::string change = text_of(expect.spec, "change");
    const Span span = within(expect.spec);
    std::string found;
    for (const Seen& each : alarms_of(run, far, expect.value)) {
        const bool fits = (state.empty() || each.record->state == state) &&
                          (change.empty() || each.record->change == change);
        if (fits && span.has(each.at)) {
            return decided(expect, expect.value + " " + state, "at " + seconds(each.at), true);
        }
        found +=
            (found.empty() ? "" : ", ") + each.record->state.text() + " at " + seconds(each.at);
    }
    return decided(expect, expect.value + " " + state, found.empty() ? "never" : found, false);
}

Judgement judge_no_alarm(const Expectation& expect, const RunFacts& run, const FarFacts& far) {
    const Span span = within(expect.spec);
    for (const Seen& each : alarms_of(run, far, expect.value)) {
        if (each.record->change != "raised" || !span.has(each.at)) continue;
        return decided(expect, expect.value, each.record->alarm.text() + " at " + seconds(each.at),
                       false);
    }
    return decided(expect, expect.value, "none", true);
}

Judgement judge_alarm_count(const Expectation& expect, const RunFacts& run, const FarFacts& far) {
    std::uint64_t count = 0;
    for (const Seen& each : alarms_of(run, far, expect.value)) {
        if (each.record->change == "raised") ++count;
    }
    const auto is = number_of(expect.spec, "is");
    const auto low = number_of(expect.spec, "min");
    const auto high = number_of(expect.spec, "max");
    const auto n = static_cast<double>(count);
    const bool good = (!is || n == *is) && (!low || n >= *low) && (!high || n <= *high);
    return decided(expect, expect.value, std::to_string(count) + " raised", good);
}

Judgement judge_point(const Expectation& expect, const RunFacts& run, const FarFacts& far) {
    const Span span = within(expect.spec);
    std::map<std::pair<Word, Word>, bool> fits;  // a day has millions of records, of few points
    const auto all = find_all(run, far, [&](const SeenRecord& record) {
        if (!record.is_sample) return false;
        const auto [known, fresh] = fits.try_emplace({record.device, record.point});
        if (fresh) {
            known->second =
                glob_matches(expect.value, record.device.text() + "/" + record.point.text());
        }
        return known->second;
    });
    const Seen* last = nullptr;
    for (const Seen& each : all) {
        if (span.has(each.at) && (last == nullptr || each.at >= last->at)) last = &each;
    }
    if (last == nullptr) return decided(expect, expect.value, "no sample then", false);
    const std::string quality = text_of(expect.spec, "quality");
    const std::string real = last->record->quality.empty() ? "good" : last->record->quality.text();
    bool good = quality.empty() || glob_matches(quality, real);
    double number = 0;
    const bool has_number = number_in(last->arrival->value, number);
    if (const auto low = number_of(expect.spec, "min")) good = good && has_number && number >= *low;
    if (const auto high = number_of(expect.spec, "max")) {
        good = good && has_number && number <= *high;
    }
    if (const auto is = number_of(expect.spec, "is")) good = good && has_number && number == *is;
    return decided(expect, expect.value,
                   last->arrival->value + " " + real + " at " + seconds(last->at), good);
}

Judgement judge_device(const Expectation& expect, const RunFacts& run, const FarFacts& far) {
    const Span span = within(expect.spec);
    const std::string state = text_of(expect.spec, "state");
    const auto all = find_all(run, far, [&expect](const SeenRecord& record) {
        return !record.is_sample && record.alarm.empty() && !record.state.empty() &&
               glob_matches(expect.value, record.device);
    });
    if (all.empty()) return skipped(expect, "no device's state reached the far side");
    for (const Seen& each : all) {
        if (span.has(each.at) && (state.empty() || each.record->state == state)) {
            return decided(expect, expect.value + " " + state, "at " + seconds(each.at), true);
        }
    }
    return decided(expect, expect.value + " " + state, "never then", false);
}

Judgement judge_latency(const Expectation& expect, const CheckReport& report) {
    if (expect.value != "far") return skipped(expect, "nobody recorded what push clients saw");
    const bool faulty = text_of(expect.spec, "during") == "faults";
    const Latency& latency = faulty ? report.faulty : report.quiet;
    if (latency.count == 0) return skipped(expect, "no reading arrived at such a time");
    bool good = true;
    std::string wanted, found;
    for (const auto& [key, value] :
         {std::pair("p50", latency.p50), std::pair("p95", latency.p95),
          std::pair("p99", latency.p99), std::pair("max", latency.max)}) {
        const std::int64_t limit = duration_of(expect.spec, key, -1);
        if (limit < 0) continue;
        good = good && value <= limit;
        wanted += std::string(wanted.empty() ? "" : ", ") + key + " " + seconds(limit);
        found += std::string(found.empty() ? "" : ", ") + key + " " + seconds(value);
    }
    if (wanted.empty()) return skipped(expect, "no limit is given");
    return decided(expect, wanted, found, good);
}

Judgement judge_drain(const Expectation& expect, const RunFacts& run, const FarFacts& far) {
    const auto limit = parse_duration(expect.value);
    std::int64_t worst = -1;
    for (std::size_t i = 0; i < run.faults.size(); ++i) {
        const FaultSpan& span = run.faults[i];
        const bool line = span.where.starts_with("sink/") || span.where.starts_with("tcp/");
        if (!line || span.end == INT64_MAX) continue;
        std::int64_t until = INT64_MAX;  // the next one disturbs anew
        for (std::size_t j = i + 1; j < run.faults.size(); ++j) {
            if (run.faults[j].begin < span.end) continue;
            until = std::min(until, run.faults[j].begin);
        }
        for (const FarArrival& arrival : far.arrivals) {
            if (arrival.mono < span.end || arrival.mono >= until) continue;
            // Backlog: marked so, or measured before the line came back.
            const auto wall = arrival.record.time.wall();
            const bool old =
                wall && !run.clock_stepped &&
                wall->time_since_epoch().count() - run.start_wall < span.end - run.start_mono;
            if (!arrival.record.historic && !old) continue;
            worst = std::max(worst, arrival.mono - span.end);
        }
    }
    if (worst < 0) return skipped(expect, "no backlog arrived after a fault of the line");
    return decided(expect, expect.value, seconds(worst), limit && worst <= limit->count());
}

Judgement judge_metric(const Expectation& expect, const CheckExtras& extras,
                       const std::string& name, const std::string& op, double value) {
    if (!extras.has_metrics) return skipped(expect, "no metrics.txt");
    const auto found = extras.metrics.find(name);
    if (found == extras.metrics.end()) return skipped(expect, "no metric '" + name + "'");
    const double real = found->second;
    const bool good = (op == "==" && real == value) || (op == "!=" && real != value) ||
                      (op == "<" && real < value) || (op == "<=" && real <= value) ||
                      (op == ">" && real > value) || (op == ">=" && real >= value);
    std::string limit, text;
    append_double(limit, value);
    append_double(text, real);
    return decided(expect, name + " " + op + " " + limit, text, good);
}

Judgement judge_size(const Expectation& expect, const CheckExtras& extras, const char* metric) {
    const auto size = parse_size(expect.value);
    if (!size) return skipped(expect, "'" + expect.value + "' is no size");
    return judge_metric(expect, extras, metric, "<=", static_cast<double>(*size));
}

Judgement judge_alarms(const Expectation& expect, const CheckReport& report) {
    const AlarmFigures& alarms = report.alarms;
    if (alarms.wrong()) {
        return decided(expect, "as-reference",
                       std::to_string(alarms.missed) + " missed, " +
                           std::to_string(alarms.unwanted) + " false, " +
                           std::to_string(alarms.early) + " early, " + std::to_string(alarms.late) +
                           " late",
                       false);
    }
    if (!alarms.skipped.empty()) return skipped(expect, alarms.skipped);
    return decided(expect, "as-reference", std::to_string(alarms.seen) + " as expected", true);
}

}  // namespace

std::optional<Judgement> judge_special(const Expectation& expect, const RunFacts& run,
                                       const FarFacts& far, const CheckExtras& extras,
                                       const CheckReport& report) {
    const std::string& kind = expect.kind;
    if (kind == "alarm") return judge_alarm(expect, run, far);
    if (kind == "no_alarm") return judge_no_alarm(expect, run, far);
    if (kind == "alarm_count") return judge_alarm_count(expect, run, far);
    if (kind == "alarms") return judge_alarms(expect, report);
    if (kind == "point_state") return judge_point(expect, run, far);
    if (kind == "device_state") return judge_device(expect, run, far);
    if (kind == "latency") return judge_latency(expect, report);
    if (kind == "drain_time") return judge_drain(expect, run, far);
    if (kind == "bytes_written") return judge_size(expect, extras, "fogsim_store_bytes_written");
    if (kind == "memory") return judge_size(expect, extras, "process_resident_memory_bytes");
    if (kind == "command") return skipped(expect, "no command is recorded in this version");
    if (kind == "metric") {
        return judge_metric(expect, extras, expect.value, text_of(expect.spec, "op"),
                            number_of(expect.spec, "value").value_or(0));
    }
    if (kind == "log_has") {
        if (!extras.log) return skipped(expect, "no gateway.log");
        const bool there = extras.log->find(expect.value) != std::string::npos;
        return decided(expect, expect.value, there ? "there" : "not there", there);
    }
    return std::nullopt;
}

}  // namespace fog::sim
