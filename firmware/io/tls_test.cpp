#include "firmware/io/tls.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "firmware/io/fd.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/temp_folder.hpp"

using namespace fog;

namespace {

/// One authority and its certificates for all tests here: making keys takes a while.
struct Authority {
    Authority() { made.add_curve_server("curve"); }
    TempFolder folder;
    Certificates made{folder.path()};
};
const Authority& authority() {
    static const Authority one;
    return one;
}

TlsSettings settings() {
    TlsSettings out;
    out.where = "mqtt.listener";
    out.cert_file = authority().made.path("server.pem");
    out.key_file = authority().made.path("server.key");
    out.protocols = {"mqtt"};
    return out;
}

/// OpenSSL as a client on the other end of a socket pair; both ends are turned by hand.
class Pair {
public:
    explicit Pair(const TlsServer& server, const char* certificate = nullptr, int most = 0,
                  bool with_ca = true) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        ours = Fd(ends[0]);
        theirs = Fd(ends[1]);
        stream = server.accept(ours.get());
        REQUIRE(stream != nullptr);
        context_ = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
        if (with_ca) SSL_CTX_load_verify_file(context_, authority().made.path("ca.pem").c_str());
        if (most != 0) {
            SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
            SSL_CTX_set_max_proto_version(context_, most);
            SSL_CTX_set_security_level(context_, 0);
        }
        if (certificate != nullptr) {
            const auto file = authority().made.path(certificate);
            SSL_CTX_use_certificate_file(context_, (file + ".pem").c_str(), SSL_FILETYPE_PEM);
            SSL_CTX_use_PrivateKey_file(context_, (file + ".key").c_str(), SSL_FILETYPE_PEM);
        }
        client = SSL_new(context_);
        SSL_set_fd(client, theirs.get());
        SSL_set_connect_state(client);
    }
    ~Pair() {
        SSL_free(client);
        SSL_CTX_free(context_);
    }
    /// Both ends read until nothing moves; what the server read is in `heard`.
    TlsStream::State turn() {
        auto state = TlsStream::State::again;
        for (int i = 0; i < 10; ++i) {
            ERR_clear_error();
            std::array<char, 65536> theirs_in{};
            const int got = SSL_read(client, theirs_in.data(), static_cast<int>(theirs_in.size()));
            if (got > 0) answers.append(theirs_in.data(), static_cast<std::size_t>(got));
            std::array<std::byte, 65536> in{};
            for (;;) {
                const auto done = stream->read(in);
                state = done.state;
                if (state != TlsStream::State::open) break;
                heard.append(reinterpret_cast<const char*>(in.data()), done.bytes);
            }
            if (state == TlsStream::State::failed || state == TlsStream::State::closed) break;
            stream->flush();
        }
        return state;
    }
    TlsStream::Done write(std::string_view text) {
        const iovec part{const_cast<char*>(text.data()), text.size()};
        return stream->write(std::span(&part, 1));
    }

    Fd ours, theirs;
    std::unique_ptr<TlsStream> stream;
    ssl_st* client = nullptr;
    std::string heard, answers;

private:
    ssl_ctx_st* context_ = nullptr;
};

}  // namespace

TEST_CASE("tls: bytes go both ways, in 1.2 and 1.3, with ALPN and without") {
    const auto server = TlsServer::make(settings());
    REQUIRE_MESSAGE(server, server.error().what);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CAPTURE(version);
        Pair pair(**server, nullptr, version);
        const bool alpn = version == TLS1_3_VERSION;
        if (alpn)
            SSL_set_alpn_protos(pair.client, reinterpret_cast<const unsigned char*>("\x04mqtt"), 5);
        CHECK(pair.write("early").state == TlsStream::State::again);
        CHECK(pair.turn() == TlsStream::State::again);
        REQUIRE(pair.stream->established());
        CHECK(SSL_version(pair.client) == version);
        const unsigned char* chosen = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(pair.client, &chosen, &size);
        CHECK(size == (alpn ? 4 : 0));
        CHECK(SSL_write(pair.client, "hello", 5) == 5);
        CHECK(pair.write("answer").bytes == 6);
        pair.turn();
        CHECK(pair.heard == "hello");
        CHECK(pair.answers == "answer");
        CHECK(!pair.stream->certificate_name());
        SSL_shutdown(pair.client);
        CHECK(pair.turn() == TlsStream::State::closed);
    }
}

