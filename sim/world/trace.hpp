#pragma once

#include <string_view>
#include <vector>

#include "firmware/core/result.hpp"
#include "sim/world/signal.hpp"

namespace fog::sim {

/// One row of a recording; a row without a usable value begins a gap.
struct TraceRow {
    SimTime at{};
    double value = 0;
    bool gap = false;
};

struct TraceOptions {
    std::string_view column;  // name in the header, or its number from 1; empty: the second
    bool rebase = true;       // the first row is time 0
};

/// CSV `time,value[,quality]`, with or without a header: times are seconds or RFC 3339 and rise;
/// an empty value, `nan`, or a quality that begins with "bad" is a gap. Lines that begin with '#'
/// are left out. Errc::bad_config names line and column. Pure.
Result<std::vector<TraceRow>> parse_trace(std::string_view csv, const TraceOptions& options);

}  // namespace fog::sim
