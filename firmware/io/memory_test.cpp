#include "firmware/io/memory.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/sanitized.hpp"

namespace fog {
namespace {

/// Resident KiB of this process's own memory.
long resident_heap() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word != "RssAnon:") continue;
        long kib = 0;
        status >> kib;
        return kib;
    }
    return -1;
}

TEST_CASE("memory: heap that is free but held together by what lives is given back") {
    if (kSanitized) {
        MESSAGE("skipped: the sanitizer has an allocator of its own");
        return;
    }
    std::vector<std::unique_ptr<std::string>> pieces;
    for (int i = 0; i < 20'000; ++i) pieces.push_back(std::make_unique<std::string>(1000, 'x'));
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i)
        if (i % 100 != 0) pieces[i].reset();  // what is left keeps the heap from shrinking
    const long before = resident_heap();
    REQUIRE(before > 15'000);
    release_start_memory();
    CHECK(resident_heap() < before - 10'000);
}

}  // namespace
}  // namespace fog
