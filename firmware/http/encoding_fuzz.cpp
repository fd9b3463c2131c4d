#include <cstddef>
#include <cstdint>
#include <string>

#include "firmware/http/encoding.hpp"

// An Accept-Encoding list from anybody, and gzip text: both must end, within bounds.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)fog::accepts(text, "gzip");
    fog::Inflater inflater(text);
    std::string chunk;
    for (int i = 0; i < 64 && inflater.next(chunk); ++i) {
    }
    return 0;
}
