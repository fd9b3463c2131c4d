#include "drivers/mqtt/dialects/recognizer.hpp"

#include <doctest/doctest.h>

#include "tests/support/collected.hpp"

using namespace fog;

namespace {
Message message(std::string_view topic, std::string_view payload) {
    return {topic, as_bytes(payload), false, WallTime{}};
}
}  // namespace

TEST_CASE("recognizer: the highest claim reads the message and is named with its reason") {
    Recognizer recognizer{Limits{}};
    Collected out;
    const auto json = recognizer.decode(message("a/b", R"({"x":1})"), out);
    CHECK(json.dialect == "json");
    CHECK(json.claim == Claim::possible);
    CHECK_FALSE(json.reason.empty());
    CHECK(recognizer.decode(message("a/c", "21.5"), out).dialect == "scalar");
    CHECK(out.readings.size() == 2);
    CHECK(recognizer.counts().decoded == 2);
}

TEST_CASE("recognizer: a topic's decision is kept until its payload stops fitting") {
    Recognizer recognizer{Limits{}};
    Collected out;
    recognizer.decode(message("a/b", "1"), out);
    CHECK(recognizer.counts().cache_hits == 0);
    recognizer.decode(message("a/b", "2"), out);
    CHECK(recognizer.counts().cache_hits == 1);
    CHECK(recognizer.decode(message("a/b", R"({"x":1})"), out).dialect == "json");
    CHECK(recognizer.counts().cache_dropped == 1);
    CHECK(recognizer.decode(message("a/b", R"({"x":)"), out).dialect == "json");
    CHECK(recognizer.counts().undecodable == 1);
    CHECK(recognizer.cached() == 0);
}

TEST_CASE("recognizer: the cache is bounded and gives up the topic unused for longest") {
    Limits limits;
    limits.topic_cache = 2;
    Recognizer recognizer(limits);
    Collected out;
    for (const char* topic : {"a/1", "a/2", "a/1", "a/3"})
        recognizer.decode(message(topic, "1"), out);
    CHECK(recognizer.cached() == 2);
    CHECK(recognizer.counts().cache_hits == 1);
    recognizer.decode(message("a/1", "1"), out);
    CHECK(recognizer.counts().cache_hits == 2);
    recognizer.decode(message("a/2", "1"), out);
    CHECK(recognizer.counts().cache_hits == 2);
}

TEST_CASE("recognizer: what nobody reads is raw, what is not ours is left alone; all is counted") {
    Recognizer recognizer{Limits{}};
    Collected out;
    CHECK(recognizer.decode(message("a/b", "\x01\x02\x03"), out).dialect.empty());
    CHECK(out.raws.size() == 1);
    CHECK(recognizer.counts().unrecognized == 1);
    recognizer.decode(message("$SYS/x", "1"), out);
    recognizer.decode(message("cmnd/x/POWER", "ON"), out);
    CHECK(recognizer.counts().not_ingested == 2);
    recognizer.decode(message("a/b", ""), out);
    CHECK(recognizer.counts().empty == 1);
    CHECK(out.raws.size() == 1);
    CHECK(out.readings.empty());
}

TEST_CASE("recognizer: oversized topics and payloads are refused with a reason") {
    Recognizer recognizer{Limits{}};
    Collected out;
    recognizer.decode(message(std::string(513, 'a'), "1"), out);
    recognizer.decode(message("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u", "1"), out);
    CHECK(recognizer.counts().topic_refused == 2);
    CHECK(out.raws.empty());
    const auto verdict = recognizer.decode(message("a/b", std::string((64U << 10U) + 1, ' ')), out);
    CHECK(verdict.dialect.empty());
    CHECK(recognizer.counts().too_large == 1);
    REQUIRE(out.raws.size() == 1);
    CHECK(out.raws[0].first.size() == 4096);
}
