#include "firmware/http/server.hpp"

#include <doctest/doctest.h>

#include <array>
#include <fstream>
#include <future>
#include <thread>

#include "firmware/http/encoding.hpp"
#include "firmware/http/http_rig.hpp"
#include "tests/support/temp_folder.hpp"

using fog::Method;
using fog::RunOn;
using fog::rig::RawClient;

namespace {

const std::string& script_text() {
    static const std::string kText = [] {
        std::string text;
        for (int i = 0; i < 9'000; ++i) text += "let v" + std::to_string(i) + " = 1;\n";
        return text;
    }();
    return kText;
}

std::span<const fog::Asset> test_assets() {
    static const std::string kScript = fog::gzip(script_text()).value();
    static const std::string kIndex = fog::gzip(std::string(100, ' ') + "<html></html>").value();
    static const std::array<fog::Asset, 2> kAssets = {{
        {"/app.js", "text/javascript", "abc", script_text().size(), kScript, "BROTLI", true},
        {"/index.html", "text/html; charset=utf-8", "idx", 113, kIndex, "", false},
    }};
    return kAssets;
}

fog::Route route(Method method, std::string pattern, RunOn run_on, bool open,
                 std::function<void(fog::Request, fog::Responder)> handler) {
    fog::Route made;
    made.method = method;
    made.pattern = std::move(pattern);
    made.run_on = run_on;
    made.open = open;
    made.handler = std::move(handler);
    return made;
}

/// A listener with a few routes, running on a thread of its own.
struct Rig {
    explicit Rig(const std::function<void(Rig&)>& prepare = {}) {
        using fog::Request;
        using fog::Responder;
        router.add(
            route(Method::get, "/hello/{name}", RunOn::io, true,
                  [](const Request& request, const Responder& respond) {
                      respond(fog::json_response("\"" + std::string(request.value("name")) + "\""));
                  }));
        router.add(route(Method::post, "/echo", RunOn::api, true,
                         [](const Request& request, const Responder& respond) {
                             respond(fog::json_response(request.body));
                         }));
        auto secret = route(Method::get, "/secret", RunOn::io, false,
                            [](const Request& request, const Responder& respond) {
                                respond(fog::json_response("\"" + request.principal.name + "\""));
                            });
        secret.scopes = fog::scope::kReadHistory;
        router.add(secret);
        secret.method = Method::del;
        router.add(secret);
        router.add(route(
            Method::get, "/throws", RunOn::api, true,
            [](const Request&, const Responder&) { throw std::runtime_error("inner detail"); }));
        router.add(route(Method::get, "/forgets", RunOn::io, true,
                         [](const Request&, const Responder&) {}));
        router.add(route(Method::get, "/slow", RunOn::api, true,
                         [this](const Request&, const Responder& respond) {
                             started.set_value();
                             release.get_future().wait();
                             respond(fog::json_response("1"));
                         }));
        auto livez = route(Method::get, "/livez", RunOn::io, true,
                           [](const Request&, const Responder& respond) {
                               respond(fog::json_response("\"ok\""));
                           });
        livez.before_claim = true;
        router.add(livez);
        if (prepare) prepare(*this);
        fog::HttpConfig config;
        config.gateway = "gw-test";
        config.api_threads = 1;
        server = std::make_unique<fog::HttpServer>(
            fog::HttpParts{loop, router, tokens, limits, metrics, test_assets(), ui_folder},
            config);
        port = server->listen("127.0.0.1", 0).value_or(0);
        thread = std::thread([this] { loop.run(); });
    }
    ~Rig() {
        std::promise<void> done;
        loop.post([&] {
            server->stop();
            done.set_value();
        });
        done.get_future().wait();
        loop.stop();
        thread.join();
    }
    /// Sends a request, reads to the end of the connection.
    std::string ask(std::string_view line, std::string_view headers = "Host: localhost\r\n",
                    std::string_view body = "") {
        RawClient client(port);
        client.send(std::string(line) + " HTTP/1.1\r\nConnection: close\r\n" +
                    std::string(headers) + "\r\n" + std::string(body));
        CHECK(client.until_end());
        return client.got;
    }

    fog::EventLoop loop;
    fog::Limits limits;
    fog::Metrics metrics;
    fog::Router router;
    std::filesystem::path ui_folder;
    fog::rig::Tokens tokens;
    std::promise<void> started, release;
    std::unique_ptr<fog::HttpServer> server;
    std::uint16_t port = 0;
    std::thread thread;
};

bool starts(const std::string& text, std::string_view with) {
    return text.rfind(with, 0) == 0;
}
bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("http server: keep-alive answers several requests of one connection, pipelined too") {
    Rig rig;
    RawClient client(rig.port);
    const std::string one = "GET /hello/a%2Fb HTTP/1.1\r\nHost: localhost\r\n\r\n";
    client.send(one + one);
    REQUIRE(client.until("\"a/b\"HTTP/1.1 200"));
    client.send("GET /hello/last HTTP/1.1\r\nHost: localhost\r\n\r\n");
    REQUIRE(client.until("\"last\""));
    CHECK(client.count("Connection: keep-alive") == 3);
}

TEST_CASE("http server: api handlers get the body, HEAD gets no body") {
    Rig rig;
    const auto echo = rig.ask("POST /echo", "Host: localhost\r\nContent-Length: 5\r\n", "12345");
    CHECK(starts(echo, "HTTP/1.1 200 "));
    CHECK(has(echo, "\r\n\r\n12345"));
    const auto head = rig.ask("HEAD /hello/x");
    CHECK(has(head, "Content-Length: 3\r\n"));
    CHECK(head.substr(head.size() - 4) == "\r\n\r\n");
}

TEST_CASE("http server: what is not there, not allowed or not HTTP is told as a problem") {
    Rig rig;
    const auto lost = rig.ask("GET /nowhere");
    CHECK(starts(lost, "HTTP/1.1 404 "));
    CHECK(has(lost, "application/problem+json"));
    CHECK(has(lost, "\"type\":\"/problems/not-found\""));
    const auto method = rig.ask("PUT /hello/x");
    CHECK(starts(method, "HTTP/1.1 405 "));
    CHECK(has(method, "Allow: GET, HEAD\r\n"));
    CHECK(starts(rig.ask("BREW /pot"), "HTTP/1.1 501 "));
    CHECK(starts(rig.ask("GET /hello/%zz"), "HTTP/1.1 400 "));
    RawClient garbage(rig.port);
    garbage.send("\x16\x03\x01 not http\r\n\r\n");
    REQUIRE(garbage.until_end());
    CHECK(starts(garbage.got, "HTTP/1.1 400 "));
}

TEST_CASE("http server: limits of headers and body are kept, with the limit in the answer") {
    Rig rig([](Rig& made) {
        made.limits.header_bytes = 1024;
        made.limits.body_bytes = 100;
    });
    const auto headers =
        rig.ask("GET /hello/x", "Host: localhost\r\nX-Long: " + std::string(4000, 'a') + "\r\n");
    CHECK(starts(headers, "HTTP/1.1 431 "));
    CHECK(has(headers, "\"limit\":1024"));
    const auto body =
        rig.ask("POST /echo", "Host: localhost\r\nContent-Length: 101\r\n", std::string(101, 'x'));
    CHECK(starts(body, "HTTP/1.1 413 "));
    CHECK(has(body, "\"limit\":100"));
    const auto chunked = rig.ask("POST /echo", "Host: localhost\r\nTransfer-Encoding: chunked\r\n",
                                 "c8\r\n" + std::string(200, 'x') + "\r\n0\r\n\r\n");
    CHECK(starts(chunked, "HTTP/1.1 413 "));
}

TEST_CASE("http server: headers or a body that do not come in time are a 408") {
    Rig rig([](Rig& made) {
        made.limits.header_timeout = std::chrono::seconds(1);
        made.limits.body_timeout = std::chrono::seconds(1);
    });
    RawClient headers(rig.port);
    RawClient body(rig.port);
    headers.send("GET /hello/x HTTP/1.1\r\nHost: loc");
    body.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n123");
    REQUIRE(headers.until_end());
    REQUIRE(body.until_end());
    CHECK(starts(headers.got, "HTTP/1.1 408 "));
    CHECK(starts(body.got, "HTTP/1.1 408 "));
}

TEST_CASE("http server: only names of this box are served, only its own origin may ask") {
    Rig rig;
    for (const std::string& host : {std::string("localhost:1"), std::string("127.0.0.1"),
                                    std::string("[::1]:80"), std::string("GW-Test.local")})
        CHECK_MESSAGE(starts(rig.ask("GET /hello/x", "Host: " + host + "\r\n"), "HTTP/1.1 200 "),
                      host);
    CHECK(starts(rig.ask("GET /hello/x", "Host: evil.example\r\n"), "HTTP/1.1 421 "));
    CHECK(starts(rig.ask("GET /hello/x", ""), "HTTP/1.1 400 "));
    CHECK(starts(rig.ask("GET /hello/x", "Host: localhost:81\r\nOrigin: http://localhost:81\r\n"),
                 "HTTP/1.1 200 "));
    CHECK(starts(rig.ask("GET /hello/x", "Host: localhost:81\r\nOrigin: http://localhost:82\r\n"),
                 "HTTP/1.1 403 "));
    CHECK(starts(rig.ask("GET /hello/x", "Host: localhost\r\nOrigin: null\r\n"), "HTTP/1.1 403 "));
}

TEST_CASE("http server: credentials, scopes and the cookie header are checked") {
    Rig rig;
    const std::string host = "Host: localhost\r\n";
    const auto none = rig.ask("GET /secret");
    CHECK(starts(none, "HTTP/1.1 401 "));
    CHECK(has(none, "WWW-Authenticate: Bearer"));
    CHECK(
        starts(rig.ask("GET /secret", host + "Authorization: Bearer wrong\r\n"), "HTTP/1.1 401 "));
    CHECK(
        starts(rig.ask("GET /secret", host + "Authorization: Bearer narrow\r\n"), "HTTP/1.1 403 "));
    CHECK(has(rig.ask("GET /secret", host + "Authorization: Bearer all\r\n"), "\"admin\""));
    CHECK(has(rig.ask("GET /secret?access_token=all"), "\"admin\""));
    CHECK(has(rig.ask("GET /secret", host + "Cookie: all\r\n"), "\"admin\""));
    CHECK(starts(rig.ask("DELETE /secret", host + "Cookie: all\r\n"), "HTTP/1.1 403 "));
    CHECK(starts(rig.ask("DELETE /secret", host + "Cookie: all\r\nX-Fogline: 1\r\n"),
                 "HTTP/1.1 200 "));
    CHECK(starts(rig.ask("GET /hello/x", host + "Cookie: stale\r\n"), "HTTP/1.1 200 "));
}

TEST_CASE("http server: an unclaimed box answers only what may be asked before the claim") {
    Rig rig([](Rig& made) { made.tokens.is_claimed = false; });
    CHECK(starts(rig.ask("GET /livez"), "HTTP/1.1 200 "));
    CHECK(starts(rig.ask("GET /"), "HTTP/1.1 200 "));
    const auto refused = rig.ask("GET /hello/x");
    CHECK(starts(refused, "HTTP/1.1 403 "));
    CHECK(has(refused, "/problems/unclaimed"));
    CHECK(has(refused, "fogctl claim set"));
}

TEST_CASE(
    "http server: other than loopback addresses need a claimed box, a taken port names the way "
    "out") {
    Rig rig([](Rig& made) { made.tokens.is_claimed = false; });
    std::promise<void> done;
    rig.loop.post([&] {
        const auto outside = rig.server->listen("0.0.0.0", 0);
        REQUIRE_FALSE(outside);
        CHECK(outside.error().code == fog::Errc::denied);
        const auto taken = rig.server->listen("127.0.0.1", rig.port);
        REQUIRE_FALSE(taken);
        CHECK(taken.error().code == fog::Errc::conflict);
        CHECK(has(taken.error().what, std::to_string(rig.port)));
        CHECK(has(taken.error().hint, "http.port"));
        CHECK_FALSE(rig.server->listen("not-an-address", 0));
        rig.tokens.is_claimed = true;
        CHECK(rig.server->listen("0.0.0.0", 0).has_value());
        done.set_value();
    });
    done.get_future().wait();
}

TEST_CASE("http server: the control socket is local with every right, on an unclaimed box too") {
    fog::TempFolder folder;
    Rig rig([](Rig& made) { made.tokens.is_claimed = false; });
    const auto path = folder.path() / "control.sock";
    std::promise<bool> bound;
    rig.loop.post([&] { bound.set_value(rig.server->listen_unix(path).has_value()); });
    REQUIRE(bound.get_future().get());
    RawClient client(path.string());
    client.send("DELETE /secret HTTP/1.1\r\nHost: fogline\r\n\r\n");
    CHECK(client.until("\"local\""));
}

TEST_CASE("http server: assets have ETag, codings, cache rules and the policy on HTML") {
    Rig rig;
    const auto page = rig.ask("GET /");
    CHECK(has(page, "Content-Security-Policy: default-src 'none'; script-src 'self'"));
    CHECK(has(page, "Referrer-Policy: no-referrer"));
    CHECK(has(page, "X-Content-Type-Options: nosniff"));
    CHECK(has(page, "Cache-Control: no-cache\r\n"));
    CHECK(has(page, "<html></html>"));
    const auto script = rig.ask("GET /app.js", "Host: localhost\r\nAccept-Encoding: br, gzip\r\n");
    CHECK(has(script, "Content-Encoding: br\r\n"));
    CHECK(has(script, "Vary: Accept-Encoding\r\n"));
    CHECK(has(script, "public, max-age=31536000, immutable"));
    CHECK(has(script, "BROTLI"));
    const auto unchanged =
        rig.ask("GET /app.js", "Host: localhost\r\nIf-None-Match: \"abc-br\"\r\n");
    CHECK(starts(unchanged, "HTTP/1.1 304 "));
    CHECK(has(unchanged, "ETag: \"abc\"\r\n"));
    CHECK(starts(rig.ask("POST /app.js"), "HTTP/1.1 405 "));
}

TEST_CASE("http server: a client without gzip gets the file inflated, whole") {
    Rig rig;
    const auto script = rig.ask("GET /app.js");
    CHECK_FALSE(has(script, "Content-Encoding"));
    CHECK(has(script, "Content-Length: " + std::to_string(script_text().size()) + "\r\n"));
    CHECK(script.substr(script.find("\r\n\r\n") + 4) == script_text());
    const auto head = rig.ask("HEAD /app.js");
    CHECK(has(head, "Content-Length: " + std::to_string(script_text().size()) + "\r\n"));
    CHECK(head.ends_with("\r\n\r\n"));
}

TEST_CASE("http server: large JSON is packed for clients that take it, small JSON is not") {
    Rig rig;
    const std::string large = "[" + std::string(5'000, '1') + "]";
    const std::string length = "Content-Length: " + std::to_string(large.size()) + "\r\n";
    const auto packed =
        rig.ask("POST /echo", "Host: localhost\r\nAccept-Encoding: gzip\r\n" + length, large);
    CHECK(has(packed, "Content-Encoding: gzip\r\n"));
    const auto body = packed.substr(packed.find("\r\n\r\n") + 4);
    CHECK(body == fog::gzip(large));
    const auto plain = rig.ask("POST /echo", "Host: localhost\r\n" + length, large);
    CHECK(has(plain, "Vary: Accept-Encoding\r\n"));
    CHECK(plain.ends_with(large));
    const auto small = rig.ask(
        "POST /echo", "Host: localhost\r\nAccept-Encoding: gzip\r\nContent-Length: 2\r\n", "22");
    CHECK_FALSE(has(small, "Content-Encoding"));
}

TEST_CASE("http server: with a folder for the page its files are served, the table is not") {
    const fog::TempFolder folder;
    std::ofstream(folder.path() / "index.html") << "<p>mine</p>";
    Rig rig([&](Rig& made) { made.ui_folder = folder.path(); });
    const auto page = rig.ask("GET /");
    CHECK(has(page, "<p>mine</p>"));
    CHECK(has(page, "Cache-Control: no-store\r\n"));
    CHECK(has(page, "Content-Security-Policy: "));
    CHECK(starts(rig.ask("GET /app.js"), "HTTP/1.1 404 "));
    CHECK(starts(rig.ask("GET /%2e%2e/etc/passwd"), "HTTP/1.1 404 "));
    CHECK(starts(rig.ask("POST /index.html"), "HTTP/1.1 404 "));
    CHECK(starts(rig.ask("GET /hello/you"), "HTTP/1.1 200 "));
}

TEST_CASE("http server: a handler that throws or forgets to answer is a 500 without inner detail") {
    Rig rig;
    const auto thrown = rig.ask("GET /throws");
    CHECK(starts(thrown, "HTTP/1.1 500 "));
    CHECK_FALSE(has(thrown, "inner detail"));
    CHECK(starts(rig.ask("GET /forgets"), "HTTP/1.1 500 "));
}

TEST_CASE("http server: a full api queue answers 503 with Retry-After and goes on afterwards") {
    Rig rig([](Rig& made) { made.limits.api_queue = 1; });
    RawClient busy(rig.port);
    busy.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    rig.started.get_future().wait();
    std::promise<void> ran;
    REQUIRE(rig.server->run_on_api([&ran] { ran.set_value(); }));  // takes the one place
    const auto refused = rig.ask("POST /echo", "Host: localhost\r\nContent-Length: 1\r\n", "2");
    CHECK(starts(refused, "HTTP/1.1 503 "));
    CHECK(has(refused, "Retry-After: 1\r\n"));
    rig.release.set_value();
    CHECK(busy.until("200 OK"));
    ran.get_future().wait();
    CHECK(starts(rig.ask("POST /echo", "Host: localhost\r\nContent-Length: 1\r\n", "3"),
                 "HTTP/1.1 200 "));
}
