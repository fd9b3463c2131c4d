#include "sim/world/trace.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "firmware/core/text.hpp"

namespace fog::sim {
namespace {

constexpr std::size_t kMaxRows = 1'000'000;
constexpr double kMaxSeconds = 1e9;  // 31 years; more does not fit into nanoseconds for long

using Cells = std::vector<std::string_view>;

Cells split(std::string_view line) {
    Cells cells;
    for (std::size_t at = 0; at <= line.size();) {
        const std::size_t comma = std::min(line.find(',', at), line.size());
        cells.push_back(trim(line.substr(at, comma - at)));
        at = comma + 1;
    }
    return cells;
}

Error bad(std::size_t line, std::size_t column, std::string what, std::string hint = {}) {
    return {Errc::bad_config,
            "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " +
                std::move(what),
            std::move(hint)};
}

std::optional<SimTime> time_of(std::string_view text) {
    if (const auto seconds = parse_double(text)) {
        if (!(std::abs(*seconds) < kMaxSeconds)) return std::nullopt;
        return SimTime{static_cast<std::int64_t>(std::llround(*seconds * 1e9))};
    }
    if (const auto wall = parse_rfc3339(text)) return wall->time_since_epoch();
    return std::nullopt;
}

/// Places of the value and quality columns, from the header if there is one.
struct Columns {
    std::size_t value = 1;
    std::size_t quality = 2;
    bool header = false;
};

Result<Columns> find_columns(const Cells& first, std::size_t line, std::string_view wanted) {
    Columns out;
    out.header = !first.empty() && !time_of(first[0]);
    const auto number = parse_int(wanted);
    if (number) {
        if (*number < 2 || static_cast<std::size_t>(*number) > first.size()) {
            return bad(line, 1, "there is no value column " + std::string(wanted),
                       "columns count from 1, the first is the time");
        }
        out.value = static_cast<std::size_t>(*number) - 1;
        out.quality = SIZE_MAX;
    }
    if (out.header) {
        out.quality = SIZE_MAX;
        for (std::size_t i = 1; i < first.size(); ++i) {
            if (first[i] == "quality") out.quality = i;
            if (!number && !wanted.empty() && first[i] == wanted) out.value = i;
        }
    }
    if (number || wanted.empty()) return out;
    if (out.header && first.size() > out.value && first[out.value] == wanted) return out;
    const std::vector<std::string_view> known(first.begin() + (first.empty() ? 0 : 1), first.end());
    const auto near = nearest(wanted, known);
    return bad(line, 1, "no column '" + std::string(wanted) + "'",
               near ? "did you mean '" + std::string(*near) + "'?" : std::string());
}

Result<TraceRow> row_of(const Cells& cells, const Columns& columns, std::size_t line) {
    TraceRow row;
    const auto at = time_of(cells[0]);
    if (!at) {
        return bad(line, 1, "'" + std::string(cells[0].substr(0, 40)) + "' is no time",
                   "seconds such as 12.5, or 2026-11-21T16:40:00Z");
    }
    row.at = *at;
    const std::string_view text = columns.value < cells.size() ? cells[columns.value] : "";
    const std::string_view quality = columns.quality < cells.size() ? cells[columns.quality] : "";
    if (text.empty() || text == "nan" || text == "NaN" || quality.starts_with("bad")) {
        row.gap = true;
        return row;
    }
    const auto value = parse_double(text);
    if (!value || !std::isfinite(*value)) {
        return bad(line, columns.value + 1,
                   "'" + std::string(text.substr(0, 40)) + "' is no number");
    }
    row.value = *value;
    return row;
}

}  // namespace

Result<std::vector<TraceRow>> parse_trace(std::string_view csv, const TraceOptions& options) {
    std::vector<TraceRow> rows;
    std::optional<Columns> columns;
    std::size_t line = 0;
    for (std::size_t at = 0; at < csv.size();) {
        const std::size_t end = std::min(csv.find('\n', at), csv.size());
        const std::string_view text = trim(csv.substr(at, end - at));
        at = end + 1;
        ++line;
        if (text.empty() || text.front() == '#') continue;
        const Cells cells = split(text);
        if (!columns) {
            auto found = find_columns(cells, line, options.column);
            if (!found) return std::move(found).error();
            columns = *found;
            if (columns->header) continue;
        }
        if (rows.size() >= kMaxRows) return bad(line, 1, "more than 1000000 rows");
        auto row = row_of(cells, *columns, line);
        if (!row) return std::move(row).error();
        if (!rows.empty() && row->at <= rows.back().at) return bad(line, 1, "the times must rise");
        rows.push_back(*row);
    }
    if (rows.empty()) return bad(line, 1, "the trace has no rows", "time,value");
    const SimTime first = options.rebase ? rows.front().at : SimTime{0};
    for (TraceRow& row : rows) row.at -= first;
    return rows;
}

}  // namespace fog::sim
