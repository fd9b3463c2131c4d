#pragma once

#include <string>
#include <string_view>

#include "firmware/core/boot_table.hpp"
#include "firmware/core/point_directory.hpp"
#include "firmware/core/records.hpp"

namespace fog {

/// What encoding a record needs beyond the record; all of it outlives the encoder.
struct RecordContext {
    std::string gateway;  // "gw-7f3a"
    const PointDirectory* points = nullptr;
    const BootTable* boots = nullptr;
};

/// The record's channel: "samples/<dev>/<pt>" or the event's own. Empty for an unknown point.
std::string_view channel_of(const Record& record, const RecordContext& context);
/// The `ev` word for clients: sample, alarm, device, command, rule, uplink, system, app.
std::string_view kind_of(const Record& record);
/// Best known time of the record: the source's, else when it was received.
WallTime time_of(const Record& record, const RecordContext& context);

/// The external JSON of one record (DESIGN section 5); members at their default are left out:
/// {"gw":..,"dev":..,"pt":..,"ts":..,"rx":..,"v":..,"u":..,"q":..,"seq":..,"boot":..,"hist":true}.
/// Events: {"gw","seq","ts","dev", then their own members}.
void append_record_json(std::string& out, const Record& record, const RecordContext& context);
/// A value alone: 71.25, true, "text", null.
void append_value_json(std::string& out, const Value& value);

}  // namespace fog
