#include <cstdint>
#include <span>
#include <string>

#include "drivers/line_ascii/codec.hpp"
#include "tests/support/collected.hpp"

// The first byte chooses the decoder, the second the framing.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fog;
    if (size < 2) return 0;
    line::Options options;
    options.decoder = static_cast<line::DecoderKind>(data[0] % 6);
    options.decimal_comma = data[0] >= 128;
    options.points = {"a", "b"};
    options.pattern =
        options.decoder == line::DecoderKind::regex ? "([a-z]+) ?([0-9.]+)" : "T={t:f} H={h:i}";
    options.checksum = static_cast<line::Checksum>(data[1] / 4 % 5);
    if (data[1] % 4 == 1) {
        options.framing.kind = LineFraming::Kind::length;
        options.framing.length = 7;
    } else if (data[1] % 4 == 2) {
        options.framing.kind = LineFraming::Kind::start_end;
        options.framing.start = "<";
        options.framing.end = ">";
    }
    line::LineCodec codec(options);
    Collected out;
    codec.feed(std::as_bytes(std::span(data, size)).subspan(2), out);
    codec.reset(Cause::stopped);
    const CodecStats stats = codec.stats();
    if (stats.bytes != stats.frame_bytes + stats.discarded_bytes) __builtin_trap();
    return 0;
}
