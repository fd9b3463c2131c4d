#include "sim/cloud/far_record.hpp"

#include "firmware/core/record_json.hpp"
#include "firmware/core/text.hpp"
#include "sim/cloud/json.hpp"

namespace fog::sim {
namespace {

using nlohmann::json;

Error bad(std::string what) {
    return {Errc::bad_frame, std::move(what), {}};
}

Result<FarRecord> parse_record(const json& node) {
    if (!node.is_object())
        return bad("a record is an object, found " + std::string(node.type_name()));
    FarRecord record;
    record.gateway = text_of(node, "gw");
    if (record.gateway.empty()) return bad("a record without 'gw'");
    record.seq = number_of(node, "seq");
    if (record.seq == 0) return bad("a record without 'seq'");
    record.device = text_of(node, "dev");
    record.point = text_of(node, "pt");
    record.time = text_of(node, "ts");
    record.quality = text_of(node, "q");
    record.historic = flag_of(node, "hist", false);
    const auto value = node.find("v");
    record.event = text_of(node, "ev");
    record.alarm = text_of(node, "alarm");
    record.state = text_of(node, "state");
    record.change = text_of(node, "change");
    // An alarm names its point and value too.
    record.is_sample = record.event.empty() && record.alarm.empty() && !record.point.empty() &&
                       value != node.end();
    if (record.is_sample) record.value = value_of(*value);
    return record;
}

}  // namespace

Result<std::vector<FarRecord>> parse_far_payload(std::string_view payload) {
    const json root = parse_json(payload);
    if (root.is_discarded()) return bad("not JSON");
    const json* rows = &root;
    if (root.is_object() && root.contains("records")) rows = &root["records"];
    std::vector<FarRecord> out;
    if (!rows->is_array()) {
        auto record = parse_record(*rows);
        if (!record) return std::move(record).error();
        out.push_back(std::move(*record));
        return out;
    }
    for (const json& row : *rows) {
        auto record = parse_record(row);
        if (!record) return std::move(record).error();
        out.push_back(std::move(*record));
    }
    return out;
}

void append_far_line(std::string& out, std::string_view sink, const FarRecord& record,
                     std::int64_t mono_ns) {
    const auto member = [&out](std::string_view key, std::string_view text) {
        if (text.empty()) return;
        out += ",\"";
        out += key;
        out += "\":";
        append_json_string(out, text);
    };
    out += "{\"k\":\"far\"";
    member("sink", sink);
    member("gw", record.gateway);
    out += ",\"seq\":";
    append_uint(out, record.seq);
    member("dev", record.device);
    member("pt", record.point);
    member("ts", record.time);
    if (record.is_sample) {
        out += ",\"v\":";
        append_value_json(out, record.value);
    }
    member("q", record.quality);
    member("ev", record.event);
    member("alarm", record.alarm);
    member("state", record.state);
    member("change", record.change);
    out += record.historic ? ",\"hist\":true" : "";
    out += ",\"mono\":";
    append_int(out, mono_ns);
    out += "}\n";
}

}  // namespace fog::sim
