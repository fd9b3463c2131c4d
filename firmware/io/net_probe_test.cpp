#include "firmware/io/net_probe.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "tests/support/mosquitto.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

Result<std::string> resolve(const std::string& host, bool stopped = false) {
    return resolve_host(host, std::chrono::steady_clock::now() + 10s,
                        [stopped] { return stopped; });
}

}  // namespace

TEST_CASE("net probe: a name with addresses of both kinds is the IPv4 one, as for Paho C") {
    CHECK(resolve("localhost").value_or("") == "127.0.0.1");
    CHECK(resolve("::1").value_or("") == "::1");
    CHECK(resolve("192.0.2.7").value_or("") == "192.0.2.7");
}

TEST_CASE("net probe: a name that does not exist, and an asker that stops, are told apart") {
    const auto missing = resolve("no-such-host.invalid");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().what.find("no-such-host.invalid") != std::string::npos);
    const auto stopped = resolve("no-such-host.invalid", true);
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == Errc::timeout);
}

TEST_CASE("net probe: says in words why a connection fails") {
    const auto why = [](std::uint16_t port, bool tls) {
        return explain_failure({"127.0.0.1", port, tls, {}, {}, {}}, "127.0.0.1",
                               std::chrono::steady_clock::now() + 5s);
    };
    CHECK(why(free_port(), false).what.find("Connection refused") != std::string::npos);
    // A port that takes connections and speaks nothing, and no TLS either.
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* any = reinterpret_cast<sockaddr*>(&at);
    REQUIRE(::bind(listener, any, size) == 0);
    REQUIRE(::listen(listener, 4) == 0);
    REQUIRE(::getsockname(listener, any, &size) == 0);
    CHECK(why(ntohs(at.sin_port), false).what.find("does not answer as a broker") !=
          std::string::npos);
    ::close(listener);
}
