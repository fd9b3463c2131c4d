#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/limits.hpp"
#include "firmware/core/node.hpp"

namespace fog {

/// What a JSON text may be at most; beyond it is a fault.
struct JsonBounds {
    std::size_t bytes = Limits{}.body_bytes;
    std::size_t depth = Limits{}.json_depth;
    std::size_t nodes = 50'000;
};

/// JSON text (RFC 8259) as a Node with pointers; marks have line 0. Refused: a name twice in one
/// object, integers beyond 64 bits, numbers beyond a double, anything after the value.
/// Nothing = one fault was added; its detail names the byte offset, its mark line and column.
/// Any thread, no I/O, never throws.
std::optional<Node> parse_json(std::string_view text, std::vector<Fault>& faults,
                               const JsonBounds& bounds = {});

/// Compact JSON text, members in their order. A double keeps its ".0" so that it reads back as a
/// double; NaN and infinities become null.
std::string write_json(const Node& node);

/// JSON pointer of a member: `parent` + "/" + `key` with ~ and / escaped.
std::string pointer_to(std::string_view parent, std::string_view key);

}  // namespace fog
