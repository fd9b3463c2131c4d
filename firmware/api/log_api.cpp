#include <algorithm>

#include "firmware/api/api.hpp"
#include "firmware/api/json_out.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

constexpr std::size_t kRecordsDefault = 1'000;
constexpr std::int64_t kRecordsMost = 5'000;

struct Asked {
    Seq after;
    Seq upto;
    std::size_t most = kRecordsDefault;
};

Error bad_parameter(std::string_view name, std::string_view detail) {
    return {Errc::bad_request, std::string(name) + ": " + std::string(detail), {}};
}

/// A sequence number of the query; 0 if it is not there.
Result<Seq> read_seq(const Request& request, std::string_view name) {
    const auto text = request.parameter(name);
    if (!text) return Seq{};
    const auto number = parse_int(*text);
    if (!number || *number < 0) return bad_parameter(name, "must be a sequence number");
    return Seq{static_cast<std::uint64_t>(*number)};
}

/// Where the records received from this time on begin.
Result<Seq> begin_of(const ApiParts& parts, std::string_view text) {
    const auto from = parse_rfc3339(text);
    if (!from) return bad_parameter("from", "must be a time, 2026-11-21T16:40:00Z");
    auto history = parts.store.open_history();
    if (!history) return std::move(history).error();
    return (*history)->before(*from);
}

Result<Asked> read_query(const ApiParts& parts, const Request& request, Seq committed) {
    Asked out;
    auto upto = read_seq(request, "upto");
    if (!upto) return std::move(upto).error();
    out.upto = upto->value == 0 ? committed : std::min(*upto, committed);
    if (const auto text = request.parameter("limit")) {
        const auto number = parse_int(*text);
        if (!number || *number < 1 || *number > kRecordsMost)
            return bad_parameter("limit", "must be 1 to 5000");
        out.most = static_cast<std::size_t>(*number);
    }
    const auto from = request.parameter("from");
    auto after =
        request.parameter("after") || !from ? read_seq(request, "after") : begin_of(parts, *from);
    if (!after) return std::move(after).error();
    out.after = *after;
    return out;
}

std::int64_t nanoseconds(MonoTime time) {
    return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

void add_sample(JsonOut& out, const Sample& sample, const PointInfo& point) {
    std::string value;
    append_value_json(value, sample.value);
    out.member("dev", point.device).member("pt", point.point).member_raw("v", value);
    // A whole number can be the one or the other.
    if (std::holds_alternative<std::int64_t>(sample.value)) out.member("int", true);
    if (!point.unit.empty()) out.member("u", point.unit);
    if (!sample.quality.is_good()) out.member("q", to_text(sample.quality));
    if (sample.source_time != WallTime{})
        out.member("src", std::chrono::nanoseconds(sample.source_time.time_since_epoch()).count());
    if (sample.flags != 0) out.member("flags", sample.flags);
}

void add_event(JsonOut& out, const Event& event) {
    out.member("ev", to_text(event.kind))
        .member("ch", event.channel)
        .member("dev", event.device)
        .member_raw("d", "{" + event.members + "}");
    if (event.flags != 0) out.member("flags", event.flags);
}

void add_record(JsonOut& out, const Record& record, const ApiParts& parts) {
    const PointInfo* point =
        record.is_sample() ? parts.records.points->find(record.sample().point) : nullptr;
    if (record.is_sample() && point == nullptr) return;
    out.open()
        .member("seq", record.seq.value)
        .member("boot", record.boot().value)
        .member("mono", nanoseconds(record.received()));
    if (point != nullptr)
        add_sample(out, record.sample(), *point);
    else
        add_event(out, record.event());
    out.close();
}

void add_place(JsonOut& out, const ApiParts& parts, Seq committed) {
    out.member("gw", parts.records.gateway)
        .member("epoch", Position{parts.store.opened().epoch, {}}.text().substr(0, 16))
        .member("committed", committed.value);
    out.key("boots").open('[');
    for (const BootTable::Line& line : parts.records.boots->lines())
        out.open()
            .member("boot", line.boot.value)
            .member("mono", nanoseconds(line.mono))
            .member("utc", std::chrono::nanoseconds(line.utc.time_since_epoch()).count())
            .member("trusted", line.trusted)
            .close();
    out.close(']');
}

Result<std::string> records(const ApiParts& parts, const Request& request) {
    const Seq committed = parts.store.status().committed;
    const auto asked = read_query(parts, request, committed);
    if (!asked) return asked.error();
    auto reader = parts.store.open_reader();
    if (!reader) return std::move(reader).error();
    JsonOut out;
    add_place(out.open(), parts, committed);
    out.key("items").open('[');
    Seq last = asked->after;
    bool end = asked->after >= asked->upto;
    std::vector<Missing> missing;
    if (!end) {
        auto page = (*reader)->read(asked->after, asked->upto, asked->most);
        if (!page) return std::move(page).error();
        for (const Record& record : page->records) add_record(out, record, parts);
        last = page->last;
        end = last >= asked->upto;
        missing = std::move(page->missing);
    }
    out.close(']').key("missing").open('[');
    for (const Missing& hole : missing)
        out.open()
            .member("from", hole.from.value)
            .member("to", hole.to.value)
            .member("reason", to_text(hole.reason))
            .member("records", hole.records)
            .close();
    out.close(']').key("next");
    end ? out.raw("null") : out.value(std::to_string(last.value));
    return out.close().take();
}

}  // namespace

void register_log_api(Router& router, const ApiParts& parts) {
    Route route;
    route.pattern = "/api/v1/log/records";
    route.scopes = scope::kReadHistory;
    route.handler = [&parts](const Request& request, const Responder& respond) {
        auto answer = records(parts, request);
        respond(answer ? json_response(std::move(*answer))
                       : problem_response(problem_of(answer.error())));
    };
    router.add(std::move(route));
}

}  // namespace fog
