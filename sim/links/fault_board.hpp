#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "firmware/core/result.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {

/// The faults of a run: those of the scenario, in its time, and those added while it runs. Says
/// when one begins and ends; what it does is the business of what it acts on.
/// Thread: one. Pure but for what it keeps.
class FaultBoard {
public:
    static constexpr std::size_t kLive = 1'000;  // added ones at a time

    explicit FaultBoard(const Scenario& scenario);

    struct Entry {
        FaultSpec spec;
        bool live = false;     // added while running
        bool active = false;   // its beginning was told, its end not
        bool skipped = false;  // this occurrence was not drawn
        bool cleared = false;
    };
    struct Change {
        const FaultSpec* fault;  // until the next call of update()
        bool begins;
    };

    /// Begins at `now`; its id. Errc::busy if there are too many.
    Result<std::uint64_t> add(FaultSpec fault, SimTime now);
    /// Ends it for good. Errc::not_found.
    Result<void> clear(std::uint64_t id);
    /// What has begun and ended by `now`, in the order of ids.
    void update(SimTime now, std::vector<Change>& changes);
    std::optional<SimTime> next_change(SimTime now) const;
    bool silenced(std::size_t device) const;
    const std::deque<Entry>& entries() const { return entries_; }

private:
    bool wanted(Entry& entry, SimTime now) const;

    std::uint64_t seed_;
    std::uint64_t last_id_ = 0;
    std::deque<Entry> entries_;
    bool changed_ = true;
};

}  // namespace fog::sim
