#include <cstdint>
#include <span>

#include "drivers/framing/cobs.hpp"
#include "drivers/nanopb_frame/codec.hpp"
#include "tests/support/collected.hpp"

// The first byte chooses: raw wire bytes, or the content of one frame each 0x00 with its framing
// and CRC made right, so that the fuzzer gets past them.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fog;
    if (size == 0) return 0;
    mcu::FrameCodec codec({});
    Collected out;
    auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
    if (data[0] % 2 == 0) {
        codec.feed(bytes, out);
        codec.take_output();
        return 0;
    }
    codec.tell_time(MonoTime{std::chrono::seconds{1}}, WallTime{std::chrono::seconds{1}});
    while (bytes.size() > 3) {
        mcu::Header header;
        header.type = std::to_integer<unsigned>(bytes[0]) & 0x0FU;
        header.seq = std::to_integer<std::uint16_t>(bytes[1]);
        const std::size_t length =
            std::min(std::to_integer<std::size_t>(bytes[2]), bytes.size() - 3);
        Bytes wire;
        mcu::encode_frame(header, bytes.subspan(3, length), mcu::Check::crc32, wire);
        codec.feed(wire, out);
        codec.committed();
        codec.take_output();
        bytes = bytes.subspan(3 + length);
    }
    return 0;
}
