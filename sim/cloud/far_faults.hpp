#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "sim/world/fault_spec.hpp"
#include "sim/world/random.hpp"

namespace fog::sim {

/// The faults that hold at a far side, and the seeded chance of each. Thread: one.
class FarFaults {
public:
    FarFaults(std::uint64_t seed, std::string entity) : seed_(seed), entity_(std::move(entity)) {}

    void set(const FaultSpec& fault, bool on) {
        const auto same = [&fault](const FaultSpec& each) { return each.id == fault.id; };
        active_.erase(std::remove_if(active_.begin(), active_.end(), same), active_.end());
        if (on) active_.push_back(fault);
    }
    /// One of this kind, without chance.
    const FaultSpec* find(FaultKind kind) const {
        const auto found =
            std::find_if(active_.begin(), active_.end(),
                         [kind](const FaultSpec& each) { return each.kind == kind; });
        return found == active_.end() ? nullptr : &*found;
    }
    /// One of this kind that strikes this time.
    const FaultSpec* strikes(FaultKind kind) {
        const FaultSpec* fault = find(kind);
        if (fault == nullptr) return nullptr;
        const RandomStream chance(seed_, entity_, to_text(kind));
        if (chance.uniform(drawn_[kind]++) >= fault->probability) return nullptr;
        ++struck_[kind];
        return fault;
    }
    std::uint64_t struck(FaultKind kind) const {
        const auto found = struck_.find(kind);
        return found == struck_.end() ? 0 : found->second;
    }

private:
    std::uint64_t seed_;
    std::string entity_;
    std::vector<FaultSpec> active_;
    std::map<FaultKind, std::uint64_t> drawn_, struck_;
};

/// A far side that fogsim runs itself.
class FarSide {
public:
    virtual ~FarSide() = default;
    /// Any thread.
    virtual void set(const FaultSpec& fault, bool begins) = 0;
    virtual void stop() = 0;
};

}  // namespace fog::sim
