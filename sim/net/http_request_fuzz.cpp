#include <cstdint>
#include <string_view>

#include "sim/net/http_request.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using State = fog::sim::HttpParse::State;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto whole = fog::sim::parse_http_request(bytes, 4'096);
    if (whole.state != State::complete) return 0;
    if (whole.used == 0 || whole.used > size || whole.request.body.size() > 4'096) {
        __builtin_trap();
    }
    // One byte less is never a whole request, one that follows changes nothing.
    const auto less = fog::sim::parse_http_request(bytes.substr(0, whole.used - 1), 4'096);
    if (less.state == State::complete && less.used == whole.used) __builtin_trap();
    const auto exact = fog::sim::parse_http_request(bytes.substr(0, whole.used), 4'096);
    if (exact.state != State::complete || exact.request.body != whole.request.body) {
        __builtin_trap();
    }
    return 0;
}
