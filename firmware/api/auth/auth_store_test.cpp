#include "firmware/api/auth/auth_store.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <thread>

#include "firmware/api/auth/auth_fixture_test.hpp"
#include "firmware/io/files.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;
using Why = Authenticator::Why;

unsigned mode_of(const std::filesystem::path& path) {
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 0777U;
}

}  // namespace

TEST_CASE("auth: an unclaimed box keeps its code in a file until it is claimed") {
    AuthFixture box;
    CHECK_FALSE(box.store->claimed());
    const std::string code = *box.store->claim_code();
    CHECK(code.size() == 8);
    CHECK(*read_file(box.options.claim_file) == code + "\n");
    CHECK(mode_of(box.options.claim_file) == 0640);
    box.store = box.reopened();
    CHECK(*box.store->claim_code() == code);  // what was printed stays right

    const auto session = box.store->claim(code, AuthFixture::kPassphrase);
    REQUIRE(session);
    CHECK(box.store->claimed());
    CHECK_FALSE(std::filesystem::exists(box.options.claim_file));
    CHECK(mode_of(box.options.state_file) == 0600);
    CHECK(box.store->claim(code, AuthFixture::kPassphrase).error().code == Errc::conflict);
    CHECK(box.store->claim_code().error().code == Errc::conflict);
    box.store = box.reopened();
    CHECK(box.store->claimed());
    CHECK_FALSE(std::filesystem::exists(box.options.claim_file));
}

TEST_CASE("auth: codes are random, and typing errors of the eye are forgiven") {
    std::set<std::string> codes;
    for (int i = 0; i < 200; ++i) codes.insert(random_claim_code());
    CHECK(codes.size() == 200);
    CHECK(normal_claim_code("abcd-efgh") == "ABCDEFGH");
    CHECK(normal_claim_code(" o1il 2345\n") == "01112345");
    CHECK(normal_claim_code("ABCDEFG").empty());
    CHECK(normal_claim_code("ABCDEFGHJ").empty());
    CHECK(normal_claim_code("ABCDEFGU").empty());
}

TEST_CASE("auth: wrong codes make the box wait, also for the right one") {
    AuthFixture box;
    const std::string code = *box.store->claim_code();
    for (int i = 0; i < 5; ++i)
        CHECK(box.store->claim("00000000", AuthFixture::kPassphrase).error().code == Errc::denied);
    CHECK(box.store->claim_wait() == 30s);
    CHECK(box.store->claim(code, AuthFixture::kPassphrase).error().code == Errc::busy);
    box.clock.step_wall(24h);  // a step of the wall clock shortens nothing
    CHECK(box.store->claim(code, AuthFixture::kPassphrase).error().code == Errc::busy);
    box.clock.advance(30s);
    CHECK(box.store->claim("00000000", AuthFixture::kPassphrase).error().code == Errc::denied);
    CHECK(box.store->claim_wait() == 60s);
    box.clock.advance(60s);
    CHECK(box.store->claim(code, AuthFixture::kPassphrase));
}

TEST_CASE("auth: a box whose label has the code knows only the hash") {
    AuthFixture box;
    box.options.claim_code_hash = digest_hex(digest_of("ABCDEFGH"));
    std::filesystem::remove(box.options.claim_file);
    box.store = box.reopened();
    CHECK_FALSE(std::filesystem::exists(box.options.claim_file));
    CHECK(box.store->claim_code().error().code == Errc::not_found);
    CHECK(box.store->claim("ABCDEFGJ", AuthFixture::kPassphrase).error().code == Errc::denied);
    CHECK(box.store->claim("abcd efgh", AuthFixture::kPassphrase));
}

