#include "firmware/http/target.hpp"

#include <doctest/doctest.h>

#include "firmware/http/message.hpp"

TEST_CASE("target: escapes are decoded, broken ones and control characters refused") {
    const auto target = fog::parse_target("/a%20b/%C3%A4?x=1");
    REQUIRE(target);
    CHECK(target->path == "/a b/\xC3\xA4");
    CHECK(target->raw_query == "x=1");
    for (const char* bad : {"", "http://x/", "/%", "/%4", "/%zz", "/%00", "/%0a", "/%ff"})
        CHECK_FALSE_MESSAGE(fog::parse_target(bad), bad);
}

TEST_CASE("target: plus is a space in form fields only") {
    const auto form = fog::parse_query("a=1+2&b&c=%2B", true);
    REQUIRE(form);
    CHECK(*form == fog::QueryList{{"a", "1 2"}, {"b", ""}, {"c", "+"}});
    CHECK((*fog::parse_query("a=1+2", false))[0].second == "1+2");
    CHECK_FALSE(fog::parse_query("a=%f"));
}

TEST_CASE("target: hosts of this box are known with and without port") {
    const std::vector<std::string> allowed = {"panel.example"};
    for (const char* host : {"localhost", "LOCALHOST:80", "10.0.0.1:8080", "[fe80::1]", "gw-1",
                             "gw-1.local:81", "panel.example"})
        CHECK_MESSAGE(fog::host_allowed(host, "gw-1", allowed), host);
    for (const char* host : {"", "evil.example", "gw-1.evil", "localhost.evil", "[x]"})
        CHECK_FALSE_MESSAGE(fog::host_allowed(host, "gw-1", allowed), host);
}

TEST_CASE("problem: carries its members, pointers and parameters apart") {
    fog::Problem problem;
    problem.status = 422;
    problem.slug = "x-invalid";
    problem.limit = 5;
    fog::Fault fault;
    fault.pointer = "/a/0";
    fault.detail = "wrong \"here\"";
    problem.errors.push_back(fault);
    fault.pointer = "since";
    problem.errors.push_back(fault);
    CHECK(
        fog::problem_json(problem, "/p") ==
        R"({"type":"/problems/x-invalid","title":"x-invalid","status":422,"instance":"/p","errors":[)"
        R"({"pointer":"/a/0","detail":"wrong \"here\""},{"parameter":"since","detail":"wrong \"here\""}],"limit":5})");
}
