#include "firmware/http/server.hpp"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <utility>

#include "firmware/http/session.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"

namespace fog {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
    explicit Impl(std::shared_ptr<HttpShared> from) : shared(std::move(from)) {}

    asio::io_context& io() { return shared->parts.loop.context(); }

    void accept_tcp(std::size_t at) {
        auto peer = std::make_shared<HttpSession::Socket>(io());
        tcp[at]->async_accept(
            *peer, [weak = weak_from_this(), at, peer](boost::system::error_code ec) {
                const auto self = weak.lock();
                if (!self || self->stopped || ec == asio::error::operation_aborted) return;
                if (!ec) self->begin(std::move(*peer), false);
                self->next_tcp(at, ec);
            });
    }

    /// Out of descriptors: the backlog waits a little instead of spinning.
    void next_tcp(std::size_t at, boost::system::error_code ec) {
        if (!ec) return accept_tcp(at);
        accept_faults->add();
        shared->parts.loop.after(std::chrono::milliseconds(50), [weak = weak_from_this(), at] {
            const auto self = weak.lock();
            if (self && !self->stopped) self->accept_tcp(at);
        });
    }

    void accept_local() {
        auto peer = std::make_shared<HttpSession::Socket>(io());
        local->async_accept(*peer, [weak = weak_from_this(), peer](boost::system::error_code ec) {
            const auto self = weak.lock();
            if (!self || self->stopped || ec) return;
            self->begin(std::move(*peer), true);
            self->accept_local();
        });
    }

    static Tcp::endpoint tcp_peer(HttpSession::Socket& socket) {
        boost::system::error_code ec;
        const auto peer = socket.remote_endpoint(ec);
        Tcp::endpoint out;
        if (ec || peer.size() > out.capacity()) return out;
        std::memcpy(out.data(), peer.data(), peer.size());
        out.resize(peer.size());
        return out;
    }

    void begin(HttpSession::Socket socket, bool control) {
        accepted->add();
        std::string remote = "local";
        bool loopback = true;
        if (!control) {
            const auto address = tcp_peer(socket).address();
            remote = address.to_string();
            loopback = address.is_loopback();
        }
        const auto session = std::make_shared<HttpSession>(shared, std::move(socket), control,
                                                           std::move(remote), loopback);
        if (shared->sessions.size() <= shared->parts.limits.clients) return session->start();
        refused->add();
        session->refuse_busy();
    }

    Result<std::uint16_t> listen(std::string_view address, std::uint16_t port);
    Result<void> listen_unix(const std::filesystem::path& path, unsigned mode);

    std::shared_ptr<HttpShared> shared;
    std::vector<std::unique_ptr<Tcp::acceptor>> tcp;
    std::unique_ptr<Local::acceptor> local;
    std::filesystem::path local_path;
    Counter* accepted = nullptr;
    Counter* refused = nullptr;
    Counter* accept_faults = nullptr;
    bool stopped = false;
};

