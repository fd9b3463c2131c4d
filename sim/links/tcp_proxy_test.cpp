#include "sim/links/tcp_proxy.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

/// Answers with what it hears, and closes when its peer does.
class EchoServer final : public StreamService {
public:
    EchoServer() {
        port_ = loop_.listen("127.0.0.1", 0)->port;
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~EchoServer() override {
        loop_.stop();
        thread_.join();
    }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

private:
    void opened(Stream&, std::uint64_t) override {}
    void heard(Stream& stream) override {
        stream.send(stream.heard());
        stream.consume(stream.heard().size());
        if (stream.ended()) stream.finish();
    }
    void closed(Stream&) override {}
    std::optional<MonoTime> due(MonoTime) override { return std::nullopt; }
    StreamLoop loop_{*this};
    std::uint16_t port_ = 0;
    std::thread thread_;
};

/// A blocking client with plain system calls.
class Probe {
public:
    explicit Probe(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int done = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to);
        error = done == 0 ? 0 : errno;
    }
    void say(std::string_view text) {
        [[maybe_unused]] const ssize_t n =
            ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
    /// What comes until `size` bytes are there, the end, an error, or `limit` passes.
    std::string hear(std::size_t size, std::chrono::milliseconds limit = 5'000ms) {
        std::string out;
        while (out.size() < size) {
            pollfd fd{fd_.get(), POLLIN, 0};
            if (::poll(&fd, 1, static_cast<int>(limit.count())) <= 0) return out + "<nothing>";
            std::array<char, 4096> chunk{};
            const ssize_t n = ::read(fd_.get(), chunk.data(), chunk.size());
            if (n < 0) return out + (errno == ECONNRESET ? "<reset>" : "<error>");
            if (n == 0) return out + "<end>";
            out.append(chunk.data(), static_cast<std::size_t>(n));
        }
        return out;
    }
    int error = 0;

private:
    Fd fd_;
};

struct Rig {
    EchoServer server;
    TcpProxies proxies;
    std::uint16_t port = 0;
    Rig() {
        port = proxies.add("cloud", 0, server.address()).value();
        proxies.start();
    }
    FaultSpec fault(FaultKind kind) const {
        FaultSpec out;
        out.id = 1;
        out.kind = kind;
        out.target = "cloud";
        return out;
    }
    bool echoes() const {
        Probe probe(port);
        probe.say("hello");
        return probe.hear(5) == "hello";
    }
    /// set() is done by another thread: until a new connection shows it.
    bool healthy_soon() const {
        for (int i = 0; i < 500; ++i) {
            if (echoes()) return true;
        }
        return false;
    }
};

TEST_CASE("tcp proxy: passes bytes both ways, and the end of a direction") {
    Rig rig;
    Probe probe(rig.port);
    const std::string big(200'000, 'x');
    probe.say(big);
    CHECK(probe.hear(big.size()) == big);
    CHECK(rig.echoes());
    CHECK(rig.proxies.add("x", rig.port, "127.0.0.1:9").error().code == Errc::busy);
    CHECK(rig.proxies.add("x", 0, "nowhere").error().code == Errc::bad_config);
}

TEST_CASE("tcp proxy: refuse closes the port and opens the same one again") {
    Rig rig;
    rig.proxies.set(rig.fault(FaultKind::refuse), true);
    bool refused = false;
    for (int i = 0; i < 500 && !refused; ++i) refused = Probe(rig.port).error == ECONNREFUSED;
    CHECK(refused);
    rig.proxies.set(rig.fault(FaultKind::refuse), false);
    CHECK(rig.healthy_soon());
}

TEST_CASE("tcp proxy: reset ends what is open with RST") {
    Rig rig;
    Probe probe(rig.port);
    probe.say("hello");
    CHECK(probe.hear(5) == "hello");
    rig.proxies.set(rig.fault(FaultKind::reset), true);
    CHECK(probe.hear(1) == "<reset>");
    rig.proxies.set(rig.fault(FaultKind::reset), false);
    CHECK(rig.healthy_soon());
}

TEST_CASE("tcp proxy: a black hole swallows nothing, it only keeps everyone waiting") {
    Rig rig;
    Probe probe(rig.port);
    probe.say("hello");
    CHECK(probe.hear(5) == "hello");
    rig.proxies.set(rig.fault(FaultKind::blackhole), true);
    Probe late(rig.port);  // may still be served: set() is done soon
    CHECK(late.error == 0);
    bool silent = false;
    for (int i = 0; i < 100 && !silent; ++i) {
        probe.say("x");
        silent = probe.hear(1, 100ms) == "<nothing>";
    }
    CHECK(silent);
    rig.proxies.set(rig.fault(FaultKind::blackhole), false);
    CHECK(probe.hear(1) == "x");
    CHECK(rig.echoes());
}

TEST_CASE("tcp proxy: latency and throttle cost the time they say") {
    Rig rig;
    Probe probe(rig.port);
    FaultSpec late = rig.fault(FaultKind::latency);
    late.by = 100ms;
    rig.proxies.set(late, true);
    bool seen = false;
    for (int i = 0; i < 100 && !seen; ++i) {
        const auto before = std::chrono::steady_clock::now();
        probe.say("a");
        CHECK(probe.hear(1) == "a");
        seen = std::chrono::steady_clock::now() - before >= 200ms;  // there and back
    }
    CHECK(seen);
    rig.proxies.set(late, false);
    FaultSpec slow = rig.fault(FaultKind::throttle);
    slow.rate = 100'000;
    rig.proxies.set(slow, true);
    const std::string block(60'000, 'y');
    seen = false;
    for (int i = 0; i < 20 && !seen; ++i) {
        const auto before = std::chrono::steady_clock::now();
        probe.say(block);
        CHECK(probe.hear(block.size()) == block);
        // 10,000 bytes of the first burst are free.
        seen = std::chrono::steady_clock::now() - before >= 450ms;
    }
    CHECK(seen);
}

TEST_CASE("tcp proxy: cut_after ends a connection after so many bytes") {
    Rig rig;
    FaultSpec cut = rig.fault(FaultKind::cut_after);
    cut.bytes = 12;  // both directions together
    rig.proxies.set(cut, true);
    std::string got;
    for (int i = 0; i < 500 && got != "<end>"; ++i) {
        Probe probe(rig.port);
        probe.say("0123456789abcdef");
        got = probe.hear(16);
    }
    CHECK(got == "<end>");  // 12 of 16 went up, nothing was left to come back
    rig.proxies.set(cut, false);
    CHECK(rig.healthy_soon());
}

TEST_CASE("tcp proxy: half_close ends the answers' direction only") {
    Rig rig;
    Probe probe(rig.port);
    probe.say("hello");
    CHECK(probe.hear(5) == "hello");
    rig.proxies.set(rig.fault(FaultKind::half_close), true);
    CHECK(probe.hear(1) == "<end>");
}

TEST_CASE("tcp proxy: nobody behind it looks like a connection that ends") {
    TcpProxies proxies;
    const auto port = proxies.add("cloud", 0, "127.0.0.1:1");
    REQUIRE(port);
    proxies.start();
    Probe probe(*port);
    CHECK(probe.error == 0);
    const std::string got = probe.hear(1);
    CHECK((got == "<end>" || got == "<reset>"));
}

}  // namespace
}  // namespace fog::sim
