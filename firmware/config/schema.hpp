#pragma once

#include <string_view>
#include <vector>

#include "firmware/core/node.hpp"

namespace fog {

/// Checks a value against the JSON Schema text of a component. Understood: type, properties,
/// required, additionalProperties (true, false or a schema), items, enum, const, minimum, maximum,
/// minLength, maxLength, minItems, maxItems; other words (title, description ...) say nothing.
/// An empty schema text allows everything; a broken one is a fault E0030. Pure.
void check_schema(const Node& value, std::string_view schema, std::vector<Fault>& faults);

}  // namespace fog