TEST_CASE("tls: what the kernel does not take counts as sent and follows, once") {
    const auto server = TlsServer::make(settings());
    REQUIRE(server);
    Pair pair(**server);
    pair.turn();
    REQUIRE(pair.stream->established());
    std::string text(4U << 20U, 'x');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
    std::string_view left = text;
    std::size_t refused = 0;
    while (!left.empty()) {
        // Other bytes than those of the write that was refused: nothing of it was kept.
        const auto done = pair.write(left.substr(0, refused % 2 == 0 ? left.size() : 5000));
        left.remove_prefix(done.bytes);
        if (done.state != TlsStream::State::again) continue;
        ++refused;
        CHECK(pair.write("lost").bytes == 0);
        pair.turn();
    }
    for (int i = 0; i < 1000 && pair.answers.size() < text.size(); ++i) pair.turn();
    CHECK(refused > 0);
    const bool same = pair.answers == text;
    CHECK(same);
}

TEST_CASE("tls: a client may ask for small records; nothing of a write is lost") {
    const auto server = TlsServer::make(settings());
    REQUIRE(server);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CAPTURE(version);
        Pair pair(**server, nullptr, version);
        SSL_set_tlsext_max_fragment_length(pair.client, TLSEXT_max_fragment_length_512);
        pair.turn();
        REQUIRE(pair.stream->established());
        std::string text(100'000, 'x');
        for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
        std::string_view left = text;
        for (int i = 0; i < 1000 && !left.empty(); ++i) {
            const auto done = pair.write(left);
            REQUIRE(done.bytes <= left.size());
            left.remove_prefix(done.bytes);
            pair.turn();
        }
        CHECK(left.empty());
        for (int i = 0; i < 1000 && pair.answers.size() < text.size(); ++i) pair.turn();
        const bool same = pair.answers == text;
        CHECK(same);
    }
}

TEST_CASE("tls: certificates of clients, wanted and not") {
    auto asked = settings();
    asked.client_cert = TlsSettings::Ask::optional;
    asked.client_ca_file = authority().made.path("ca.pem");
    auto server = TlsServer::make(asked);
    REQUIRE_MESSAGE(server, server.error().what);
    {
        Pair with(**server, "client");
        with.turn();
        REQUIRE(with.stream->established());
        CHECK(with.stream->certificate_name() == "test client");
        Pair without(**server);
        without.turn();
        REQUIRE(without.stream->established());
        CHECK(!without.stream->certificate_name());
    }
    asked.client_cert = TlsSettings::Ask::required;
    server = TlsServer::make(asked);
    Pair without(**server);
    CHECK(without.turn() == TlsStream::State::failed);
    CHECK(without.stream->fault() == "certificate-missing");
    TempFolder elsewhere;
    const Certificates other(elsewhere.path());
    asked.client_ca_file = other.path("ca.pem");
    server = TlsServer::make(asked);
    Pair stranger(**server, "client");
    CHECK(stranger.turn() == TlsStream::State::failed);
    CHECK(stranger.stream->fault() == "certificate-refused");
}

