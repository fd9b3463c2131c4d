#include "firmware/api/auth/auth_store.hpp"

#include <algorithm>
#include <utility>

#include "firmware/core/limits.hpp"
#include "firmware/core/text.hpp"
#include "firmware/core/topic.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"

namespace fog {
namespace {

constexpr std::size_t kMostSessions = 64;  // the oldest makes room
constexpr std::size_t kMostTokens = 256;
constexpr std::size_t kMostStreamTokens = 1'000;
constexpr std::size_t kMostStreamTokensOfOne = 200;
constexpr std::size_t kPassphraseLetters = 12;
constexpr std::size_t kPassphraseBytes = 1'024;
constexpr std::size_t kMostPatterns = 64;
constexpr std::chrono::seconds kLongestStream = std::chrono::hours(24);
constexpr std::string_view kTokenPrefix = "fgl_";

/// One at a time through a door that does not wait.
class Turn {
public:
    explicit Turn(std::atomic<bool>& taken) : taken_(taken), mine_(!taken.exchange(true)) {}
    ~Turn() {
        if (mine_) taken_ = false;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    explicit operator bool() const { return mine_; }

private:
    std::atomic<bool>& taken_;
    bool mine_;
};

std::chrono::seconds rounded_up(std::chrono::nanoseconds wait) {
    return std::chrono::ceil<std::chrono::seconds>(wait);
}

Error wait_error(std::chrono::nanoseconds wait) {
    return {Errc::busy,
            "too many wrong tries: wait " + std::to_string(rounded_up(wait).count()) + " s", ""};
}

Error busy_hashing() {
    return {Errc::busy, "another passphrase is being checked", "try again in a second"};
}

Result<void> check_passphrase(std::string_view passphrase) {
    if (!valid_utf8(passphrase)) return Error{Errc::bad_request, "the passphrase is not UTF-8", ""};
    const auto letters = std::count_if(passphrase.begin(), passphrase.end(),
                                       [](char c) { return (c & 0xC0) != 0x80; });
    if (static_cast<std::size_t>(letters) < kPassphraseLetters)
        return Error{Errc::bad_request, "the passphrase has fewer than 12 characters",
                     "four unrelated words are long enough and easy to keep"};
    if (passphrase.size() > kPassphraseBytes)
        return Error{Errc::bad_request, "the passphrase is longer than 1024 bytes", ""};
    return {};
}

Result<void> check_patterns(const std::vector<std::string>& patterns, const Principal& by) {
    if (patterns.empty() || patterns.size() > kMostPatterns)
        return Error{Errc::bad_request, "'subscribe' needs 1 to 64 channel patterns", ""};
    for (const std::string& pattern : patterns) {
        if (auto good = check_channel_pattern(pattern); !good)
            return Error{Errc::bad_request, "'" + pattern + "': " + good.error().what,
                         good.error().hint};
        if (std::none_of(by.patterns.begin(), by.patterns.end(),
                         [&](const std::string& wide) { return pattern_contains(wide, pattern); }))
            return Error{Errc::denied, "'" + pattern + "' is outside of what you may subscribe",
                         ""};
    }
    return {};
}

// The value of a cookie in a Cookie header; "" if it is not there.
std::string_view cookie_value(std::string_view header, std::string_view name) {
    while (!header.empty()) {
        const std::size_t end = header.find(';');
        const std::string_view pair = trim(header.substr(0, end));
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
            return pair.substr(name.size() + 1);
        if (end == std::string_view::npos) break;
        header.remove_prefix(end + 1);
    }
    return {};
}

std::string shown_name(const Credential& credential) {
    if (credential.kind == CredentialKind::session) return "admin";
    const std::string name = credential.name.empty() ? "" : " " + credential.name;
    return std::string(to_text(credential.kind)) + name + " …" + credential.last4;
}

}  // namespace

// --- opening

AuthStore::AuthStore(AuthOptions options, const Clock& clock, AuthState state)
    : options_(std::move(options)),
      clock_(clock),
      cookie_name_("fogline_" + options_.gateway_id),
      state_(std::make_shared<const AuthState>(std::move(state))) {}

Result<std::unique_ptr<AuthStore>> AuthStore::open(AuthOptions options, const Clock& clock) {
    AuthState state;
    auto text = read_file(options.state_file);
    if (text) {
        auto read = read_auth_state(*text, clock);
        if (!read)
            return Error{Errc::storage_error,
                         options.state_file.string() + " is damaged: " + read.error().what,
                         "put a backup in its place, or remove it and claim the box anew"};
        state = std::move(*read);
    } else if (text.error().code != Errc::not_found) {
        return std::move(text).error();
    }
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): the constructor is private
    std::unique_ptr<AuthStore> store(new AuthStore(std::move(options), clock, std::move(state)));
    if (!store->claimed()) {
        auto opened = store->doors_.with([&](Doors& doors) { return store->open_claim(doors); });
        if (!opened) return std::move(opened).error();
    }
    return store;
}

// The code survives restarts of the daemon: what was printed stays right.
Result<void> AuthStore::open_claim(Doors& doors) {
    doors.code.clear();
    if (!options_.claim_code_hash.empty()) return {};
    if (const auto kept = read_file(options_.claim_file, 64)) doors.code = normal_claim_code(*kept);
    if (doors.code.empty()) doors.code = random_claim_code();
    return write_file(options_.claim_file, doors.code + "\n", 0640);
}

// --- looking up, on fog-io

Authenticator::Why AuthStore::check(const Credentials& credentials, Principal& out) {
    const bool by_token = !credentials.bearer.empty();
    const std::string_view secret =
        by_token ? credentials.bearer : cookie_value(credentials.cookie, cookie_name_);
    if (secret.empty()) return Why::none;
    if (secret.size() > 128) return Why::unknown;
    const auto state = state_.get();
    // The index is the hash of the secret, so timing tells nothing about the secret.
    const Digest hash = digest_of(secret);
    const auto found = state->by_hash.find(hash);
    if (found == state->by_hash.end() || !same_digest(found->first, hash)) return Why::unknown;
    const Credential& credential = *found->second;
    if (by_token == (credential.kind == CredentialKind::session)) return Why::unknown;
    if (credential.expired(clock_)) return Why::expired;
    credential.last_used.store(
        std::chrono::duration_cast<std::chrono::seconds>(clock_.wall().time_since_epoch()).count(),
        std::memory_order_relaxed);
    out = Principal{shown_name(credential), credential.scopes, credential.patterns,
                    credential.expires,     credential.id,     !by_token};
    return Why::ok;
}

bool AuthStore::still_valid(const Principal& principal) {
    if (principal.credential == 0) return principal.name == "local";
    const auto state = state_.get();
    const auto found = state->by_id.find(principal.credential);
    return found != state->by_id.end() && !found->second->expired(clock_);
}

bool AuthStore::claimed() const {
    return !state_.get()->admin_hash.empty();
}

std::vector<CredentialPtr> AuthStore::list(CredentialKind kind) const {
    std::vector<CredentialPtr> out;
    for (const CredentialPtr& one : state_.get()->credentials) {
        if (one->kind == kind && !one->expired(clock_)) out.push_back(one);
    }
    return out;
}

// --- changing, on fog-api

Result<void> AuthStore::commit(AuthState next) {
    next.remove_expired(clock_);
    auto written = write_file(options_.state_file, write_auth_state(next), 0600);
    if (written) state_.set(std::make_shared<const AuthState>(std::move(next)));
    return written;
}

std::optional<WallTime> AuthStore::expiry(std::chrono::nanoseconds lifetime) const {
    return clock_.wall() + lifetime;
}

Issued AuthStore::issue(AuthState& state, Credential&& credential, std::string_view prefix) {
    auto kept = std::make_shared<Credential>();
    Issued out{std::string(prefix) + random_secret(), state.next_id++, credential.expires};
    kept->id = out.id;
    kept->parent = credential.parent;
    kept->kind = credential.kind;
    kept->name = std::move(credential.name);
    kept->hash = digest_of(out.secret);
    kept->last4 = out.secret.substr(out.secret.size() - 4);
    kept->scopes = credential.scopes;
    kept->patterns = std::move(credential.patterns);
    kept->created = clock_.wall();
    kept->expires = credential.expires;
    if (kept->expires) kept->deadline = clock_.mono() + (*kept->expires - clock_.wall());
    state.add(std::move(kept));
    return out;
}

Issued AuthStore::issue_session(AuthState& state) {
    if (state.count(CredentialKind::session) >= kMostSessions) {
        const auto oldest = std::find_if(
            state.credentials.begin(), state.credentials.end(),
            [](const CredentialPtr& one) { return one->kind == CredentialKind::session; });
        state.remove((*oldest)->id);
    }
    Credential session;
    session.kind = CredentialKind::session;
    session.name = "admin";
    session.scopes = scope::kAll;
    session.patterns = {"#"};
    session.expires = expiry(options_.session);
    return issue(state, std::move(session), "");
}

bool AuthStore::code_matches(const Doors& doors, std::string_view code) const {
    const std::string typed = normal_claim_code(code);
    if (typed.empty()) return false;
    if (!doors.code.empty()) return same_digest(digest_of(typed), digest_of(doors.code));
    const auto hash = parse_digest(options_.claim_code_hash);
    return hash && same_digest(digest_of(typed), *hash);
}

Result<Issued> AuthStore::claim(std::string_view code, std::string_view passphrase) {
    if (claimed()) return Error{Errc::conflict, "this box is claimed already", "log in instead"};
    if (auto good = check_passphrase(passphrase); !good) return std::move(good).error();
    const Turn turn(hashing_);
    if (!turn) return busy_hashing();
    return doors_.with([&](Doors& doors) -> Result<Issued> {
        if (claimed()) return Error{Errc::conflict, "this box is claimed already", ""};
        const MonoTime now = clock_.mono();
        if (const auto wait = doors.claim.wait(now); wait.count() > 0) return wait_error(wait);
        if (!code_matches(doors, code)) {
            doors.claim.wrong(now);
            log_warning("auth", "claim refused: wrong code");
            return Error{Errc::denied, "the claim code is wrong",
                         "it is printed on the console and shown by 'fogctl claim show'"};
        }
        auto hash = hash_passphrase(passphrase, options_.cost);
        if (!hash) return std::move(hash).error();
        AuthState next = *state_.get();
        next.admin_hash = std::move(*hash);
        Issued session = issue_session(next);
        if (auto done = commit(std::move(next)); !done) return std::move(done).error();
        std::error_code ignored;  // a file left behind opens nothing: the box is claimed
        std::filesystem::remove(options_.claim_file, ignored);
        doors = Doors();
        log_notice("auth", "box claimed");
        return session;
    });
}

Result<void> AuthStore::set_passphrase(std::string_view passphrase) {
    if (auto good = check_passphrase(passphrase); !good) return good;
    const Turn turn(hashing_);
    if (!turn) return busy_hashing();
    auto hash = hash_passphrase(passphrase, options_.cost);
    if (!hash) return std::move(hash).error();
    return doors_.with([&](Doors& doors) -> Result<void> {
        AuthState next = *state_.get();
        next.admin_hash = std::move(*hash);
        for (const CredentialPtr& one : list(CredentialKind::session)) next.remove(one->id);
        if (auto done = commit(std::move(next)); !done) return done;
        std::error_code ignored;
        std::filesystem::remove(options_.claim_file, ignored);
        doors = Doors();
        log_notice("auth", "passphrase set from the control socket");
        return {};
    });
}

Result<void> AuthStore::reset() {
    return doors_.with([&](Doors& doors) -> Result<void> {
        AuthState next;
        next.next_id = state_.get()->next_id;  // ids are never used twice
        if (auto done = commit(std::move(next)); !done) return done;
        std::error_code ignored;
        std::filesystem::remove(options_.claim_file, ignored);
        doors = Doors();
        log_notice("auth", "claim reset from the control socket");
        return open_claim(doors);
    });
}

Result<std::string> AuthStore::claim_code() const {
    if (claimed()) return Error{Errc::conflict, "this box is claimed already", ""};
    return doors_.with([](const Doors& doors) -> Result<std::string> {
        if (!doors.code.empty()) return doors.code;
        return Error{Errc::not_found, "only the hash of the code is known here",
                     "the code is on the label of the box"};
    });
}

std::chrono::seconds AuthStore::claim_wait() const {
    return doors_.with(
        [this](const Doors& doors) { return rounded_up(doors.claim.wait(clock_.mono())); });
}

std::chrono::seconds AuthStore::login_wait(std::string_view remote) const {
    return doors_.with(
        [&](const Doors& doors) { return rounded_up(doors.logins.wait(remote, clock_.mono())); });
}

Result<Issued> AuthStore::log_in(std::string_view passphrase, std::string_view remote) {
    const auto state = state_.get();
    if (state->admin_hash.empty())
        return Error{Errc::conflict, "this box is not claimed yet", "claim it first"};
    if (const auto wait = login_wait(remote); wait.count() > 0) return wait_error(wait);
    const Turn turn(hashing_);
    if (!turn) return busy_hashing();
    const bool right =
        passphrase.size() <= kPassphraseBytes && passphrase_matches(passphrase, state->admin_hash);
    return doors_.with([&](Doors& doors) -> Result<Issued> {
        if (!right) {
            doors.logins.wrong(remote, clock_.mono());
            log_warning("auth", "login refused from=" + std::string(remote));
            return Error{Errc::denied, "the passphrase is wrong", ""};
        }
        doors.logins.right(remote);
        AuthState next = *state_.get();
        if (next.admin_hash != state->admin_hash)
            return Error{Errc::denied, "the passphrase was changed meanwhile", "log in again"};
        Issued session = issue_session(next);
        if (auto done = commit(std::move(next)); !done) return std::move(done).error();
        return session;
    });
}

Result<Issued> AuthStore::create_token(const NewToken& wanted, const Principal& by) {
    if (wanted.scopes == 0 || (wanted.scopes & ~scope::kAll) != 0)
        return Error{Errc::bad_request, "a token needs at least one scope", ""};
    if (!by.may(wanted.scopes))
        return Error{Errc::denied, "a token can't do more than who makes it", ""};
    if (wanted.name.size() > Limits{}.name_bytes || !valid_utf8(wanted.name))
        return Error{Errc::bad_request, "'name' is longer than 64 bytes or not UTF-8", ""};
    if (auto good = check_patterns(wanted.patterns, by); !good) return std::move(good).error();
    return doors_.with([&](Doors& /*orders the writers*/) -> Result<Issued> {
        AuthState next = *state_.get();
        if (next.count(CredentialKind::token) >= kMostTokens)
            return Error{Errc::busy, "there are 256 tokens already", "revoke one first"};
        Credential token;
        token.name = wanted.name;
        token.scopes = wanted.scopes;
        token.patterns = wanted.patterns;
        if (wanted.lifetime) token.expires = expiry(*wanted.lifetime);
        Issued out = issue(next, std::move(token), kTokenPrefix);
        if (auto done = commit(std::move(next)); !done) return std::move(done).error();
        return out;
    });
}

Result<Issued> AuthStore::create_stream_token(const std::vector<std::string>& patterns,
                                              std::chrono::seconds lifetime, const Principal& by) {
    if (lifetime.count() < 1 || lifetime > kLongestStream)
        return Error{Errc::bad_request, "'ttl' must be 1 to 86400 seconds", ""};
    if (!by.may(scope::kReadLive)) return Error{Errc::denied, "scope read:live is needed", ""};
    if (auto good = check_patterns(patterns, by); !good) return std::move(good).error();
    return doors_.with([&](Doors& /*orders the writers*/) -> Result<Issued> {
        AuthState next = *state_.get();
        next.remove_expired(clock_);
        const auto parent = next.by_id.find(by.credential);
        if (by.credential != 0 && parent == next.by_id.end())
            return Error{Errc::denied, "the credential was revoked", ""};
        if (by.credential != 0 && parent->second->kind == CredentialKind::stream)
            return Error{Errc::denied, "a stream token can't make another", ""};
        if (next.count(CredentialKind::stream) >= kMostStreamTokens ||
            (by.credential != 0 &&
             next.count(CredentialKind::stream, by.credential) >= kMostStreamTokensOfOne))
            return Error{Errc::busy, "too many stream tokens", "let some expire"};
        Credential token;
        token.kind = CredentialKind::stream;
        token.parent = by.credential;
        token.scopes = by.scopes & (scope::kReadLive | scope::kReadHistory);
        token.patterns = patterns;
        token.expires = expiry(lifetime);
        if (by.expires) token.expires = std::min(*token.expires, *by.expires);
        Issued out = issue(next, std::move(token), kTokenPrefix);
        if (auto done = commit(std::move(next)); !done) return std::move(done).error();
        return out;
    });
}

Result<void> AuthStore::revoke(std::uint64_t id) {
    return doors_.with([&](Doors& /*orders the writers*/) -> Result<void> {
        AuthState next = *state_.get();
        if (!next.remove(id)) return Error{Errc::not_found, "no token " + std::to_string(id), ""};
        return commit(std::move(next));
    });
}

}  // namespace fog
