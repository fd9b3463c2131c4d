#include <cmath>
#include <cstdint>
#include <string_view>

#include "sim/world/expression.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto expression = fog::sim::Expression::parse(text, {"a", "b"});
    if (expression) (void)expression->eval(12.5, {1.5, -3});
    return 0;
}