TEST_CASE("auth: weak passphrases are refused and cost no try") {
    AuthFixture box;
    const std::string code = *box.store->claim_code();
    for (int i = 0; i < 10; ++i)
        CHECK(box.store->claim(code, "short").error().code == Errc::bad_request);
    CHECK(box.store->claim(code, "äöüäöüäöüäö").error().code == Errc::bad_request);
    CHECK(box.store->claim(code, std::string(2000, 'x')).error().code == Errc::bad_request);
    CHECK(box.store->claim(code, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").error().code ==
          Errc::bad_request);
    CHECK(box.store->claim(code, "äöüäöüäöüäöü"));
}

TEST_CASE("auth: a session lives in its cookie, for twelve hours, over a restart") {
    AuthFixture box;
    const Issued session = box.claimed();
    const std::string cookie = "a=b; fogline_gw-1=" + session.secret + "; c=d";
    Principal who;
    REQUIRE(box.ask_cookie(cookie, who) == Why::ok);
    CHECK(who.name == "admin");
    CHECK(who.by_cookie);
    CHECK(who.may(scope::kAll));
    CHECK(box.ask_cookie("fogline_gw-2=" + session.secret, who) == Why::none);
    CHECK(box.ask(session.secret) == Why::unknown);  // a session is no bearer token
    box.clock.advance(11h);
    box.store = box.reopened();
    CHECK(box.ask_cookie(cookie, who) == Why::ok);
    box.clock.step_wall(-48h);
    box.clock.advance(1h);
    CHECK(box.ask_cookie(cookie, who) == Why::expired);
    CHECK_FALSE(box.store->still_valid(who));
}

TEST_CASE("auth: login needs the passphrase and slows an address that guesses") {
    AuthFixture box;
    CHECK(box.store->log_in(AuthFixture::kPassphrase, "10.0.0.1").error().code == Errc::conflict);
    box.claimed();
    for (int i = 0; i < 5; ++i)
        CHECK(box.store->log_in("wrong", "10.0.0.1").error().code == Errc::denied);
    CHECK(box.store->log_in(AuthFixture::kPassphrase, "10.0.0.1").error().code == Errc::busy);
    CHECK(box.store->login_wait("10.0.0.1") == 30s);
    const auto session = box.store->log_in(AuthFixture::kPassphrase, "10.0.0.2");
    REQUIRE(session);
    Principal who;
    CHECK(box.ask_cookie("fogline_gw-1=" + session->secret, who) == Why::ok);
    REQUIRE(box.store->revoke(who.credential));
    CHECK(box.ask_cookie("fogline_gw-1=" + session->secret, who) == Why::unknown);
}

TEST_CASE("auth: tokens do what their scopes say until they expire or are revoked") {
    AuthFixture box;
    box.claimed();
    const auto token = box.store->create_token(
        {"grafana", scope::kReadLive, {"samples/boiler-1/#"}, 60s}, box.local());
    REQUIRE(token);
    CHECK(token->secret.starts_with("fgl_"));
    CHECK(token->secret.size() == 4 + 43);
    Principal who;
    REQUIRE(box.ask(token->secret, who) == Why::ok);
    CHECK(who.may(scope::kReadLive));
    CHECK_FALSE(who.may(scope::kAdmin));
    CHECK(who.patterns == std::vector<std::string>{"samples/boiler-1/#"});
    CHECK(who.name == "token grafana …" + token->secret.substr(43));
    CHECK_FALSE(who.by_cookie);
    CHECK(box.store->still_valid(who));
    CHECK(box.ask(token->secret + "x") == Why::unknown);
    CHECK(box.ask("") == Why::none);
    CHECK(box.ask(std::string(10'000, 'x')) == Why::unknown);
    Principal unused;  // the cookie must not be accepted as a token's place
    CHECK(box.ask_cookie("fogline_gw-1=" + token->secret, unused) == Why::unknown);

    const auto other = box.store->create_token({"x", scope::kIngest, {"#"}, {}}, box.local());
    REQUIRE(other);
    box.store = box.reopened();
    CHECK(box.ask(token->secret) == Why::ok);
    box.clock.advance(60s);
    CHECK(box.ask(token->secret) == Why::expired);
    CHECK_FALSE(box.store->still_valid(who));
    REQUIRE(box.store->revoke(other->id));
    CHECK(box.ask(other->secret) == Why::unknown);
    CHECK(box.store->revoke(other->id).error().code == Errc::not_found);
}

TEST_CASE("auth: nobody hands out more than they have") {
    AuthFixture box;
    box.claimed();
    const Principal narrow{"token", scope::kReadLive, {"samples/a/#"}, {}, 0, false};
    CHECK(box.store->create_token({"x", scope::kAdmin, {"samples/a/b"}, {}}, narrow).error().code ==
          Errc::denied);
    CHECK(box.store->create_token({"x", scope::kReadLive, {"#"}, {}}, narrow).error().code ==
          Errc::denied);
    CHECK(box.store->create_token({"x", scope::kReadLive, {"a/#/b"}, {}}, narrow).error().code ==
          Errc::bad_request);
    CHECK(box.store->create_token({"x", 0, {"#"}, {}}, box.local()).error().code ==
          Errc::bad_request);
}

TEST_CASE("auth: a stream token is narrower than its maker and goes with it") {
    AuthFixture box;
    box.claimed();
    const auto maker = box.store->create_token(
        {"page", scope::kReadLive | scope::kIngest, {"samples/#"}, 600s}, box.local());
    REQUIRE(maker);
    Principal by;
    REQUIRE(box.ask(maker->secret, by) == Why::ok);
    CHECK(box.store->create_stream_token({"alarms/#"}, 60s, by).error().code == Errc::denied);
    CHECK(box.store->create_stream_token({}, 60s, by).error().code == Errc::bad_request);
    CHECK(box.store->create_stream_token({"samples/a/b"}, 25h, by).error().code ==
          Errc::bad_request);
    const auto stream = box.store->create_stream_token({"samples/a/+"}, 3600s, by);
    REQUIRE(stream);
    CHECK(*stream->expires == *maker->expires);  // never outlives its maker
    Principal who;
    REQUIRE(box.ask(stream->secret, who) == Why::ok);
    CHECK(who.scopes == scope::kReadLive);
    CHECK(box.store->create_stream_token({"samples/a/+"}, 60s, who).error().code == Errc::denied);
    REQUIRE(box.store->revoke(maker->id));
    CHECK(box.ask(stream->secret) == Why::unknown);
    CHECK_FALSE(box.store->still_valid(who));
}

TEST_CASE("auth: only hashes and four characters are kept") {
    AuthFixture box;
    const std::string code = *box.store->claim_code();
    const Issued session = box.claimed();
    const auto token = box.store->create_token({"t", scope::kReadLive, {"#"}, {}}, box.local());
    const std::string kept = *read_file(box.options.state_file);
    for (const std::string& secret : {code, session.secret, token->secret, token->secret.substr(4),
                                      std::string(AuthFixture::kPassphrase)})
        CHECK(kept.find(secret) == std::string::npos);
    CHECK(kept.find("$argon2id$") != std::string::npos);
    CHECK(kept.find(token->secret.substr(43)) != std::string::npos);
}

TEST_CASE("auth: set and reset from the control socket end what was open") {
    AuthFixture box;
    CHECK(box.store->set_passphrase("short").error().code == Errc::bad_request);
    REQUIRE(box.store->set_passphrase(AuthFixture::kPassphrase));
    CHECK(box.store->claimed());
    const auto session = box.store->log_in(AuthFixture::kPassphrase, "a");
    const auto token = box.store->create_token({"t", scope::kReadLive, {"#"}, {}}, box.local());
    REQUIRE(box.store->set_passphrase("another good passphrase"));
    Principal who;
    CHECK(box.ask_cookie("fogline_gw-1=" + session->secret, who) == Why::unknown);
    CHECK(box.ask(token->secret) == Why::ok);
    REQUIRE(box.store->reset());
    CHECK_FALSE(box.store->claimed());
    CHECK(box.ask(token->secret) == Why::unknown);
    CHECK(box.store->claim(*box.store->claim_code(), AuthFixture::kPassphrase));
}

TEST_CASE("auth: a damaged state file is an error, never an unclaimed box") {
    AuthFixture box;
    box.claimed();
    box.store.reset();
    const std::string good = *read_file(box.options.state_file);
    for (const std::string& bad :
         {std::string(), std::string("{"), std::string("[]"), good.substr(0, good.size() / 2),
          std::string(R"({"version":2,"admin":"","next_id":1,"credentials":[]})"),
          std::string(R"({"version":1,"credentials":[{"id":1,"hash":"00"}]})")}) {
        REQUIRE(write_file(box.options.state_file, bad));
        const auto opened = AuthStore::open(box.options, box.clock);
        CAPTURE(bad);
        REQUIRE_FALSE(opened);
        CHECK(opened.error().code == Errc::storage_error);
        CHECK_FALSE(opened.error().hint.empty());
    }
}

TEST_CASE("auth: what can't be written has not happened") {
    AuthFixture box;
    const std::string code = *box.store->claim_code();
    std::filesystem::create_directory(box.options.state_file);  // rename onto a folder fails
    CHECK_FALSE(box.store->claim(code, AuthFixture::kPassphrase));
    CHECK_FALSE(box.store->claimed());
    std::filesystem::remove(box.options.state_file);
    CHECK(box.store->claim(code, AuthFixture::kPassphrase));
}

TEST_CASE("auth: sessions and tokens are bounded") {
    AuthFixture box;
    const Issued first = box.claimed();
    for (int i = 0; i < 64; ++i) REQUIRE(box.store->log_in(AuthFixture::kPassphrase, "a"));
    CHECK(box.store->list(CredentialKind::session).size() == 64);
    Principal who;
    CHECK(box.ask_cookie("fogline_gw-1=" + first.secret, who) == Why::unknown);
    for (int i = 0; i < 256; ++i)
        REQUIRE(box.store->create_token({"t", scope::kReadLive, {"#"}, {}}, box.local()));
    CHECK(box.store->create_token({"t", scope::kReadLive, {"#"}, {}}, box.local()).error().code ==
          Errc::busy);
}

TEST_CASE("auth: a clock that is not trusted at start expires tokens once it is") {
    AuthFixture box;
    box.claimed();
    const auto token = box.store->create_token({"t", scope::kReadLive, {"#"}, 60s}, box.local());
    box.clock.set_trusted(false);
    box.clock.step_wall(-10'000h);
    box.store = box.reopened();
    CHECK(box.ask(token->secret) == Why::ok);
    box.clock.step_wall(10'001h);
    box.clock.set_trusted(true);
    CHECK(box.ask(token->secret) == Why::expired);
}

TEST_CASE("auth: looking up works while other threads change things") {
    AuthFixture box;
    box.claimed();
    const auto token = box.store->create_token({"t", scope::kReadLive, {"#"}, {}}, box.local());
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::thread reader([&] {
        while (!stop) {
            if (box.ask(token->secret) != Why::ok) ++wrong;
        }
    });
    std::thread writer([&] {
        for (int i = 0; i < 30; ++i)
            (void)box.store->create_token({"w", scope::kIngest, {"#"}, {}}, box.local());
    });
    for (int i = 0; i < 30; ++i) {
        const auto mine = box.store->create_token({"m", scope::kIngest, {"#"}, {}}, box.local());
        CHECK(box.store->revoke(mine->id));
    }
    writer.join();
    stop = true;
    reader.join();
    CHECK(wrong == 0);
    CHECK(box.store->list(CredentialKind::token).size() == 31);
    box.store = box.reopened();
    CHECK(box.store->list(CredentialKind::token).size() == 31);
}

}  // namespace fog
