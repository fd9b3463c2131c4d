#pragma once

#include <filesystem>
#include <optional>

#include "sim/links/engine.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {

struct VirtualOptions {
    std::filesystem::path out;  // there already
    std::optional<SimTime> until{};
    /// Where the gateway's log lies while it runs; empty: a folder in memory if there is one.
    std::filesystem::path state{};
};

struct VirtualResult {
    RunResult run;
    SimTime simulated{};  // with the time the backlog took to drain
    std::uint64_t commits = 0;
};

/// Runs world and gateway in this process, on a clock that jumps to the next thing that is due once
/// nothing is left to do. The same scenario and seed write the same ledger.jsonl, far-<sink>.jsonl
/// and link-<device>.bin, byte for byte.
/// Thread: the caller's. Blocks on the disk. An endless scenario needs `until`.
Result<VirtualResult> run_virtual(Scenario scenario, const VirtualOptions& options);

}  // namespace fog::sim
