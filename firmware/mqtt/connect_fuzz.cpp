#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "firmware/mqtt/packet.hpp"

// Byte 0 is unused (the packet names its version); the rest is the body of a CONNECT.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    fog::mqtt::Connect connect;
    if (fog::mqtt::read_connect(body, connect)) return 0;
    const auto inside = [body](std::string_view view) {
        return view.empty() || (view.data() >= body.data() &&
                                view.data() + view.size() <= body.data() + body.size());
    };
    if (!inside(connect.client_id) || (connect.user && !inside(*connect.user))) std::abort();
    if (connect.will && (!inside(connect.will->payload) || connect.will->qos > 2)) std::abort();
    return 0;
}
