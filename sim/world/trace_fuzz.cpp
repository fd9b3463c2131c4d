#include <cstdint>
#include <string_view>

#include "sim/world/trace.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view csv(reinterpret_cast<const char*>(data), size);
    for (const std::string_view column : {"", "value", "3"}) {
        const auto rows = fog::sim::parse_trace(csv, {column, true});
        if (!rows) continue;
        for (std::size_t i = 1; i < rows->size(); ++i) {
            if ((*rows)[i].at <= (*rows)[i - 1].at) __builtin_trap();
        }
    }
    return 0;
}
