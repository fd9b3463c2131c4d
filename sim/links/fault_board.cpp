#include "sim/links/fault_board.hpp"

#include <algorithm>

#include "sim/world/random.hpp"

namespace fog::sim {

FaultBoard::FaultBoard(const Scenario& scenario) : seed_(scenario.seed) {
    for (const FaultSpec& fault : scenario.faults) {
        entries_.push_back({fault, false, false, false, false});
        entries_.back().spec.id = ++last_id_;
    }
}

Result<std::uint64_t> FaultBoard::add(FaultSpec fault, SimTime now) {
    const auto live = std::count_if(entries_.begin(), entries_.end(),
                                    [](const Entry& each) { return each.live; });
    if (live >= static_cast<std::ptrdiff_t>(kLive)) {
        return Error{Errc::busy, "1000 faults were added already", "clear some"};
    }
    fault.at = now;
    fault.id = ++last_id_;
    entries_.push_back({std::move(fault), true, false, false, false});
    changed_ = true;
    return last_id_;
}

Result<void> FaultBoard::clear(std::uint64_t id) {
    for (Entry& entry : entries_) {
        if (entry.spec.id != id || entry.cleared) continue;
        entry.cleared = true;
        changed_ = true;
        return {};
    }
    return Error{Errc::not_found, "no fault " + std::to_string(id), {}};
}

bool FaultBoard::wanted(Entry& entry, SimTime now) const {
    if (entry.cleared || !entry.spec.active(now)) return entry.skipped = false;
    if (entry.active) return true;
    const FaultSpec& spec = entry.spec;
    if (spec.probability >= 1 || info(spec.kind).each) return true;
    const RandomStream chance(seed_, spec.on, to_text(spec.kind));
    const std::uint64_t draw = (entry.spec.id << 32U) + spec.occurrence(now);
    entry.skipped = chance.uniform(draw) >= spec.probability;
    return !entry.skipped;
}

void FaultBoard::update(SimTime now, std::vector<Change>& changes) {
    changed_ = false;
    const auto over = [now](const Entry& each) {
        const bool done = each.cleared || (now >= each.spec.at && !each.spec.active(now));
        return each.live && !each.active && done;
    };
    entries_.erase(std::remove_if(entries_.begin(), entries_.end(), over), entries_.end());
    for (Entry& entry : entries_) {
        const bool on = wanted(entry, now);
        if (on == entry.active) continue;
        entry.active = on;
        changes.push_back({&entry.spec, on});
    }
}

std::optional<SimTime> FaultBoard::next_change(SimTime now) const {
    if (changed_) return now;
    std::optional<SimTime> out;
    for (const Entry& entry : entries_) {
        if (entry.cleared) continue;
        const auto change = entry.spec.next_change(now);
        if (change && (!out || *change < *out)) out = change;
    }
    return out;
}

bool FaultBoard::silenced(std::size_t device) const {
    return std::any_of(entries_.begin(), entries_.end(), [device](const Entry& each) {
        const auto& devices = each.spec.devices;
        return each.active && each.spec.kind == FaultKind::silent &&
               std::find(devices.begin(), devices.end(), device) != devices.end();
    });
}

}  // namespace fog::sim
