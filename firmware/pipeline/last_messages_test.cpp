#include "firmware/pipeline/last_messages.hpp"

#include <doctest/doctest.h>

#include <array>

#include "firmware/core/reading.hpp"

using namespace fog;

namespace {

LastMessages::Heard said(std::string_view topic, std::string_view payload) {
    LastMessages::Heard out;
    out.source = "mqtt:plant";
    out.topic = topic;
    out.payload = as_bytes(payload);
    out.dialect = "json";
    out.why = "it is JSON";
    return out;
}

}  // namespace

TEST_CASE("last messages: the newest of each device is kept, its head only") {
    Limits limits;
    limits.message_bytes = 8;
    LastMessages messages(limits);
    const std::array<PointId, 2> points = {{{1}, {2}}};
    messages.note(3, said("a/b", R"({"t":1})"), points);
    messages.note(3, said("a/c", R"({"t":1,"u":2})"), std::span(points).first(1));
    REQUIRE(messages.find(3) != nullptr);
    const LastMessage& last = *messages.find(3);
    CHECK(last.topic == "a/c");
    CHECK(last.payload == R"({"t":1,")");
    CHECK(last.bytes == 13);
    CHECK(last.points.size() == 1);
    CHECK(last.why == "it is JSON");
    CHECK(messages.find(4) == nullptr);
}

TEST_CASE("last messages: beyond the limit the one that spoke longest ago goes") {
    Limits limits;
    limits.messages_kept = 3;
    LastMessages messages(limits);
    for (const std::uint32_t device : {1U, 2U, 3U, 1U, 4U})
        messages.note(device, said(std::to_string(device), "1"), {});
    CHECK(messages.size() == 3);
    CHECK(messages.find(2) == nullptr);
    for (const std::uint32_t device : {1U, 3U, 4U}) {
        REQUIRE(messages.find(device) != nullptr);
        CHECK(messages.find(device)->topic == std::to_string(device));
    }
}
