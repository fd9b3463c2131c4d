#include "firmware/api/objects/object_store.hpp"

#include <doctest/doctest.h>

#include "firmware/config/json.hpp"
#include "firmware/io/files.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog {
namespace {

Node json(std::string_view text) {
    std::vector<Fault> faults;
    auto node = parse_json(text, faults);
    REQUIRE(node);
    return *node;
}

constexpr std::string_view kRule = R"({"title":"Warm","condition":{"H":1.0},"action":[{"a":1}]})";

}  // namespace

TEST_CASE("objects: what is put is read again, and the file is ours") {
    const TempFolder folder;
    ObjectStore store(folder.path());
    const auto made = store.put("warm", json(kRule), {.if_none_match = true});
    REQUIRE(made);
    CHECK(made->object.managed);
    CHECK(made->object.node.same(json(kRule)));
    CHECK(read_file(folder.path() / "warm.toml")->starts_with("# managed by fogline\n"));
    CHECK(store.get("warm")->etag == made->etag);
    CHECK(store.get("cold").error().code == Errc::not_found);
    std::vector<Fault> faults;
    CHECK(store.list(faults).size() == 1);
    CHECK(faults.empty());
}

TEST_CASE("objects: only who read the last version replaces or removes it") {
    const TempFolder folder;
    ObjectStore store(folder.path());
    const std::string first = store.put("a", json(R"({"n":1})"), {.if_none_match = true})->etag;
    CHECK(store.put("a", json(R"({"n":2})"), {.if_none_match = true}).error().code ==
          Errc::conflict);
    CHECK(store.put("a", json(R"({"n":2})"), {}).error().code == Errc::conflict);
    const auto second = store.put("a", json(R"({"n":2})"), {.if_match = first});
    REQUIRE(second);
    CHECK(second->etag != first);
    CHECK(store.put("a", json(R"({"n":3})"), {.if_match = first}).error().code == Errc::conflict);
    CHECK(store.remove("a", {.if_match = first}).error().code == Errc::conflict);
    CHECK(store.remove("a", {.if_match = second->etag}));
    CHECK(store.remove("a", {.if_match = second->etag}).error().code == Errc::not_found);
    CHECK(store.put("a", json("{}"), {.if_match = second->etag}).error().code == Errc::conflict);
}

TEST_CASE("objects: a file written by hand stays as it is") {
    const TempFolder folder;
    ObjectStore store(folder.path());
    const std::string text = "# mine\ntitle = \"x\"   # comment\n";
    REQUIRE(write_file(folder.path() / "mine.toml", text));
    const auto mine = store.get("mine");
    REQUIRE(mine);
    CHECK_FALSE(mine->object.managed);
    CHECK(store.put("mine", json(kRule), {.if_match = mine->etag}).error().code == Errc::denied);
    CHECK(store.remove("mine", {.if_match = mine->etag}).error().code == Errc::denied);
    CHECK(*read_file(folder.path() / "mine.toml") == text);
}

TEST_CASE("objects: bad ids, bad values and broken files are named") {
    const TempFolder folder;
    ObjectStore store(folder.path());
    for (const std::string_view id : {"", "../x", "A", "a/b", "a.b", "-a"}) {
        CAPTURE(id);
        CHECK(store.put(id, json("{}"), {}).error().code == Errc::bad_request);
        CHECK(store.get(id).error().code == Errc::bad_request);
        CHECK(store.remove(id, {}).error().code == Errc::bad_request);
    }
    CHECK(store.put("a", json(R"({"x":[null]})"), {}).error().code == Errc::bad_request);
    CHECK(store.put("a", json(R"({"id":"b"})"), {}).error().code == Errc::bad_request);
    CHECK(store.put("a", json("[]"), {}).error().code == Errc::bad_request);
    REQUIRE(write_file(folder.path() / "broken.toml", "a = \n"));
    REQUIRE(write_file(folder.path() / "good.toml", "a = 1\n"));
    std::vector<Fault> faults;
    CHECK(store.list(faults).size() == 1);
    CHECK(faults.size() == 1);
    CHECK(store.get("broken").error().code == Errc::bad_config);
    ObjectStore nowhere(folder.path() / "none");
    CHECK(nowhere.list(faults).empty());
}

}  // namespace fog