namespace {

/// client.pem, but good from tomorrow on only, in its place of the client
void postpone(ssl_st* client) {
    const auto read = [](const std::string& name, auto* how) {
        BIO* file = BIO_new_file(authority().made.path(name).c_str(), "r");
        auto* out = how(file, nullptr, nullptr, nullptr);
        BIO_free(file);
        REQUIRE(out != nullptr);
        return out;
    };
    X509* certificate = read("client.pem", PEM_read_bio_X509);
    EVP_PKEY* key = read("ca.key", PEM_read_bio_PrivateKey);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 86'400);
    REQUIRE(X509_sign(certificate, key, EVP_sha256()) > 0);
    CHECK(SSL_use_certificate(client, certificate) == 1);
    EVP_PKEY_free(key);
    X509_free(certificate);
}

}  // namespace

TEST_CASE("tls: a certificate from the future has a word of its own, mostly the clock is wrong") {
    auto asked = settings();
    asked.client_cert = TlsSettings::Ask::optional;
    asked.client_ca_file = authority().made.path("ca.pem");
    const auto server = TlsServer::make(asked);
    REQUIRE(server);
    Pair pair(**server, "client");
    postpone(pair.client);
    CHECK(pair.turn() == TlsStream::State::failed);
    CHECK(pair.stream->fault() == "certificate-not-yet-valid");
}

TEST_CASE("tls: a client may not send certificates without end") {
    auto asked = settings();
    asked.client_cert = TlsSettings::Ask::optional;
    asked.client_ca_file = authority().made.path("ca.pem");
    const auto server = TlsServer::make(asked);
    REQUIRE(server);
    for (const int count : {2, 40}) {
        CAPTURE(count);
        Pair pair(**server, "client");
        for (int i = 0; i < count; ++i)
            SSL_add1_chain_cert(pair.client, SSL_get_certificate(pair.client));
        const auto state = pair.turn();
        CHECK(pair.stream->established() == (count == 2));
        CHECK((state == TlsStream::State::failed) == (count == 40));
    }
}

TEST_CASE("tls: failed handshakes say why") {
    const auto server = TlsServer::make(settings());
    REQUIRE(server);
    for (const std::string_view text :
         {std::string_view("\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02"
                           "ab",
                           16),
          std::string_view("GET / HTTP/1.1\r\nHost: x\r\n\r\n")}) {
        Pair plain(**server);
        CHECK(::send(plain.theirs.get(), text.data(), text.size(), 0) > 0);
        std::array<std::byte, 256> in{};
        CHECK(plain.stream->read(in).state == TlsStream::State::failed);
        CHECK(plain.stream->fault() == "not-tls");
        CHECK(plain.stream->read(in).state == TlsStream::State::failed);
        CHECK(plain.write("x").bytes == 0);
    }
    Pair old(**server, nullptr, TLS1_1_VERSION);
    CHECK(old.turn() == TlsStream::State::failed);
    CHECK(old.stream->fault() == "version");
    Pair distrusts(**server, nullptr, 0, false);
    CHECK(distrusts.turn() == TlsStream::State::failed);
    CHECK(distrusts.stream->fault() == "refused-by-client");
    Pair gone(**server);
    gone.theirs.reset();
    CHECK(gone.turn() == TlsStream::State::failed);
    CHECK(gone.stream->fault() == "closed");
}

TEST_CASE("tls: renegotiation is refused; a client that insists ends the connection") {
    const auto server = TlsServer::make(settings());
    REQUIRE(server);
    Pair pair(**server, nullptr, TLS1_2_VERSION);
    pair.turn();
    REQUIRE(pair.stream->established());
    SSL_renegotiate(pair.client);
    SSL_do_handshake(pair.client);
    CHECK(pair.turn() == TlsStream::State::failed);
    CHECK(pair.stream->fault() == "refused-by-client");
}

TEST_CASE("tls: sessions are resumed from tickets, but not where certificates are asked for") {
    auto asked = settings();
    asked.client_ca_file = authority().made.path("ca.pem");
    for (const auto ask : {TlsSettings::Ask::off, TlsSettings::Ask::optional})
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            CAPTURE(version);
            asked.client_cert = ask;
            const auto server = TlsServer::make(asked);
            REQUIRE(server);
            Pair first(**server, "client", version);
            first.turn();
            REQUIRE(first.stream->established());
            ssl_session_st* kept = SSL_get1_session(first.client);
            Pair again(**server, nullptr, version);
            SSL_set_session(again.client, kept);
            SSL_SESSION_free(kept);
            again.turn();
            REQUIRE(again.stream->established());
            CHECK(SSL_session_reused(again.client) == (ask == TlsSettings::Ask::off ? 1 : 0));
            CHECK(!again.stream->certificate_name());
        }
}

