#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "firmware/config/json.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::vector<fog::Fault> faults;
    const auto node = fog::parse_json(text, faults);
    if (!node) {
        if (faults.size() != 1) std::abort();
        return 0;
    }
    const auto again = fog::parse_json(fog::write_json(*node), faults, {.bytes = 16U << 20U});
    if (!again || !again->same(*node)) std::abort();
    return 0;
}
