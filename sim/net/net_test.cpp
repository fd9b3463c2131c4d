#include <doctest/doctest.h>
#include <sys/stat.h>

#include <thread>

#include "firmware/io/http_client.hpp"
#include "sim/net/http_request.hpp"
#include "sim/net/stream_loop.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog::sim {
namespace {

using State = HttpParse::State;

TEST_CASE("http request: a body by length, and what follows is left") {
    const std::string text =
        "POST /a?b=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /";
    const auto got = parse_http_request(text, 100);
    REQUIRE(got.state == State::complete);
    CHECK(got.request.method == "POST");
    CHECK(got.request.path() == "/a");
    CHECK(got.request.header("host") == "x");
    CHECK(got.request.body == "hello");
    CHECK(text.substr(got.used) == "GET /");
    CHECK(got.request.keep_alive);
    CHECK(parse_http_request(text.substr(0, got.used - 1), 100).state == State::incomplete);
}

TEST_CASE("http request: chunks are joined, trailers read over") {
    const std::string text =
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n";
    const auto got = parse_http_request(text, 5);
    REQUIRE(got.state == State::complete);
    CHECK(got.request.body == "abcde");
    CHECK(got.used == text.size());
    CHECK_FALSE(got.request.keep_alive);
    CHECK(parse_http_request(text, 4).why == "body too large");
}

TEST_CASE("http request: what makes no sense is refused with a reason") {
    CHECK(parse_http_request("hello\r\n\r\n", 9).state == State::bad);
    CHECK(parse_http_request("GET / HTTP/2.0\r\n\r\n", 9).why == "not HTTP/1.x");
    CHECK(parse_http_request("GET / HTTP/1.1\r\nno colon\r\n\r\n", 9).state == State::bad);
    CHECK(parse_http_request("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 9).state ==
          State::bad);
    CHECK(parse_http_request("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n", 9).why ==
          "body too large");
    CHECK(parse_http_request(std::string(20'000, 'a'), 9).state == State::bad);
    CHECK(parse_http_request("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
                             9)
              .wants_continue);
}

/// Answers every request with its own body.
class Echo final : public StreamService {
public:
    void opened(Stream&, std::uint64_t) override {}
    void heard(Stream& stream) override {
        const auto got = parse_http_request(stream.heard(), 1U << 20U);
        if (got.state != State::complete) return;
        stream.consume(got.used);
        stream.send(http_response(200, got.request.body));
    }
    void closed(Stream&) override {}
    std::optional<MonoTime> due(MonoTime) override { return std::nullopt; }
};

struct Served {
    Echo echo;
    StreamLoop loop{echo};
    std::thread thread;
    void run() {
        thread = std::thread([this] { loop.run(); });
    }
    ~Served() {
        loop.stop();
        if (thread.joinable()) thread.join();
    }
};

TEST_CASE("stream loop: serves a foreign client over TCP and over a Unix socket") {
    const TempFolder folder;
    const auto path = folder.path() / "x.sock";
    std::uint16_t port = 0;
    {
        Served served;
        const auto tcp = served.loop.listen("127.0.0.1", 0);
        REQUIRE(tcp);
        port = tcp->port;
        REQUIRE(served.loop.listen_unix(path));
        struct stat mode {};
        REQUIRE(::stat(path.c_str(), &mode) == 0);
        CHECK((mode.st_mode & 0777U) == 0600);
        served.run();
        const std::string big(300'000, 'x');
        for (const std::string& url :
             {"http://127.0.0.1:" + std::to_string(port), "unix:" + path.string()}) {
            auto client = HttpClient::open({.url = url, .token = {}});
            REQUIRE(client);
            for (int i = 0; i < 2; ++i) {
                const auto answer =
                    client->send({.method = "POST", .path = "/", .body = big, .headers = {}});
                REQUIRE(answer);
                CHECK(answer->body == big);
            }
        }
        Echo other;
        StreamLoop second(other);
        CHECK(second.listen("127.0.0.1", port).error().code == Errc::busy);
        CHECK(second.listen_unix(path).error().code == Errc::busy);
    }
    CHECK_FALSE(std::filesystem::exists(path));
    Served again;
    CHECK(again.loop.listen("127.0.0.1", port));
}

TEST_CASE("host and port: numeric hosts only") {
    CHECK(HostPort::parse("127.0.0.1:1883")->port == 1883);
    CHECK(HostPort::parse("[::1]:80")->host == "::1");
    CHECK(HostPort::parse("localhost:80")->host == "127.0.0.1");
    CHECK_FALSE(HostPort::parse("127.0.0.1"));
    CHECK_FALSE(HostPort::parse("127.0.0.1:0"));
    CHECK_FALSE(HostPort::parse("cloud.example:80"));
}

}  // namespace
}  // namespace fog::sim
