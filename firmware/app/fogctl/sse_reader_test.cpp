#include "firmware/app/fogctl/sse_reader.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace fog {
namespace {

std::vector<SseReader::Event> events_of(std::string_view text, std::size_t step) {
    SseReader reader;
    std::vector<SseReader::Event> out;
    for (std::size_t at = 0; at < text.size(); at += step) {
        CHECK(reader.feed(text.substr(at, step), [&](const SseReader::Event& event) {
            out.push_back(event);
            return true;
        }));
    }
    return out;
}

}  // namespace

TEST_CASE("sse reader: any split of the bytes gives the same events") {
    const std::string text =
        ": tick\r\nretry: 10\nevent: sample\nid: a.1\ndata: {\"a\":\ndata: "
        "1}\n\n\ndata:x\r\n\r\ndata: cut";
    for (const std::size_t step : {1U, 2U, 7U, 1000U}) {
        const auto events = events_of(text, step);
        REQUIRE(events.size() == 2);
        CHECK(events[0].name == "sample");
        CHECK(events[0].id == "a.1");
        CHECK(events[0].data == "{\"a\":\n1}");
        CHECK(events[1].data == "x");
        CHECK(events[1].name.empty());
    }
}

TEST_CASE("sse reader: an event without end is left out, the next one is whole") {
    SseReader reader;
    std::vector<std::string> seen;
    const auto take = [&](const SseReader::Event& event) {
        seen.push_back(event.data);
        return true;
    };
    reader.feed("data: ", take);
    for (int i = 0; i < 40; ++i) reader.feed(std::string(64U << 10U, 'x'), take);
    reader.feed("\n\ndata: next\n\n", take);
    CHECK(seen == std::vector<std::string>{"next"});
    CHECK(reader.left_out() == 1);
}

TEST_CASE("sse reader: stops when nobody listens") {
    SseReader reader;
    int seen = 0;
    CHECK_FALSE(reader.feed("data: a\n\ndata: b\n\n", [&](const SseReader::Event&) {
        ++seen;
        return false;
    }));
    CHECK(seen == 1);
}

}  // namespace fog
