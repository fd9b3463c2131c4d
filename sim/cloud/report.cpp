#include <algorithm>
#include <array>

#include "firmware/core/text.hpp"
#include "sim/cloud/check.hpp"

namespace fog::sim {
namespace {

struct Column {
    const char* name;
    std::uint64_t Figures::*member;
};
constexpr std::array<Column, 14> kColumns = {{
    {"sent", &Figures::sent},
    {"acked", &Figures::acked},
    {"arrived", &Figures::arrived},
    {"missing", &Figures::missing},
    {"silent", &Figures::silent},
    {"pending", &Figures::pending},
    {"unheard", &Figures::unheard},
    {"unsent", &Figures::unsent},
    {"duplicate", &Figures::duplicate},
    {"repeated", &Figures::repeated},
    {"twice", &Figures::twice},
    {"reordered", &Figures::reordered},
    {"corrupt", &Figures::corrupt},
    {"odd", &Figures::odd},
}};

constexpr std::string_view to_word(Judgement::Result result) {
    switch (result) {
        case Judgement::Result::passed:
            return "passed";
        case Judgement::Result::failed:
            return "FAILED";
        case Judgement::Result::skipped:
            return "skipped";
    }
    return "";
}

void append_cell(std::string& out, std::string_view text, std::size_t width, bool left) {
    const std::size_t fill = width > text.size() ? width - text.size() : 0;
    if (!left) out.append(fill, ' ');
    out += text;
    if (left) out.append(fill, ' ');
}

void append_row(std::string& out, std::string_view name, const Figures& figures,
                std::size_t width) {
    append_cell(out, name, width, true);
    for (const Column& column : kColumns) {
        append_cell(out, std::to_string(figures.*column.member),
                    std::string_view(column.name).size() + 2, false);
    }
    out += '\n';
}

std::string describe(const Offender& offender) {
    std::string out = "  " + offender.kind + ": " + offender.device;
    if (!offender.point.empty()) out += "/" + offender.point + " = " + offender.value;
    if (!offender.source.empty()) out += " at " + offender.source;
    if (offender.id != 0) out += ", id " + std::to_string(offender.id);
    if (offender.seq != 0) out += ", seq " + std::to_string(offender.seq);
    out += ": " + offender.detail + " (";
    if (offender.ledger_line != 0) {
        out += "ledger.jsonl:" + std::to_string(offender.ledger_line);
        if (offender.far_line != 0) out += ", ";
    }
    if (offender.far_line != 0) out += "far file:" + std::to_string(offender.far_line);
    out += ")\n";
    if (!offender.history.empty()) out += "      " + offender.history + "\n";
    return out;
}

std::string milliseconds(std::int64_t ns) {
    std::string out;
    append_double(out, static_cast<double>(ns / 10'000) / 100);
    return out + " ms";
}

void append_latency(std::string& out, std::string_view when, const Latency& latency) {
    if (latency.count == 0) return;
    out += "latency to the far side " + std::string(when) + ": p50 " + milliseconds(latency.p50) +
           ", p95 " + milliseconds(latency.p95) + ", p99 " + milliseconds(latency.p99) + ", max " +
           milliseconds(latency.max) + "\n";
}

void append_alarms(std::string& out, const AlarmFigures& alarms) {
    if (!alarms.skipped.empty()) {
        out += "alarms not judged: " + alarms.skipped + "\n";
        return;
    }
    out += "alarms expected " + std::to_string(alarms.expected) + ", seen " +
           std::to_string(alarms.seen) + ", missed " + std::to_string(alarms.missed) + ", false " +
           std::to_string(alarms.unwanted) + ", early " + std::to_string(alarms.early) + ", late " +
           std::to_string(alarms.late) + "\n";
}

std::string xml(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&') {
            out += "&amp;";
        } else if (c == '<') {
            out += "&lt;";
        } else if (c == '"') {
            out += "&quot;";
        } else {
            out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
        }
    }
    return out;
}

class JsonOut {
public:
    std::string text;
    void open(char bracket) {
        comma();
        text += bracket;
        fresh_ = true;
    }
    void close(char bracket) {
        text += bracket;
        fresh_ = false;
    }
    void key(std::string_view name) {
        comma();
        append_json_string(text, name);
        text += ':';
        fresh_ = true;
    }
    void member(std::string_view name, std::string_view value) {
        key(name);
        append_json_string(text, value);
        fresh_ = false;
    }
    void member(std::string_view name, std::uint64_t value) {
        key(name);
        append_uint(text, value);
        fresh_ = false;
    }

private:
    void comma() {
        if (!fresh_) text += ',';
        fresh_ = false;
    }
    bool fresh_ = true;
};

void append_figures(JsonOut& out, const Figures& figures) {
    for (const Column& column : kColumns) out.member(column.name, figures.*column.member);
}

void append_offender(JsonOut& out, const Offender& offender) {
    out.open('{');
    out.member("kind", offender.kind);
    out.member("dev", offender.device);
    out.member("pt", offender.point);
    out.member("v", offender.value);
    out.member("src", offender.source);
    out.member("id", offender.id);
    out.member("seq", offender.seq);
    out.member("ledger_line", offender.ledger_line);
    out.member("far_line", offender.far_line);
    out.member("detail", offender.detail);
    out.member("history", offender.history);
    out.close('}');
}

void append_report(JsonOut& out, const CheckReport& report) {
    out.open('{');
    out.member("sink", report.sink);
    out.member("result", report.passed() ? "passed" : "failed");
    out.member("lost", report.lost);
    out.member("accounted", report.accounted);
    out.member("foreign", report.foreign);
    out.member("events", report.events);
    for (const auto& [name, latency] : {std::pair("latency", &report.quiet),
                                        std::pair("latency_during_faults", &report.faulty)}) {
        out.key(name);
        out.open('{');
        out.member("count", latency->count);
        out.member("p50_ns", static_cast<std::uint64_t>(std::max<std::int64_t>(latency->p50, 0)));
        out.member("p95_ns", static_cast<std::uint64_t>(std::max<std::int64_t>(latency->p95, 0)));
        out.member("p99_ns", static_cast<std::uint64_t>(std::max<std::int64_t>(latency->p99, 0)));
        out.member("max_ns", static_cast<std::uint64_t>(std::max<std::int64_t>(latency->max, 0)));
        out.close('}');
    }
    out.key("alarms");
    out.open('{');
    out.member("expected", report.alarms.expected);
    out.member("seen", report.alarms.seen);
    out.member("missed", report.alarms.missed);
    out.member("false", report.alarms.unwanted);
    out.member("early", report.alarms.early);
    out.member("late", report.alarms.late);
    if (!report.alarms.skipped.empty()) out.member("skipped", report.alarms.skipped);
    out.close('}');
    out.key("total");
    out.open('{');
    append_figures(out, report.total);
    out.close('}');
    out.key("devices");
    out.open('[');
    for (const auto& [id, figures] : report.devices) {
        out.open('{');
        out.member("dev", id);
        append_figures(out, figures);
        out.close('}');
    }
    out.close(']');
    out.key("judgements");
    out.open('[');
    for (const Judgement& each : report.judgements) {
        out.open('{');
        out.member("expect", each.expect);
        out.member("wanted", each.wanted);
        out.member("found", each.found);
        out.member("result",
                   each.result == Judgement::Result::failed ? "failed" : to_word(each.result));
        out.close('}');
    }
    out.close(']');
    out.key("offenders");
    out.open('[');
    for (const Offender& each : report.offenders) append_offender(out, each);
    out.close(']');
    out.close('}');
}

}  // namespace

std::string report_text(const RunFacts& run, const CheckReport& report) {
    std::string out = "scenario '" + run.scenario + "' seed " + std::to_string(run.seed) +
                      " hash " + run.hash + ", sink '" + report.sink + "'\n";
    std::size_t width = 6;
    for (const auto& [id, figures] : report.devices) width = std::max(width, id.size());
    append_cell(out, "device", width, true);
    for (const Column& column : kColumns) {
        append_cell(out, column.name, std::string_view(column.name).size() + 2, false);
    }
    out += '\n';
    for (const auto& [id, figures] : report.devices) append_row(out, id, figures, width);
    append_row(out, "all", report.total, width);
    out += "lost " + std::to_string(report.lost);
    if (report.has_gateway_ledger) {
        out += " (" + std::to_string(report.accounted) +
               " are waiting, shed or expired by the gateway's ledger)";
    }
    out += ", other samples " + std::to_string(report.foreign) + ", events " +
           std::to_string(report.events) + "\n";
    append_latency(out, "outside faults", report.quiet);
    append_latency(out, "during faults", report.faulty);
    append_alarms(out, report.alarms);
    for (const std::string& error : report.ledger_errors) out += "  ledger: " + error + "\n";
    for (const Offender& offender : report.offenders) out += describe(offender);
    for (const Judgement& each : report.judgements) {
        out += std::string(to_word(each.result)) + "  " + each.expect + ": wanted " + each.wanted +
               ", found " + each.found + "\n";
    }
    if (!run.ended) out += "note: the ledger has no end line, fogsim was killed\n";
    return out;
}

std::string report_json(const RunFacts& run, const std::vector<CheckReport>& reports) {
    JsonOut out;
    out.open('{');
    out.member("scenario", run.scenario);
    out.member("seed", run.seed);
    out.member("hash", run.hash);
    out.key("sinks");
    out.open('[');
    for (const CheckReport& report : reports) append_report(out, report);
    out.close(']');
    out.close('}');
    return out.text + "\n";
}

std::string report_junit(const RunFacts& run, const std::vector<CheckReport>& reports) {
    std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
    for (const CheckReport& report : reports) {
        std::size_t failed = 0;
        std::size_t skipped = 0;
        for (const Judgement& each : report.judgements) {
            failed += each.result == Judgement::Result::failed ? 1 : 0;
            skipped += each.result == Judgement::Result::skipped ? 1 : 0;
        }
        out += "  <testsuite name=\"" + xml(run.scenario + " / " + report.sink) + "\" tests=\"" +
               std::to_string(report.judgements.size()) + "\" failures=\"" +
               std::to_string(failed) + "\" skipped=\"" + std::to_string(skipped) + "\">\n";
        for (const Judgement& each : report.judgements) {
            out += "    <testcase name=\"" + xml(each.expect + " " + each.wanted) + "\">";
            const std::string found = xml("found " + each.found);
            if (each.result == Judgement::Result::failed) {
                out += "<failure message=\"" + found + "\"/>";
            } else if (each.result == Judgement::Result::skipped) {
                out += "<skipped message=\"" + found + "\"/>";
            }
            out += "</testcase>\n";
        }
        out += "  </testsuite>\n";
    }
    return out + "</testsuites>\n";
}

}  // namespace fog::sim
