#pragma once

#include "sim/cloud/fields.hpp"

namespace fog::sim {

/// The members of a record at the far side, into whichever form it is kept in (FarRecord,
/// SeenRecord); all but the value.
template <class Into>
void take_far_members(const Fields& fields, Into& record) {
    record.gateway = fields.text("gw");
    record.seq = fields.number("seq");
    record.device = fields.text("dev");
    record.point = fields.text("pt");
    record.time = fields.text("ts");
    record.quality = fields.text("q");
    record.historic = fields.flag("hist", false);
    record.event = fields.text("ev");
    record.alarm = fields.text("alarm");
    record.state = fields.text("state");
    record.change = fields.text("change");
    // An alarm names its point and value too.
    record.is_sample =
        record.event.empty() && record.alarm.empty() && !record.point.empty() && fields.has("v");
}

}  // namespace fog::sim
