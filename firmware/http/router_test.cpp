#include "firmware/http/router.hpp"

#include <doctest/doctest.h>

using fog::Method;

namespace {

fog::Router sample() {
    fog::Router router;
    for (const char* pattern : {"/a/{x}", "/a/fixed", "/a/{x}/b", "/e/{rest...}"}) {
        fog::Route route;
        route.pattern = pattern;
        router.add(route);
    }
    fog::Route post;
    post.method = Method::post;
    post.pattern = "/a/{x}";
    router.add(post);
    return router;
}

}  // namespace

TEST_CASE("router: literal segments win over names") {
    const auto router = sample();
    REQUIRE(router.find(Method::get, "/a/fixed").route != nullptr);
    CHECK(router.find(Method::get, "/a/fixed").route->pattern == "/a/fixed");
    const auto named = router.find(Method::get, "/a/other");
    REQUIRE(named.route != nullptr);
    CHECK(named.values == std::vector<std::pair<std::string, std::string>>{{"x", "other"}});
}

TEST_CASE("router: an escaped slash stays inside its segment") {
    const auto router = sample();
    const auto found = router.find(Method::get, "/a/boiler%2Fhot/b");
    REQUIRE(found.route != nullptr);
    CHECK(found.values[0].second == "boiler/hot");
}

TEST_CASE("router: a rest takes all that is left, at least one segment") {
    const auto router = sample();
    const auto found = router.find(Method::get, "/e/alarms/%23/");
    REQUIRE(found.route != nullptr);
    CHECK(found.values[0].second == "alarms/#/");
    CHECK(router.find(Method::get, "/e/").route == nullptr);
}

TEST_CASE("router: another method of a known path is told with what is allowed") {
    const auto router = sample();
    const auto found = router.find(Method::del, "/a/x");
    CHECK(found.route == nullptr);
    CHECK(found.allowed == std::vector<Method>{Method::get, Method::post, Method::head});
    CHECK(router.find(Method::get, "/nothing").allowed.empty());
    CHECK(router.find(Method::head, "/a/x").route != nullptr);
}
