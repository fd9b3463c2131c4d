#include "firmware/mqtt/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <utility>
#include <vector>

#include "firmware/io/port_holder.hpp"

namespace fog::mqtt {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

constexpr auto kBreath = std::chrono::milliseconds(50);  // when there are no descriptors left

/// Peers without keep-alive that are gone are found by TCP: 60 s, then 6 probes 10 s apart.
void probe_peer(int fd) {
    const auto set = [fd](int level, int name, int value) {
        ::setsockopt(fd, level, name, &value, sizeof(value));
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set(IPPROTO_TCP, TCP_KEEPCNT, 6);
}

class TcpListener final : public Listener, public std::enable_shared_from_this<TcpListener> {
public:
    TcpListener(EventLoop& loop, Broker& broker, Metrics& metrics,
                std::shared_ptr<HeldSockets> sockets)
        : loop_(loop),
          broker_(broker),
          sockets_(std::move(sockets)),
          accepted_(metrics.counter("fogline_mqtt_connections_total", {}, "connections accepted")),
          banned_(metrics.counter("fogline_mqtt_closed_total", "reason=\"banned\"",
                                  "connections ended by the gateway")) {}

    Result<std::uint16_t> listen(std::string_view address, std::uint16_t port) override;
    void stop() override {
        stopped_ = true;
        acceptors_.clear();
    }

private:
    void accept(std::size_t at) {
        auto peer = std::make_shared<Tcp::socket>(loop_.context());
        acceptors_[at]->async_accept(
            *peer, [weak = weak_from_this(), at, peer](boost::system::error_code ec) {
                const auto self = weak.lock();
                if (!self || self->stopped_ || ec == asio::error::operation_aborted) return;
                if (!ec) {
                    self->begin(*peer);
                    return self->accept(at);
                }
                self->loop_.after(kBreath, [weak, at] {
                    const auto later = weak.lock();
                    if (later && !later->stopped_) later->accept(at);
                });
            });
    }

    void begin(Tcp::socket& peer) {
        accepted_.add();
        boost::system::error_code ec;
        const auto from = peer.remote_endpoint(ec);
        if (ec) return;
        const auto address = from.address().to_string();
        if (broker_.banned(address)) return banned_.add();
        peer.native_non_blocking(true, ec);
        const int fd = peer.release(ec);
        if (ec) return;
        probe_peer(fd);
        broker_.accept(sockets_->adopt(Fd(fd), {}), address);
    }

    EventLoop& loop_;
    Broker& broker_;
    std::shared_ptr<HeldSockets> sockets_;
    Counter& accepted_;
    Counter& banned_;
    std::vector<std::unique_ptr<Tcp::acceptor>> acceptors_;
    bool stopped_ = false;
};

Error taken(std::string_view address, std::uint16_t port) {
    const std::string holder = port_holder(port);
    return {Errc::conflict,
            "mqtt: port " + std::to_string(port) + " of " + std::string(address) + " is taken" +
                (holder.empty() ? "" : " by " + holder),
            "Use that program as an external broker ([[mqtt.source]] with its address, and no "
            "[mqtt.listener]), or stop it (systemctl disable --now mosquitto), or set "
            "mqtt.listener.port to another one."};
}

Result<std::uint16_t> TcpListener::listen(std::string_view address, std::uint16_t port) {
    boost::system::error_code ec;
    const auto ip =
        asio::ip::make_address(address == "localhost" ? "127.0.0.1" : std::string(address), ec);
    if (ec)
        return Error{Errc::bad_config, "mqtt: '" + std::string(address) + "' is no IP address",
                     "Use 127.0.0.1, ::1, 0.0.0.0, :: or an address of this machine."};
    auto acceptor = std::make_unique<Tcp::acceptor>(loop_.context());
    const Tcp::endpoint endpoint(ip, port);
    acceptor->open(endpoint.protocol(), ec);
    if (!ec) acceptor->set_option(Tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor->bind(endpoint, ec);
    if (!ec) acceptor->listen(4096, ec);
    if (ec == asio::error::address_in_use) return taken(address, port);
    if (ec)
        return Error{Errc::bad_config,
                     "mqtt: cannot listen on " + std::string(address) + ":" + std::to_string(port) +
                         ": " + ec.message(),
                     "Check mqtt.listener.bind and mqtt.listener.port."};
    const auto actual = acceptor->local_endpoint(ec).port();
    acceptors_.push_back(std::move(acceptor));
    accept(acceptors_.size() - 1);
    return actual;
}

/// Keeps the accepting object as long as it is wanted; its handlers hold on to it by themselves.
class Holder final : public Listener {
public:
    explicit Holder(std::shared_ptr<TcpListener> listener) : listener_(std::move(listener)) {}
    ~Holder() override { listener_->stop(); }
    Result<std::uint16_t> listen(std::string_view address, std::uint16_t port) override {
        return listener_->listen(address, port);
    }
    void stop() override { listener_->stop(); }

private:
    std::shared_ptr<TcpListener> listener_;
};

}  // namespace

Result<std::unique_ptr<Listener>> Listener::make(EventLoop& loop, Broker& broker,
                                                 Metrics& metrics) {
    auto sockets = HeldSockets::make(loop);
    if (!sockets) return std::move(sockets).error();
    return std::unique_ptr<Listener>(std::make_unique<Holder>(
        std::make_shared<TcpListener>(loop, broker, metrics, std::move(*sockets))));
}

}  // namespace fog::mqtt
