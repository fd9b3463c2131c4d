#include "cloud-uplink/encode/topic_template.hpp"

#include <doctest/doctest.h>

#include <array>

namespace fog {
namespace {

constexpr std::array kAll = {TopicPart::gw, TopicPart::dev, TopicPart::pt, TopicPart::lane};

std::string filled(std::string_view text, const TopicNames& names, std::size_t* changed = nullptr) {
    auto parsed = TopicTemplate::parse(text, kAll);
    REQUIRE(parsed);
    std::string out;
    const auto count = parsed->append(out, names);
    if (changed != nullptr) *changed = count;
    return out;
}

TEST_CASE("topic template: placeholders become the record's names") {
    const TopicNames names{"gw-1", "boiler-1", "supply_temp", "live", "sample"};
    CHECK(filled("fogline/{gw}/{dev}/{pt}", names) == "fogline/gw-1/boiler-1/supply_temp");
    CHECK(filled("{lane}-{gw}", names) == "live-gw-1");
    CHECK(filled("plain/topic", names) == "plain/topic");
}

TEST_CASE("topic template: what MQTT forbids in a level becomes '_' and is counted") {
    std::size_t changed = 0;
    CHECK(filled("a/{dev}/{pt}", {"g", "x/y+#", "ok", "live", "sample"}, &changed) == "a/x_y__/ok");
    CHECK(changed == 1);
    CHECK(filled("a/{dev}/{pt}", {"g", "", std::string_view("b\0c", 3), "", ""}, &changed) ==
          "a/_/b_c");
    CHECK(changed == 2);
    CHECK(filled("a/{dev}", {"g", "bad\xff\xfe!", "", "", ""}, &changed) == "a/bad__!");
    CHECK(changed == 1);
    CHECK(filled("a/{dev}", {"g", "köln", "", "", ""}, &changed) == "a/köln");
    CHECK(changed == 0);
}

TEST_CASE("topic template: a wrong one says where and what is allowed") {
    const auto fault = [](std::string_view text) {
        auto parsed = TopicTemplate::parse(text, kAll);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == Errc::bad_config);
        return parsed.error();
    };
    CHECK(fault("a/{dve}").what ==
          "character 3: no placeholder {dve}; allowed here: {gw} {dev} {pt} {lane}");
    CHECK(fault("a/{lan}/b").hint == "did you mean {lane}?");
    CHECK(fault("a/{dev").what.starts_with("character 3: '{' is never closed"));
    CHECK(fault("a}/b").what.starts_with("character 2: '}' without '{'"));
    CHECK(fault("a/+/b").what.starts_with("character 3: '+' is a wildcard"));
    CHECK(fault("a/{kind}").what.starts_with("character 3: {kind} has no meaning"));
    CHECK(fault("").code == Errc::bad_config);
    CHECK(fault(std::string("a\0b", 3)).code == Errc::bad_config);
    CHECK(fault(std::string(600, 'a')).code == Errc::bad_config);
}

}  // namespace
}  // namespace fog
