#include "firmware/io/memory.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "firmware/core/text.hpp"

namespace fog {
namespace {

/// Resident KiB of this process's mapped files.
long resident_files() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word != "RssFile:") continue;
        long kib = 0;
        status >> kib;
        return kib;
    }
    return -1;
}

TEST_CASE("memory: code that only the start needed is given back, and comes again when called") {
    const long before = resident_files();
    REQUIRE(before > 0);
    release_start_memory();
    CHECK(resident_files() < before);
    CHECK(to_rfc3339(WallTime{}) == "1970-01-01T00:00:00.000Z");
}

}  // namespace
}  // namespace fog
