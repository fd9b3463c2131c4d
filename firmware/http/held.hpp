#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "firmware/core/limits.hpp"
#include "firmware/core/result.hpp"
#include "firmware/http/message.hpp"
#include "firmware/io/event_loop.hpp"
#include "firmware/io/fd.hpp"
#include "firmware/io/tls.hpp"

namespace fog {

/// A client whose request was answered with a hold: bytes out without copies, bytes in.
///
/// It has no buffers: write() hands the kernel what it takes and says how much that was; the owner
/// keeps the rest and is told when there is room again. Destroying it closes the connection.
/// Thread: fog-io. Blocks: never.
class HeldConnection {
public:
    /// Whoever holds the client. Called from the loop, never from inside write(). The owner may
    /// destroy the connection in any of these.
    class Owner {
    public:
        virtual ~Owner() = default;
        virtual void on_writable() = 0;
        virtual void on_input(std::span<const std::byte> bytes) = 0;
        /// The far side ended its half (a client that only listens is gone) or the link failed:
        /// "client", "network", "tls-…" with the fault of a handshake, "ws-…" of WebSocket.
        virtual void on_closed(std::string_view reason) = 0;
    };
    enum class State : std::uint8_t { open, full, gone };
    struct Written {
        std::size_t bytes = 0;
        State state = State::open;  // full: on_writable() will follow
    };

    virtual ~HeldConnection() = default;
    virtual void own(Owner* owner) = 0;
    /// One gathered, non-blocking send.
    virtual Written write(std::span<const iovec> parts) = 0;
    /// Off: nothing is read, so that TCP holds the far side back; its end is not noticed meanwhile.
    virtual void read(bool on) = 0;
    /// Ends our half; what the kernel has is still sent. No more writes after it.
    virtual void finish() = 0;
    /// Common name of the certificate the far side proved to own, nothing without one
    /// (TlsStream::certificate_name). Known once input has come.
    virtual std::optional<std::string> certificate_name() const { return std::nullopt; }
    /// Whether there is a TLS handshake that is not done.
    virtual bool shaking_hands() const { return false; }
};

/// The held sockets of one loop: an epoll set of its own, so that an idle client costs one small
/// object and a send costs one system call. Thread: fog-io. Outlives its connections by itself.
class HeldSockets {
public:
    static Result<std::shared_ptr<HeldSockets>> make(EventLoop& loop);
    virtual ~HeldSockets() = default;
    /// Takes a connected socket; sets TCP_NODELAY, TCP_NOTSENT_LOWAT (16 KiB) and TCP_USER_TIMEOUT
    /// (20 s) where it is TCP. `early` are bytes already read from it, handed to the owner first.
    virtual std::unique_ptr<HeldConnection> adopt(Fd socket, std::string early) = 0;
    /// Speaks TLS on it from its first byte; null when there is no memory.
    virtual std::unique_ptr<HeldConnection> adopt(Fd socket, const TlsServer& tls) = 0;
};

/// A hold that wants the bare connection: the listener sends the head of the response (status and
/// headers; the body runs to the end of the connection), then calls take().
struct ConnectionHold : Hold {
    /// Thread: fog-io. `request` is the one that was answered.
    virtual void take(std::unique_ptr<HeldConnection> connection, const Request& request) = 0;
};

}  // namespace fog
