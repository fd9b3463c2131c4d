#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/result.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace fog {

class TlsServer;

/// What a server needs to speak TLS. Files are PEM.
struct TlsSettings {
    enum class Ask : std::uint8_t { off, optional, required };
    std::string where;                   // section of the configuration, begins error texts
    std::string cert_file;               // its own certificate, then those up to the authority
    std::string key_file;                // without a passphrase
    Ask client_cert = Ask::off;          // of clients
    std::string client_ca_file;          // authorities of these; needed unless off
    std::vector<std::string> protocols;  // ALPN; who offers none of them is served too
};

/// One connection: OpenSSL straight on a non-blocking socket that somebody else owns and watches.
///
/// It has no buffers while idle. Of what the kernel does not take at once at most one record waits
/// in it; more is not accepted before flush() got rid of that. Thread: its owner's. Blocks: never.
class TlsStream {
public:
    enum class State : std::uint8_t {
        open,
        again,   // read: nothing more for now; write, flush: the kernel is full
        closed,  // by the far side, in order
        failed   // fault() says why
    };
    struct Done {
        std::size_t bytes = 0;
        State state = State::open;
    };
    ~TlsStream();
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    /// Goes on with the handshake first. To be called until it says something else than open.
    Done read(std::span<std::byte> into);
    /// Before the handshake is done nothing is taken.
    Done write(std::span<const iovec> parts);
    /// Sends what waits; to be called when the socket can be written again.
    State flush();
    /// Says that nothing more will be written.
    void finish();

    bool established() const;
    /// Why it failed, one word for counters: "version", "not-tls", "certificate-expired" ...
    std::string_view fault() const { return fault_; }
    /// The common name of the certificate the far side has proved to own; empty: it has none, or
    /// several. Nothing: it showed no certificate.
    std::optional<std::string> certificate_name() const;

private:
    friend class TlsServer;
    friend struct TlsWire;
    TlsStream(std::shared_ptr<const TlsServer> server, int socket);
    Done stopped(int result);
    int put(const char* bytes, int count);

    std::shared_ptr<const TlsServer> server_;
    ssl_st* ssl_;
    int socket_;
    bool broken_ = false;
    std::string waiting_;  // encrypted, not taken by the kernel
    std::string_view fault_;
};

/// A certificate and rules for those who connect: TLS 1.2 and 1.3, no renegotiation, session
/// tickets unless clients are asked for certificates (each connection is verified anew). Immutable;
/// renewed files make a new one, connections keep theirs.
/// Thread: any. Blocks: make() reads the files.
class TlsServer : public std::enable_shared_from_this<TlsServer> {
public:
    /// Fails: bad_config, with file and remedy.
    static Result<std::shared_ptr<const TlsServer>> make(const TlsSettings& settings);
    ~TlsServer();
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    /// For a connected, non-blocking socket; null when there is no memory.
    std::unique_ptr<TlsStream> accept(int socket) const;
    WallTime valid_from() const { return from_; }
    WallTime valid_until() const { return until_; }

private:
    friend class TlsStream;
    TlsServer() = default;
    ssl_ctx_st* context_ = nullptr;
    std::vector<unsigned char> protocols_;  // as ALPN has them on the wire
    WallTime from_, until_;
};

/// Loads the files of a server again when they have changed.
/// Thread: one at a time. Blocks: reading files.
class TlsFiles {
public:
    explicit TlsFiles(TlsSettings settings) : settings_(std::move(settings)) {}
    /// Nothing: they are as at the last call, or still being written (they must have been the same
    /// twice, but for the first time).
    std::optional<Result<std::shared_ptr<const TlsServer>>> changed();

private:
    std::string look() const;

    const TlsSettings settings_;
    std::string loaded_, seen_;  // size, times and inode of each
};

}  // namespace fog
