#include "firmware/http/held.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

using namespace fog;
using namespace std::chrono_literals;

namespace {

/// A socket pair with bytes that wait in the kernel.
struct Ends {
    explicit Ends(std::string_view waiting) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        near = Fd(ends[0]);
        far = Fd(ends[1]);
        REQUIRE(::send(far.get(), waiting.data(), waiting.size(), 0) > 0);
    }
    Fd near, far;
};

struct Reader : HeldConnection::Owner {
    void on_writable() override {}
    void on_input(std::span<const std::byte> bytes) override {
        heard.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (then) std::exchange(then, {})();
    }
    void on_closed(std::string_view) override {}
    std::string heard;
    std::function<void()> then;
};

}  // namespace

TEST_CASE("held: bytes read before the hold come before those of the socket") {
    EventLoop loop;
    auto made = HeldSockets::make(loop);
    REQUIRE(made);
    Ends first("x"), second("later");
    Reader opener, reader;
    std::unique_ptr<HeldConnection> one = (*made)->adopt(std::move(first.near), std::string());
    std::unique_ptr<HeldConnection> two;
    // The set looks at its sockets again right after this, before what own() posts.
    opener.then = [&] {
        loop.post([&] {
            two = (*made)->adopt(std::move(second.near), "early ");
            two->own(&reader);
        });
    };
    reader.then = [&] { loop.after(1ms, [&] { loop.stop(); }); };
    one->own(&opener);
    loop.after(10s, [&] { loop.stop(); });
    loop.run();
    CHECK(reader.heard == "early later");
    one.reset();
    two.reset();
}
