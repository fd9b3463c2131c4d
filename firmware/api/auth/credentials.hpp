#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "firmware/api/auth/secrets.hpp"
#include "firmware/core/clock.hpp"
#include "firmware/core/result.hpp"

namespace fog {

enum class CredentialKind : std::uint8_t { session, token, stream };
std::string_view to_text(CredentialKind kind);

/// A session, a token or a stream token; the secret itself is not kept.
struct Credential {
    std::uint64_t id = 0;
    std::uint64_t parent = 0;  // of a stream token: goes when the parent goes
    CredentialKind kind = CredentialKind::token;
    std::string name;
    Digest hash{};
    std::string last4;
    std::uint32_t scopes = 0;
    std::vector<std::string> patterns;
    WallTime created{};
    std::optional<WallTime> expires;
    std::optional<MonoTime> deadline;                // `expires` on the clock nobody can set
    mutable std::atomic<std::int64_t> last_used{0};  // wall seconds; 0 = never

    bool expired(const Clock& clock) const {
        if (deadline) return clock.mono() >= *deadline;
        return expires && clock.trusted() && clock.wall() >= *expires;
    }
};
using CredentialPtr = std::shared_ptr<const Credential>;

/// Everything check() needs, never changed once published.
struct AuthState {
    std::string admin_hash;  // empty: unclaimed
    std::uint64_t next_id = 1;
    std::vector<CredentialPtr> credentials;
    std::unordered_map<Digest, CredentialPtr, DigestHash> by_hash;
    std::unordered_map<std::uint64_t, CredentialPtr> by_id;

    void add(CredentialPtr credential);
    /// Removes it and what was derived from it; false if there is none.
    bool remove(std::uint64_t id);
    void remove_expired(const Clock& clock);
    std::size_t count(CredentialKind kind, std::uint64_t parent = 0) const;
};

/// auth.json: hashes only. Reading gives Errc::storage_error with the place for a damaged file.
std::string write_auth_state(const AuthState& state);
Result<AuthState> read_auth_state(std::string_view text, const Clock& clock);

}  // namespace fog
