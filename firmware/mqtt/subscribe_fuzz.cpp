#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "firmware/mqtt/packet.hpp"

// Byte 0: version; byte 1: type; the rest is the body of a SUBSCRIBE or UNSUBSCRIBE.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fog::mqtt;
    if (size < 2) return 0;
    const Version version = (data[0] & 1U) != 0 ? Version::v5 : Version::v3;
    const bool un = static_cast<Type>(data[1] >> 4U) == Type::unsubscribe;
    const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
    Subscribe packet;
    if (un ? read_unsubscribe(body, version, packet) : read_subscribe(body, version, packet))
        return 0;
    std::size_t count = 0;
    for (Filter filter; packet.filters.next(filter); ++count)
        if (filter.qos > 2 || filter.retain_handling > 2) std::abort();
    if (count == 0 || count != packet.filters.size()) std::abort();
    return 0;
}
