#include "sim/cloud/facts.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <unordered_map>

#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "sim/cloud/far_members.hpp"
#include "sim/cloud/fields.hpp"
#include "sim/cloud/json.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {
namespace {

using nlohmann::json;

/// Calls `take` with each whole line that is a JSON object; false from it counts as unreadable.
Result<std::size_t> each_line(const std::filesystem::path& file,
                              const std::function<bool(const Fields&, std::size_t)>& take) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return Error{Errc::not_found, file.string() + " cannot be read", {}};
    std::size_t bad = 0;
    std::string text;
    Fields fields;
    for (std::size_t line = 1; std::getline(in, text); ++line) {
        if (in.eof()) break;  // no newline: the writer was killed in the middle
        if (text.empty()) continue;
        if (!fields.read(text) || !take(fields, line)) ++bad;
    }
    return bad;
}

/// Puts the lines of ledger.jsonl together, in one pass.
class RunReader {
public:
    bool take(const Fields& node, std::size_t line) {
        const std::string_view kind = node.text("k");
        if (kind == "sent") return sent(node, line);
        if (kind == "acked") return acked(node);
        if (kind == "resent") return mark(node.number("id"), &SentReading::resent);
        if (kind == "device") return device(node);
        if (kind == "unsent") return unsent(node);
        if (kind == "run") {
            facts.scenario = node.text("scenario");
            facts.hash = node.text("hash");
            facts.seed = node.number("seed");
            facts.start_mono = mono_of(node);
            if (const auto start = parse_rfc3339(node.text("start"))) {
                facts.start_wall = start->time_since_epoch().count();
            }
        }
        if (kind == "fault") fault(node);
        if (kind == "skipped") skipped(node);
        if (kind == "clock") facts.clock_stepped = true;
        if (kind == "push" && !node.text("alarm").empty()) {
            facts.pushed.push_back({node.number("seq"), std::string(node.text("alarm")),
                                    std::string(node.text("state")),
                                    std::string(node.text("change")), mono_of(node)});
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

    bool device(const Fields& node) {
        const std::string id(node.text("dev"));
        if (id.empty()) return false;
        SentDevice& device = facts.devices[device_place(id)];
        device.gateway_id = node.text("as");
        if (device.gateway_id.empty()) device.gateway_id = id;
        device.level = node.text("level");
        device.timed = node.flag("timed", false);
        return true;
    }

    static std::int64_t mono_of(const Fields& node) {
        return static_cast<std::int64_t>(node.number("mono"));
    }

    void fault(const Fields& node) {
        const std::string_view kind = node.text("kind");
        const std::string_view where = node.text("dev");
        if (node.text("state") == "begin") {
            facts.faults.push_back(
                {std::string(kind), std::string(where), mono_of(node), INT64_MAX});
            return;
        }
        for (FaultSpan& span : facts.faults) {
            if (span.kind == kind && span.where == where && span.end == INT64_MAX) {
                span.end = mono_of(node);
                return;
            }
        }
    }

    void skipped(const Fields& node) {
        std::pair<std::string, std::string> one{node.text("what"), node.text("why")};
        const auto& all = facts.skipped;
        if (std::find(all.begin(), all.end(), one) == all.end())
            facts.skipped.push_back(std::move(one));
    }

    bool acked(const Fields& node) {
        const std::uint64_t id = node.number("id");
        if (!mark(id, &SentReading::acked)) return false;
        each_of(id, [&node](SentReading& reading) { reading.acked_mono = mono_of(node); });
        return true;
    }

    bool unsent(const Fields& node) {
        const std::string id(node.text("dev"));
        if (id.empty()) return false;
        ++facts.devices[device_place(id)].unsent;
        return true;
    }

    bool sent(const Fields& node, std::size_t line) {
        SentReading reading;
        reading.id = node.number("id");
        const std::string device(node.text("dev"));
        reading.point = node.text("pt");
        if (reading.id == 0 || device.empty() || reading.point.empty() || !node.has("v")) {
            return false;
        }
        reading.device = static_cast<std::uint32_t>(device_place(device));
        reading.value = canonical(node.value("v"));
        reading.source = node.text("src");
        reading.heard = node.flag("heard", true);
        reading.line = static_cast<std::uint32_t>(line);
        reading.odd = node.flag("odd", false);
        reading.mono = mono_of(node);
        bool again = false;  // the device said the same report again
        const bool known = each_of(reading.id, [&](SentReading& each) {
            if (each.point != reading.point) return;
            each.resent = true;
            again = true;
        });
        if (again) return true;
        if (!known) ++reports_;
        reading.order = reports_;
        remember(reading.id);
        facts.readings.push_back(std::move(reading));
        return true;
    }

    bool mark(std::uint64_t id, bool SentReading::*member) {
        return each_of(id, [member](SentReading& reading) { reading.*member = true; });
    }

    /// Where the readings of a report begin; they stand side by side, as long as its device said
    /// them in one go. Ids count up within a device, so that a plain list serves nearly all.
    static constexpr std::uint64_t kGap = 100'000;

    /// False: there is no such report.
    template <class Do>
    bool each_of(std::uint64_t id, const Do& act) {
        const auto slot = firsts_.find(id / kIdsPerDevice);
        const std::uint64_t number = id % kIdsPerDevice;
        bool any = false;
        const auto from = [&](std::size_t at) {
            for (; at < facts.readings.size() && facts.readings[at].id == id; ++at) {
                act(facts.readings[at]);
                any = true;
            }
        };
        if (slot != firsts_.end() && number < slot->second.size() && slot->second[number] != 0)
            from(slot->second[number] - 1);
        const auto [begin, end] = strays_.equal_range(id);
        for (auto stray = begin; stray != end; ++stray) from(stray->second);
        return any;
    }

    /// The next reading is of this report.
    void remember(std::uint64_t id) {
        if (!facts.readings.empty() && facts.readings.back().id == id) return;
        auto& firsts = firsts_[id / kIdsPerDevice];
        const std::uint64_t number = id % kIdsPerDevice;
        if (number >= firsts.size() + kGap || (number < firsts.size() && firsts[number] != 0)) {
            strays_.emplace(id, facts.readings.size());
            return;
        }
        if (number >= firsts.size()) firsts.resize(number + 1);
        firsts[number] = static_cast<std::uint32_t>(facts.readings.size() + 1);
    }

    std::unordered_map<std::string, std::size_t> devices_;
    std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> firsts_;  // by slot; place + 1
    std::unordered_multimap<std::uint64_t, std::size_t> strays_;
    std::uint32_t reports_ = 0;
};

bool take_far_line(const Fields& node, std::size_t line, FarFacts& facts) {
    const std::string_view kind = node.text("k");
    if (kind != "far") return kind == "other";  // no record: the recorder kept it for people
    FarArrival arrival;
    arrival.line = static_cast<std::uint32_t>(line);
    SeenRecord& record = arrival.record;
    take_far_members(node, record);
    arrival.mono = static_cast<std::int64_t>(node.number("mono"));
    if (record.is_sample) arrival.value = canonical(node.value("v"));
    if (facts.sink.empty()) facts.sink = node.text("sink");
    facts.arrivals.push_back(std::move(arrival));
    return true;
}

}  // namespace

bool number_in(const std::string& canonical, double& out) {
    if (canonical == "true" || canonical == "false") {
        out = canonical == "true" ? 1 : 0;
        return true;
    }
    const auto number = parse_double(canonical);
    if (number) out = *number;
    return number.has_value();
}

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
        file, [&reader](const Fields& node, std::size_t line) { return reader.take(node, line); });
    if (!bad) return std::move(bad).error();
    reader.facts.bad_lines = *bad;
    return std::move(reader.facts);
}

Result<FarFacts> read_far_file(const std::filesystem::path& file) {
    FarFacts facts;
    auto bad = each_line(file, [&facts](const Fields& node, std::size_t line) {
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
