#include "firmware/io/tls.hpp"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "firmware/io/fd.hpp"
#include "firmware/io/files.hpp"

namespace fog {

namespace {

constexpr std::size_t kRecord = 16U << 10U;
constexpr long kCertificates = 16L << 10U;        // of a client, with those up to the authority
constexpr std::size_t kMostWaiting = 64U << 10U;  // a record, answers to the far side's requests

/// In words, and in one word for counters, why OpenSSL gave up.
std::string_view word_for(int reason, long verified) {
    switch (reason) {
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST:
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_UNEXPECTED_MESSAGE:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_RECORD_LENGTH_MISMATCH:
        case SSL_R_BAD_RECORD_TYPE:
            return "not-tls";
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_NO_PROTOCOLS_AVAILABLE:
            return "version";
        case SSL_R_NO_SHARED_CIPHER:
        case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
        case SSL_R_NO_SUITABLE_KEY_SHARE:
            return "cipher";
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return "certificate-missing";
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            if (verified == X509_V_ERR_CERT_HAS_EXPIRED) return "certificate-expired";
            return verified == X509_V_ERR_CERT_NOT_YET_VALID ? "certificate-not-yet-valid"
                                                             : "certificate-refused";
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return "closed";
        default:
            // The far side's own alert: it does not trust us, or gave up.
            return reason >= SSL_AD_REASON_OFFSET ? "refused-by-client" : "protocol";
    }
}

std::string last_error() {
    std::array<char, 256> text{};
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    if (reason != nullptr) return reason;
    ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
    return text.data();
}

Error file_error(const TlsSettings& settings, std::string_view key, const std::string& file,
                 const std::string& what, std::string hint) {
    return {Errc::bad_config, settings.where + ": " + std::string(key) + " '" + file + "' " + what,
            std::move(hint)};
}

/// A certificate is told apart from a folder or a file of another user before OpenSSL, whose words
/// for these are poor.
Result<void> readable(const TlsSettings& settings, std::string_view key, const std::string& file) {
    const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    const int error = errno;
    struct stat about {};
    if (fd && ::fstat(fd.get(), &about) == 0 && S_ISREG(about.st_mode)) return {};
    if (fd) return file_error(settings, key, file, "is no file", "Name a PEM file.");
    if (error == ENOENT)
        return file_error(settings, key, file, "does not exist",
                          "Check the path, or put the PEM file there.");
    if (error == EACCES)
        return file_error(settings, key, file, "cannot be read: permission denied",
                          "Let the user fogline read it: chgrp fogline and chmod 640.");
    return file_error(settings, key, file, "cannot be read: " + errno_text(error),
                      "Check the path and the disk.");
}

int no_passphrase(char*, int, int, void*) {
    return 0;  // OpenSSL would ask the terminal
}

Result<void> load_key(ssl_ctx_st* context, const TlsSettings& settings) {
    ERR_clear_error();
    const bool taken =
        SSL_CTX_use_PrivateKey_file(context, settings.key_file.c_str(), SSL_FILETYPE_PEM) == 1;
    // A key of another kind than the certificate's takes a place of its own, without a certificate.
    if (taken && SSL_CTX_check_private_key(context) == 1 &&
        SSL_CTX_get0_certificate(context) != nullptr)
        return {};
    const auto error = ERR_peek_last_error();
    const bool other = ERR_GET_LIB(error) == ERR_LIB_X509 &&
                       (ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH ||
                        ERR_GET_REASON(error) == X509_R_KEY_TYPE_MISMATCH);
    if (taken || other)
        return file_error(settings, "key_file", settings.key_file,
                          "does not fit the certificate in '" + settings.cert_file + "'",
                          "The two must be made together; name the key the certificate was "
                          "requested with.");
    return file_error(settings, "key_file", settings.key_file,
                      "holds no private key that can be used: " + last_error(),
                      "A PEM key without a passphrase is needed: openssl pkey -in <file> -out "
                      "<file without>.");
}

Result<void> load_client_ca(ssl_ctx_st* context, const TlsSettings& settings) {
    if (settings.client_cert == TlsSettings::Ask::off) return {};
    const std::string& file = settings.client_ca_file;
    if (auto good = readable(settings, "client_ca_file", file); !good) return good;
    ERR_clear_error();
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(file.c_str());
    if (names == nullptr || SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return file_error(settings, "client_ca_file", file,
                          "holds no certificate of an authority: " + last_error(),
                          "Name the PEM file of the authority that signs the clients' "
                          "certificates.");
    }
    SSL_CTX_set_client_CA_list(context, names);
    const int must =
        settings.client_cert == TlsSettings::Ask::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | must, nullptr);
    // A ticket would carry on what was verified once: a certificate that has expired since would
    // still get in. Here each connection proves itself.
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    return {};
}

WallTime wall_of(const ASN1_TIME* time) {
    std::tm at{};
    if (ASN1_TIME_to_tm(time, &at) != 1) return {};
    return WallTime(std::chrono::seconds(::timegm(&at)));
}

int choose_protocol(ssl_st*, const unsigned char** out, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void* ours) {
    const auto& list = *static_cast<const std::vector<unsigned char>*>(ours);
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(
        &chosen, size, list.data(), static_cast<unsigned>(list.size()), offered, offered_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

void set_rules(ssl_ctx_st* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    // Without partial writes: a client may ask for small records, and a write is all or nothing.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);  // one system call for header and body of a record
    // Tickets need no memory of ours; a resumed session is bound to this use of it.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_max_cert_list(context, kCertificates);
    static constexpr unsigned char kUse[] = "fogline";
    SSL_CTX_set_session_id_context(context, kUse, sizeof(kUse) - 1);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
}

}  // namespace

/// What OpenSSL reads from and writes to: the socket, without SIGPIPE, and what the kernel does not
/// take is kept, so that a record once encrypted counts as sent.
struct TlsWire {
    static TlsStream& stream(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* into, int size) {
        BIO_clear_retry_flags(bio);
        for (;;) {
            const auto got = ::recv(stream(bio).socket_, into, static_cast<std::size_t>(size), 0);
            if (got > 0) return static_cast<int>(got);
            if (got == 0) {
                BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
                return 0;
            }
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK) BIO_set_retry_read(bio);
            return -1;
        }
    }
    static int write(BIO* bio, const char* bytes, int count) {
        BIO_clear_retry_flags(bio);
        return stream(bio).put(bytes, count);
    }
    static long control(BIO* bio, int command, long, void*) {
        if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }
    static BIO* make(TlsStream* stream) {
        static BIO_METHOD* const method = [] {
            BIO_METHOD* made =
                BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "fogline socket");
            BIO_meth_set_read(made, read);
            BIO_meth_set_write(made, write);
            BIO_meth_set_ctrl(made, control);
            return made;
        }();
        BIO* bio = BIO_new(method);
        if (bio == nullptr) return nullptr;
        BIO_set_data(bio, stream);
        BIO_set_init(bio, 1);
        return bio;
    }
};

