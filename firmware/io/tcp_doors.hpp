#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/result.hpp"
#include "firmware/io/event_loop.hpp"

namespace fog {

/// The TCP addresses a server listens on, and who knocks. Out of descriptors, the backlog waits.
/// Thread: fog-io (before run(): the one that made the loop). Blocks: never.
class TcpDoors {
public:
    using Socket = boost::asio::ip::tcp::socket;
    using Address = boost::asio::ip::address;
    /// A connection and where it comes from; an IPv4 peer has its IPv4 address on every door.
    using Enter = std::function<void(Socket, const Address&)>;

    /// `who` begins error texts and is the section of the configuration they name.
    TcpDoors(EventLoop& loop, std::string who, Enter enter, std::function<void()> failed = {});
    ~TcpDoors();
    TcpDoors(const TcpDoors&) = delete;
    TcpDoors& operator=(const TcpDoors&) = delete;

    /// Whether only this machine reaches the address of a configuration.
    static bool is_loopback(std::string_view text);
    /// An IP address of a configuration; "localhost" is 127.0.0.1. Fails: bad_config.
    Result<Address> parse(std::string_view text) const;
    /// Binds and serves; gives the port (asked or picked with 0). "::" serves IPv4 too, and is
    /// 0.0.0.0 on a machine without IPv6. A wildcard takes the place of the loopback doors of its
    /// port, because the system lets no two listen on one port; connections stay. Fails: conflict
    /// when the port is taken, by whom if that can be seen; bad_config.
    Result<std::uint16_t> listen(const Address& address, std::uint16_t port);
    void stop();

private:
    struct Door;
    Result<std::shared_ptr<Door>> open(const Address& address, std::uint16_t port) const;
    std::vector<boost::asio::ip::tcp::endpoint> close_covered(const Address& by,
                                                              std::uint16_t port);

    EventLoop& loop_;
    std::string who_;
    std::shared_ptr<const Enter> enter_;
    std::shared_ptr<const std::function<void()>> failed_;
    std::vector<std::shared_ptr<Door>> doors_;
};

}  // namespace fog
