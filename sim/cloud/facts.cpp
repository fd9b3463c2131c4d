#include "sim/cloud/facts.hpp"

#include <array>
#include <fstream>
#include <functional>

#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "sim/cloud/json.hpp"

namespace fog::sim {
namespace {

using nlohmann::json;

/// Calls `take` with each whole line that is a JSON object; false from it counts as unreadable.
Result<std::size_t> each_line(const std::filesystem::path& file,
                              const std::function<bool(const json&, std::size_t)>& take) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return Error{Errc::not_found, file.string() + " cannot be read", {}};
    std::size_t bad = 0;
    std::string text;
    for (std::size_t line = 1; std::getline(in, text); ++line) {
        if (in.eof()) break;  // no newline: the writer was killed in the middle
        if (text.empty()) continue;
        const json node = parse_json(text);
        if (!node.is_object() || !take(node, line)) ++bad;
    }
    return bad;
}

/// Puts the lines of ledger.jsonl together, in one pass.
class RunReader {
public:
    bool take(const json& node, std::size_t line) {
        const std::string kind = text_of(node, "k");
        if (kind == "sent") return sent(node, line);
        if (kind == "acked") return acked(node);
        if (kind == "resent") return mark(number_of(node, "id"), &SentReading::resent);
        if (kind == "device") return device(node);
        if (kind == "unsent") return unsent(node);
        if (kind == "run") {
            facts.scenario = text_of(node, "scenario");
            facts.hash = text_of(node, "hash");
            facts.seed = number_of(node, "seed");
            facts.start_mono = mono_of(node);
            if (const auto start = parse_rfc3339(text_of(node, "start"))) {
                facts.start_wall = start->time_since_epoch().count();
            }
        }
        if (kind == "fault") fault(node);
        if (kind == "clock") facts.clock_stepped = true;
        if (kind == "push" && !text_of(node, "alarm").empty()) {
            facts.pushed.push_back({number_of(node, "seq"), text_of(node, "alarm"),
                                    text_of(node, "state"), text_of(node, "change"),
                                    mono_of(node)});
        }
        if (kind == "end") {
            facts.ended = true;
            facts.end_mono = mono_of(node);
        }
        return !kind.empty();  // fault, link and what later versions add
    }
    RunFacts facts;

private:
    std::size_t device_place(const std::string& id) {
        const auto [found, added] = devices_.emplace(id, facts.devices.size());
        if (added) facts.devices.push_back({id, id, "C", false, 0});
        return found->second;
    }

    bool device(const json& node) {
        const std::string id = text_of(node, "dev");
        if (id.empty()) return false;
        SentDevice& device = facts.devices[device_place(id)];
        device.gateway_id = text_of(node, "as");
        if (device.gateway_id.empty()) device.gateway_id = id;
        device.level = text_of(node, "level");
        device.timed = flag_of(node, "timed", false);
        return true;
    }

    static std::int64_t mono_of(const json& node) {
        return static_cast<std::int64_t>(number_of(node, "mono"));
    }

    void fault(const json& node) {
        const std::string kind = text_of(node, "kind");
        const std::string where = text_of(node, "dev");
        if (text_of(node, "state") == "begin") {
            facts.faults.push_back({kind, where, mono_of(node), INT64_MAX});
            return;
        }
        for (FaultSpan& span : facts.faults) {
            if (span.kind == kind && span.where == where && span.end == INT64_MAX) {
                span.end = mono_of(node);
                return;
            }
        }
    }

    bool acked(const json& node) {
        const std::uint64_t id = number_of(node, "id");
        if (!mark(id, &SentReading::acked)) return false;
        for (const std::size_t place : by_id_[id]) facts.readings[place].acked_mono = mono_of(node);
        return true;
    }

    bool unsent(const json& node) {
        const std::string id = text_of(node, "dev");
        if (id.empty()) return false;
        ++facts.devices[device_place(id)].unsent;
        return true;
    }

