#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/node.hpp"
#include "firmware/core/result.hpp"

namespace fog {

/// TOML 1.0 text as a Node: members in file order, every node with the mark of its value and its
/// JSON pointer; dates and times are strings. `file` is only the name put into marks.
/// Nothing = a fault was added (syntax, nesting, size), with line, column and hint.
/// Any thread, no I/O, never throws.
std::optional<Node> parse_toml(std::string_view text, std::string_view file,
                               std::vector<Fault>& faults);

/// A table as TOML text, the same text for the same node. Null members are left out (TOML has no
/// null); null elsewhere, NaN and infinities are bad_request.
Result<std::string> write_toml(const Node& table);

}  // namespace fog
