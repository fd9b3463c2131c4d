#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "firmware/core/pack.hpp"
#include "rules/operator.hpp"

namespace fog {

/// The shown state, derived from the facts below (after ISA-18.2).
enum class AlarmState : std::uint8_t {
    normal,
    active_unack,
    active_acked,
    returned_unack,
    latched_acked
};
std::string_view to_text(AlarmState state);  // "active-unack"

enum class Severity : std::uint8_t { low, medium, high, critical };
std::string_view to_text(Severity severity);
bool parse_severity(std::string_view text, Severity& out);

/// What a step of the machine did; each is one event in the log.
enum class AlarmChange : std::uint8_t {
    raised,
    escalated,
    deescalated,
    cleared,
    acked,
    reset,
    stale,    // the condition became unknown
    unstale,  // known again, otherwise unchanged
    closed    // rule off or removed, or no_data = "clear"
};
std::string_view to_text(AlarmChange change);

struct AlarmPolicy {
    bool ack_required = true;
    bool latch = false;  // after return and acknowledgement a person must reset
};

/// How severe levels compare: 0 none, 1 L/H/on, 2 LL/HH.
int rank_of(Level level);
/// "LL", "L", "H", "HH", "on", "".
std::string_view to_text(Level level);

/// One alarm's facts and the table of transitions. Pure: no time, no text, no I/O.
/// Thread: its owner's.
class Alarm {
public:
    explicit Alarm(AlarmPolicy policy = {}) : policy_(policy) {}

    AlarmState state() const;
    Level level() const { return level_; }
    bool stale() const { return stale_; }
    bool active() const { return active_; }
    /// Number of the present or last occurrence; 0 = never raised.
    std::uint64_t occurrence() const { return occurrence_; }
    /// Numbers go on above what is already in the log.
    void seen_occurrence(std::uint64_t number);
    void set_policy(AlarmPolicy policy) { policy_ = policy; }

    /// Each answers with what happened, nothing when nothing changed.
    std::optional<AlarmChange> condition(Truth truth, Level level);
    std::optional<AlarmChange> ack();
    std::optional<AlarmChange> reset();  // nothing while the condition is true
    std::optional<AlarmChange> close();

    void save(Packer& state) const;
    bool load(Unpacker& state);
    bool operator==(const Alarm& other) const;

private:
    std::optional<AlarmChange> condition_true(Level level);
    std::optional<AlarmChange> condition_false();

    AlarmPolicy policy_;
    bool active_ = false;
    bool needs_ack_ = false;
    bool latched_ = false;
    bool stale_ = false;
    Level level_ = Level::none;
    std::uint64_t occurrence_ = 0;
};

}  // namespace fog
