#include "firmware/core/topic.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>

using namespace fog;

TEST_CASE("topic filters: the examples of MQTT section 4.7") {
    CHECK(topic_matches("sport/tennis/player1/#", "sport/tennis/player1"));
    CHECK(topic_matches("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"));
    CHECK(topic_matches("#", "a/b"));
    CHECK(topic_matches("sport/+", "sport/"));
    CHECK(!topic_matches("sport/+", "sport"));
    CHECK(topic_matches("+/+", "/finance"));
    CHECK(!topic_matches("+", "/finance"));
    CHECK(!topic_matches("#", "$SYS/uptime"));
    CHECK(!topic_matches("+/uptime", "$SYS/uptime"));
    CHECK(topic_matches("$SYS/#", "$SYS/uptime"));
}

TEST_CASE("topic checks: what is malformed is refused with a reason") {
    CHECK(check_topic_name("a/b", 512, 20).has_value());
    for (const auto* bad : {"", "a/+", "a#", "\xFF"}) CHECK(!check_topic_name(bad, 512, 20));
    CHECK(!check_topic_name(std::string(513, 'a'), 512, 20));
    CHECK(!check_topic_name("a/b/c", 512, 2));
    for (const auto* good : {"#", "+", "a/+/b", "a/#"}) CHECK(check_topic_filter(good, 512, 20));
    for (const auto* bad : {"a+", "#/a", "a/b#", "a/#/b"}) CHECK(!check_topic_filter(bad, 512, 20));
}

TEST_CASE("channels: patterns start with a root and a cut-off '#' is explained") {
    CHECK(check_channel_pattern("samples/boiler-1/+"));
    CHECK(check_channel_pattern("#"));
    CHECK(check_channel_pattern("sample/x").error().hint == "did you mean 'samples'?");
    CHECK(check_channel_pattern("samples/").error().hint.find("%23") != std::string::npos);
    CHECK(!check_channel_pattern("samples//x"));
    CHECK(!check_channel("samples/+"));
}

TEST_CASE("pattern containment: a token's pattern covers what it should") {
    CHECK(pattern_contains("#", "samples/#"));
    CHECK(pattern_contains("samples/#", "samples/+/t"));
    CHECK(pattern_contains("samples/#", "samples"));
    CHECK(pattern_contains("samples/+/t", "samples/a/t"));
    CHECK(!pattern_contains("samples/+/t", "samples/a/#"));
    CHECK(!pattern_contains("samples/a", "samples/+"));
    CHECK(!pattern_contains("samples/a/b", "samples/a"));
}

TEST_CASE("topic trie: agrees with matching every filter, for random filters and topics") {
    constexpr std::array<std::string_view, 5> kWords = {"a", "b", "", "c", "$x"};
    std::mt19937 random(7);
    const auto make = [&](bool wild) {
        std::string text;
        const auto levels = 1 + random() % 4;
        for (std::size_t i = 0; i < levels; ++i) {
            if (i > 0) text += '/';
            const auto pick = random() % (wild ? 7 : 5);
            if (pick == 6 && i + 1 == levels)
                text += '#';
            else if (pick >= 5)
                text += '+';
            else
                text += kWords[pick];
        }
        return text.empty() ? std::string("a") : text;
    };
    TopicTrie<int> trie;
    std::vector<std::string> filters;
    for (int i = 0; i < 300; ++i) {
        filters.push_back(make(true));
        trie.insert(filters.back(), i);
    }
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 1'000; ++i) {
            const auto topic = make(false);
            std::vector<int> found;
            trie.match(topic, [&](int id) { found.push_back(id); });
            std::sort(found.begin(), found.end());
            std::vector<int> expected;
            for (std::size_t f = 0; f < filters.size(); ++f)
                if (topic_matches(filters[f], topic)) expected.push_back(static_cast<int>(f));
            CHECK_MESSAGE(found == expected, topic);
        }
        for (int i = 0; i < 300; i += 2) {  // again with half of them gone
            if (round == 1) break;
            CHECK(trie.erase(filters[static_cast<std::size_t>(i)], i));
            filters[static_cast<std::size_t>(i)] = "gone/and/never/a/topic/of/ours";
        }
    }
    CHECK(trie.size() == 150);
    CHECK(!trie.erase("no/such", 1));
}
