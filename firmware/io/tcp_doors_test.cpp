#include "firmware/io/tcp_doors.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace fog;
using namespace std::chrono_literals;

namespace {

/// A server that notes who came, and a client of the same thread.
struct Doors {
    EventLoop loop;
    std::vector<std::string> came;
    TcpDoors doors{loop, "http", [this](TcpDoors::Socket, const TcpDoors::Address& from) {
                       came.push_back(from.to_string());
                       loop.stop();
                   }};

    Result<std::uint16_t> listen(std::string_view address, std::uint16_t port) {
        return doors.listen(*doors.parse(address), port);
    }
    /// Who came when `address` was called; nothing: refused.
    std::optional<std::string> call(std::string_view address, std::uint16_t port) {
        TcpDoors::Socket client(loop.context());
        boost::system::error_code ec;
        client.connect({boost::asio::ip::make_address(address), port}, ec);
        if (ec) return std::nullopt;
        came.clear();
        loop.after(10s, [this] { loop.stop(); });
        loop.run();
        loop.context().restart();
        return came.empty() ? std::string("nobody") : came.front();
    }
};

}  // namespace

TEST_CASE("tcp doors: a wildcard takes the place of the loopback door of its port") {
    Doors it;
    const auto port = it.listen("127.0.0.1", 0);
    REQUIRE(port.has_value());
    CHECK(it.call("127.0.0.1", *port) == "127.0.0.1");
    CHECK(it.call("127.0.0.2", *port) == std::nullopt);  // of this machine, but another address
    const auto every = it.listen("::", *port);
    REQUIRE_MESSAGE(every.has_value(), every.error().what);
    CHECK(*every == *port);
    CHECK(it.call("127.0.0.1", *port) == "127.0.0.1");  // as IPv4, not as ::ffff:127.0.0.1
    CHECK(it.call("127.0.0.2", *port) == "127.0.0.1");  // where the system calls from
}

TEST_CASE("tcp doors: a wildcard that cannot be had leaves the loopback door open") {
    Doors it, other;
    const auto port = it.listen("127.0.0.1", 0);
    REQUIRE(port.has_value());
    REQUIRE(other.listen("127.0.0.2", *port).has_value());
    const auto every = it.listen("0.0.0.0", *port);
    REQUIRE_FALSE(every.has_value());
    CHECK(every.error().code == Errc::conflict);
    CHECK(every.error().what.find("http: port " + std::to_string(*port)) == 0);
    CHECK(every.error().hint.find("http.port") != std::string::npos);
    CHECK(it.call("127.0.0.1", *port) == "127.0.0.1");
}

TEST_CASE("tcp doors: what is no address is told; stopped doors are closed") {
    Doors it;
    const auto wrong = it.doors.parse("fog.local");
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().code == Errc::bad_config);
    CHECK(it.doors.parse("localhost")->to_string() == "127.0.0.1");
    CHECK(TcpDoors::is_loopback("localhost"));
    CHECK(TcpDoors::is_loopback("127.0.0.5"));
    CHECK(TcpDoors::is_loopback("::1"));
    CHECK_FALSE(TcpDoors::is_loopback("::"));
    CHECK_FALSE(TcpDoors::is_loopback("fog.local"));
    const auto port = it.listen("localhost", 0);
    REQUIRE(port.has_value());
    it.doors.stop();
    CHECK(it.call("127.0.0.1", *port) == std::nullopt);
}
