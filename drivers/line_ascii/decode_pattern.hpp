#pragma once

#include <string>
#include <string_view>

namespace fog::line {

/// Why a template or an expression cannot be used; empty = it can.
std::string check_template(std::string_view text);
std::string check_regex(const std::string& text, std::size_t names);

}  // namespace fog::line
