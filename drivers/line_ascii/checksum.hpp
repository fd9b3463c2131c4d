#pragma once

#include <optional>
#include <string_view>

#include "drivers/line_ascii/config.hpp"

namespace fog::line {

/// The line without its checksum; nothing if the checksum is missing or wrong.
std::optional<std::string_view> check_line(std::string_view line, const Options& options);

}  // namespace fog::line
