#include <cstdint>
#include <cstdlib>

#include "firmware/http/ws_frame.hpp"

// The first byte says into what pieces the rest is cut, and whether it is a stream: the events
// may not depend on the cuts.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t step = data[0] % 16 + 1;
    const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
    std::string whole, cut;
    const bool stream = data[0] >= 128;
    // Of a stream only the bytes themselves may not depend on it, and what else comes.
    const auto run = [&bytes, stream](std::size_t piece, std::string& out) {
        auto decoder = stream ? fog::ws::Decoder::of_stream() : fog::ws::Decoder(4096);
        std::string streamed;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            auto in = bytes.subspan(at, std::min(piece, bytes.size() - at));
            for (;;) {
                const auto event = decoder.next(in);
                if (event.kind == fog::ws::Decoder::Kind::more) break;
                if (stream && event.kind == fog::ws::Decoder::Kind::binary) {
                    streamed += event.data;
                    continue;
                }
                out += std::to_string(static_cast<int>(event.kind)) + ":" +
                       std::to_string(event.code) + event.data + "\n";
            }
        }
        out += streamed;
    };
    run(bytes.size() + 1, whole);
    run(step, cut);
    if (whole != cut) std::abort();
    return 0;
}
