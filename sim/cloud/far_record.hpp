#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/result.hpp"
#include "firmware/core/value.hpp"
#include "sim/cloud/fields.hpp"

namespace fog::sim {

/// A sample as a far side received it, or as a ledger line says it was sent: what both have.
struct FarRecord {
    std::string gateway;
    std::uint64_t seq = 0;
    std::string device, point;
    Value value;
    std::string time;  // source time, empty when the record has none
    std::string quality;
    bool historic = false;
    bool is_sample = false;  // false: an event
    // of events
    std::string event{};  // "alarm", "device" ...
    std::string alarm{}, state{}, change{};
};

/// What a payload at the far side holds: one record, an array of them, or {"records":[...]}.
/// Errc::bad_frame names the first member that makes no sense.
Result<std::vector<FarRecord>> parse_far_payload(std::string_view payload);

/// The line of `far-<sink>.jsonl` for a record, with the newline.
void append_far_line(std::string& out, std::string_view sink, const FarRecord& record,
                     std::int64_t mono_ns);

/// Writes payloads down as lines of `far-<sink>.jsonl`. Thread: one. Blocks: never.
class FarLines {
public:
    explicit FarLines(std::string sink) : sink_(std::move(sink)) {}
    /// The lines of all records of a payload, and how many these are. Errc::bad_frame as
    /// parse_far_payload has it; then nothing is added.
    Result<std::size_t> append(std::string& out, std::string_view payload, std::int64_t mono_ns);

private:
    std::string sink_;
    Fields fields_;  // kept for its memory
};

}  // namespace fog::sim
