#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "firmware/core/node.hpp"

namespace fog::sim {

/// TOML text with what its `include = [...]` names merged in, files beside `folder`: tables are
/// merged, arrays put one behind the other (the included first), of single values the including
/// file's wins. Nothing = faults were added. An empty folder: nothing can be included.
std::optional<Node> parse_with_includes(std::string_view text, std::string_view file,
                                        const std::filesystem::path& folder,
                                        std::vector<Fault>& faults);

}  // namespace fog::sim