TlsStream::TlsStream(std::shared_ptr<const TlsServer> server, int socket)
    : server_(std::move(server)), ssl_(SSL_new(server_->context_)), socket_(socket) {
    BIO* bio = ssl_ != nullptr ? TlsWire::make(this) : nullptr;
    if (bio == nullptr) {
        SSL_free(ssl_);
        ssl_ = nullptr;
        return;
    }
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_accept_state(ssl_);
}

TlsStream::~TlsStream() {
    SSL_free(ssl_);
}

int TlsStream::put(const char* bytes, int count) {
    std::size_t sent = 0;
    const auto size = static_cast<std::size_t>(count);
    while (waiting_.empty() && sent < size) {
        const auto done = ::send(socket_, bytes + sent, size - sent, MSG_NOSIGNAL);
        if (done >= 0) {
            sent += static_cast<std::size_t>(done);
            continue;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        return -1;
    }
    if (waiting_.size() + size - sent > kMostWaiting) return -1;
    waiting_.append(bytes + sent, size - sent);
    return count;
}

bool TlsStream::established() const {
    return SSL_is_init_finished(ssl_) == 1;
}

/// What became of an operation that gave no bytes.
TlsStream::Done TlsStream::stopped(int result) {
    switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            return {0, State::again};
        case SSL_ERROR_ZERO_RETURN:
            if (established()) return {0, State::closed};
            fault_ = "closed";
            break;
        case SSL_ERROR_SSL:
            fault_ = word_for(ERR_GET_REASON(ERR_peek_last_error()), SSL_get_verify_result(ssl_));
            break;
        default:
            fault_ = established() ? "network" : "closed";
            break;
    }
    broken_ = true;
    ERR_clear_error();
    return {0, State::failed};
}

TlsStream::Done TlsStream::read(std::span<std::byte> into) {
    if (broken_) return {0, State::failed};
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_, into.data(), into.size(), &got);
    return result == 1 ? Done{got, State::open} : stopped(result);
}

