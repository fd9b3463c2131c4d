#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/boot_table.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/metrics.hpp"
#include "firmware/core/node.hpp"
#include "firmware/core/point_directory.hpp"
#include "firmware/core/reading.hpp"
#include "firmware/core/records.hpp"
#include "rules/alarms/alarm.hpp"
#include "rules/engine/effects.hpp"

namespace fog {

/// Where and when a call happens; stamps what it makes.
struct RuleMoment {
    BootId boot;
    MonoTime now;
};

/// One rule bound to one device (or to nothing: device "gateway"), for people.
struct RuleInstanceInfo {
    std::string device;
    std::string state;  // "yes", "no", "unknown", "waiting" (for points), "faulted", "filter"
    std::string why;    // of waiting and faulted
};

struct RuleInfo {
    std::string id;
    std::string title;
    std::string mode;  // "on" or "off"
    std::uint64_t version = 0;
    std::string who;            // who saved this version
    std::vector<Fault> faults;  // of the newest save that did not load, and warnings
    bool active = false;        // false: off, or no version ever loaded
    std::uint64_t evaluations = 0;
    std::uint64_t fires = 0;
    std::uint64_t withheld = 0;
    std::vector<RuleInstanceInfo> instances;
};

/// One alarm that is not normal.
struct AlarmInfo {
    std::string alarm;  // "<dev>/<rule>"
    std::string occurrence;
    std::string device;
    std::string point;
    std::string rule;
    std::uint64_t version = 0;
    AlarmState state = AlarmState::normal;
    bool stale = false;
    Severity severity = Severity::high;
    std::string level;
    std::string area;
    std::string text;
    Value value;  // that raised or escalated it
    std::string unit;
    std::optional<double> limit;
    BootId boot;  // `since` counts from here
    MonoTime since;
    std::string acked_by;
    std::string note;
};

/// All rules and their alarms: records in, effects out.
///
/// Thread: fog-pipe (live) or the job that previews; check() any. Blocks: never; no I/O, no clock:
/// time comes with the records and with on_time(). Fails: a bad rule keeps its last good version.
///
/// Order of calls. Records go in by ascending seq. Samples of one device with the same `received`
/// that stand side by side are one batch: all are applied, then each rule is judged once. At equal
/// time samples go before timers, so on_time(now) is for a `now` that was read before the ingest
/// queue was found empty.
///
/// After a crash: load() every rule, restore() the snapshot, recover() the log's records with
/// seq > restore()'s answer in order, then end_recovery(). What the log already holds is not
/// repeated. This needs one thing of the log: an alarm event is never committed without the samples
/// that have lower numbers than it.
class RuleEngine {
public:
    /// All three outlive the engine; `boots` may be null (then wall-clock functions are unknown).
    RuleEngine(const PointDirectory& points, const Limits& limits, Metrics& metrics,
               const BootTable* boots = nullptr);
    ~RuleEngine();
    RuleEngine(const RuleEngine&) = delete;
    RuleEngine& operator=(const RuleEngine&) = delete;

    /// The calling thread owns the engine from now on (the constructing one does until then).
    void adopt();

    // --- rules
    /// All faults of a rule, without side effects. Empty or only warnings: it may be loaded.
    std::vector<Fault> check(std::string_view id, const Node& spec) const;
    /// Compiles and activates. With faults (not only warnings) the last good version stays active.
    std::vector<Fault> load(std::string_view id, const Node& spec, std::uint64_t version,
                            std::string_view who, RuleMoment at, Effects& out);
    /// Ends a rule; its alarms are closed with the reason "rule removed". False: no such rule.
    bool remove(std::string_view id, RuleMoment at, Effects& out);
    std::vector<RuleInfo> list() const;

    // --- the path of records
    /// A device, a point or a unit is new or changed in the directory: binds and recompiles.
    void point_appeared(PointId point, RuleMoment at, Effects& out);
    void on_batch(std::span<const Record> records, Effects& out);
    /// When on_time() is due next.
    std::optional<MonoTime> next_timer() const;
    void on_time(RuleMoment at, Effects& out);

    // --- alarms
    /// The state after; acknowledging twice, or a normal alarm, changes nothing and is no error.
    /// Fails: not_found (nobody ever raised it).
    Result<AlarmState> ack_alarm(std::string_view alarm, std::string_view who,
                                 std::string_view note, RuleMoment at, Effects& out);
    /// Releases a latched alarm. Fails: not_found; conflict while the condition is still true.
    Result<AlarmState> reset_alarm(std::string_view alarm, std::string_view who,
                                   std::string_view note, RuleMoment at, Effects& out);
    /// Every alarm that is not normal, by id.
    std::vector<AlarmInfo> alarms() const;

    // --- restart
    /// True when something changed since the last save().
    bool dirty() const;
    /// The state after the last record handed in (its seq is inside). Versioned, CRC per instance.
    void save(Bytes& out);
    /// Takes a snapshot over into the loaded rules; returns the seq it covers (0: start with
    /// nothing). A damaged instance starts empty with an event `state-lost`; fails only when the
    /// whole is unreadable.
    Result<Seq> restore(std::span<const std::byte> snapshot, RuleMoment at, Effects& out);
    /// Records of the log, samples and events alike, ascending. Effects are held back.
    void recover(std::span<const Record> records);
    /// Effects the log did not have yet; `at` is the present boot and time.
    void end_recovery(RuleMoment at, Effects& out);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fog
