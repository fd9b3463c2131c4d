#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "firmware/app/fogctl/sse_reader.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto run = [text](std::size_t step) {
        fog::SseReader reader;
        std::string all;
        for (std::size_t at = 0; at < text.size(); at += step)
            reader.feed(text.substr(at, step), [&](const fog::SseReader::Event& event) {
                all += event.name + "|" + event.id + "|" + event.data + ";";
                return true;
            });
        return all;
    };
    if (run(1) != run(text.size() + 1)) std::abort();
    return 0;
}
