#include <cstdint>
#include <string_view>

#include "sim/cloud/far_record.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view payload(reinterpret_cast<const char*>(data), size);
    const auto records = fog::sim::parse_far_payload(payload);
    std::string line;
    if (records) {
        for (const auto& record : *records) fog::sim::append_far_line(line, "cloud", record, 1);
        // What we write about a record is a record again.
        if (!records->empty() && !fog::sim::parse_far_payload(line.substr(0, line.find('\n')))) {
            __builtin_trap();
        }
    }
    return 0;
}
