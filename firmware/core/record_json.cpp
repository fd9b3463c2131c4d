#include "firmware/core/record_json.hpp"

#include "firmware/core/text.hpp"

namespace fog {
namespace {

WallTime received_wall(const Record& record, const RecordContext& context) {
    if (context.boots == nullptr) return {};
    return context.boots->wall(record.boot(), record.received()).value_or(WallTime{});
}

void append_sample(std::string& out, const Record& record, const RecordContext& context) {
    const Sample& sample = record.sample();
    const PointInfo* info =
        context.points != nullptr ? context.points->find(sample.point) : nullptr;
    out += ",\"dev\":";
    append_json_string(out, info != nullptr ? info->device : "?");
    out += ",\"pt\":";
    append_json_string(out, info != nullptr ? info->point : "?");
    const WallTime received = received_wall(record, context);
    const bool has_source = sample.source_time != WallTime{};
    if (has_source || received != WallTime{}) {
        out += ",\"ts\":\"";
        append_rfc3339(out, has_source ? sample.source_time : received);
        out += '"';
    }
    if (has_source && received != WallTime{}) {
        out += ",\"rx\":\"";
        append_rfc3339(out, received);
        out += '"';
    }
    out += ",\"v\":";
    append_value_json(out, sample.value);
    if (info != nullptr && !info->unit.empty()) {
        out += ",\"u\":";
        append_json_string(out, info->unit);
    }
    out += ",\"q\":\"";
    if (sample.quality.bits == 0)
        out += "good";
    else
        out += to_text(sample.quality);
    out += "\",\"seq\":";
    append_uint(out, record.seq.value);
    out += ",\"boot\":";
    append_uint(out, sample.boot.value);
    if ((sample.flags & flag::kDerived) != 0) out += ",\"derived\":true";
    if ((sample.flags & flag::kSimulated) != 0) out += ",\"simulated\":true";
    if ((sample.flags & flag::kHistoric) != 0) out += ",\"hist\":true";
}

void append_event(std::string& out, const Record& record, const RecordContext& context) {
    const Event& event = record.event();
    out += ",\"seq\":";
    append_uint(out, record.seq.value);
    if (const WallTime time = time_of(record, context); time != WallTime{}) {
        out += ",\"ts\":\"";
        append_rfc3339(out, time);
        out += '"';
    }
    out += ",\"dev\":";
    append_json_string(out, event.device);
    if ((event.flags & flag::kSimulated) != 0) out += ",\"simulated\":true";
    if (!event.members.empty()) (out += ',') += event.members;
}

}  // namespace

std::string_view channel_of(const Record& record, const RecordContext& context) {
    if (!record.is_sample()) return record.event().channel;
    const PointInfo* info =
        context.points != nullptr ? context.points->find(record.sample().point) : nullptr;
    return info != nullptr ? std::string_view(info->channel) : std::string_view();
}

std::string_view kind_of(const Record& record) {
    return record.is_sample() ? std::string_view("sample") : to_text(record.event().kind);
}

WallTime time_of(const Record& record, const RecordContext& context) {
    const WallTime source = record.source_time();
    return source != WallTime{} ? source : received_wall(record, context);
}

void append_record_json(std::string& out, const Record& record, const RecordContext& context) {
    out += "{\"gw\":";
    append_json_string(out, context.gateway);
    if (record.is_sample())
        append_sample(out, record, context);
    else
        append_event(out, record, context);
    out += '}';
}

void append_value_json(std::string& out, const Value& value) {
    if (const auto* number = std::get_if<double>(&value))
        append_double(out, *number);
    else if (const auto* integer = std::get_if<std::int64_t>(&value))
        append_int(out, *integer);
    else if (const auto* truth = std::get_if<bool>(&value))
        out += *truth ? "true" : "false";
    else if (const auto* text = std::get_if<std::string>(&value))
        append_json_string(out, *text);
    else
        out += "null";
}

}  // namespace fog
