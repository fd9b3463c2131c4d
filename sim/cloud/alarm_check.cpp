#include <algorithm>
#include <map>
#include <set>

#include "firmware/core/text.hpp"
#include "sim/cloud/check.hpp"
#include "sim/cloud/reference.hpp"

namespace fog::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kWindow = 60 * kSecond;  // further away it is another alarm
constexpr std::size_t kOffendersKept = 10;

/// One raise or clear, expected or seen.
struct Change {
    std::int64_t at = 0;
    std::uint64_t seq = 0;
    std::size_t line = 0;
};
/// By alarm and "raised" or "cleared".
using Changes = std::map<std::pair<std::string, std::string>, std::vector<Change>>;

Changes expected_changes(const RunFacts& run, const ReferenceRule& rule) {
    std::map<std::size_t, std::vector<ReferenceSample>> samples;  // by device
    for (const SentReading& reading : run.readings) {
        if (reading.point != rule.point || reading.odd || !reading.heard) continue;
        if (!glob_matches(rule.device, run.devices[reading.device].gateway_id)) continue;
        const auto value = parse_double(reading.value);
        if (value) samples[reading.device].push_back({reading.mono, *value});
    }
    Changes out;
    for (auto& [device, series] : samples) {
        std::stable_sort(series.begin(), series.end(),
                         [](const auto& a, const auto& b) { return a.at < b.at; });
        const std::string alarm = run.devices[device].gateway_id + "/" + rule.id;
        const std::int64_t end = run.end_mono != 0 ? run.end_mono : series.back().at + 1;
        for (const ReferenceChange& change : reference_changes(rule, series, end)) {
            out[{alarm, change.raised ? "raised" : "cleared"}].push_back({change.at, 0, 0});
        }
    }
    return out;
}

/// What arrived, in the time of the run: as a client saw it, or from its own stamp.
Changes seen_changes(const RunFacts& run, const FarFacts& far, const std::string& rule) {
    std::map<std::uint64_t, std::int64_t> pushed;
    for (const PushedAlarm& each : run.pushed) pushed[each.seq] = each.mono;
    std::set<std::uint64_t> taken;
    Changes out;
    for (const FarArrival& arrival : far.arrivals) {
        const SeenRecord& record = arrival.record;
        if (record.alarm.empty() || !record.alarm.text().ends_with("/" + rule)) continue;
        if (record.change != "raised" && record.change != "cleared") continue;
        if (!taken.insert(record.seq).second) continue;
        std::int64_t at = arrival.mono;
        if (const auto known = pushed.find(record.seq); known != pushed.end()) {
            at = known->second;
        } else if (const auto wall = record.time.wall()) {
            at = wall->time_since_epoch().count() - run.start_wall + run.start_mono;
        }
        out[{record.alarm.text(), record.change.text()}].push_back({at, record.seq, arrival.line});
    }
    for (auto& [key, changes] : out) {
        std::sort(changes.begin(), changes.end(),
                  [](const Change& a, const Change& b) { return a.at < b.at; });
    }
    return out;
}

class Comparison {
public:
    Comparison(const RunFacts& run, CheckReport& report, std::int64_t tolerance)
        : run_(run), report_(report), tolerance_(tolerance) {}

    void compare(const std::string& alarm, const std::string& change,
                 const std::vector<Change>& expected, const std::vector<Change>& seen) {
        AlarmFigures& figures = report_.alarms;
        figures.expected += expected.size();
        figures.seen += seen.size();
        std::vector<bool> used(seen.size(), false);
        for (const Change& wanted : expected) {
            std::size_t best = seen.size();
            for (std::size_t i = 0; i < seen.size(); ++i) {
                const std::int64_t off = std::abs(seen[i].at - wanted.at);
                if (used[i] || off > kWindow) continue;
                if (best == seen.size() || off < std::abs(seen[best].at - wanted.at)) best = i;
            }
            if (best == seen.size()) {
                ++figures.missed;
                offend("alarm-missed", alarm, change, wanted, "expected at " + text(wanted.at));
                continue;
            }
            used[best] = true;
            const std::int64_t off = seen[best].at - wanted.at;
            if (std::abs(off) <= tolerance_) continue;
            ++(off < 0 ? figures.early : figures.late);
            offend(off < 0 ? "alarm-early" : "alarm-late", alarm, change, seen[best],
                   "at " + text(seen[best].at) + ", expected at " + text(wanted.at));
        }
        for (std::size_t i = 0; i < seen.size(); ++i) {
            if (used[i]) continue;
            ++figures.unwanted;
            offend("alarm-false", alarm, change, seen[i],
                   "at " + text(seen[i].at) + ", the samples give no reason");
        }
    }

private:
    std::string text(std::int64_t mono) const {
        std::string out;
        append_double(out, static_cast<double>((mono - run_.start_mono) / 1'000'000) / 1000);
        return out + " s";
    }
    void offend(const char* kind, const std::string& alarm, const std::string& change,
                const Change& what, std::string detail) {
        if (kept_[kind]++ >= kOffendersKept) return;
        Offender offender;
        offender.kind = kind;
        offender.device = alarm;
        offender.seq = what.seq;
        offender.far_line = what.line;
        offender.detail = change + " " + std::move(detail);
        report_.offenders.push_back(std::move(offender));
    }

    const RunFacts& run_;
    CheckReport& report_;
    std::int64_t tolerance_;
    std::map<std::string, std::size_t> kept_;
};

}  // namespace

void check_alarms(const RunFacts& run, const FarFacts& far, const CheckExtras& extras,
                  CheckReport& report) {
    if (extras.rule_nodes.empty()) {
        report.alarms.skipped = "the scenario names no rules";
        return;
    }
    if (run.clock_stepped && run.pushed.empty()) {
        report.alarms.skipped = "the clock was stepped and nobody watched";
        return;
    }
    // Stamps have milliseconds, and over real links nobody knows when a reading was heard.
    const std::int64_t tolerance = run.pushed.empty() ? 2 * kSecond : kSecond / 100;
    Comparison comparison(run, report, tolerance);
    std::string skipped;
    for (const auto& [id, node] : extras.rule_nodes) {
        const auto rule = read_reference_rule(id, node);
        if (!rule) {
            skipped += (skipped.empty() ? "rule " : "; rule ") + id + ": " + rule.error().what;
            continue;
        }
        Changes expected = expected_changes(run, *rule);
        Changes seen = seen_changes(run, far, id);
        for (const auto& [key, changes] : seen) expected.try_emplace(key);
        for (const auto& [key, changes] : expected) {
            comparison.compare(key.first, key.second, changes, seen[key]);
        }
    }
    report.alarms.skipped = skipped;
}

}  // namespace fog::sim
