#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "firmware/config/config.hpp"
#include "firmware/config/json.hpp"
#include "firmware/config/toml.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::vector<fog::Fault> faults;
    const auto node = fog::parse_toml(text, "fuzz.toml", faults);
    if (!node) {
        if (faults.empty()) std::abort();
        return 0;
    }
    (void)fog::read_config(*node, faults);
    const auto written = fog::write_toml(*node);
    if (!written) std::abort();
    const auto again = fog::parse_toml(*written, "again.toml", faults);
    if (!again || !again->same(*node)) std::abort();
    return 0;
}
