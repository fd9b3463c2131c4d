#include "firmware/io/http_client.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/support/fake_http.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog {
namespace {

void add_routes(FakeHttp& fake) {
    fake.server.Get("/echo", [](const httplib::Request& request, httplib::Response& response) {
        response.set_header("ETag", "\"1\"");
        response.set_content(request.get_header_value("Authorization") + "|" +
                                 request.get_header_value("Host") + "|" +
                                 request.get_header_value("If-Match"),
                             "text/plain");
    });
    fake.server.Put("/echo", [](const httplib::Request& request, httplib::Response& response) {
        response.status = 201;
        response.set_content(request.get_header_value("Content-Type") + "|" + request.body, "a/b");
    });
    fake.server.Get("/missing", [](const httplib::Request&, httplib::Response& response) {
        response.status = 404;
        response.set_content("{\"title\":\"no\"}", "application/problem+json");
    });
    fake.server.Get("/endless", [](const httplib::Request&, httplib::Response& response) {
        response.set_chunked_content_provider(
            "text/event-stream",
            [](std::size_t, httplib::DataSink& sink) { return sink.write("data: x\n\n", 9); });
    });
}

HttpClient client_of(const std::string& url, std::size_t body_bytes = 1U << 20U) {
    HttpTarget target;
    target.url = url;
    target.token = "fgl_x";
    target.body_bytes = body_bytes;
    auto client = HttpClient::open(target);
    REQUIRE(client);
    return std::move(*client);
}

HttpCall call(std::string method, std::string path) {
    HttpCall out;
    out.method = std::move(method);
    out.path = std::move(path);
    return out;
}

}  // namespace

TEST_CASE("http client: speaks over a Unix socket") {
    const TempFolder folder;
    FakeHttp fake;
    add_routes(fake);
    fake.start_unix((folder.path() / "s").string());
    HttpClient client = client_of("unix:" + (folder.path() / "s").string());
    HttpCall get = call("GET", "/echo");
    get.headers = {{"If-Match", "\"7\""}};
    const auto answer = client.send(get);
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == "Bearer fgl_x|localhost|\"7\"");
    CHECK(answer->header("etag") == "\"1\"");
    HttpCall put = call("PUT", "/echo");
    put.body = "{}";
    const auto made = client.send(put);
    REQUIRE(made);
    CHECK(made->status == 201);
    CHECK(made->body == "application/json|{}");
}

TEST_CASE("http client: speaks over TCP and gives refusals as answers") {
    FakeHttp fake;
    add_routes(fake);
    const int port = fake.start_tcp();
    HttpClient client = client_of("http://127.0.0.1:" + std::to_string(port) + "/ignored");
    const auto missing = client.send(call("GET", "/missing"));
    REQUIRE(missing);
    CHECK(missing->status == 404);
    CHECK(missing->body == "{\"title\":\"no\"}");
}

TEST_CASE("http client: a stream is given piece by piece until its taker has enough") {
    const TempFolder folder;
    FakeHttp fake;
    add_routes(fake);
    fake.start_unix((folder.path() / "s").string());
    HttpClient client = client_of("unix:" + (folder.path() / "s").string());
    std::size_t seen = 0;
    const auto answer = client.stream(call("GET", "/endless"), [&](std::string_view piece) {
        seen += piece.size();
        return seen < 900;
    });
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(seen >= 900);
    const auto missing =
        client.stream(call("GET", "/missing"), [](std::string_view) { return true; });
    REQUIRE(missing);
    CHECK(missing->status == 404);
    CHECK(missing->body == "{\"title\":\"no\"}");
}

TEST_CASE("http client: faults say what and where") {
    const TempFolder folder;
    HttpTarget target;
    for (const std::string bad : {"", "ftp://x", "unix:", "localhost:80"}) {
        target.url = bad;
        CHECK(HttpClient::open(target).error().code == Errc::bad_request);
    }
    const std::string path = (folder.path() / "none").string();
    HttpClient client = client_of("unix:" + path);
    const auto nobody = client.send(call("GET", "/"));
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().code == Errc::unreachable);
    CHECK(nobody.error().what.find(path) != std::string::npos);

    FakeHttp fake;
    add_routes(fake);
    fake.start_unix((folder.path() / "s").string());
    HttpClient small = client_of("unix:" + (folder.path() / "s").string(), 1'000);
    CHECK(small.send(call("GET", "/endless")).error().code == Errc::refused);
}

}  // namespace fog
