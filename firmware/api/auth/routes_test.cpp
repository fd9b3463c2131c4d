#include "firmware/api/auth/routes.hpp"

#include <doctest/doctest.h>

#include "firmware/api/auth/auth_fixture_test.hpp"
#include "firmware/config/json.hpp"

namespace fog {
namespace {

struct Api : AuthFixture {
    Router router;
    Api() { add_auth_routes(router, *store); }

    Response ask(Method method, const std::string& path, std::string body, Principal who = {}) {
        const Router::Found found = router.find(method, "/api/v1" + path);
        REQUIRE(found.route != nullptr);
        Request request;
        request.method = method;
        request.path = "/api/v1" + path;
        request.path_values = found.values;
        request.body = std::move(body);
        request.remote = "10.0.0.1";
        request.principal = std::move(who);
        Response response;
        found.route->handler(request, [&](Response given) { response = std::move(given); });
        return response;
    }
    static Node json(const Response& response) {
        std::vector<Fault> faults;
        auto node = parse_json(response.body, faults);
        REQUIRE(node);
        return *node;
    }
    static std::string header(const Response& response, std::string_view name) {
        for (const auto& [key, value] : response.headers) {
            if (key == name) return value;
        }
        return "";
    }
};

}  // namespace

TEST_CASE("auth api: claiming sets the cookie and shows nothing secret again") {
    Api api;
    CHECK_FALSE(*Api::json(api.ask(Method::get, "/claim", "")).find("claimed")->boolean());
    const std::string body =
        R"({"code":")" + *api.store->claim_code() + R"(","passphrase":"correct horse battery"})";
    const Response done = api.ask(Method::post, "/claim", body);
    CHECK(done.status == 200);
    const std::string cookie = Api::header(done, "Set-Cookie");
    CHECK(cookie.starts_with("fogline_gw-1="));
    CHECK(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"));
    CHECK(done.body == R"({"claimed":true})");
    Principal who;
    CHECK(api.store->check({{}, cookie}, who) == Authenticator::Why::ok);
    CHECK(api.ask(Method::post, "/claim", body).status == 409);
}

TEST_CASE("auth api: wrong codes are 403, then 429 with the time to wait") {
    Api api;
    const std::string body = R"({"code":"00000000","passphrase":"correct horse battery"})";
    for (int i = 0; i < 5; ++i) CHECK(api.ask(Method::post, "/claim", body).status == 403);
    const Response wait = api.ask(Method::post, "/claim", body);
    CHECK(wait.status == 429);
    CHECK(Api::header(wait, "Retry-After") == "30");
    CHECK(wait.content_type == "application/problem+json");
    CHECK(*Api::json(api.ask(Method::get, "/claim", "")).find("wait")->integer() == 30);
}

TEST_CASE("auth api: a faulty body is named by pointer") {
    Api api;
    const Response unknown =
        api.ask(Method::post, "/claim", R"({"code":"x","passphrase":"y","pasphrase":"z"})");
    CHECK(unknown.status == 422);
    const Node problem = Api::json(unknown);
    const Node& error = problem.find("errors")->array()->at(0);
    CHECK(*error.find("pointer")->string() == "/pasphrase");
    CHECK(*error.find("hint")->string() == "did you mean 'passphrase'?");
    CHECK(api.ask(Method::post, "/claim", "{").status == 400);
    CHECK(api.ask(Method::post, "/claim", "[]").status == 422);
    CHECK(api.ask(Method::post, "/claim", "").status == 400);
    CHECK(api.ask(Method::post, "/claim", R"({"code":5,"passphrase":null})").status == 422);
}

TEST_CASE("auth api: set, reset and the code belong to the control socket") {
    Api api;
    const Principal admin{"admin", scope::kAll, {"#"}, {}, 7, true};
    CHECK(api.ask(Method::get, "/claim/code", "").status == 403);
    CHECK(api.ask(Method::post, "/claim/set", R"({"passphrase":"x"})", admin).status == 403);
    CHECK(api.ask(Method::post, "/claim/reset", "", admin).status == 403);
    CHECK(*Api::json(api.ask(Method::get, "/claim/code", "", api.local())).find("code")->string() ==
          *api.store->claim_code());
    CHECK(api.ask(Method::post, "/claim/set", R"({"passphrase":"short"})", api.local()).status ==
          400);
    CHECK(api.ask(Method::post, "/claim/set", R"({"passphrase":"correct horse battery"})",
                  api.local())
              .status == 200);
    CHECK(api.store->claimed());
    CHECK(api.ask(Method::post, "/claim/reset", "", api.local()).status == 200);
    CHECK_FALSE(api.store->claimed());
}

TEST_CASE("auth api: log in, who am I, log out") {
    Api api;
    api.claimed();
    CHECK(api.ask(Method::post, "/session", R"({"passphrase":"nope"})").status == 403);
    const Response in =
        api.ask(Method::post, "/session", R"({"passphrase":"correct horse battery"})");
    CHECK(in.status == 200);
    Principal who;
    const std::string cookie = Api::header(in, "Set-Cookie");
    REQUIRE(api.store->check({{}, cookie}, who) == Authenticator::Why::ok);
    const Node me = Api::json(api.ask(Method::get, "/session", "", who));
    CHECK(*me.find("name")->string() == "admin");
    CHECK(me.find("scopes")->array()->size() == 12);
    const Response out = api.ask(Method::del, "/session", "", who);
    CHECK(out.status == 204);
    CHECK(Api::header(out, "Set-Cookie").find("Max-Age=0") != std::string::npos);
    CHECK(api.store->check({{}, cookie}, who) == Authenticator::Why::unknown);
    CHECK(api.ask(Method::del, "/session", "", api.local()).status == 400);
}

TEST_CASE("auth api: tokens are made, listed without secret, and revoked") {
    Api api;
    api.claimed();
    const Response made = api.ask(
        Method::post, "/tokens",
        R"({"name":"g","scopes":["read:live","ingest"],"subscribe":["samples/#"],"ttl":60})",
        api.local());
    REQUIRE(made.status == 201);
    const Node token = Api::json(made);
    const std::string secret = *token.find("token")->string();
    CHECK(api.AuthFixture::ask(secret) == Authenticator::Why::ok);
    const Response listed = api.ask(Method::get, "/tokens", "", api.local());
    CHECK(listed.body.find(secret) == std::string::npos);
    const Node all = Api::json(listed);
    const Node& item = all.find("items")->array()->at(0);
    CHECK(*item.find("last4")->string() == secret.substr(43));
    const std::string path = "/tokens/" + std::to_string(*item.find("id")->integer());
    CHECK(api.ask(Method::del, path, "", api.local()).status == 204);
    CHECK(api.ask(Method::del, path, "", api.local()).status == 404);
    CHECK(api.ask(Method::del, "/tokens/abc", "", api.local()).status == 404);
    CHECK(api.AuthFixture::ask(secret) == Authenticator::Why::unknown);
}

TEST_CASE("auth api: an unknown scope gets a hint") {
    Api api;
    const Response bad =
        api.ask(Method::post, "/tokens", R"({"scopes":["read:lives"]})", api.local());
    CHECK(bad.status == 422);
    CHECK(bad.body.find("did you mean 'read:live'?") != std::string::npos);
    CHECK(api.ask(Method::post, "/tokens", R"({"name":"x"})", api.local()).status == 422);
    CHECK(
        api.ask(Method::post, "/tokens", R"({"scopes":["ingest"],"ttl":0})", api.local()).status ==
        422);
}

TEST_CASE("auth api: a stream token for a page") {
    Api api;
    api.claimed();
    const Response made = api.ask(Method::post, "/tokens/stream",
                                  R"({"subscribe":["samples/#"],"ttl":3600})", api.local());
    REQUIRE(made.status == 201);
    Principal who;
    const Node token = Api::json(made);
    CHECK(api.AuthFixture::ask(*token.find("token")->string(), who) == Authenticator::Why::ok);
    CHECK(who.patterns == std::vector<std::string>{"samples/#"});
    CHECK(
        api.ask(Method::post, "/tokens/stream", R"({"subscribe":["x"],"ttl":999999})", api.local())
            .status == 422);
}

TEST_CASE("auth api: only claim and login answer without credentials") {
    Api api;
    for (const Route& route : api.router.routes()) {
        CAPTURE(route.pattern);
        const bool claim = route.pattern.starts_with("/api/v1/claim");
        CHECK(route.before_claim == claim);
        CHECK(route.open ==
              (claim || (route.pattern == "/api/v1/session" && route.method == Method::post)));
        if (route.pattern.starts_with("/api/v1/tokens/stream"))
            CHECK(route.scopes == scope::kReadLive);
        else if (route.pattern.starts_with("/api/v1/tokens"))
            CHECK(route.scopes == scope::kAdmin);
    }
}

}  // namespace fog