Result<std::uint16_t> HttpServer::Impl::listen(std::string_view address, std::uint16_t port) {
    boost::system::error_code ec;
    const auto ip =
        asio::ip::make_address(address == "localhost" ? "127.0.0.1" : std::string(address), ec);
    const std::string where = std::string(address) + ":" + std::to_string(port);
    if (ec)
        return Error{Errc::bad_config, "http: '" + std::string(address) + "' is no IP address",
                     "Use 127.0.0.1, ::1, 0.0.0.0, :: or an address of this machine."};
    if (!ip.is_loopback() && !shared->parts.authenticator.claimed())
        return Error{Errc::denied,
                     "http: " + where + " is reachable from outside and nobody has claimed the box",
                     "Claim it first on http://127.0.0.1 or with: fogctl claim set"};
    auto acceptor = std::make_unique<Tcp::acceptor>(io());
    const Tcp::endpoint endpoint(ip, port);
    acceptor->open(endpoint.protocol(), ec);
    if (!ec) acceptor->set_option(Tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor->bind(endpoint, ec);
    if (!ec) acceptor->listen(4096, ec);
    if (ec == asio::error::address_in_use)
        return Error{
            Errc::conflict,
            "http: port " + std::to_string(port) + " of " + std::string(address) + " is in use",
            "Stop the program that holds it (ss -ltnp shows it), or set http.port to another one."};
    if (ec)
        return Error{Errc::bad_config, "http: cannot listen on " + where + ": " + ec.message(),
                     "Check http.address and http.port."};
    const auto actual = acceptor->local_endpoint(ec).port();
    tcp.push_back(std::move(acceptor));
    accept_tcp(tcp.size() - 1);
    log_info("http",
             "listening address=" + std::string(address) + " port=" + std::to_string(actual));
    return actual;
}

Result<void> HttpServer::Impl::listen_unix(const std::filesystem::path& path, unsigned mode) {
    const std::string name = path.string();
    if (name.size() >= sizeof(sockaddr_un::sun_path))
        return Error{Errc::bad_config, "control socket '" + name + "': the path is too long",
                     "Use a shorter runtime folder."};
    boost::system::error_code ec;
    Local::socket probe(io());
    probe.connect(Local::endpoint(name), ec);
    if (!ec)
        return Error{Errc::conflict, "control socket '" + name + "' is served by another process",
                     "Stop the other foglined first."};
    ::unlink(name.c_str());  // left over by a process that is gone
    auto acceptor = std::make_unique<Local::acceptor>(io());
    acceptor->open(Local(), ec);
    // Made with no rights for others from the first moment; opened up after the bind.
    const mode_t before = ::umask(0177);
    if (!ec) acceptor->bind(Local::endpoint(name), ec);
    ::umask(before);
    if (!ec && ::chmod(name.c_str(), mode) != 0) ec.assign(errno, boost::system::system_category());
    if (!ec) acceptor->listen(64, ec);
    if (ec)
        return Error{Errc::bad_config, "control socket '" + name + "': " + ec.message(),
                     "Check that the runtime folder exists and is writable."};
    local = std::move(acceptor);
    local_path = path;
    accept_local();
    return {};
}

HttpServer::HttpServer(HttpParts parts, HttpConfig config) {
    auto shared =
        std::make_shared<HttpShared>(HttpShared{parts, std::move(config), {}, {}, {}, false});
    if (!parts.ui_folder.empty()) shared->parts.assets = {};
    Route& folder = shared->folder_route;
    folder.open = folder.before_claim = true;
    folder.handler = [root = parts.ui_folder](const Request& request, const Responder& respond) {
        respond(folder_asset(root, request));
    };
    shared->pool = std::make_unique<ApiPool>(shared->config.api_threads, parts.limits.api_queue);
    auto held = HeldSockets::make(parts.loop);
    if (held) shared->held = *held;
    impl_ = std::make_shared<Impl>(std::move(shared));
    impl_->accepted =
        &parts.metrics.counter("fogline_http_connections_total", {}, "connections accepted");
    impl_->refused = &parts.metrics.counter("fogline_http_refused_total", "reason=\"full\"",
                                            "connections refused");
    impl_->accept_faults =
        &parts.metrics.counter("fogline_http_accept_faults_total", {}, "accept() failed");
}

HttpServer::~HttpServer() {
    stop();
}

Result<std::uint16_t> HttpServer::listen(std::string_view address, std::uint16_t port) {
    if (!impl_->shared->held) return Error{Errc::internal, "http: epoll is not available", {}};
    return impl_->listen(address, port);
}

Result<void> HttpServer::listen_unix(const std::filesystem::path& path, unsigned mode) {
    return impl_->listen_unix(path, mode);
}

bool HttpServer::run_on_api(std::function<void()> job) {
    return impl_->shared->pool->run(std::move(job));
}

void HttpServer::stop_listening() {
    impl_->stopped = true;
    impl_->shared->stopping = true;
    impl_->tcp.clear();
    impl_->local.reset();
    if (!impl_->local_path.empty()) ::unlink(impl_->local_path.c_str());
    impl_->local_path.clear();
}

void HttpServer::stop() {
    stop_listening();
    impl_->shared->pool->join();
    const auto open = impl_->shared->sessions;
    for (auto* session : open) session->close();
}

}  // namespace fog
