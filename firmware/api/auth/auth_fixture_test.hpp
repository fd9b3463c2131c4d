#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "firmware/api/auth/auth_store.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog {

/// A store in a folder of its own, with cheap passphrase hashing and a clock that stands still.
struct AuthFixture {
    static constexpr std::string_view kPassphrase = "correct horse battery";
    TempFolder folder;
    FakeClock clock;
    AuthOptions options{.state_file = folder.path() / "auth.json",
                        .claim_file = folder.path() / "claim",
                        .gateway_id = "gw-1",
                        .session = std::chrono::hours(12),
                        .claim_code_hash = "",
                        .cost = {.operations = 1, .memory_bytes = 64U << 10U}};
    std::unique_ptr<AuthStore> store = reopened();

    std::unique_ptr<AuthStore> reopened() {
        auto opened = AuthStore::open(options, clock);
        REQUIRE(opened);
        return std::move(*opened);
    }
    Issued claimed() {
        auto session = store->claim(*store->claim_code(), kPassphrase);
        REQUIRE(session);
        return *session;
    }
    Principal local() const { return {"local", scope::kAll, {"#"}, {}, 0, false}; }
    Authenticator::Why ask(std::string_view bearer, Principal& who) {
        return store->check({bearer, {}}, who);
    }
    Authenticator::Why ask(std::string_view bearer) {
        Principal who;
        return ask(bearer, who);
    }
    Authenticator::Why ask_cookie(const std::string& cookie, Principal& who) {
        return store->check({{}, cookie}, who);
    }
};

}  // namespace fog
