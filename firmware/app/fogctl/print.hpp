#pragma once

#include <string>
#include <string_view>

#include "firmware/core/node.hpp"

namespace fog {

/// An answer for people: "key  value" lines, lists of objects as aligned columns. Text from the box
/// is shown without control characters.
std::string readable(const Node& node);

/// One record of the stream ({"dev","pt","v",...}) as a line; other events as their JSON text.
std::string record_line(const Node& record);

/// The text without control characters (a device name must not steer a terminal).
std::string printable(std::string_view text);

}  // namespace fog
