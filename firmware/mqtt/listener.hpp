#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "firmware/core/result.hpp"
#include "firmware/io/tls.hpp"
#include "firmware/mqtt/broker.hpp"

namespace fog::mqtt {

/// The TCP side of the MQTT server, plain and with TLS: accepts and hands connections to the
/// broker.
/// Thread: fog-io (before run(): the one that made the loop). Blocks: never.
class Listener {
public:
    /// Fails where the system has no epoll.
    static Result<std::unique_ptr<Listener>> make(EventLoop& loop, Broker& broker,
                                                  Metrics& metrics);
    virtual ~Listener() = default;
    /// Binds and serves; gives the port (asked or picked with 0). Errc::conflict: it is taken, the
    /// error says by whom if that can be seen.
    virtual Result<std::uint16_t> listen(std::string_view address, std::uint16_t port) = 0;
    /// The same for TLS; nobody is let in before serve_tls().
    virtual Result<std::uint16_t> listen_tls(std::string_view address, std::uint16_t port) = 0;
    /// What new connections are greeted with.
    virtual void serve_tls(std::shared_ptr<const TlsServer> server) = 0;
    virtual void stop() = 0;
};

}  // namespace fog::mqtt
