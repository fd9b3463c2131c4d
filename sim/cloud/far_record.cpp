#include "sim/cloud/far_record.hpp"

#include "firmware/core/record_json.hpp"
#include "firmware/core/text.hpp"
#include "sim/cloud/far_members.hpp"
#include "sim/cloud/json.hpp"

namespace fog::sim {
namespace {

using nlohmann::json;

Error bad(std::string what) {
    return {Errc::bad_frame, std::move(what), {}};
}

Result<FarRecord> parse_record(const Fields& fields) {
    FarRecord record;
    take_far_members(fields, record);
    if (record.gateway.empty()) return bad("a record without 'gw'");
    if (record.seq == 0) return bad("a record without 'seq'");
    if (record.is_sample) record.value = fields.value("v");
    return record;
}

Result<FarRecord> parse_record(const json& node) {
    if (!node.is_object())
        return bad("a record is an object, found " + std::string(node.type_name()));
    Fields fields;
    fields.take(node);
    return parse_record(fields);
}

}  // namespace

Result<std::vector<FarRecord>> parse_far_payload(std::string_view payload) {
    std::vector<FarRecord> out;
    Fields fields;
    if (fields.read_plainly(payload) && !fields.has("records")) {  // one record, as most are
        auto record = parse_record(fields);
        if (!record) return std::move(record).error();
        out.push_back(std::move(*record));
        return out;
    }
    const json root = parse_json(payload);
    if (root.is_discarded()) return bad("not JSON");
    const json* rows = &root;
    if (root.is_object() && root.contains("records")) rows = &root["records"];
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
    // `key` with its quotes and colon, after a comma.
    const auto member = [&out](std::string_view key, std::string_view text) {
        if (text.empty()) return;
        out += key;
        append_json_string(out, text);
    };
    out += "{\"k\":\"far\"";
    member(R"(,"sink":)", sink);
    member(R"(,"gw":)", record.gateway);
    out += ",\"seq\":";
    append_uint(out, record.seq);
    member(R"(,"dev":)", record.device);
    member(R"(,"pt":)", record.point);
    member(R"(,"ts":)", record.time);
    if (record.is_sample) {
        out += ",\"v\":";
        append_value_json(out, record.value);
    }
    member(R"(,"q":)", record.quality);
    member(R"(,"ev":)", record.event);
    member(R"(,"alarm":)", record.alarm);
    member(R"(,"state":)", record.state);
    member(R"(,"change":)", record.change);
    out += record.historic ? ",\"hist\":true" : "";
    out += ",\"mono\":";
    append_int(out, mono_ns);
    out += "}\n";
}

}  // namespace fog::sim