TlsStream::Done TlsStream::write(std::span<const iovec> parts) {
    thread_local std::array<char, kRecord> record;
    if (broken_) return {0, State::failed};
    Done done;
    std::size_t part = 0, at = 0;
    for (;;) {
        if (!established() || !waiting_.empty()) {
            done.state = State::again;
            return done;
        }
        std::size_t size = 0;
        while (part < parts.size() && size < record.size()) {
            const auto count = std::min(record.size() - size, parts[part].iov_len - at);
            std::memcpy(record.data() + size, static_cast<char*>(parts[part].iov_base) + at, count);
            size += count;
            at += count;
            if (at == parts[part].iov_len) ++part, at = 0;
        }
        if (size == 0) return done;
        ERR_clear_error();
        std::size_t taken = 0;
        // All or nothing: what the kernel does not take waits in here.
        if (const int result = SSL_write_ex(ssl_, record.data(), size, &taken); result != 1) {
            done.state = stopped(result).state;
            return done;
        }
        done.bytes += taken;
    }
}

TlsStream::State TlsStream::flush() {
    std::size_t sent = 0;
    while (sent < waiting_.size()) {
        const auto done =
            ::send(socket_, waiting_.data() + sent, waiting_.size() - sent, MSG_NOSIGNAL);
        if (done >= 0) {
            sent += static_cast<std::size_t>(done);
            continue;
        }
        if (errno == EINTR) continue;
        waiting_.erase(0, sent);
        if (errno == EAGAIN || errno == EWOULDBLOCK) return State::again;
        fault_ = "network";
        broken_ = true;
        return State::failed;
    }
    waiting_ = {};
    return State::open;
}

void TlsStream::finish() {
    if (broken_ || !established()) return;
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
}

std::optional<std::string> TlsStream::certificate_name() const {
    const X509* certificate = SSL_get0_peer_certificate(ssl_);
    if (certificate == nullptr || SSL_get_verify_result(ssl_) != X509_V_OK) return std::nullopt;
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0)
        return std::string();
    unsigned char* text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
    if (size < 0) return std::string();
    std::string out(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return out;
}

Result<std::shared_ptr<const TlsServer>> TlsServer::make(const TlsSettings& settings) {
    for (const auto& [key, file] :
         {std::pair{"cert_file", &settings.cert_file}, std::pair{"key_file", &settings.key_file}})
        if (auto good = readable(settings, key, *file); !good) return std::move(good).error();
    std::shared_ptr<TlsServer> made(new TlsServer());
    made->context_ = SSL_CTX_new(TLS_server_method());
    if (made->context_ == nullptr) return Error{Errc::internal, "SSL_CTX_new: " + last_error(), {}};
    ssl_ctx_st* context = made->context_;
    set_rules(context);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, settings.cert_file.c_str()) != 1)
        return file_error(settings, "cert_file", settings.cert_file,
                          "holds no certificate that can be used: " + last_error(),
                          "A PEM file is needed: BEGIN CERTIFICATE, the gateway's own first.");
    if (auto key = load_key(context, settings); !key) return std::move(key).error();
    if (auto ca = load_client_ca(context, settings); !ca) return std::move(ca).error();
    const X509* certificate = SSL_CTX_get0_certificate(context);
    made->from_ = wall_of(X509_get0_notBefore(certificate));
    made->until_ = wall_of(X509_get0_notAfter(certificate));
    for (const std::string& one : settings.protocols) {
        made->protocols_.push_back(static_cast<unsigned char>(one.size()));
        made->protocols_.insert(made->protocols_.end(), one.begin(), one.end());
    }
    if (!made->protocols_.empty())
        SSL_CTX_set_alpn_select_cb(context, choose_protocol, &made->protocols_);
    return std::shared_ptr<const TlsServer>(std::move(made));
}

TlsServer::~TlsServer() {
    SSL_CTX_free(context_);
}

std::unique_ptr<TlsStream> TlsServer::accept(int socket) const {
    std::unique_ptr<TlsStream> stream(new TlsStream(shared_from_this(), socket));
    if (stream->ssl_ == nullptr) return nullptr;
    return stream;
}

std::string TlsFiles::look() const {
    std::string out;
    for (const std::string* file :
         {&settings_.cert_file, &settings_.key_file, &settings_.client_ca_file}) {
        struct stat about {};
        if (file->empty() || ::stat(file->c_str(), &about) != 0) {
            out += '-';
            continue;
        }
        for (const auto one :
             {static_cast<std::int64_t>(about.st_ino), about.st_size, about.st_mtim.tv_sec,
              about.st_mtim.tv_nsec, about.st_ctim.tv_sec, about.st_ctim.tv_nsec})
            out += std::to_string(one) + ' ';
    }
    return out;
}

std::optional<Result<std::shared_ptr<const TlsServer>>> TlsFiles::changed() {
    std::string now = look();
    const bool settled = now == seen_ || loaded_.empty();
    seen_ = std::move(now);
    if (seen_ == loaded_ || !settled) return std::nullopt;
    loaded_ = seen_;
    return TlsServer::make(settings_);
}

}  // namespace fog
