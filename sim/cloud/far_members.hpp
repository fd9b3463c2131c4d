#pragma once

#include "sim/cloud/fields.hpp"

namespace fog::sim {

/// The members of a record at the far side, into whichever form it is kept in (FarRecord,
/// SeenRecord); all but the value. `record` is fresh. In one pass: there are millions of them.
template <class Into>
void take_far_members(const Fields& fields, Into& record) {
    bool has_value = false;
    fields.each([&](const Fields::Member& member) {
        switch (member.key.size()) {
            case 1:
                if (member.is("v")) has_value = true;
                if (member.is("q")) record.quality = member.text;
                break;
            case 2:
                if (member.is("gw")) record.gateway = member.text;
                if (member.is("pt")) record.point = member.text;
                if (member.is("ts")) record.time = member.text;
                if (member.is("ev")) record.event = member.text;
                break;
            case 3:
                if (member.is("seq")) record.seq = member.number();
                if (member.is("dev")) record.device = member.text;
                break;
            case 4:
                if (member.is("hist")) record.historic = member.kind == Fields::Kind::yes;
                break;
            case 5:
                if (member.is("alarm")) record.alarm = member.text;
                if (member.is("state")) record.state = member.text;
                break;
            case 6:
                if (member.is("change")) record.change = member.text;
                break;
            default:
                break;
        }
    });
    // An alarm names its point and value too.
    record.is_sample =
        record.event.empty() && record.alarm.empty() && !record.point.empty() && has_value;
}

}  // namespace fog::sim
