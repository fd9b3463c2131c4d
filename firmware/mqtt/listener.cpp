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
          doors_(loop, "mqtt",
                 [this](TcpDoors::Socket peer, const TcpDoors::Address& from) {
                     begin(peer, from.to_string(), false);
                 }),
          tls_doors_(loop, "mqtt", [this](TcpDoors::Socket peer, const TcpDoors::Address& from) {
              begin(peer, from.to_string(), true);
          }) {}

    Result<std::uint16_t> listen(std::string_view address, std::uint16_t port) override {
        return listen(doors_, address, port,
                      "Use that program as an external broker ([[mqtt.source]] with its address, "
                      "and mqtt.listener.enabled = false), or stop it (systemctl disable --now "
                      "mosquitto), or set mqtt.listener.port to another one.");
    }
    Result<std::uint16_t> listen_tls(std::string_view address, std::uint16_t port) override {
        return listen(tls_doors_, address, port,
                      "Stop that program, or set mqtt.listener.tls_port to another one.");
    }
    void serve_tls(std::shared_ptr<const TlsServer> server) override { tls_ = std::move(server); }
    void stop() override {
        doors_.stop();
        tls_doors_.stop();
    }

private:
    static Result<std::uint16_t> listen(TcpDoors& doors, std::string_view address,
                                        std::uint16_t port, std::string_view hint) {
        const auto ip = doors.parse(address);
        if (!ip) return ip.error();
        auto bound = doors.listen(*ip, port);
        if (bound || bound.error().code != Errc::conflict) return bound;
        Error error = std::move(bound).error();
        error.hint = hint;
        return error;
    }
    void begin(TcpDoors::Socket& peer, const std::string& address, bool tls) {
        accepted_.add();
        if (broker_.banned(address)) return banned_.add();
        boost::system::error_code ec;
        peer.native_non_blocking(true, ec);
        const int fd = peer.release(ec);
        if (ec) return;
        probe_peer(fd);
        if (!tls) return broker_.accept(sockets_->adopt(Fd(fd), std::string()), address);
        Fd socket(fd);
        if (tls_ == nullptr) return;
        broker_.accept(sockets_->adopt(std::move(socket), *tls_), address, Transport::tls);
    }

    Broker& broker_;
    std::shared_ptr<HeldSockets> sockets_;
    Counter& accepted_;
    Counter& banned_;
    std::shared_ptr<const TlsServer> tls_;
    TcpDoors doors_, tls_doors_;
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
