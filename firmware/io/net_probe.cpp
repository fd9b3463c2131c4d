#include "firmware/io/net_probe.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "firmware/core/text.hpp"
#include "firmware/io/fd.hpp"
#include "firmware/io/files.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;
using Deadline = std::chrono::steady_clock::time_point;

struct FreeAddresses {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

/// Shared with the thread that may outlive its asker.
struct Lookup {
    std::mutex mutex;
    std::condition_variable ready;
    bool done = false;
    int code = 0;
    std::string address;
};

bool is_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> any{};
    return ::inet_pton(AF_INET, host.c_str(), any.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), any.data()) == 1;
}

void look_up(const std::string& host, Lookup& lookup) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* raw = nullptr;
    const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &raw);
    const Addresses found(code == 0 ? raw : nullptr);
    std::array<char, NI_MAXHOST> text{};
    const addrinfo* taken = found.get();
    while (taken != nullptr && taken->ai_family != AF_INET && taken->ai_next != nullptr)
        taken = taken->ai_next;
    if (taken != nullptr)
        ::getnameinfo(taken->ai_addr, taken->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST);
    const std::lock_guard lock(lookup.mutex);
    lookup.code = code;
    lookup.address = text.data();
    lookup.done = true;
    lookup.ready.notify_all();
}

int remaining_ms(Deadline deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

/// A connected socket, or the errno of why not (ETIMEDOUT when the time is up).
int connect_tcp(const std::string& address, std::uint16_t port, Deadline deadline, Fd& out) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* raw = nullptr;
    if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &raw) != 0)
        return EADDRNOTAVAIL;
    const Addresses found(raw);
    Fd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return errno;
    if (::connect(fd.get(), found->ai_addr, found->ai_addrlen) != 0) {
        if (errno != EINPROGRESS) return errno;
        pollfd wait{fd.get(), POLLOUT, 0};
        if (::poll(&wait, 1, remaining_ms(deadline)) <= 0) return ETIMEDOUT;
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return error;
    }
    out = std::move(fd);
    return 0;
}

