#include <doctest/doctest.h>

#include <cstdlib>

#include "firmware/http/http_rig.hpp"
#include "tests/support/gateway.hpp"

using namespace fog;

namespace {

bool has(const std::string& text, std::string_view words) {
    return text.find(words) != std::string::npos;
}

std::string ask(std::uint16_t port, const std::string& line, const std::string& headers = {}) {
    rig::RawClient client(port);
    client.send(line + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n");
    client.until_end();
    return client.got;
}

/// Children of this process are under a service manager, as far as they can tell.
struct Supervised {
    explicit Supervised(const std::filesystem::path& socket) {
        ::setenv("NOTIFY_SOCKET", socket.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    }
    ~Supervised() { ::unsetenv("NOTIFY_SOCKET"); }  // NOLINT(concurrency-mt-unsafe)
    Supervised(const Supervised&) = delete;
    Supervised& operator=(const Supervised&) = delete;
};

std::uint16_t port_of(const Gateway& gateway) {
    eventually([&] { return !text_of(gateway.path("run/port")).empty(); });
    return static_cast<std::uint16_t>(
        std::strtoul(text_of(gateway.path("run/port")).c_str(), nullptr, 10));
}

constexpr std::string_view kBroken = "[log]\nlinger = \"<b>soon</b>\"\n";

}  // namespace

TEST_CASE("failure page: a broken configuration is told on the port and mended without a restart") {
    Gateway gateway;
    const Supervised manager(gateway.path("notify"));
    gateway.configure(kBroken);
    gateway.launch();
    const auto port = port_of(gateway);
    REQUIRE_MESSAGE(port != 0, gateway.log());
    const auto page = ask(port, "GET /", "Accept: text/html\r\n");
    CHECK(page.starts_with("HTTP/1.1 503 "));
    CHECK(has(page, "Content-Security-Policy: "));
    CHECK(has(page, "fogline.toml</code>, line 8, column "));
    CHECK(has(page, "&lt;b&gt;soon"));
    CHECK_FALSE(has(page, "<b>"));
    CHECK(has(page, "foglined --check-config "));
    const auto problem = ask(port, "PUT /api/v1/rules/x", "Content-Length: 0\r\n");
    CHECK(problem.starts_with("HTTP/1.1 503 "));
    CHECK(has(problem, "application/problem+json"));
    CHECK(has(problem, "\"line\":8"));
    CHECK(ask(port, "GET /livez").starts_with("HTTP/1.1 200 "));
    CHECK(ask(port, "GET /readyz").starts_with("HTTP/1.1 503 "));
    gateway.configure();
    CHECK(eventually([&] {
        const auto now = port_of(gateway);
        return now != 0 && ask(now, "GET /readyz").starts_with("HTTP/1.1 200 ");
    }));
    CHECK(gateway.stop() == 0);
}

TEST_CASE("failure page: it ends at once when it is told to stop") {
    Gateway gateway;
    const Supervised manager(gateway.path("notify"));
    gateway.configure(kBroken);
    gateway.launch();
    REQUIRE(port_of(gateway) != 0);
    CHECK(gateway.stop() == 0);
}

TEST_CASE("failure page: without a service manager a broken configuration is exit code 78") {
    Gateway gateway;
    gateway.configure(kBroken);
    gateway.launch();
    CHECK(gateway.child().wait() == 78);
}
