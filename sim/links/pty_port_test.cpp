#include "sim/links/pty_port.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <thread>

#include "tests/support/temp_folder.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

MonoTime now() {
    return std::chrono::steady_clock::now();
}

/// The gateway's end, opened through the link as a gateway does.
Fd open_link(const std::filesystem::path& link) {
    return Fd(::open(link.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
}

std::string read_some(const Fd& fd) {
    std::string out(4096, '\0');
    const ssize_t n = ::read(fd.get(), out.data(), out.size());
    out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return out;
}

TEST_CASE("pty: bytes go both ways, raw, through the stable link") {
    const TempFolder folder;
    PtyPort port(folder.path() / "by-id" / "scale-1", 0);
    REQUIRE(port.plug());
    CHECK_FALSE(port.heard());
    const Fd gateway = open_link(port.link());
    REQUIRE(gateway);
    CHECK(port.heard());
    const std::string_view sent("T=21.5\r\n\x03\x04\x11\x00z", 13);
    REQUIRE(port.send(as_bytes(sent), now()));
    port.pump(now());
    CHECK(read_some(gateway) == sent);
    REQUIRE(::write(gateway.get(), "READ\r\n", 6) == 6);
    CHECK(as_text(port.receive()) == "READ\r\n");
    CHECK(port.receive().empty());
}

TEST_CASE("pty: unplugging hangs the line up and takes the link; a new one comes behind it") {
    const TempFolder folder;
    PtyPort port(folder.path() / "scale-1", 0);
    REQUIRE(port.plug());
    const Fd gateway = open_link(port.link());
    REQUIRE(gateway);
    port.unplug();
    CHECK_FALSE(std::filesystem::is_symlink(folder.path() / "scale-1"));
    pollfd fd{gateway.get(), POLLIN, 0};
    REQUIRE(::poll(&fd, 1, 1000) == 1);
    CHECK((fd.revents & POLLHUP) != 0);
    CHECK(port.send(as_bytes("lost"), now()));
    CHECK(port.queued() == 0);

    REQUIRE(port.plug());
    const Fd again = open_link(port.link());
    REQUIRE(again);
    REQUIRE(port.send(as_bytes("back"), now()));
    port.pump(now());
    CHECK(read_some(again) == "back");
}

TEST_CASE("pty: what nobody listens to is gone, not delivered later") {
    const TempFolder folder;
    PtyPort port(folder.path() / "scale-1", 0);
    REQUIRE(port.plug());
    REQUIRE(port.send(as_bytes("early"), now()));
    port.pump(now());
    CHECK(port.queued() == 0);
    const Fd gateway = open_link(port.link());
    CHECK(read_some(gateway).empty());
}

TEST_CASE("pty: bytes are paced at line speed and arrive in pieces") {
    const TempFolder folder;
    PtyPort port(folder.path() / "scale-1", 9600);
    REQUIRE(port.plug());
    const Fd gateway = open_link(port.link());
    REQUIRE(gateway);
    const std::string sent(1000, 'x');
    // Time is passed in, so the line's clock can be walked through without waiting.
    const MonoTime start{100s};
    REQUIRE(port.send(as_bytes(sent), start));
    std::string got;
    std::size_t pieces = 0;
    MonoTime last = start;
    while (port.queued() > 0) {
        const MonoTime next = port.next_pump();
        REQUIRE(next > last);
        port.pump(next - 1ns);
        CHECK(read_some(gateway).empty());
        port.pump(next);
        const std::string piece = read_some(gateway);
        pieces += piece.empty() ? 0 : 1;
        got += piece;
        last = next;
    }
    CHECK(got == sent);
    CHECK(pieces > 50);
    const double seconds = std::chrono::duration<double>(last - start).count();
    CHECK(seconds == doctest::Approx(1000 * 10 / 9600.0).epsilon(0.001));
}

TEST_CASE("pty: a reader that does not read makes the device's queue full, never a wait") {
    const TempFolder folder;
    PtyPort port(folder.path() / "scale-1", 0);
    REQUIRE(port.plug());
    const Fd gateway = open_link(port.link());
    const std::string block(8192, 'y');
    bool refused = false;
    for (int i = 0; i < 64 && !refused; ++i) {
        refused = !port.send(as_bytes(block), now());
        port.pump(now());
    }
    CHECK(refused);
}

}  // namespace
}  // namespace fog::sim