struct FreeTls {
    void operator()(SSL* ssl) const { ::SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};

std::string last_tls_error() {
    std::array<char, 256> text{};
    const auto code = ::ERR_get_error();
    if (code == 0) return "the other side closed the connection";
    ::ERR_error_string_n(code, text.data(), text.size());
    ::ERR_clear_error();
    const std::string_view whole = text.data();
    const auto colon = whole.rfind(':');
    return std::string(colon == std::string_view::npos ? whole : whole.substr(colon + 1));
}

Error bad_certificate(std::string what, std::string hint) {
    return {Errc::bad_config, std::move(what), std::move(hint)};
}

/// Loads trust and our own certificate; an Error when a file is wrong.
Result<void> prepare(SSL_CTX* context, const Endpoint& to) {
    const int trusted = to.ca_file.empty()
                            ? ::SSL_CTX_set_default_verify_paths(context)
                            : ::SSL_CTX_load_verify_locations(context, to.ca_file.c_str(), nullptr);
    if (trusted != 1)
        return bad_certificate("ca_file " + to.ca_file + ": " + last_tls_error(),
                               "a PEM file with the certificate of the authority");
    if (to.cert_file.empty()) return {};
    const auto& key = to.key_file.empty() ? to.cert_file : to.key_file;
    if (::SSL_CTX_use_certificate_chain_file(context, to.cert_file.c_str()) != 1)
        return bad_certificate("cert_file " + to.cert_file + ": " + last_tls_error(),
                               "a PEM file with the client certificate");
    if (::SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
        return bad_certificate("key_file " + key + ": " + last_tls_error(),
                               "a PEM file with the key of the client certificate");
    return {};
}

/// Runs the handshake on a non-blocking socket: 1 done, 0 out of time, -1 failed.
template <class Step>
int drive(SSL* ssl, int fd, Deadline deadline, Step step) {
    for (;;) {
        const int rc = step(ssl);
        if (rc > 0) return 1;
        const int want = ::SSL_get_error(ssl, rc);
        if (want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE) return -1;
        pollfd wait{fd, static_cast<short>(want == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
        if (::poll(&wait, 1, remaining_ms(deadline)) <= 0) return 0;
    }
}

Error explain_tls(const Endpoint& to, int fd, Deadline deadline) {
    const std::string where = to_text(to);
    ::ERR_clear_error();
    const std::unique_ptr<SSL_CTX, FreeTls> context(::SSL_CTX_new(::TLS_client_method()));
    if (!context) return {Errc::internal, "no TLS context: " + last_tls_error(), {}};
    if (auto ready = prepare(context.get(), to); !ready) return std::move(ready).error();
    ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    const std::unique_ptr<SSL, FreeTls> ssl(::SSL_new(context.get()));
    if (!ssl) return {Errc::internal, "no TLS session: " + last_tls_error(), {}};
    if (is_address(to.host)) {
        ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl.get()), to.host.c_str());
    } else {
        ::SSL_set_tlsext_host_name(ssl.get(), to.host.c_str());
        ::SSL_set1_host(ssl.get(), to.host.c_str());
    }
    ::SSL_set_fd(ssl.get(), fd);
    int done = drive(ssl.get(), fd, deadline, ::SSL_connect);
    if (const long verdict = ::SSL_get_verify_result(ssl.get()); verdict != X509_V_OK)
        return bad_certificate("certificate of " + where +
                                   " is not accepted: " + ::X509_verify_cert_error_string(verdict),
                               "set ca_file to its authority, and use the name in the certificate");
    // TLS 1.3 tells a client that its certificate is refused only after the handshake.
    const auto read_once = [](SSL* session) {
        char byte = 0;
        return ::SSL_read(session, &byte, 1);
    };
    const auto soon = std::min(deadline, std::chrono::steady_clock::now() + 300ms);
    if (done == 1) done = drive(ssl.get(), fd, soon, read_once);
    if (done < 0)
        return bad_certificate(
            "TLS with " + where + " failed: " + last_tls_error(),
            to.cert_file.empty() ? "the broker may want a client certificate (cert_file, key_file)"
                                 : "check cert_file and key_file");
    return {Errc::unreachable, where + " answers but did not let us in", {}};
}

}  // namespace

std::string to_text(const Endpoint& endpoint) {
    const bool v6 = endpoint.host.find(':') != std::string::npos;
    return (v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

Result<std::string> resolve_host(const std::string& host, Deadline deadline,
                                 const std::function<bool()>& stopped) {
    if (is_address(host)) return host;
    auto lookup = std::make_shared<Lookup>();
    std::thread([host, lookup] { look_up(host, *lookup); }).detach();
    std::unique_lock lock(lookup->mutex);
    while (!lookup->done) {
        if (stopped() || std::chrono::steady_clock::now() >= deadline)
            return Error{Errc::timeout, "looking up " + host + " took too long", "check the DNS"};
        lookup->ready.wait_for(lock, 50ms);
    }
    if (lookup->code != 0)
        return Error{Errc::unreachable,
                     "host " + host + " not found: " + ::gai_strerror(lookup->code),
                     "check the name and the DNS"};
    return lookup->address;
}

Error explain_failure(const Endpoint& endpoint, const std::string& address, Deadline deadline) {
    Fd fd;
    const int error = connect_tcp(address, endpoint.port, deadline, fd);
    const std::string where = to_text(endpoint);
    if (error == ETIMEDOUT) return {Errc::timeout, where + ": no answer", {}};
    if (error != 0) return {Errc::unreachable, where + ": " + errno_text(error), {}};
    if (endpoint.tls) return explain_tls(endpoint, fd.get(), deadline);
    return {Errc::unreachable, where + " accepts connections but does not answer as a broker", {}};
}

void cut_connections(const std::string& address, std::uint16_t port) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
        const auto number = parse_int(entry.path().filename().string());
        if (!number) continue;
        const int fd = static_cast<int>(*number);
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        auto* any = reinterpret_cast<sockaddr*>(&peer);
        if (::getpeername(fd, any, &size) != 0) continue;
        std::array<char, NI_MAXHOST> host{};
        std::array<char, NI_MAXSERV> service{};
        if (::getnameinfo(any, size, host.data(), host.size(), service.data(), service.size(),
                          NI_NUMERICHOST | NI_NUMERICSERV) != 0)
            continue;
        if (std::to_string(port) != service.data()) continue;
        if (address.empty() || address == host.data()) ::shutdown(fd, SHUT_RDWR);
    }
}

}  // namespace fog
