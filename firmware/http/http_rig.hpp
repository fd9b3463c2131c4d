#pragma once

// Test support: credentials in memory and a client with a raw socket.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "firmware/http/principal.hpp"
#include "firmware/io/fd.hpp"

namespace fog::rig {

/// Tokens by name; scopes and patterns as the test sets them. fog-io, set up before.
class Tokens final : public Authenticator {
public:
    Why check(const Credentials& credentials, Principal& out) override {
        if (credentials.bearer.empty() && credentials.cookie.empty()) return Why::none;
        const auto found = known.find(
            std::string(credentials.bearer.empty() ? credentials.cookie : credentials.bearer));
        if (found == known.end()) return Why::unknown;
        out = found->second;
        out.by_cookie = credentials.bearer.empty();
        return Why::ok;
    }
    bool still_valid(const Principal& principal) override {
        return principal.credential != revoked;
    }
    bool claimed() const override { return is_claimed; }

    std::map<std::string, Principal> known = {
        {"all", {"admin", scope::kAll, {"#"}, {}, 1, false}},
        {"narrow", {"panel", scope::kReadLive, {"samples/boiler/#"}, {}, 2, false}},
        {"nothing", {"other", scope::kIngest, {}, {}, 3, false}}};
    std::uint64_t revoked = 0;
    bool is_claimed = true;
};

/// A client with a plain socket and deadlines.
class RawClient {
public:
    explicit RawClient(std::uint16_t port, int receive_buffer = 0)
        : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        if (receive_buffer != 0)
            ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected =
            ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    }
    /// To a Unix socket.
    explicit RawClient(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
        connected =
            ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    }
    void send(std::string_view bytes) {
        (void)!::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    /// Reads until `text` was seen (kept in `got`), the end, or the deadline; whether it was seen.
    bool until(std::string_view text, std::chrono::milliseconds within = std::chrono::seconds(10)) {
        const auto end = std::chrono::steady_clock::now() + within;
        while (got.find(text) == std::string::npos) {
            if (!read_some(end)) return got.find(text) != std::string::npos;
        }
        return true;
    }
    /// Reads until the far side ends the connection.
    bool until_end(std::chrono::milliseconds within = std::chrono::seconds(10)) {
        const auto end = std::chrono::steady_clock::now() + within;
        while (read_some(end)) {
        }
        return ended;
    }
    std::size_t count(std::string_view text) const {
        std::size_t n = 0;
        for (auto at = got.find(text); at != std::string::npos; at = got.find(text, at + 1)) ++n;
        return n;
    }

    std::string got;
    bool connected = false;
    bool ended = false;

private:
    bool read_some(std::chrono::steady_clock::time_point end) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        pollfd ready{fd_.get(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
            return false;
        char buffer[65536];
        const ssize_t count = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
        if (count <= 0) {
            ended = true;
            return false;
        }
        got.append(buffer, static_cast<std::size_t>(count));
        return true;
    }
    Fd fd_;
};

}  // namespace fog::rig
