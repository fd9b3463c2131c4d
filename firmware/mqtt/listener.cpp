#include "firmware/mqtt/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <utility>
#include <vector>

#include "firmware/io/tcp_doors.hpp"

namespace fog::mqtt {
namespace {

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

class TcpListener final : public Listener {
public:
    TcpListener(EventLoop& loop, Broker& broker, Metrics& metrics,
                std::shared_ptr<HeldSockets> sockets)
        : broker_(broker),
          sockets_(std::move(sockets)),
          accepted_(metrics.counter("fogline_mqtt_connections_total", {}, "connections accepted")),
          banned_(metrics.counter("fogline_mqtt_closed_total", "reason=\"banned\"",
                                  "connections ended by the gateway")),
          doors_(loop, "mqtt", [this](TcpDoors::Socket peer, const TcpDoors::Address& from) {
              begin(peer, from.to_string());
          }) {}

    Result<std::uint16_t> listen(std::string_view address, std::uint16_t port) override {
        const auto ip = doors_.parse(address);
        if (!ip) return ip.error();
        auto bound = doors_.listen(*ip, port);
        if (bound || bound.error().code != Errc::conflict) return bound;
        Error error = std::move(bound).error();
        error.hint =
            "Use that program as an external broker ([[mqtt.source]] with its address, and "
            "mqtt.listener.enabled = false), or stop it (systemctl disable --now mosquitto), or "
            "set mqtt.listener.port to another one.";
        return error;
    }
    void stop() override { doors_.stop(); }

private:
    void begin(TcpDoors::Socket& peer, const std::string& address) {
        accepted_.add();
        if (broker_.banned(address)) return banned_.add();
        boost::system::error_code ec;
        peer.native_non_blocking(true, ec);
        const int fd = peer.release(ec);
        if (ec) return;
        probe_peer(fd);
        broker_.accept(sockets_->adopt(Fd(fd), std::string()), address);
    }

    Broker& broker_;
    std::shared_ptr<HeldSockets> sockets_;
    Counter& accepted_;
    Counter& banned_;
    TcpDoors doors_;
};

}  // namespace

Result<std::unique_ptr<Listener>> Listener::make(EventLoop& loop, Broker& broker,
                                                 Metrics& metrics) {
    auto sockets = HeldSockets::make(loop);
    if (!sockets) return std::move(sockets).error();
    return std::unique_ptr<Listener>(
        std::make_unique<TcpListener>(loop, broker, metrics, std::move(*sockets)));
}

}  // namespace fog::mqtt