    bool sent(const json& node, std::size_t line) {
        SentReading reading;
        reading.id = number_of(node, "id");
        const std::string device = text_of(node, "dev");
        reading.point = text_of(node, "pt");
        const auto value = node.find("v");
        if (reading.id == 0 || device.empty() || reading.point.empty() || value == node.end()) {
            return false;
        }
        reading.device = device_place(device);
        reading.value = canonical(value_of(*value));
        reading.source = text_of(node, "src");
        reading.heard = flag_of(node, "heard", true);
        reading.line = line;
        reading.odd = flag_of(node, "odd", false);
        reading.mono = mono_of(node);
        auto& places = by_id_[reading.id];
        for (const std::size_t place : places) {  // the device said the same report again
            if (facts.readings[place].point != reading.point) continue;
            facts.readings[place].resent = true;
            return true;
        }
        if (places.empty()) ++reports_;
        reading.order = reports_;
        places.push_back(facts.readings.size());
        facts.readings.push_back(std::move(reading));
        return true;
    }

    bool mark(std::uint64_t id, bool SentReading::*member) {
        const auto found = by_id_.find(id);
        if (found == by_id_.end()) return false;
        for (const std::size_t place : found->second) facts.readings[place].*member = true;
        return true;
    }

    std::unordered_map<std::string, std::size_t> devices_;
    std::unordered_map<std::uint64_t, std::vector<std::size_t>> by_id_;
    std::size_t reports_ = 0;
};

bool take_far_line(const json& node, std::size_t line, FarFacts& facts) {
    const std::string kind = text_of(node, "k");
    if (kind != "far") return kind == "other";  // no record: the recorder kept it for people
    FarArrival arrival;
    arrival.line = line;
    FarRecord& record = arrival.record;
    record.gateway = text_of(node, "gw");
    record.seq = number_of(node, "seq");
    record.device = text_of(node, "dev");
    record.point = text_of(node, "pt");
    record.time = text_of(node, "ts");
    record.historic = flag_of(node, "hist", false);
    record.quality = text_of(node, "q");
    record.event = text_of(node, "ev");
    record.alarm = text_of(node, "alarm");
    record.state = text_of(node, "state");
    record.change = text_of(node, "change");
    arrival.mono = static_cast<std::int64_t>(number_of(node, "mono"));
    const auto value = node.find("v");
    record.is_sample = record.event.empty() && record.alarm.empty() && !record.point.empty() &&
                       value != node.end();
    if (record.is_sample) {
        record.value = value_of(*value);
        arrival.value = canonical(record.value);
    }
    if (facts.sink.empty()) facts.sink = text_of(node, "sink");
    facts.arrivals.push_back(std::move(arrival));
    return true;
}

}  // namespace

std::string canonical(const Value& value) {
    std::string out;
    double number = 0;
    if (is_null(value)) return "null";
    if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
    if (const auto* text = std::get_if<std::string>(&value)) {
        append_json_string(out, *text);
    } else if (as_number(value, number)) {
        append_double(out, number);
    }
    return out;
}

Result<RunFacts> read_run_ledger(const std::filesystem::path& file) {
    RunReader reader;
    auto bad = each_line(
        file, [&reader](const json& node, std::size_t line) { return reader.take(node, line); });
    if (!bad) return std::move(bad).error();
    reader.facts.bad_lines = *bad;
    return std::move(reader.facts);
}

Result<FarFacts> read_far_file(const std::filesystem::path& file) {
    FarFacts facts;
    auto bad = each_line(file, [&facts](const json& node, std::size_t line) {
        return take_far_line(node, line, facts);
    });
    if (!bad) return std::move(bad).error();
    facts.bad_lines = *bad;
    return facts;
}

Result<GatewayLedger> read_gateway_ledger(const std::filesystem::path& file) {
    auto text = read_file(file);
    if (!text) return std::move(text).error();
    const json root = parse_json(*text);
    const auto wrong = [&file](const char* what) {
        return Error{Errc::bad_frame, file.string() + ": " + what, {}};
    };
    if (!root.is_object()) return wrong("not a JSON object");
    GatewayLedger out;
    out.sink = text_of(root, "sink");
    const auto lanes = root.find("lanes");
    if (lanes == root.end() || !lanes->is_object()) return wrong("no object 'lanes'");
    for (const auto& [name, lane] : lanes->items()) {
        if (!lane.is_object()) return wrong("a lane is an object");
        out.lanes[name] = {number_of(lane, "accepted"), number_of(lane, "acknowledged"),
                           number_of(lane, "waiting"), number_of(lane, "shed"),
                           number_of(lane, "expired")};
    }
    return out;
}

}  // namespace fog::sim
