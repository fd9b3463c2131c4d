#include "sim/record/case_file.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "firmware/core/crc32c.hpp"
#include "firmware/core/reading.hpp"
#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"

namespace fog::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::int64_t kVersion = 1;
// Far beyond any real one, and no sum of them leaves 64 bits.
constexpr std::int64_t kLatestMono = 1'000'000'000'000'000'000;  // 31 years
constexpr std::int64_t kLatestUtc = 4'000'000'000'000'000'000;   // the year 2096
constexpr const char* kShorter = "record a shorter time: fogsim record --last";

std::string text_of(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
/// A number that fits; 0 if it is not there or none.
std::int64_t whole_of(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number_integer()) return 0;
    if (found->is_number_unsigned() && found->get<std::uint64_t>() > INT64_MAX) return 0;
    return found->get<std::int64_t>();
}
std::uint64_t count_of(const json& object, const char* key) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(whole_of(object, key), 0));
}
bool flag_of(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}
BootId boot_of(const json& object) {
    return {
        static_cast<std::uint32_t>(std::min<std::uint64_t>(count_of(object, "boot"), 0xFFFFFFFF))};
}
MonoTime mono_of(const json& object) {
    return MonoTime{std::chrono::nanoseconds{whole_of(object, "mono")}};
}

Value value_of(const json& item) {
    const auto found = item.find("v");
    if (found == item.end()) return {};
    if (found->is_boolean()) return found->get<bool>();
    if (found->is_string()) return found->get<std::string>();
    if (found->is_number_integer() && flag_of(item, "int")) return whole_of(item, "v");
    if (found->is_number()) return found->get<double>();
    return {};
}

bool plausible(std::int64_t time, std::int64_t latest) {
    return time >= 0 && time <= latest;
}

std::string crc_text(std::uint32_t crc) {
    std::string out;
    for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[(crc >> shift) & 0xFU];
    return out;
}

/// Line by line to a case.
class Reader {
public:
    explicit Reader(const CaseLimits& limits) : limits_(limits) {}

    Result<void> line(std::string_view text) {
        ++number_;
        if (ended_) return bad("stands behind the end");
        const json object = json::parse(text.begin(), text.end(), nullptr, false);
        if (!object.is_object()) return bad("is no JSON object");
        const std::string kind = text_of(object, "k");
        if (number_ == 1) return head(kind, object, text);
        if (kind == "end") return end(object);
        count(text);
        if (kind == "record") return record(object);
        if (kind == "boot") return boot(object);
        if (kind == "rule") return rule(object);
        if (kind == "alarm")
            out_.standing.emplace_back(text_of(object, "alarm"), text_of(object, "state"));
        if (kind == "missing") out_.missing += count_of(object, "records");
        return {};  // what a later version adds can be left out
    }
    Result<Case> take() {
        if (!ended_) {
            return Error{Errc::bad_frame, "was cut: its last line is missing",
                         "copy the file again, or record again"};
        }
        return std::move(out_);
    }

private:
    Error bad(std::string_view what) const {
        return {Errc::bad_frame, "line " + std::to_string(number_) + " " + std::string(what),
                "record again; a file that was changed by hand is no recording any more"};
    }
    static Error much(const std::string& what) {
        return {Errc::bad_frame, "holds more than " + what, kShorter};
    }
    void count(std::string_view text) {
        crc_ = crc32c(as_bytes(text), crc_);
        crc_ = crc32c(as_bytes("\n"), crc_);
        ++lines_;
    }
    Result<void> head(const std::string& kind, const json& object, std::string_view text) {
        if (kind != "case") {
            return Error{Errc::bad_frame, "is no recording: its first line is none of ours",
                         "'fogsim record' makes one"};
        }
        const std::int64_t version = whole_of(object, "version");
        if (version != kVersion) {
            return Error{Errc::bad_frame,
                         "is of version " + std::to_string(version) +
                             "; this fogsim reads version " + std::to_string(kVersion),
                         "use the fogsim that recorded it, or a newer one"};
        }
        count(text);
        out_.gateway = text_of(object, "gateway");
        out_.software = text_of(object, "software");
        out_.config_hash = text_of(object, "config_hash");
        out_.made = text_of(object, "made");
        const auto judged = object.find("judged_s");
        if (judged != object.end() && judged->is_number()) out_.judged_s = judged->get<double>();
        return {};
    }
    Result<void> end(const json& object) {
        ended_ = true;
        if (count_of(object, "lines") != lines_ || text_of(object, "crc") != crc_text(crc_)) {
            return bad("does not fit what is before it: lines are missing or changed");
        }
        return {};
    }
    Result<void> boot(const json& object) {
        if (out_.boots.size() >= 10'000) return much("10,000 lines of boots");
        if (!plausible(whole_of(object, "mono"), kLatestMono) ||
            !plausible(whole_of(object, "utc"), kLatestUtc)) {
            return bad("has a time that cannot be");
        }
        out_.boots.push_back({boot_of(object), mono_of(object),
                              WallTime{std::chrono::nanoseconds{whole_of(object, "utc")}},
                              flag_of(object, "trusted")});
        return {};
    }
    Result<void> rule(const json& object) {
        if (out_.rules.size() >= limits_.rules)
            return much(std::to_string(limits_.rules) + " rules");
        const auto spec = object.find("rule");
        if (text_of(object, "id").empty() || spec == object.end() || !spec->is_object()) {
            return bad("is a rule without id or content");
        }
        out_.rules.push_back({text_of(object, "id"), count_of(object, "version"),
                              flag_of(object, "active"),
                              spec->dump(-1, ' ', false, json::error_handler_t::replace)});
        return {};
    }
    Result<void> record(const json& object) {
        if (out_.entries.size() >= limits_.records) {
            return much(std::to_string(limits_.records) + " records");
        }
        CaseEntry entry;
        entry.seq = count_of(object, "seq");
        entry.boot = boot_of(object);
        entry.received = mono_of(object);
        if (!plausible(whole_of(object, "mono"), kLatestMono))
            return bad("has a time that cannot be");
        if (!out_.entries.empty() && entry.seq <= out_.entries.back().seq) {
            return bad("is not in the order of the log");
        }
        if (object.contains("pt")) {
            auto sample = sample_of(object);
            if (!sample) return std::move(sample).error();
            entry.what = std::move(*sample);
        } else {
            entry.what = event_of(object);
        }
        out_.entries.push_back(std::move(entry));
        return {};
    }
    Result<CaseSample> sample_of(const json& object) {
        CaseSample sample;
        CasePoint point{text_of(object, "dev"), text_of(object, "pt"), text_of(object, "u")};
        if (point.device.empty() || point.point.empty()) return bad("names no device or point");
        const auto [at, fresh] =
            places_.try_emplace(point, static_cast<std::uint32_t>(out_.points.size()));
        if (fresh) {
            if (out_.points.size() >= limits_.points) {
                return much(std::to_string(limits_.points) + " points");
            }
            out_.points.push_back(std::move(point));
        }
        sample.point = at->second;
        sample.value = value_of(object);
        const std::string quality = text_of(object, "q");
        if (!quality.empty() && !parse_quality(quality, sample.quality)) {
            return bad("has a quality nobody knows");
        }
        if (!plausible(whole_of(object, "src"), kLatestUtc))
            return bad("has a time that cannot be");
        sample.source = WallTime{std::chrono::nanoseconds{whole_of(object, "src")}};
        sample.flags = static_cast<std::uint16_t>(count_of(object, "flags") & 0xFFFFU);
        return sample;
    }
    static CaseEvent event_of(const json& object) {
        CaseEvent event;
        event.kind = text_of(object, "ev");
        const auto found = object.find("d");
        if (event.kind != "alarm" || found == object.end() || !found->is_object()) return event;
        event.alarm = text_of(*found, "alarm");
        event.change = text_of(*found, "change");
        event.state = text_of(*found, "state");
        event.by = text_of(*found, "by");
        event.note = text_of(*found, "note");
        event.rule = text_of(*found, "rule");
        event.rule_version = count_of(*found, "version");
        return event;
    }

    const CaseLimits& limits_;
    Case out_;
    std::map<CasePoint, std::uint32_t> places_;
    std::uint64_t number_ = 0, lines_ = 0;
    std::uint32_t crc_ = 0;
    bool ended_ = false;
};

}  // namespace

