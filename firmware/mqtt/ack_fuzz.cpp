#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "firmware/mqtt/packet.hpp"

// Byte 0: version; byte 1: type; the rest is the body of an ack or a DISCONNECT.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fog::mqtt;
    if (size < 2) return 0;
    const Version version = (data[0] & 1U) != 0 ? Version::v5 : Version::v3;
    const auto type = static_cast<Type>(data[1] >> 4U);
    const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
    if (type == Type::disconnect) {
        Disconnect disconnect;
        static_cast<void>(read_disconnect(body, version, disconnect));
        return 0;
    }
    Ack ack;
    if (!read_ack(type, body, version, ack) && ack.id == 0) std::abort();
    return 0;
}
