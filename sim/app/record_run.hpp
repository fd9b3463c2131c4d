#pragma once

#include <cstdint>
#include <filesystem>

#include "sim/app/commands.hpp"
#include "sim/world/signal.hpp"

namespace fog::sim {

/// Pulls what a gateway took in within `last`, and `lead` before it, into `file`; how many records.
/// Thread: the caller's. Blocks: on the gateway and the disk. `command` says where and how.
Result<std::uint64_t> record_case(const RecordCommand& command, SimTime last, SimTime lead,
                                  const std::filesystem::path& file);

}  // namespace fog::sim
