#pragma once

#include <chrono>
#include <string>

#include "firmware/core/record_json.hpp"
#include "firmware/core/text.hpp"
#include "sim/world/world.hpp"

namespace fog::sim {

/// Members of a report as JSON devices send it: id, source time in ms, points. Without braces.
/// The id is one level down, where nobody takes it for the device's name.
inline void append_report_members(std::string& out, const Report& report, WallTime source) {
    out += "\"msg\":{\"id\":";
    append_uint(out, report.id);
    out += "},\"ts\":";
    append_int(
        out,
        std::chrono::duration_cast<std::chrono::milliseconds>(source.time_since_epoch()).count());
    for (const PointValue& point : report.points) {
        out += ',';
        append_json_string(out, point.name);
        out += ':';
        append_value_json(out, point.value);
    }
}

}  // namespace fog::sim
