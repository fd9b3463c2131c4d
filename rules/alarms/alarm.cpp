#include "rules/alarms/alarm.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace fog {

std::string_view to_text(AlarmState state) {
    static constexpr std::array<std::string_view, 5> kTexts = {
        "normal", "active-unack", "active-acked", "returned-unack", "latched-acked"};
    return kTexts[static_cast<std::size_t>(state)];
}

std::string_view to_text(Severity severity) {
    static constexpr std::array<std::string_view, 4> kTexts = {"low", "medium", "high", "critical"};
    return kTexts[static_cast<std::size_t>(severity)];
}

bool parse_severity(std::string_view text, Severity& out) {
    for (const auto one : {Severity::low, Severity::medium, Severity::high, Severity::critical}) {
        if (text != to_text(one)) continue;
        out = one;
        return true;
    }
    return false;
}

std::string_view to_text(AlarmChange change) {
    static constexpr std::array<std::string_view, 9> kTexts = {
        "raised", "escalated", "deescalated", "cleared", "acked",
        "reset",  "stale",     "unstale",     "closed"};
    return kTexts[static_cast<std::size_t>(change)];
}

std::string_view to_text(Level level) {
    static constexpr std::array<std::string_view, 6> kTexts = {"", "L", "LL", "H", "HH", "on"};
    return kTexts[static_cast<std::size_t>(level)];
}

int rank_of(Level level) {
    switch (level) {
        case Level::none:
            return 0;
        case Level::low:
        case Level::high:
        case Level::on:
            return 1;
        case Level::low_low:
        case Level::high_high:
            return 2;
    }
    return 0;
}

AlarmState Alarm::state() const {
    if (active_) return needs_ack_ ? AlarmState::active_unack : AlarmState::active_acked;
    if (needs_ack_) return AlarmState::returned_unack;
    return latched_ ? AlarmState::latched_acked : AlarmState::normal;
}

void Alarm::seen_occurrence(std::uint64_t number) {
    occurrence_ = std::max(occurrence_, number);
}

std::optional<AlarmChange> Alarm::condition(Truth truth, Level level) {
    switch (truth) {
        case Truth::yes:
            return condition_true(level == Level::none ? Level::on : level);
        case Truth::no:
            return condition_false();
        case Truth::unknown:
            if (state() == AlarmState::normal || stale_) return std::nullopt;
            stale_ = true;
            return AlarmChange::stale;
    }
    return std::nullopt;
}

std::optional<AlarmChange> Alarm::condition_true(Level level) {
    const bool was_stale = std::exchange(stale_, false);
    if (!active_) {
        active_ = true;
        needs_ack_ = true;
        latched_ = policy_.latch;
        level_ = level;
        ++occurrence_;
        return AlarmChange::raised;
    }
    const Level before = std::exchange(level_, level);
    if (rank_of(level) > rank_of(before)) {
        needs_ack_ = true;
        return AlarmChange::escalated;
    }
    if (level != before) return AlarmChange::deescalated;
    if (was_stale) return AlarmChange::unstale;
    return std::nullopt;
}

std::optional<AlarmChange> Alarm::condition_false() {
    const bool was_stale = std::exchange(stale_, false);
    if (active_) {
        active_ = false;
        if (!policy_.ack_required) needs_ack_ = false;
        return AlarmChange::cleared;
    }
    if (was_stale) return AlarmChange::unstale;
    return std::nullopt;
}

std::optional<AlarmChange> Alarm::ack() {
    if (!needs_ack_) return std::nullopt;
    needs_ack_ = false;
    if (state() == AlarmState::normal) stale_ = false;
    return AlarmChange::acked;
}

std::optional<AlarmChange> Alarm::reset() {
    if (active_ || !latched_) return std::nullopt;
    latched_ = false;
    needs_ack_ = false;  // whoever resets has seen it
    stale_ = false;
    return AlarmChange::reset;
}

std::optional<AlarmChange> Alarm::close() {
    if (state() == AlarmState::normal) return std::nullopt;
    active_ = needs_ack_ = latched_ = stale_ = false;
    level_ = Level::none;
    return AlarmChange::closed;
}

void Alarm::save(Packer& state) const {
    state.u8(static_cast<std::uint8_t>((active_ ? 1U : 0U) | (needs_ack_ ? 2U : 0U) |
                                       (latched_ ? 4U : 0U) | (stale_ ? 8U : 0U)));
    state.u8(static_cast<std::uint8_t>(level_));
    state.varint(occurrence_);
}

bool Alarm::load(Unpacker& state) {
    const unsigned bits = state.u8();
    const unsigned level = state.u8();
    const std::uint64_t occurrence = state.varint();
    if (!state.ok() || bits > 15U || level > static_cast<unsigned>(Level::on)) return false;
    active_ = (bits & 1U) != 0;
    needs_ack_ = (bits & 2U) != 0;
    latched_ = (bits & 4U) != 0;
    stale_ = (bits & 8U) != 0;
    level_ = static_cast<Level>(level);
    occurrence_ = occurrence;
    return true;
}

bool Alarm::operator==(const Alarm& other) const {
    return active_ == other.active_ && needs_ack_ == other.needs_ack_ &&
           latched_ == other.latched_ && stale_ == other.stale_ && level_ == other.level_ &&
           occurrence_ == other.occurrence_;
}

}  // namespace fog
