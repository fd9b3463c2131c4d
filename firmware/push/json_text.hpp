#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "firmware/http/message.hpp"

namespace fog {

/// JSON of clients, at most so deep; the problem json-invalid with the offset otherwise.
std::optional<Problem> parse_json_text(std::string_view text, std::size_t most_depth,
                                       nlohmann::json& out);

}  // namespace fog
