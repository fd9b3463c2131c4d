#include <cstdint>
#include <string_view>

#include "sim/cloud/far_record.hpp"
#include "sim/cloud/fields.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view payload(reinterpret_cast<const char*>(data), size);
    fog::sim::Fields quick, slow;
    const bool plain = quick.read_plainly(payload);
    if (plain && !slow.read_slowly(payload)) __builtin_trap();
    for (const char* key : {"gw", "seq", "dev", "pt", "v", "hist"}) {
        if (!plain) break;
        if (quick.text(key) != slow.text(key) || quick.number(key) != slow.number(key) ||
            quick.value(key) != slow.value(key)) {
            __builtin_trap();
        }
    }
    const auto records = fog::sim::parse_far_payload(payload);
    std::string line, quickly;
    const auto added = fog::sim::FarLines("cloud").append(quickly, payload, 1);
    if (added.has_value() != records.has_value()) __builtin_trap();
    if (records) {
        for (const auto& record : *records) fog::sim::append_far_line(line, "cloud", record, 1);
        if (quickly != line) __builtin_trap();
        // What we write about a record is a record again.
        if (!records->empty() && !fog::sim::parse_far_payload(line.substr(0, line.find('\n')))) {
            __builtin_trap();
        }
    }
    return 0;
}
