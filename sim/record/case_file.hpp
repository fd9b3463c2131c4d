#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "firmware/core/boot_table.hpp"
#include "firmware/core/value.hpp"
#include "sim/record/zstd_text.hpp"
#include "sim/world/signal.hpp"

namespace fog::sim {

// A recording, "case.fog": zstd of JSON lines, each with its kind in "k":
//   case    version, gateway, software, config_hash, made, judged_s, names ("removed")
//   boot    boot, mono, utc, trusted                as GET /api/v1/log/records tells it
//   rule    id, version, by, active, rule           the rule as it was when recorded
//   alarm   alarm, state                            not normal when recorded
//   missing from, to, reason, records               holes of the log
//   record  a record of the log, in its order, as GET /api/v1/log/records tells it
//   end     lines, crc                              how many before it; CRC-32C of them

struct CasePoint {
    std::string device, point, unit;
    auto operator<=>(const CasePoint&) const = default;
};
struct CaseSample {
    std::uint32_t point = 0;  // place in Case::points
    Value value;
    Quality quality;
    WallTime source;
    std::uint16_t flags = 0;
};
struct CaseEvent {
    std::string kind;
    // of alarms
    std::string alarm, change, state, by, note;
    std::uint64_t rule_version = 0;
    std::string rule;
};
struct CaseEntry {
    std::uint64_t seq = 0;
    BootId boot;
    MonoTime received;
    std::variant<CaseSample, CaseEvent> what;
    const CaseSample* sample() const { return std::get_if<CaseSample>(&what); }
    const CaseEvent* event() const { return std::get_if<CaseEvent>(&what); }
};
struct CaseRule {
    std::string id;
    std::uint64_t version = 0;
    bool active = true;
    std::string json;
};
struct Case {
    std::string gateway, software, config_hash, made;
    double judged_s = 0;  // from here on, in seconds after the first record
    std::vector<BootTable::Line> boots;
    std::vector<CaseRule> rules;
    std::vector<std::pair<std::string, std::string>> standing;  // alarm, state
    std::uint64_t missing = 0;                                  // records of holes
    std::vector<CasePoint> points;
    std::vector<CaseEntry> entries;
};

struct CaseLimits {
    std::size_t file_bytes = 256U << 20U;
    std::size_t text_bytes = 1U << 30U;
    std::size_t records = 2'000'000;
    std::size_t rules = 1'000;
    std::size_t points = 100'000;
};

/// Reads the bytes of a recording. Pure, never throws. Errc::bad_frame with the line and what to do
/// next: damaged, cut, too large, of a newer version, not a recording.
Result<Case> read_case(std::string_view bytes, const CaseLimits& limits = {});
Result<Case> load_case(const std::filesystem::path& file, const CaseLimits& limits = {});

/// Writes a recording; `finish()` makes it whole. Thread: one. Blocks: on the disk. Fails:
/// storage_full (the disk, or more than `limits`).
class CaseWriter {
public:
    static Result<CaseWriter> open(const std::filesystem::path& file,
                                   const CaseLimits& limits = {});
    Result<void> line(const nlohmann::json& one);
    Result<void> finish();
    std::uint64_t lines() const { return lines_; }

private:
    CaseWriter(ZstdFile file, const CaseLimits& limits) : file_(std::move(file)), limits_(limits) {}
    Result<void> put(const std::string& text);
    ZstdFile file_;
    CaseLimits limits_;
    std::uint64_t lines_ = 0;
    std::size_t bytes_ = 0;
    std::uint32_t crc_ = 0;
};

/// Places the moments of a case on one line, from its first record on. Between two boots wall time
/// says how long it took; without it, a second. Pure.
class CaseTime {
public:
    explicit CaseTime(const Case& recorded);
    SimTime at(BootId boot, MonoTime when) const;
    SimTime end() const { return end_; }
    /// Wall time of the moment; nothing where nobody knew.
    std::optional<WallTime> wall(BootId boot, MonoTime when, bool* trusted) const {
        return boots_.wall(boot, when, trusted);
    }

private:
    BootTable boots_;
    std::vector<std::pair<BootId, SimTime>> offsets_;  // added to a boot's monotonic time
    SimTime end_{};
};

}  // namespace fog::sim