TEST_CASE("tls: faults of the files name file and remedy") {
    const auto fault = [](auto change) {
        auto wrong = settings();
        change(wrong);
        const auto made = TlsServer::make(wrong);
        REQUIRE(!made);
        CHECK(made.error().code == Errc::bad_config);
        CHECK(!made.error().hint.empty());
        return made.error().what;
    };
    TempFolder folder;
    const std::string there = folder.path();
    CHECK(fault([](TlsSettings& s) { s.cert_file = "/nowhere/a.pem"; }) ==
          "mqtt.listener: cert_file '/nowhere/a.pem' does not exist");
    CHECK(fault([&](TlsSettings& s) { s.key_file = there; }) ==
          "mqtt.listener: key_file '" + there + "' is no file");
    CHECK(fault([](TlsSettings& s) {
              s.key_file = authority().made.path("client.key");
          }).find("does not fit the certificate") != std::string::npos);
    CHECK(fault([](TlsSettings& s) { s.cert_file = s.key_file; }).find("holds no certificate") !=
          std::string::npos);
    CHECK(fault([](TlsSettings& s) { s.key_file = s.cert_file; }).find("holds no private key") !=
          std::string::npos);
    const auto locked = (folder.path() / "locked.key").string();
    REQUIRE(run_program({"openssl", "pkey", "-in", settings().key_file, "-aes256", "-passout",
                         "pass:x", "-out", locked}) == 0);
    CHECK(fault([&](TlsSettings& s) { s.key_file = locked; }).find("holds no private key") !=
          std::string::npos);
    CHECK(fault([](TlsSettings& s) {
              s.client_cert = TlsSettings::Ask::required;
              s.client_ca_file = s.key_file;
          }).find("client_ca_file") != std::string::npos);
}

TEST_CASE("tls: a key of another kind than the certificate's does not fit") {
    auto ours = settings();
    ours.key_file = authority().made.path("curve.key");
    auto made = TlsServer::make(ours);
    REQUIRE(!made);
    CHECK(made.error().what.find("does not fit the certificate") != std::string::npos);
    ours.cert_file = authority().made.path("curve.pem");
    CHECK(TlsServer::make(ours));
    ours.key_file = settings().key_file;
    made = TlsServer::make(ours);
    REQUIRE(!made);
    CHECK(made.error().what.find("does not fit the certificate") != std::string::npos);
}

TEST_CASE("tls: renewed files are loaded once they rest, faulty ones are told once") {
    TempFolder folder;
    const auto copy = [&](const std::string& from, const std::string& to) {
        std::filesystem::copy_file(authority().made.path(from), folder.path() / to,
                                   std::filesystem::copy_options::overwrite_existing);
    };
    auto ours = settings();
    ours.cert_file = folder.path() / "c.pem";
    ours.key_file = folder.path() / "k.pem";
    TlsFiles files(ours);
    auto now = files.changed();
    REQUIRE(now.has_value());
    CHECK(!*now);
    CHECK(!files.changed());
    copy("server.pem", "c.pem");
    CHECK(!files.changed());  // just written
    now = files.changed();
    REQUIRE(now.has_value());
    CHECK(!*now);  // the key is still missing
    copy("server.key", "k.pem");
    CHECK(!files.changed());
    now = files.changed();
    REQUIRE(now.has_value());
    CHECK_MESSAGE(*now, now->error().what);
    CHECK(!files.changed());
    CHECK((**now)->valid_until() > (**now)->valid_from());
}
