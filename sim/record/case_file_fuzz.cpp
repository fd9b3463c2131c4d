#include <cstddef>
#include <cstdint>

#include "firmware/io/files.hpp"
#include "sim/record/alarm_story.hpp"

namespace {

/// The bytes as a recording; and the same as the text inside of one, where most of the parser is.
void read(std::string_view bytes) {
    fog::sim::CaseLimits limits;
    limits.text_bytes = 1U << 20U;
    limits.records = 10'000;
    const auto found = fog::sim::read_case(bytes, limits);
    if (!found) return;
    const fog::sim::CaseTime time(*found);
    const auto story = fog::sim::recorded_story(*found, time);
    (void)fog::sim::compare(story, story, {{}, time.end(), std::chrono::seconds(2)});
}

/// A zstd frame that holds the text as it is: one stored block after the other.
std::string framed(std::string_view text) {
    std::string out("\x28\xB5\x2F\xFD\x00\x58", 6);  // no checksum, a window of 2 MiB
    do {
        const std::string_view piece = text.substr(0, 100'000);
        text.remove_prefix(piece.size());
        const std::size_t head = (piece.size() << 3U) | (text.empty() ? 1U : 0U);
        for (unsigned shift = 0; shift < 24; shift += 8) {
            out += static_cast<char>((head >> shift) & 0xFFU);
        }
        out += piece;
    } while (!text.empty());
    return out;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    read(bytes);
    read(framed(bytes));
    return 0;
}
