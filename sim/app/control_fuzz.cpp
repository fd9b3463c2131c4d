#include <cstdint>
#include <string_view>

#include "sim/app/control.hpp"
#include "sim/app/scenario_file.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto kScenario = fog::sim::scenario_from(
        "name = \"x\"\n[[device]]\nid = \"scale-1\"\npersonality = \"serial.line\"\n"
        "point.p.signal = { input = 1 }\n"
        "[[device]]\nid = \"freezer-1\"\npersonality = \"mqtt.json\"\npoint.p.signal = 1\n",
        "x", {});
    const auto parsed =
        fog::sim::parse_http_request({reinterpret_cast<const char*>(data), size}, 65'536);
    if (parsed.state != fog::sim::HttpParse::State::complete) return 0;
    const auto call = fog::sim::parse_control(parsed.request, *kScenario);
    if (!call && fog::sim::control_problem(call.error()).empty()) __builtin_trap();
    return 0;
}
