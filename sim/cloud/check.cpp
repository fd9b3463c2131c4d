#include "sim/cloud/check.hpp"

#include <algorithm>
#include <string_view>

#include "sim/cloud/join.hpp"

namespace fog::sim {
namespace {

void check_gateway(const GatewayLedger* gateway, CheckReport& report) {
    report.lost = report.total.missing;
    if (gateway == nullptr) return;
    report.has_gateway_ledger = true;
    for (const auto& [name, lane] : gateway->lanes) {
        const std::uint64_t sum = lane.acknowledged + lane.waiting + lane.shed + lane.expired;
        if (sum != lane.accepted) {
            report.ledger_errors.push_back("lane " + name + ": accepted " +
                                           std::to_string(lane.accepted) + ", but the rest is " +
                                           std::to_string(sum));
        }
        // Alarms and replies are the gateway's own: no reading travels there.
        if (name == "live" || name == "bulk") {
            report.accounted += lane.waiting + lane.shed + lane.expired;
        }
    }
    std::uint64_t acknowledged = 0, waiting = 0;
    for (const auto& [name, lane] : gateway->lanes) {
        if (name == "alarm") continue;
        acknowledged += lane.acknowledged;
        waiting += lane.waiting;
    }
    // What is at the far side was acknowledged, or the acknowledgement is still on its way.
    if (report.ledger_errors.empty() && report.total.missing == 0 &&
        (acknowledged > report.plain || acknowledged + waiting < report.plain)) {
        report.ledger_errors.push_back("acknowledged are " + std::to_string(acknowledged) +
                                       ", but " + std::to_string(report.plain) +
                                       " are at the far side");
    }
    report.lost -= std::min(report.lost, report.accounted);
    const std::uint64_t absent = report.total.missing + report.total.silent + report.total.pending;
    // With other devices about, what the ledger names may be theirs.
    if (report.accounted > absent && report.foreign == 0) {
        report.ledger_errors.push_back("waiting, shed and expired are " +
                                       std::to_string(report.accounted) + ", but only " +
                                       std::to_string(absent) + " are not at the far side");
    }
}

Judgement at_most(const std::string& expect, const std::string& wanted, std::uint64_t found) {
    Judgement out{expect, wanted, std::to_string(found), Judgement::Result::failed};
    char* end = nullptr;
    const std::uint64_t limit = std::strtoull(wanted.c_str(), &end, 10);
    if (wanted.empty() || *end != '\0') {
        out.found += " (the limit is no number)";
    } else if (found <= limit) {
        out.result = Judgement::Result::passed;
    }
    return out;
}

Judgement judge(const Expectation& expect, const CheckReport& report) {
    const Figures& total = report.total;
    if (expect.kind == "lost") return at_most("lost", expect.value, report.lost);
    if (expect.kind == "silent") return at_most("silent", expect.value, total.silent);
    if (expect.kind == "corrupt") return at_most("corrupt", expect.value, total.corrupt);
    if (expect.kind == "duplicates") return at_most("duplicates", expect.value, total.duplicate);
    if (expect.kind == "twice") return at_most("twice", expect.value, total.twice);
    if (expect.kind == "order") {
        Judgement out = at_most("order", "0", total.reordered);
        out.wanted = expect.value;
        return out;
    }
    if (expect.kind == "ledger") {
        if (!report.has_gateway_ledger) {
            return {"ledger", "exact", "no ledger of the gateway", Judgement::Result::skipped};
        }
        const bool exact = report.ledger_errors.empty();
        return {"ledger", "exact", exact ? "exact" : report.ledger_errors.front(),
                exact ? Judgement::Result::passed : Judgement::Result::failed};
    }
    return {expect.kind, expect.value, "not built in this version", Judgement::Result::skipped};
}

}  // namespace

bool CheckReport::passed() const {
    return std::none_of(judgements.begin(), judgements.end(), [](const Judgement& each) {
        return each.result == Judgement::Result::failed;
    });
}

CheckReport check(const RunFacts& run, const FarFacts& far, const GatewayLedger* gateway,
                  const std::vector<Expectation>& expect, const CheckExtras& extras) {
    CheckReport report = join(run, far);
    check_gateway(gateway, report);
    check_alarms(run, far, extras, report);
    std::vector<Expectation> all = expect;
    // What holds for every scenario, unless it says otherwise.
    for (const auto& [kind, value] :
         std::initializer_list<std::pair<const char*, const char*>>{{"lost", "0"},
                                                                    {"corrupt", "0"},
                                                                    {"twice", "0"},
                                                                    {"order", "per-device"},
                                                                    {"ledger", "exact"},
                                                                    {"alarms", "as-reference"}}) {
        if (std::string_view(kind) == "alarms" && extras.rule_nodes.empty()) continue;
        const auto same = [kind = kind](const Expectation& each) { return each.kind == kind; };
        if (std::none_of(all.begin(), all.end(), same)) all.push_back({kind, value});
    }
    if (far.bad_lines + run.bad_lines > 0) {
        report.judgements.push_back(
            {"readable", "0",
             std::to_string(far.bad_lines + run.bad_lines) + " lines that make no sense",
             Judgement::Result::failed});
    }
    for (const auto& [what, why] : run.skipped)
        report.judgements.push_back({what, "done", why, Judgement::Result::skipped});
    for (const Expectation& each : all) {
        auto special = judge_special(each, run, far, extras, report);
        report.judgements.push_back(special ? std::move(*special) : judge(each, report));
    }
    return report;
}

}  // namespace fog::sim
