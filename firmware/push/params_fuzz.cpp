#include <cstdint>
#include <string_view>

#include "firmware/push/params.hpp"

// Queries, JSON bodies and channel patterns as clients send them.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const fog::Limits limits;
    fog::StreamParams params;
    (void)fog::parse_stream_params(fog::stream_query("/s?" + std::string(text)), limits, params);
    const auto json = fog::json_params(text);
    if (!json.problem) {
        fog::StreamParams more;
        (void)fog::parse_stream_params(json.list, limits, more);
        fog::apply_last_event_id(text, more);
        (void)fog::narrow_to({"samples/#", "alarms/+/x"}, more.channels);
    }
    return 0;
}
