#include "firmware/http/server.hpp"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <utility>

#include "firmware/http/session.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/tcp_doors.hpp"

namespace fog {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
    explicit Impl(std::shared_ptr<HttpShared> from) : shared(std::move(from)) {}

    void make_doors() {
        doors = std::make_unique<TcpDoors>(
            shared->parts.loop, "http",
            [weak = weak_from_this()](TcpDoors::Socket socket, const TcpDoors::Address& from) {
                if (const auto self = weak.lock())
                    self->begin(HttpSession::Socket(std::move(socket)), &from);
            },
            [faults = accept_faults] { faults->add(); });
    }

    asio::io_context& io() { return shared->parts.loop.context(); }

    void accept_local() {
        auto peer = std::make_shared<HttpSession::Socket>(io());
        local->async_accept(*peer, [weak = weak_from_this(), peer](boost::system::error_code ec) {
            const auto self = weak.lock();
            if (!self || self->stopped || ec) return;
            self->begin(std::move(*peer), nullptr);
            self->accept_local();
        });
    }

    /// `from` is empty for the control socket.
    void begin(HttpSession::Socket socket, const TcpDoors::Address* from) {
        accepted->add();
        const auto session = std::make_shared<HttpSession>(
            shared, std::move(socket), from == nullptr, from ? from->to_string() : "local",
            from == nullptr || from->is_loopback());
        if (shared->sessions.size() <= shared->parts.limits.clients) return session->start();
        refused->add();
        session->refuse_busy();
    }

    Result<std::uint16_t> listen(std::string_view address, std::uint16_t port);
    Result<void> listen_unix(const std::filesystem::path& path, unsigned mode);

    std::shared_ptr<HttpShared> shared;
    std::unique_ptr<TcpDoors> doors;
    std::unique_ptr<Local::acceptor> local;
    std::filesystem::path local_path;
    Counter* accepted = nullptr;
    Counter* refused = nullptr;
    Counter* accept_faults = nullptr;
    bool stopped = false;
};

Result<std::uint16_t> HttpServer::Impl::listen(std::string_view address, std::uint16_t port) {
    const auto ip = doors->parse(address);
    if (!ip) return ip.error();
    if (!ip->is_loopback() && !shared->parts.authenticator.claimed())
        return Error{Errc::denied,
                     "http: " + std::string(address) + ":" + std::to_string(port) +
                         " is reachable from outside and nobody has claimed the box",
                     "Claim it first on http://127.0.0.1 or with: fogctl claim set"};
    return doors->listen(*ip, port);
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
    impl_->make_doors();
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
    impl_->doors->stop();
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
