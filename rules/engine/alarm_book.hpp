#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rules/engine/engine.hpp"

namespace fog {

/// One alarm and what people see of it.
struct AlarmRecord {
    AlarmInfo info;  // `state` and `stale` are filled in on the way out
    Alarm machine;
    bool owned = false;        // a live rule stands behind it
    ActionId last_person = 0;  // last acknowledgement or reset, so that it is not repeated
};

/// What caused a transition; part of the action id.
struct AlarmCause {
    BootId boot;
    MonoTime time;         // rule time
    std::uint64_t number;  // seq of the record, or the due time
};

/// All alarms by id, their events, and what the log already has of them while recovering.
/// Thread: its engine's.
class AlarmBook {
public:
    /// The record of an alarm, made at first sight; it stays when its rule goes.
    AlarmRecord& record(const std::string& id) { return records_[id]; }
    AlarmRecord* find(std::string_view id);
    const std::map<std::string, AlarmRecord, std::less<>>& all() const { return records_; }
    std::map<std::string, AlarmRecord, std::less<>>& all() { return records_; }

    /// The event of a transition. `by`, `note` and `reason` may be empty.
    void announce(AlarmRecord& record, AlarmChange change, const AlarmCause& cause,
                  std::string_view by, std::string_view note, std::string_view reason,
                  Effects& out);
    /// An event about a rule itself: `what` = "fault", "state-lost".
    static void rule_event(std::string_view rule, std::string_view device, std::string_view what,
                           std::string_view detail, const AlarmCause& cause, Effects& out);
    /// Closes records no rule stands behind, with the reason "rule removed".
    void close_orphans(const AlarmCause& cause, Effects& out);

    /// Applies an alarm event of the log: acknowledgements, numbers. True: its id is remembered.
    bool recovered(const Event& event);
    bool logged(ActionId id) const { return logged_.count(id) != 0; }
    void end_recovery() { logged_.clear(); }

private:
    std::map<std::string, AlarmRecord, std::less<>> records_;
    std::set<ActionId> logged_;
};

/// Value of a member in the JSON members of an event, without quotes; texts with escapes stay raw.
std::optional<std::string_view> json_member(std::string_view members, std::string_view key);

}  // namespace fog
