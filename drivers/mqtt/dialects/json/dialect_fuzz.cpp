#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "drivers/dialect.hpp"
#include "tests/support/collected.hpp"

namespace fog {
extern const DialectInfo json_dialect;
}

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto dialect = fog::json_dialect.make(fog::Limits{});
    // The first line is the topic, the rest the payload.
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto line = std::min(input.find('\n'), size);
    const auto topic = input.substr(0, line);
    const auto payload = fog::as_bytes(input.substr(std::min(line + 1, size)));
    const fog::Message message{topic, payload, size % 2 == 0,
                               fog::WallTime{std::chrono::seconds{1'795'279'200}}};
    fog::Collected first, second;
    (void)dialect->claim(topic, payload);
    dialect->decode(message, fog::Context{}, first);
    dialect->decode(message, fog::Context{}, second);
    if (first.readings != second.readings || first.raws != second.raws) __builtin_trap();
    return 0;
}
