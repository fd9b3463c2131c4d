#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/cloud/facts.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {

/// What became of the readings of one device, or of all.
struct Figures {
    std::uint64_t sent = 0;       // readings whose bytes left
    std::uint64_t acked = 0;      // of them acknowledged to the device
    std::uint64_t arrived = 0;    // of them seen at the far side at least once
    std::uint64_t missing = 0;    // acknowledged and not at the far side
    std::uint64_t silent = 0;     // not acknowledged, not at the far side, level C
    std::uint64_t pending = 0;    // the same, level A or B: the device still holds them
    std::uint64_t unheard = 0;    // sent while nobody had the port open
    std::uint64_t unsent = 0;     // reports that never left the device
    std::uint64_t duplicate = 0;  // same gateway and seq again: allowed, counted
    std::uint64_t repeated = 0;   // same reading under two seqs after the device sent it twice
    std::uint64_t twice = 0;      // the same without the device's doing: an error
    std::uint64_t reordered = 0;  // first arrivals before an earlier report of the device
    std::uint64_t corrupt = 0;    // value changed on the way, or never sent at all
    std::uint64_t odd = 0;        // no value of its type; may be refused, changed or missing
};

struct Offender {
    std::string kind;  // "lost", "silent", "duplicate", "twice", "reordered", "corrupt" ...
    std::string device, point, value, source;
    std::uint64_t id = 0;
    std::uint64_t seq = 0;
    std::size_t ledger_line = 0, far_line = 0;  // 0 = none
    std::string detail;
    std::string history{};  // of the reading: when it was sent, acknowledged, seen
};

/// Times from the device to the far side, of readings sent outside faults and during them; ns.
struct Latency {
    std::uint64_t count = 0;
    std::int64_t p50 = 0, p95 = 0, p99 = 0, max = 0;
};

/// The alarms at one sink against those the reference evaluator expects.
struct AlarmFigures {
    std::uint64_t expected = 0, seen = 0;
    std::uint64_t missed = 0;    // expected, and not at the far side
    std::uint64_t unwanted = 0;  // at the far side, and not expected
    std::uint64_t early = 0, late = 0;
    std::string skipped;  // why they were not judged; empty: they were
    bool wrong() const { return missed + unwanted + early + late > 0; }
};

struct Judgement {
    std::string expect, wanted, found;
    enum class Result : std::uint8_t { passed, failed, skipped } result = Result::passed;
};

/// The verdict on one sink.
struct CheckReport {
    std::string sink;
    Figures total;
    std::uint64_t lost = 0;       // missing beyond what the gateway's ledger names
    std::uint64_t accounted = 0;  // waiting, shed or expired by that ledger
    bool has_gateway_ledger = false;
    std::uint64_t foreign = 0;  // samples of devices and points this run does not have
    std::uint64_t events = 0;
    std::uint64_t plain = 0;  // different records that are no alarms
    std::vector<std::string> ledger_errors;
    std::vector<std::pair<std::string, Figures>> devices;  // as in the scenario
    std::vector<Offender> offenders;                       // the first ten of each kind
    std::vector<Judgement> judgements;
    AlarmFigures alarms;
    Latency quiet, faulty;
    bool passed() const;
};

/// What else is in the folder of a run.
struct CheckExtras {
    std::vector<std::pair<std::string, Node>> rule_nodes{};  // id, rule
    std::map<std::string, double> metrics{};                 // of metrics.txt
    bool has_metrics = false;
    std::optional<std::string> log{};  // gateway.log
};

/// Joins what was sent with what arrived. Pure.
CheckReport check(const RunFacts& run, const FarFacts& far, const GatewayLedger* gateway,
                  const std::vector<Expectation>& expect, const CheckExtras& extras = {});

/// Compares the alarms with the reference; fills `report.alarms` and names the first offenders.
void check_alarms(const RunFacts& run, const FarFacts& far, const CheckExtras& extras,
                  CheckReport& report);
/// The kinds beyond plain counts; nothing if it is none of them.
std::optional<Judgement> judge_special(const Expectation& expect, const RunFacts& run,
                                       const FarFacts& far, const CheckExtras& extras,
                                       const CheckReport& report);
std::string report_junit(const RunFacts& run, const std::vector<CheckReport>& reports);

std::string report_text(const RunFacts& run, const CheckReport& report);
std::string report_json(const RunFacts& run, const std::vector<CheckReport>& reports);

}  // namespace fog::sim
