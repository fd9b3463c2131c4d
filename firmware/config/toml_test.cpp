#include "firmware/config/toml.hpp"

#include <doctest/doctest.h>

#include <string>

#include "firmware/config/json.hpp"

namespace fog {
namespace {

Node good(std::string_view text) {
    std::vector<Fault> faults;
    auto node = parse_toml(text, "a.toml", faults);
    for (const Fault& fault : faults) MESSAGE(to_text(fault));
    REQUIRE(node);
    return *node;
}

Fault bad(std::string_view text) {
    std::vector<Fault> faults;
    CHECK_FALSE(parse_toml(text, "a.toml", faults));
    REQUIRE(faults.size() == 1);
    return faults.front();
}

std::string repeat(std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
}

}  // namespace

TEST_CASE("toml: members keep the order of the file") {
    const Node root = good("z = 1\na = 2\n[m]\nb = 1\na = 2\n");
    const Node::Table& members = *root.table();
    REQUIRE(members.size() == 3);
    CHECK(members[0].first == "z");
    CHECK(members[1].first == "a");
    CHECK(members[2].second.table()->front().first == "b");
}

TEST_CASE("toml: every value has its line, column and pointer") {
    const Node root = good(
        "inputs.t = { point = \"é\", max_age = \"3 min\" }\n\n[[action]]\n"
        "type = [1, 2]\n\"a/b~c\" = 1\n");
    const Node* age = root.find("inputs")->find("t")->find("max_age");
    REQUIRE(age != nullptr);
    CHECK(age->mark.file == "a.toml");
    CHECK(age->mark.line == 1);
    CHECK(age->mark.column == 37);
    CHECK(age->key_column == 27);
    CHECK(age->pointer == "/inputs/t/max_age");
    const Node& action = root.find("action")->array()->front();
    CHECK(action.mark.line == 3);
    CHECK(action.mark.column == 1);
    CHECK(action.find("type")->array()->at(1).pointer == "/action/0/type/1");
    CHECK(action.find("type")->array()->at(1).mark.column == 12);
    CHECK(action.find("a/b~c")->pointer == "/action/0/a~1b~0c");
}

TEST_CASE("toml: types stay what they are, dates become text") {
    const Node root = good(
        "i = 7\nd = 7.0\nb = true\ns = 'x'\n"
        "t = 2026-11-21T16:40:00.120+01:30\nu = 1979-05-27T07:32:00Z\n"
        "l = 1979-05-27T00:32:00\nday = 2026-01-02\nat = 07:30:00\n");
    CHECK(*root.find("i")->integer() == 7);
    CHECK(root.find("d")->integer() == nullptr);
    CHECK(*root.find("d")->number() == 7.0);
    CHECK(*root.find("b")->boolean());
    CHECK(*root.find("t")->string() == "2026-11-21T16:40:00.12+01:30");
    CHECK(*root.find("u")->string() == "1979-05-27T07:32:00Z");
    CHECK(*root.find("l")->string() == "1979-05-27T00:32:00");
    CHECK(*root.find("day")->string() == "2026-01-02");
    CHECK(*root.find("at")->string() == "07:30:00");
}

TEST_CASE("toml: an empty file is an empty table") {
    CHECK(good("").table()->empty());
    CHECK(good("# only a comment\n").table()->empty());
    CHECK(good("\xEF\xBB\xBF"
               "a = 1\r\n")
              .table()
              ->size() == 1);
}

TEST_CASE("toml: a syntax error names line, column and what to do") {
    const Fault fault = bad("a = 1\nname = Cold store\n");
    CHECK(fault.code == "E0010");
    CHECK(fault.mark.file == "a.toml");
    CHECK(fault.mark.line == 2);
    CHECK_FALSE(fault.detail.empty());
    CHECK_FALSE(fault.hint.empty());
    CHECK(bad("a = 1\na = 2\n").mark.line == 2);
    CHECK(bad("\xff\xfe").detail.find("utf-8") != std::string::npos);
}

TEST_CASE("toml: a header that begins with no name is an error, not an abort") {
    CHECK(bad("[.]\n").code == "E0010");
    CHECK(bad("a = 1\n[\n").mark.line == 2);
    CHECK(bad("[[=]]\n").code == "E0010");
    CHECK(bad("[").code == "E0010");
}

TEST_CASE("toml: text nested too deeply is refused before it is built") {
    CHECK(bad("a = " + repeat("[", 5000)).code == "E0012");
    const Fault dotted = bad("x = 1\n" + repeat("a.", 100'000) + "b = 1\n");
    CHECK(dotted.code == "E0012");
    CHECK(dotted.mark.line == 2);
    CHECK(bad("[" + repeat("a.", 5000) + "b]\n").code == "E0012");
    CHECK(bad("x = [ \"\"\"\n\"\"\", {\"=\"" + repeat(".\"=\"", 5000) + "=1} ]\n").code == "E0012");
    // Dots in text, comments and lists of numbers are not nesting.
    good("a = \"" + repeat(".", 500) + "\"\n# " + repeat(".", 500) + "\nb = [" +
         repeat("1.5, ", 200) + "]\nc = '''\n" + repeat("a.", 300) + "\n'''\n");
}

TEST_CASE("toml: inf and nan are refused with their place") {
    const Fault fault = bad("a = 1\nb = nan\n");
    CHECK(fault.mark.line == 2);
    CHECK(fault.pointer == "/b");
}

TEST_CASE("toml: written and read again it means the same") {
    const Node root = good(
        "title = \"tab\\t quote\\\" back\\\\ é\"\nn = 3\nd = 3.0\ne = 1e300\nempty = []\nnone = "
        "{}\n"
        "\"odd key.x\" = true\nlist = [1, \"a\", [2.5], { k = 1, t = { u = 2 } }]\n"
        "[condition]\nop = \"threshold\"\n[condition.deep.er]\nx = -0.5\n"
        "[[action]]\ntype = \"alarm\"\n[[action.part]]\na = 1\n[[action.part]]\na = "
        "2\n[[action]]\n");
    const auto text = write_toml(root);
    REQUIRE(text);
    const Node again = good(*text);
    CHECK(write_json(again).size() == write_json(root).size());
    CHECK(*again.find("title")->string() == *root.find("title")->string());
    CHECK(again.find("d")->integer() == nullptr);
    CHECK(again.find("action")->array()->at(0).find("part")->array()->size() == 2);
    CHECK(*write_toml(again) == *text);

    std::vector<Fault> faults;
    const auto json = parse_json(write_json(root), faults);
    REQUIRE(json);
    CHECK(json->same(root));
    CHECK(*write_toml(*json) == *text);
}

TEST_CASE("toml: what TOML cannot hold is not written") {
    std::vector<Fault> faults;
    const auto null_member = parse_json(R"({"a":null,"b":1})", faults);
    CHECK(*write_toml(*null_member) == "b = 1\n");
    const auto null_item = parse_json(R"({"a":[null]})", faults);
    CHECK_FALSE(write_toml(*null_item));
    CHECK_FALSE(write_toml(*parse_json("[1]", faults)));
}

}  // namespace fog
