#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "firmware/core/value.hpp"

namespace fog::sim {

/// The text as JSON; `is_discarded()` if it is none. Never throws.
inline nlohmann::json parse_json(std::string_view text) {
    return nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
}
inline std::string text_of(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
inline std::uint64_t number_of(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}
inline bool flag_of(const nlohmann::json& object, const char* key, bool otherwise) {
    const auto found = object.find(key);
    return found != object.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}
/// Objects and arrays are no values: they become null.
inline Value value_of(const nlohmann::json& node) {
    if (node.is_boolean()) return node.get<bool>();
    if (node.is_number_integer()) return node.get<std::int64_t>();
    if (node.is_number()) return node.get<double>();
    if (node.is_string()) return node.get<std::string>();
    return {};
}

}  // namespace fog::sim
