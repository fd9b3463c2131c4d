#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/log_access.hpp"
#include "firmware/core/records.hpp"
#include "firmware/core/result.hpp"

namespace fog {

/// A log folder looked at without its daemon, for people and support. Only reads; a daemon may have
/// the log open meanwhile. Thread: any. Blocks: on the disk. Fails: not_found (no log there),
/// storage_error (not readable, no log, newer schema).
struct LogSummary {
    struct LaneSum {
        std::uint64_t records = 0;
        std::uint64_t tail_rows = 0;
        std::uint64_t segments = 0;
        std::uint64_t bytes = 0;  // of blocks and events, without the pages' spare room
        Seq first, last;          // 0 = empty
    };
    std::uint64_t schema = 0;
    std::uint64_t epoch = 0;
    std::uint64_t generation = 0;
    bool clean = false;  // stopped in order; false also while a daemon runs
    Seq committed;
    std::uint64_t points = 0;
    std::uint64_t devices = 0;
    std::uint64_t dead = 0;
    std::uint64_t holes = 0;
    std::uint64_t file_bytes = 0;  // with the write-ahead log
    std::array<LaneSum, kLanes> lanes;
    std::vector<SinkLedger> sinks;
    std::vector<std::pair<std::string, std::uint64_t>> written;  // bytes by cause, all its life
    struct Day {
        std::int64_t day = 0;  // since 1970
        std::string cause;
        std::uint64_t bytes = 0;
    };
    std::vector<Day> days;  // the newest 366
};
Result<LogSummary> summarize_log(const std::filesystem::path& folder);

/// Everything that can be proved wrong: pages, checksums, order of numbers, a record in two places,
/// counts, accounts. Tells up to `kFaultsTold` of them; the number of all comes back.
inline constexpr std::uint64_t kFaultsTold = 100;
struct LogVerdict {
    std::uint64_t records = 0;
    std::uint64_t faults = 0;
};
Result<LogVerdict> verify_log(const std::filesystem::path& folder,
                              const std::function<void(std::string_view)>& tell);

/// Visits records with after < seq <= upto (0 = no end) in order, with the names of their points;
/// false from `each` ends it.
using NamedRecord =
    std::function<bool(const Record&, std::string_view device, std::string_view point)>;
Result<void> dump_log(const std::filesystem::path& folder, Seq after, Seq upto,
                      const NamedRecord& each);

}  // namespace fog
