#pragma once

#include <filesystem>

#include "firmware/config/load.hpp"

namespace fog {

/// Checks a configuration with everything this build knows: schema, uplinks, ports, rules. Opens
/// nothing but the files themselves, writes nothing.
ConfigReport check_everything(const std::filesystem::path& path);

}  // namespace fog