Result<Case> read_case(std::string_view bytes, const CaseLimits& limits) {
    if (bytes.size() > limits.file_bytes) {
        return Error{Errc::bad_frame,
                     "is larger than " + std::to_string(limits.file_bytes >> 20U) + " MiB",
                     kShorter};
    }
    Reader reader(limits);
    if (auto done = read_zstd_lines(bytes, limits.text_bytes,
                                    [&reader](std::string_view line) { return reader.line(line); });
        !done) {
        return std::move(done).error();
    }
    return reader.take();
}

Result<Case> load_case(const std::filesystem::path& file, const CaseLimits& limits) {
    auto bytes = read_file(file, limits.file_bytes);
    if (!bytes) return std::move(bytes).error();
    auto read = read_case(*bytes, limits);
    if (!read) return std::move(read.error()).in(file.string());
    return read;
}

Result<CaseWriter> CaseWriter::open(const std::filesystem::path& file, const CaseLimits& limits) {
    auto opened = ZstdFile::open(file);
    if (!opened) return std::move(opened).error();
    return CaseWriter(std::move(*opened), limits);
}

Result<void> CaseWriter::put(const std::string& text) {
    bytes_ += text.size();
    if (lines_ >= limits_.records || bytes_ > limits_.text_bytes) {
        return Error{Errc::storage_full,
                     "the recording would hold more than " + std::to_string(limits_.records) +
                         " lines or " + std::to_string(limits_.text_bytes >> 20U) + " MiB of text",
                     "a shorter time: --last"};
    }
    return file_.add(text);
}

Result<void> CaseWriter::line(const json& one) {
    const std::string text = one.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    crc_ = crc32c(as_bytes(text), crc_);
    if (auto done = put(text); !done) return done;
    ++lines_;
    return {};
}

Result<void> CaseWriter::finish() {
    const json end{{"k", "end"}, {"lines", lines_}, {"crc", crc_text(crc_)}};
    if (auto done = file_.add(end.dump() + "\n"); !done) return done;
    return file_.finish();
}

CaseTime::CaseTime(const Case& recorded) {
    for (const BootTable::Line& line : recorded.boots) boots_.add(line);
    std::optional<WallTime> begin;
    for (const CaseEntry& entry : recorded.entries) {
        const bool known = std::any_of(offsets_.begin(), offsets_.end(),
                                       [&](const auto& one) { return one.first == entry.boot; });
        if (!known) {
            const SimTime since = entry.received.time_since_epoch();
            const auto wall = boots_.wall(entry.boot, entry.received);
            SimTime begins = offsets_.empty() ? SimTime{} : end_ + 1s;
            if (begin && wall && *wall - *begin > begins) begins = *wall - *begin;
            if (offsets_.empty()) begin = wall;
            offsets_.emplace_back(entry.boot, begins - since);
        }
        end_ = std::max(end_, at(entry.boot, entry.received));
    }
}

SimTime CaseTime::at(BootId boot, MonoTime when) const {
    for (const auto& [one, offset] : offsets_) {
        if (one == boot) return when.time_since_epoch() + offset;
    }
    return {};
}

}  // namespace fog::sim
