#pragma once

#include <filesystem>
#include <string>

#include "firmware/core/clock.hpp"
#include "firmware/core/result.hpp"

namespace fog {

/// uuid of this kernel boot. Fails: not_found where /proc is missing.
Result<std::string> kernel_boot_uuid();

/// The gateway id of the state folder ("gw-7f3a"), made at first start.
Result<std::string> gateway_id(const std::filesystem::path& state_folder);

/// The machine's name, for people.
std::string host_name();

/// Whether wall time may be believed: the kernel says synchronised, or it is at least later than
/// this program was built (a clock without battery starts years before).
bool clock_is_plausible(WallTime now);

}  // namespace fog
