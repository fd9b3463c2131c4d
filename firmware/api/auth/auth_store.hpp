#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/api/auth/back_off.hpp"
#include "firmware/api/auth/credentials.hpp"
#include "firmware/core/clock.hpp"
#include "firmware/core/guarded.hpp"
#include "firmware/core/result.hpp"
#include "firmware/http/principal.hpp"

namespace fog {

struct AuthOptions {
    std::filesystem::path state_file;  // <state>/auth.json, 0600
    std::filesystem::path claim_file;  // <runtime>/claim, 0640
    std::string gateway_id;            // in the cookie's name: cookies ignore ports
    std::chrono::nanoseconds session = std::chrono::hours(12);
    std::string claim_code_hash;  // hex SHA-256 of the code on a label; empty: a code is made
    PassphraseCost cost;
};

/// A secret as it leaves the box, once.
struct Issued {
    std::string secret;
    std::uint64_t id = 0;
    std::optional<WallTime> expires;
};

struct NewToken {
    std::string name;
    std::uint32_t scopes = 0;
    std::vector<std::string> patterns = {"#"};
    std::optional<std::chrono::seconds> lifetime;  // empty: until revoked
};

/// The admin passphrase, sessions and tokens of this box.
///
/// Threads: check(), still_valid() and claimed() any thread, fog-io above all: they look into an
/// immutable snapshot and never block. Everything else: fog-api threads, serialised here; blocks on
/// the disk, and for a passphrase on Argon2id (one at a time, others get Errc::busy). A change is
/// visible once it is on the disk; if it can't be written nothing has changed.
class AuthStore final : public Authenticator {
public:
    /// Loads the state, makes the claim code if the box is unclaimed. A damaged state file is an
    /// error, never an unclaimed box.
    static Result<std::unique_ptr<AuthStore>> open(AuthOptions options, const Clock& clock);

    Why check(const Credentials& credentials, Principal& out) override;
    bool still_valid(const Principal& principal) override;
    bool claimed() const override;

    /// Sets the passphrase, burns the code and logs the caller in. denied: wrong code; busy: see
    /// claim_wait(); conflict: claimed already; bad_request: passphrase too weak.
    Result<Issued> claim(std::string_view code, std::string_view passphrase);
    /// From the control socket: sets or changes the passphrase without a code; ends all sessions.
    Result<void> set_passphrase(std::string_view passphrase);
    /// From the control socket: forgets passphrase, sessions and tokens; makes a new code.
    Result<void> reset();
    /// The code of an unclaimed box; conflict once claimed, not_found if only its hash is known.
    Result<std::string> claim_code() const;
    std::chrono::seconds claim_wait() const;  // rounded up; zero = a code is looked at

    /// denied: wrong passphrase; busy: wait login_wait(), or another login is being checked.
    Result<Issued> log_in(std::string_view passphrase, std::string_view remote);
    std::chrono::seconds login_wait(std::string_view remote) const;

    Result<Issued> create_token(const NewToken& wanted, const Principal& by);
    /// A token for an EventSource URL: reads live (history if `by` may), at most a day, never more
    /// than `by` may and never longer.
    Result<Issued> create_stream_token(const std::vector<std::string>& patterns,
                                       std::chrono::seconds lifetime, const Principal& by);
    /// A session, token or stream token; open streams close within a second. not_found.
    Result<void> revoke(std::uint64_t id);
    std::vector<CredentialPtr> list(CredentialKind kind) const;

    const std::string& cookie_name() const { return cookie_name_; }
    std::chrono::nanoseconds session_lifetime() const { return options_.session; }

private:
    struct Doors {         // what only fog-api threads touch, one at a time
        std::string code;  // empty: claimed, or only the hash is known
        BackOff claim;
        BackOffTable logins;
    };

    AuthStore(AuthOptions options, const Clock& clock, AuthState state);

    Result<void> open_claim(Doors& doors);
    bool code_matches(const Doors& doors, std::string_view code) const;
    Issued issue(AuthState& state, Credential&& credential, std::string_view prefix);
    Issued issue_session(AuthState& state);
    Result<void> commit(AuthState next);
    std::optional<WallTime> expiry(std::chrono::nanoseconds lifetime) const;

    const AuthOptions options_;
    const Clock& clock_;
    const std::string cookie_name_;
    Snapshot<AuthState> state_;
    mutable Guarded<Doors> doors_;      // held over a change: also orders the writers
    std::atomic<bool> hashing_{false};  // one Argon2id at a time
};

}  // namespace fog
