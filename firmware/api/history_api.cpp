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
constexpr std::size_t kEventsDefault = 100;
constexpr std::int64_t kEventsMost = 500;

std::int64_t to_ms(WallTime time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
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
        auto slice = (*history)->visit(point, at, window->upto, [&](const Record& record) {
            add_record(series, record, parts);
        });
        if (!slice) return std::move(slice).error();
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

std::optional<EventKind> kind_of_word(std::string_view word) {
    for (const EventKind kind :
         {EventKind::alarm, EventKind::device, EventKind::command, EventKind::rule,
          EventKind::uplink, EventKind::system, EventKind::app, EventKind::raw})
        if (to_text(kind) == word) return kind;
    return std::nullopt;
}

/// False: `refusal` is the answer.
bool read_event_query(const Request& request, History::EventQuery& query, Response& refusal) {
    if (!read_times(request, query.from, query.to, refusal)) return false;
    query.device = request.parameter("dev").value_or("");
    query.most = kEventsDefault;
    if (const auto text = request.parameter("limit"))
        query.most = static_cast<std::size_t>(
            std::clamp<std::int64_t>(parse_int(*text).value_or(0), 1, kEventsMost));
    if (const auto text = request.parameter("kind")) {
        query.kind = kind_of_word(*text);
        if (!query.kind) {
            refusal = bad_parameter(
                "kind", "is none of alarm, device, command, rule, uplink, system, app, raw");
            return false;
        }
    }
    if (const auto text = request.parameter("cursor")) {
        const auto number = parse_int(*text);
        if (!number || *number <= 0) {
            refusal = bad_parameter("cursor", "is not one this list gave");
            return false;
        }
        query.before.value = static_cast<std::uint64_t>(*number);
    }
    return true;
}

Response event_list(const ApiParts& parts, const Request& request) {
    History::EventQuery query;
    Response refusal;
    if (!read_event_query(request, query, refusal)) return refusal;
    auto history = parts.store.open_history();
    if (!history) return problem_response(problem_of(history.error()));
    const auto found = (*history)->events(query);
    if (!found) return problem_response(problem_of(found.error()));
    const std::uint64_t epoch = parts.store.opened().epoch;
    JsonOut out;
    out.open().key("items").open('[');
    for (const Record& record : found->records) {
        std::string data;
        append_record_json(data, record, parts.records);
        out.open()
            .member("ev", kind_of(record))
            .member("ch", record.event().channel)
            .member_raw("d", data)
            .member("pos", Position{epoch, record.seq}.text())
            .close();
    }
    out.close(']').key("next");
    found->before.value == 0 ? out.raw("null") : out.value(std::to_string(found->before.value));
    return json_response(out.close().take());
}

}  // namespace

void register_history_api(Router& router, const ApiParts& parts) {
    using Answer = Response (*)(const ApiParts&, const Request&);
    const auto add = [&](std::string pattern, Answer answer) {
        Route route;
        route.pattern = std::move(pattern);
        route.scopes = scope::kReadHistory;
        route.handler = [&parts, answer](const Request& request, const Responder& respond) {
            respond(answer(parts, request));
        };
        router.add(std::move(route));
    };
    add("/api/v1/series/{dev}/{pt}", series);
    add("/api/v1/events-log", event_list);
}

}  // namespace fog
