#include "firmware/io/files.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/support/temp_folder.hpp"

using namespace fog;

TEST_CASE("files: what was written is read back, and replaced whole") {
    const TempFolder folder;
    const auto path = folder.path() / "a.toml";
    REQUIRE(write_file(path, "one").has_value());
    REQUIRE(write_file(path, "two").has_value());
    CHECK(*read_file(path) == "two");
    CHECK(read_file(path, 2).error().code == Errc::bad_config);
}

TEST_CASE("files: a missing file is named") {
    const auto missing = read_file("/nonexistent/x");
    REQUIRE(!missing);
    CHECK(missing.error().code == Errc::not_found);
    CHECK(missing.error().what.find("/nonexistent/x") != std::string::npos);
}

TEST_CASE("files: a lock is held once and says by whom") {
    const TempFolder folder;
    auto first = lock_file(folder.path() / "lock");
    REQUIRE(first.has_value());
    const auto second = lock_file(folder.path() / "lock");
    REQUIRE(!second);
    CHECK(second.error().code == Errc::busy);
    CHECK(second.error().what.find(std::to_string(::getpid())) != std::string::npos);
}

TEST_CASE("files: random text has the length asked for and differs") {
    CHECK(random_base64url(32).size() == 43);
    CHECK(random_hex(8).size() == 16);
    CHECK(random_hex(16) != random_hex(16));
}
