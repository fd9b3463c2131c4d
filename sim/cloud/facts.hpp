#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "firmware/core/result.hpp"
#include "firmware/core/value.hpp"
#include "sim/cloud/word.hpp"

namespace fog::sim {

/// One reading, as the ledger of the run tells its story.
struct SentReading {
    std::uint64_t id = 0;
    std::uint32_t device = 0;  // into RunFacts::devices
    Word point;
    std::string value;  // canonical text, see canonical()
    Moment source;
    std::uint32_t line = 0;   // of ledger.jsonl
    std::uint32_t order = 0;  // of its report among all reports of the run
    bool heard = true, acked = false, resent = false;
    bool odd = false;  // no value of its type: the gateway may refuse it
    std::int64_t mono = 0, acked_mono = 0;
};

/// An alarm's event as a subscribed client of the gateway saw it.
struct PushedAlarm {
    std::uint64_t seq = 0;
    std::string alarm, state, change;
    std::int64_t mono = 0;
};
/// A fault of the run; `end` is the run's own while it holds.
struct FaultSpan {
    std::string kind, where;
    std::int64_t begin = 0, end = INT64_MAX;
};

struct SentDevice {
    std::string id;
    std::string gateway_id;
    std::string level = "C";
    bool timed = false;
    std::uint64_t unsent = 0;
};

/// Everything the checker takes from `ledger.jsonl`.
struct RunFacts {
    std::string scenario, hash;
    std::uint64_t seed = 0;
    std::vector<SentDevice> devices;
    std::deque<SentReading> readings;  // in ledger order
    std::vector<PushedAlarm> pushed;
    std::vector<FaultSpan> faults;
    std::vector<std::pair<std::string, std::string>> skipped;   // what and why, each once
    std::int64_t start_mono = 0, start_wall = 0, end_mono = 0;  // ns
    bool clock_stepped = false;
    std::size_t bad_lines = 0;
    bool ended = false;
};

/// A record as the checker keeps it, see FarRecord.
struct SeenRecord {
    std::uint64_t seq = 0;
    Word gateway, device, point, quality;
    Word event, alarm, state, change;
    Moment time;
    bool historic = false, is_sample = false;
};

/// One record at the far side, in order of arrival.
struct FarArrival {
    SeenRecord record;
    std::string value;       // canonical
    std::uint32_t line = 0;  // of far-<sink>.jsonl
    std::int64_t mono = 0;
};

struct FarFacts {
    std::string sink;
    std::deque<FarArrival> arrivals;
    std::size_t bad_lines = 0;
};

/// The gateway's own books, `GET /api/v1/uplinks/{id}/ledger`.
struct GatewayLane {
    std::uint64_t accepted = 0, acknowledged = 0, waiting = 0, shed = 0, expired = 0;
};
struct GatewayLedger {
    std::string sink;
    std::map<std::string, GatewayLane> lanes;
};

/// The number a canonical text stands for, as as_number() has it.
bool number_in(const std::string& canonical, double& out);
/// The same text for the same value, whether it travelled as 20, 20.0 or 2e1.
std::string canonical(const Value& value);

/// Errc::not_found if the file is missing. A torn last line (the writer was killed) is left out,
/// any other unreadable one is counted.
Result<RunFacts> read_run_ledger(const std::filesystem::path& file);
Result<FarFacts> read_far_file(const std::filesystem::path& file);
Result<GatewayLedger> read_gateway_ledger(const std::filesystem::path& file);

}  // namespace fog::sim
