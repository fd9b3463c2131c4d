#pragma once

#include <string_view>

namespace fog {

/// openapi.yaml as built in.
std::string_view openapi_text();

}  // namespace fog
