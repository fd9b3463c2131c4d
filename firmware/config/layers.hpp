#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firmware/core/node.hpp"

namespace fog {

/// Lays `over` onto `base`: tables merge by key, anything else replaces, except lists whose
/// elements have an `id`: those are joined, and an id in both is a fault naming both places. Pure.
void merge_layer(Node& base, Node over, std::vector<Fault>& faults);

/// Sets the value at a dotted path ("http.port", "uplink.head-office.url": an element of a list is
/// named by its id). `text` is read as TOML (8080, true, ["a"], "x"); what is not TOML is a string.
/// `origin` says in faults where the value came from.
void set_by_path(Node& root, std::string_view path, std::string_view text, std::string_view origin,
                 std::vector<Fault>& faults);

/// FOGLINE_SECTION__KEY=value pairs of an environment as ("section.key", "value"), sorted; names
/// without "__" are not configuration.
std::vector<std::pair<std::string, std::string>> environment_settings(
    const std::vector<std::pair<std::string, std::string>>& environment);

/// Names of objects: [a-z0-9][a-z0-9-]{0,62}.
bool valid_object_id(std::string_view id);

}  // namespace fog
