#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/limits.hpp"
#include "firmware/core/metrics.hpp"
#include "firmware/core/result.hpp"
#include "firmware/http/assets.hpp"
#include "firmware/http/principal.hpp"
#include "firmware/http/router.hpp"
#include "firmware/io/event_loop.hpp"

namespace fog {

struct HttpConfig {
    std::string gateway;                       // its name is a valid Host, with and without .local
    std::vector<std::string> allowed_hosts;    // more valid Hosts, without port
    std::vector<std::string> allowed_origins;  // exact: "https://panel.example"
    unsigned api_threads = 2;                  // fog-api-<n>
};

/// What the listener works with; all of it outlives the server.
struct HttpParts {
    EventLoop& loop;
    const Router& router;
    Authenticator& authenticator;
    const Limits& limits;
    Metrics& metrics;
    std::span<const Asset> assets = {};
    std::filesystem::path ui_folder = {};  // serves these files instead of `assets`
};

/// The one HTTP/1.1 listener: TCP addresses and the Unix control socket.
///
/// Order of checks: limits (431, 408), Host (421), Origin (403), path (404, 405), credentials
/// (401, 403), body (413). A request without route but with an asset gets the asset. Handlers with
/// RunOn::api run on a small pool; a full queue answers 503 with Retry-After. JSON of 1 KiB and
/// more is packed there for clients that take gzip, streams never.
/// Thread: fog-io (before run(): the one that made the loop). Blocks: never; stop() joins the pool.
class HttpServer {
public:
    HttpServer(HttpParts parts, HttpConfig config);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// Binds and serves; gives the port (asked or picked with 0). Other than loopback addresses
    /// only on a claimed box (Errc::denied): call again after the claim.
    Result<std::uint16_t> listen(std::string_view address, std::uint16_t port);
    /// The control socket: who can connect is Principal "local" with every scope.
    Result<void> listen_unix(const std::filesystem::path& path, unsigned mode = 0660);

    /// Runs `job` on the api pool; false = queue full. Any thread.
    [[nodiscard]] bool run_on_api(std::function<void()> job);

    /// Refuses new connections; open ones are finished. Held ones belong to whoever holds them.
    void stop_listening();
    /// Also ends open requests and joins the pool.
    void stop();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace fog
