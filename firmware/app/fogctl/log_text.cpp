#include "firmware/app/fogctl/log_text.hpp"

#include <array>
#include <cstdio>

#include "firmware/app/fogctl/print.hpp"
#include "firmware/core/record_json.hpp"
#include "firmware/core/text.hpp"
#include "firmware/store/log_tool.hpp"

namespace fog {
namespace {

void member(std::string& out, std::string_view name, std::uint64_t value) {
    if (!out.ends_with('{')) out += ',';
    out.append("\"").append(name).append("\":");
    append_uint(out, value);
}
void member(std::string& out, std::string_view name, std::string_view value) {
    if (!out.ends_with('{')) out += ',';
    out.append("\"").append(name).append("\":");
    append_json_string(out, value);
}
void object(std::string& out, std::string_view name) {
    if (!out.ends_with('{')) out += ',';
    append_json_string(out, name);
    out += ":{";
}

std::int64_t nanoseconds(const Record& record) {
    return std::chrono::nanoseconds(record.received().time_since_epoch()).count();
}

void add_lanes(std::string& out, const LogSummary& sum) {
    object(out, "lanes");
    for (std::size_t i = 0; i < kLanes; ++i) {
        const auto& lane = sum.lanes[i];
        object(out, to_text(static_cast<Lane>(i)));
        member(out, "records", lane.records);
        member(out, "bytes", lane.bytes);
        member(out, "segments", lane.segments);
        member(out, "tail_rows", lane.tail_rows);
        member(out, "first", lane.first.value);
        member(out, "last", lane.last.value);
        out += '}';
    }
    out += '}';
}

void add_sinks(std::string& out, const LogSummary& sum) {
    object(out, "sinks");
    for (const SinkLedger& sink : sum.sinks) {
        LaneLedger all;
        for (const LaneLedger& lane : sink.lanes) {
            all.accepted += lane.accepted;
            all.acknowledged += lane.acknowledged;
            all.waiting += lane.waiting;
            all.shed += lane.shed;
            all.expired += lane.expired;
        }
        object(out, sink.sink);
        member(out, "accepted", all.accepted);
        member(out, "acknowledged", all.acknowledged);
        member(out, "waiting", all.waiting);
        member(out, "shed", all.shed);
        member(out, "expired", all.expired);
        out += '}';
    }
    out += '}';
}

}  // namespace

std::string record_text(const Record& record, std::string_view device, std::string_view point) {
    std::array<char, 40> time{};
    std::snprintf(time.data(), time.size(), "%u.%.3f", record.boot().value,
                  static_cast<double>(nanoseconds(record)) / 1e9);
    std::string out = std::to_string(record.seq.value) + "  ";
    out.append(to_text(record.lane)).append("  ").append(time.data()).append("  ");
    if (!record.is_sample())
        return out + printable(record.event().channel) + "  " + printable(record.event().members);
    if (device.empty())
        out += "point " + std::to_string(record.sample().point.value);
    else
        out += printable(device) + "/" + printable(point);
    std::string value;
    append_value_json(value, record.sample().value);
    return out + "  " + printable(value) + "  " + std::string(to_text(record.sample().quality));
}

std::string record_json(const Record& record, std::string_view device, std::string_view point) {
    std::string out = "{";
    member(out, "seq", record.seq.value);
    member(out, "lane", to_text(record.lane));
    member(out, "sinks", record.sinks);
    member(out, "boot", record.boot().value);
    out += ",\"rx\":";
    append_int(out, nanoseconds(record));
    if (record.source_time() != WallTime{}) {
        out += ",\"ts\":";
        append_int(out, std::chrono::nanoseconds(record.source_time().time_since_epoch()).count());
    }
    if (!device.empty()) member(out, "dev", device);
    if (!record.is_sample()) {
        member(out, "channel", record.event().channel);
        if (!record.event().members.empty()) out.append(",").append(record.event().members);
        return out + "}";
    }
    if (!point.empty()) member(out, "pt", point);
    member(out, "id", record.sample().point.value);
    out += ",\"v\":";
    append_value_json(out, record.sample().value);
    member(out, "q", to_text(record.sample().quality));
    return out + "}";
}

Result<std::string> log_summary_json(const std::filesystem::path& folder) {
    const auto sum = summarize_log(folder);
    if (!sum) return sum.error();
    std::string out = "{";
    for (const auto& [name, value] :
         {std::pair("schema", sum->schema), std::pair("generation", sum->generation),
          std::pair("committed", sum->committed.value), std::pair("file_bytes", sum->file_bytes),
          std::pair("points", sum->points), std::pair("devices", sum->devices),
          std::pair("dead_letters", sum->dead), std::pair("holes", sum->holes)})
        member(out, name, value);
    out.append(",\"clean\":").append(sum->clean ? "true" : "false");
    add_lanes(out, *sum);
    add_sinks(out, *sum);
    object(out, "written_bytes");
    for (const auto& [cause, bytes] : sum->written) member(out, cause, bytes);
    out += '}';
    object(out, "written_by_day");
    std::string day;
    for (const auto& one : sum->days) {
        const std::string name =
            to_rfc3339(WallTime{std::chrono::hours(24 * one.day)}).substr(0, 10);
        if (name != day) {
            if (!day.empty()) out += '}';
            day = name;
            object(out, day);
        }
        member(out, one.cause, one.bytes);
    }
    if (!day.empty()) out += '}';
    return out + "}}";
}

}  // namespace fog
