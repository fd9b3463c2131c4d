#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "firmware/core/result.hpp"

namespace fog {

/// Where a client wants to go, and what it shows and trusts if `tls`.
struct Endpoint {
    std::string host;  // name or address, IPv6 without brackets
    std::uint16_t port = 0;
    bool tls = false;
    std::string ca_file, cert_file, key_file;
};

/// "host:port", IPv6 in brackets.
std::string to_text(const Endpoint& endpoint);

/// The address of a name that Paho C 1.3 connects to, as text: the first of IPv4, else the last.
/// Addresses come back as they are. Asks on a thread of its own that is left behind when `deadline`
/// passes or `stopped` says so, because the resolver cannot be interrupted. Errc: unreachable (no
/// such name), timeout.
Result<std::string> resolve_host(const std::string& host,
                                 std::chrono::steady_clock::time_point deadline,
                                 const std::function<bool()>& stopped);

/// Why a connection that a library could not make fails, in words: tries TCP, then TLS, itself.
/// Blocks until `deadline`. Errc: unreachable, timeout, bad_config (certificate).
Error explain_failure(const Endpoint& endpoint, const std::string& address,
                      std::chrono::steady_clock::time_point deadline);

/// Shuts down every TCP connection of this process to `port` at `address` ("" = any address). For
/// libraries that hide their socket.
void cut_connections(const std::string& address, std::uint16_t port);

}  // namespace fog
