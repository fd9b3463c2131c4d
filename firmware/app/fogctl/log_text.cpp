#include "firmware/app/fogctl/log_text.hpp"

#include <array>
#include <cstdio>

#include "firmware/api/json_out.hpp"
#include "firmware/app/fogctl/print.hpp"
#include "firmware/core/record_json.hpp"
#include "firmware/core/text.hpp"
#include "firmware/store/log_tool.hpp"

namespace fog {
namespace {

std::int64_t nanoseconds(const Record& record) {
    return std::chrono::nanoseconds(record.received().time_since_epoch()).count();
}

void add_lanes(JsonOut& out, const LogSummary& sum) {
    out.key("lanes").open();
    for (std::size_t i = 0; i < kLanes; ++i) {
        const auto& lane = sum.lanes[i];
        out.key(to_text(static_cast<Lane>(i)))
            .open()
            .member("records", lane.records)
            .member("bytes", lane.bytes)
            .member("segments", lane.segments)
            .member("tail_rows", lane.tail_rows)
            .member("first", lane.first.value)
            .member("last", lane.last.value)
            .close();
    }
    out.close();
}

void add_sinks(JsonOut& out, const LogSummary& sum) {
    out.key("sinks").open();
    for (const SinkLedger& sink : sum.sinks) {
        const LaneLedger all = sink.sum();
        out.key(sink.sink)
            .open()
            .member("accepted", all.accepted)
            .member("acknowledged", all.acknowledged)
            .member("waiting", all.waiting)
            .member("shed", all.shed)
            .member("expired", all.expired)
            .close();
    }
    out.close();
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
    JsonOut out;
    out.open()
        .member("seq", record.seq.value)
        .member("lane", to_text(record.lane))
        .member("sinks", record.sinks)
        .member("boot", record.boot().value)
        .member("rx", nanoseconds(record));
    if (record.source_time() != WallTime{})
        out.member("ts", std::chrono::nanoseconds(record.source_time().time_since_epoch()).count());
    if (!device.empty()) out.member("dev", device);
    if (!record.is_sample()) {
        out.member("channel", record.event().channel);
        if (!record.event().members.empty()) out.raw(record.event().members);
        return out.close().take();
    }
    if (!point.empty()) out.member("pt", point);
    std::string value;
    append_value_json(value, record.sample().value);
    return out.member("id", record.sample().point.value)
        .member_raw("v", value)
        .member("q", to_text(record.sample().quality))
        .close()
        .take();
}

Result<std::string> log_summary_json(const std::filesystem::path& folder) {
    const auto sum = summarize_log(folder);
    if (!sum) return sum.error();
    JsonOut out;
    out.open();
    for (const auto& [name, value] :
         {std::pair("schema", sum->schema), std::pair("generation", sum->generation),
          std::pair("committed", sum->committed.value), std::pair("file_bytes", sum->file_bytes),
          std::pair("points", sum->points), std::pair("devices", sum->devices),
          std::pair("dead_letters", sum->dead), std::pair("holes", sum->holes)})
        out.member(name, value);
    out.member("clean", sum->clean);
    add_lanes(out, *sum);
    add_sinks(out, *sum);
    out.key("written_bytes").open();
    for (const auto& [cause, bytes] : sum->written) out.member(cause, bytes);
    out.close().key("written_by_day").open();
    std::string day;
    for (const auto& one : sum->days) {
        const std::string name =
            to_rfc3339(WallTime{std::chrono::hours(24 * one.day)}).substr(0, 10);
        if (name != day) {
            if (!day.empty()) out.close();
            day = name;
            out.key(day).open();
        }
        out.member(one.cause, one.bytes);
    }
    if (!day.empty()) out.close();
    return out.close().close().take();
}

}  // namespace fog
