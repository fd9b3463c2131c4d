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

/// The same members, where they stand in a payload that was read plainly: they need no escapes.
struct FarView {
    std::string_view gateway, device, point, time, quality, event, alarm, state, change;
    std::uint64_t seq = 0;
    Value value;
    bool historic = false, is_sample = false;
};

template <class Into>
Result<void> read_record(const Fields& fields, Into& record) {
    take_far_members(fields, record);
    if (record.gateway.empty()) return bad("a record without 'gw'");
    if (record.seq == 0) return bad("a record without 'seq'");
    if (record.is_sample) record.value = fields.value("v");
    return {};
}

Result<FarRecord> parse_record(const Fields& fields) {
    FarRecord record;
    if (auto done = read_record(fields, record); !done) return std::move(done).error();
    return record;
}

Result<FarRecord> parse_record(const json& node) {
    if (!node.is_object())
        return bad("a record is an object, found " + std::string(node.type_name()));
    Fields fields;
    fields.take(node);
    return parse_record(fields);
}

void append_text(std::string& out, const FarRecord&, std::string_view text) {
    append_json_string(out, text);
}
void append_text(std::string& out, const FarView&, std::string_view text) {
    out += '"';
    out += text;
    out += '"';
}

template <class Record>
void append_line(std::string& out, std::string_view sink, const Record& record,
                 std::int64_t mono_ns) {
    // `key` with its quotes and colon, after a comma.
    const auto member = [&](std::string_view key, std::string_view text) {
        if (text.empty()) return;
        out += key;
        append_text(out, record, text);
    };
    out += "{\"k\":\"far\"";
    if (!sink.empty()) {
        out += R"(,"sink":)";
        append_json_string(out, sink);
    }
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
    append_line(out, sink, record, mono_ns);
}

Result<std::size_t> FarLines::append(std::string& out, std::string_view payload,
                                     std::int64_t mono_ns) {
    if (fields_.read_plainly(payload) && !fields_.has("records")) {
        FarView record;
        if (auto done = read_record(fields_, record); !done) return std::move(done).error();
        append_line(out, sink_, record, mono_ns);
        return std::size_t{1};
    }
    const auto records = parse_far_payload(payload);
    if (!records) return records.error();
    for (const FarRecord& record : *records) append_line(out, sink_, record, mono_ns);
    return records->size();
}

}  // namespace fog::sim
