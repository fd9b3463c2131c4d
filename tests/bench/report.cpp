#include "tests/bench/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace fog::bench {
namespace {

std::string number(double value) {
    char text[64];
    if (std::fabs(value) >= 1000)
        std::snprintf(text, sizeof(text), "%.0f", value);
    else
        std::snprintf(text, sizeof(text), "%.4g", value);
    return text;
}

std::string number(const std::optional<double>& value) {
    return value ? number(*value) : "-";
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out + "\"";
}

std::string budget_text(const Line& line) {
    switch (line.verdict) {
        case Verdict::at_most:
            return "<= " + number(line.budget);
        case Verdict::at_least:
            return ">= " + number(line.budget);
        case Verdict::ratio_at_most:
            return "<= " + number(line.budget) + " x ref";
        case Verdict::ratio_at_least:
            return ">= " + number(line.budget) + " x ref";
        case Verdict::none:
            return "-";
    }
    return "-";
}

void print_json(const Line& line) {
    std::string out = "{";
    if (!line.id.empty()) out += "\"id\":" + quoted(line.id) + ",";
    out += "\"case\":" + quoted(line.name) +
           ",\"value\":" + (line.value ? number(*line.value) : "null");
    if (!line.unit.empty()) out += ",\"unit\":" + quoted(line.unit);
    if (line.reference) out += ",\"reference\":" + number(*line.reference);
    if (line.verdict != Verdict::none) out += ",\"budget\":" + number(line.budget);
    if (line.ratio()) out += ",\"ratio\":" + number(*line.ratio());
    if (line.ok()) out += std::string(",\"ok\":") + (*line.ok() ? "true" : "false");
    if (!line.note.empty()) out += ",\"note\":" + quoted(line.note);
    std::printf("%s}\n", out.c_str());
}

}  // namespace

std::optional<double> Line::ratio() const {
    if (!value || !reference || *reference <= 0) return std::nullopt;
    return *value / *reference;
}

std::optional<bool> Line::ok() const {
    if (!value) return std::nullopt;
    switch (verdict) {
        case Verdict::at_most:
            return *value <= budget;
        case Verdict::at_least:
            return *value >= budget;
        case Verdict::ratio_at_most:
            if (!ratio()) return std::nullopt;
            return *ratio() <= budget;
        case Verdict::ratio_at_least:
            if (!ratio()) return std::nullopt;
            return *ratio() >= budget;
        case Verdict::none:
            return std::nullopt;
    }
    return std::nullopt;
}

Line unmeasured(std::string id, std::string name, std::string why) {
    Line line;
    line.id = std::move(id);
    line.name = std::move(name);
    line.note = std::move(why);
    return line;
}

void print_header() {
    std::printf("%-4s %-26s %10s %-10s %10s %6s %-12s %-7s %s\n", "id", "case", "value", "unit",
                "reference", "ratio", "budget", "verdict", "note");
}

void print(const Line& line, bool json) {
    if (json) {
        print_json(line);
    } else {
        const auto ok = line.ok();
        std::printf("%-4s %-26s %10s %-10s %10s %6s %-12s %-7s %s\n", line.id.c_str(),
                    line.name.c_str(), number(line.value).c_str(), line.unit.c_str(),
                    number(line.reference).c_str(), number(line.ratio()).c_str(),
                    budget_text(line).c_str(), ok ? (*ok ? "ok" : "OVER") : "-", line.note.c_str());
    }
    std::fflush(stdout);
}

double median(std::vector<double> values) {
    return percentile(std::move(values), 0.5);
}

double percentile(std::vector<double> values, double part) {
    if (values.empty()) return 0;
    const auto at = static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5);
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at),
                     values.end());
    return values[at];
}

}  // namespace fog::bench
