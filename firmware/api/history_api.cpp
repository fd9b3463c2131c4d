#include <algorithm>
#include <cmath>

#include "firmware/api/api.hpp"
#include "firmware/api/json_out.hpp"
#include "firmware/api/series.hpp"

namespace fog {
namespace {

constexpr std::uint64_t kSamplesMost = 5'000'000;  // of all points, looked at for one answer
constexpr auto kLate = std::chrono::minutes(10);   // buffered samples arrive after their time
constexpr std::int64_t kLeastGap = 5'000;          // ms, as for a silent device
constexpr double kGapIntervals = 3;
constexpr std::size_t kPointsDefault = 500;
constexpr std::size_t kPointsMost = 2'000;

std::int64_t to_ms(WallTime time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

Response bad_parameter(std::string_view name, std::string_view detail) {
    Problem problem;
    problem.status = 400;
    problem.slug = "parameter-invalid";
    problem.title = "A parameter is not valid";
    problem.detail = std::string(name) + ": " + std::string(detail);
    problem.errors.push_back({"E0002", std::string(name), {}, std::string(detail), {}, false});
    return problem_response(problem);
}

/// RFC 3339 or integer milliseconds since 1970; nothing if it is neither.
std::optional<WallTime> parse_time(std::string_view text) {
    constexpr std::int64_t kFarMs = 4'102'444'800'000;  // the year 2100
    if (const auto ms = parse_int(text)) {
        if (*ms < 0 || *ms > kFarMs) return std::nullopt;
        return WallTime{std::chrono::milliseconds{*ms}};
    }
    return parse_rfc3339(text);
}

/// from and to of a query; false: `refusal` is the answer.
bool read_times(const Request& request, WallTime& from, WallTime& to, Response& refusal) {
    for (const auto& [name, slot] : {std::pair{"from", &from}, std::pair{"to", &to}}) {
        const auto text = request.parameter(name);
        if (!text) continue;
        const auto time = parse_time(*text);
        if (!time) {
            refusal = bad_parameter(name, "neither a time (2026-11-21T16:40:00Z) nor milliseconds");
            return false;
        }
        *slot = *time;
    }
    if (to == WallTime{} || from < to) return true;
    refusal = bad_parameter("from", "must be before 'to'");
    return false;
}

struct Asked {
    enum class Found : std::uint8_t { nothing, device, point } found = Found::nothing;
    PointId id;
    std::string unit;
    double interval_s = 0;
};

Asked find_point(PipelineDesk& desk, std::string_view device, std::string_view name) {
    Asked out;
    const auto index = desk.registry.index_of(device);
    if (!index) return out;
    out.found = Asked::Found::device;
    for (const PointId id : desk.registry.devices()[*index].points) {
        const PointState& point = *desk.registry.point(id);
        if (point.name != name) continue;
        out = {Asked::Found::point, id, point.unit, point.mean_gap_s};
        break;
    }
    return out;
}

void add_record(Series& series, const Record& record, const ApiParts& parts) {
    const std::int64_t at = to_ms(time_of(record, parts.records));
    const Value& value = record.sample().value;
    if (const auto* number = std::get_if<double>(&value))
        series.add(at, *number);
    else if (const auto* whole = std::get_if<std::int64_t>(&value))
        series.add(at, static_cast<double>(*whole));
    else if (const auto* truth = std::get_if<bool>(&value))
        series.add(at, *truth ? 1 : 0);
    else
        series.add_missing(at, std::holds_alternative<std::string>(value)
                                   ? std::string("text, not a number")
                                   : std::string(to_text(record.sample().quality)));
}

Result<bool> fill_series(const ApiParts& parts, PointId point, WallTime from, WallTime to,
                         Series& series) {
    auto history = parts.store.open_history();
    if (!history) return std::move(history).error();
    const auto window = (*history)->window(from, to, kSamplesMost, kLate);
    if (!window) return window.error();
    if (window->from > from)
        series.add_gap(to_ms(from), to_ms(window->from),
                       window->cut ? "too much to read at once" : "the log begins later");
    for (Seq at = window->after;;) {
        auto slice = (*history)->samples(point, at, window->upto);
        if (!slice) return std::move(slice).error();
        for (const Record& record : slice->records) add_record(series, record, parts);
        at = slice->last;
        if (slice->end) return !window->cut;
    }
}

Response series(const ApiParts& parts, const Request& request) {
    WallTime to{};
    WallTime from{};
    Response refusal;
    if (!read_times(request, from, to, refusal)) return refusal;
    if (to == WallTime{}) to = parts.clock.wall();
    if (from == WallTime{}) from = to - std::chrono::hours(1);
    std::size_t points = kPointsDefault;
    if (const auto text = request.parameter("points")) {
        const auto number = parse_int(*text);
        if (!number || *number < 1 || *number > static_cast<std::int64_t>(kPointsMost))
            return bad_parameter("points", "must be 1 to 2000");
        points = static_cast<std::size_t>(*number);
    }
    const auto asked = std::make_shared<Asked>();  // the job may outlast our patience
    const bool done =
        wait_on_pipe(parts, [asked, device = std::string(request.value("dev")),
                             point = std::string(request.value("pt"))](PipelineDesk& desk) {
            *asked = find_point(desk, device, point);
        });
    if (!done) return problem_response(problem_of(Error{Errc::busy, "no answer in time", {}}));
    if (asked->found == Asked::Found::nothing) return not_found("device", request.value("dev"));
    if (asked->found == Asked::Found::device) return not_found("point", request.value("pt"));
    Series::Frame frame{to_ms(from), to_ms(to), points, 0, to_ms(parts.clock.wall())};
    if (asked->interval_s > 0)
        frame.longest = std::max<std::int64_t>(
            kLeastGap, std::llround(kGapIntervals * std::max(1.0, asked->interval_s) * 1000));
    Series chart(frame);
    const auto exact = fill_series(parts, asked->id, from, to, chart);
    if (!exact) return problem_response(problem_of(exact.error()));
    JsonOut out;
    out.open()
        .member("from", frame.from)
        .member("to", frame.to)
        .member("u", asked->unit)
        .member("exact", *exact);
    std::string columns;
    chart.write(columns);
    return json_response(out.raw(columns).close().take());
}

}  // namespace

void register_history_api(Router& router, const ApiParts& parts) {
    Route route;
    route.pattern = "/api/v1/series/{dev}/{pt}";
    route.scopes = scope::kReadHistory;
    route.handler = [&parts](const Request& request, const Responder& respond) {
        respond(series(parts, request));
    };
    router.add(std::move(route));
}

}  // namespace fog
