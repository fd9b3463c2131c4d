#include "firmware/io/tcp_doors.hpp"

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <utility>

#include "firmware/io/logging.hpp"
#include "firmware/io/port_holder.hpp"

namespace fog {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

constexpr auto kBreath = std::chrono::milliseconds(50);  // when there are no descriptors left
constexpr int kBacklog = 4096;

asio::ip::address plain(const asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    return address;
}

}  // namespace

struct TcpDoors::Door : std::enable_shared_from_this<TcpDoors::Door> {
    Door(EventLoop& on, std::shared_ptr<const Enter> to,
         std::shared_ptr<const std::function<void()>> told)
        : loop(on), acceptor(on.context()), enter(std::move(to)), failed(std::move(told)) {}

    void serve() {
        acceptor.async_accept(
            [weak = weak_from_this()](boost::system::error_code ec, Tcp::socket peer) {
                const auto self = weak.lock();
                if (!self || !self->acceptor.is_open()) return;
                if (ec) return self->later();
                const auto from = peer.remote_endpoint(ec);
                if (!ec) (*self->enter)(std::move(peer), plain(from.address()));
                self->serve();
            });
    }
    void later() {
        if (*failed) (*failed)();
        loop.after(kBreath, [weak = weak_from_this()] {
            const auto self = weak.lock();
            if (self && self->acceptor.is_open()) self->serve();
        });
    }

    EventLoop& loop;
    Tcp::acceptor acceptor;
    std::shared_ptr<const Enter> enter;
    std::shared_ptr<const std::function<void()>> failed;
};

TcpDoors::TcpDoors(EventLoop& loop, std::string who, Enter enter, std::function<void()> failed)
    : loop_(loop),
      who_(std::move(who)),
      enter_(std::make_shared<const Enter>(std::move(enter))),
      failed_(std::make_shared<const std::function<void()>>(std::move(failed))) {}

TcpDoors::~TcpDoors() {
    stop();
}

bool TcpDoors::is_loopback(std::string_view text) {
    boost::system::error_code ec;
    return text == "localhost" || (asio::ip::make_address(text, ec).is_loopback() && !ec);
}

Result<TcpDoors::Address> TcpDoors::parse(std::string_view text) const {
    boost::system::error_code ec;
    const auto address =
        asio::ip::make_address(text == "localhost" ? "127.0.0.1" : std::string(text), ec);
    if (ec)
        return Error{Errc::bad_config, who_ + ": '" + std::string(text) + "' is no IP address",
                     "Use 127.0.0.1, ::1, 0.0.0.0, :: or an address of this machine."};
    return address;
}

Result<std::shared_ptr<TcpDoors::Door>> TcpDoors::open(const Address& address,
                                                       std::uint16_t port) const {
    auto door = std::make_shared<Door>(loop_, enter_, failed_);
    Tcp::acceptor& acceptor = door->acceptor;
    const Tcp::endpoint endpoint(address, port);
    boost::system::error_code ec;
    acceptor.open(endpoint.protocol(), ec);
    if (ec == asio::error::address_family_not_supported && address.is_unspecified() &&
        address.is_v6())
        return open(asio::ip::address_v4::any(), port);
    if (!ec) acceptor.set_option(Tcp::acceptor::reuse_address(true), ec);
    if (!ec && address.is_v6() && address.is_unspecified())
        acceptor.set_option(asio::ip::v6_only(false), ec);
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(kBacklog, ec);
    if (!ec) return door;
    const std::string where = "port " + std::to_string(port) + " of " + address.to_string();
    if (ec == asio::error::address_in_use) {
        const std::string holder = port_holder(port);
        return Error{Errc::conflict,
                     who_ + ": " + where + " is taken" + (holder.empty() ? "" : " by " + holder),
                     "Stop the program that holds it (ss -ltnp shows it), or set " + who_ +
                         ".port to another one."};
    }
    return Error{Errc::bad_config, who_ + ": cannot listen on " + where + ": " + ec.message(),
                 "Check the address and the port."};
}

/// The loopback doors a wildcard door would serve as well; their addresses.
std::vector<Tcp::endpoint> TcpDoors::close_covered(const Address& by, std::uint16_t port) {
    std::vector<Tcp::endpoint> out;
    if (!by.is_unspecified() || port == 0) return out;
    const auto covered = [&](const std::shared_ptr<Door>& door) {
        boost::system::error_code ec;
        const auto at = door->acceptor.local_endpoint(ec);
        const bool same = !ec && at.port() == port && at.address().is_loopback() &&
                          (by.is_v6() || at.address().is_v4());
        if (!same) return false;
        out.push_back(at);
        door->acceptor.close(ec);
        return true;
    };
    doors_.erase(std::remove_if(doors_.begin(), doors_.end(), covered), doors_.end());
    return out;
}

Result<std::uint16_t> TcpDoors::listen(const Address& address, std::uint16_t port) {
    const auto covered = close_covered(address, port);
    auto door = open(address, port);
    if (!door) {
        for (const Tcp::endpoint& one : covered)
            if (auto again = listen(one.address(), one.port()); !again)
                log_error(who_, again.error().what);
        return std::move(door).error();
    }
    boost::system::error_code ec;
    const auto actual = (*door)->acceptor.local_endpoint(ec).port();
    (*door)->serve();
    doors_.push_back(std::move(*door));
    return actual;
}

void TcpDoors::stop() {
    boost::system::error_code ec;
    for (const auto& door : doors_) door->acceptor.close(ec);
    doors_.clear();
}

}  // namespace fog
