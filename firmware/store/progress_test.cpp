#include "firmware/store/progress.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

namespace fog {

TEST_CASE("progress: outcomes in order move the cursor and leave no range") {
    Progress progress(Seq{10}, {});
    CHECK(progress.add(Seq{10}, Seq{12}));
    CHECK(progress.add(Seq{12}, Seq{20}));
    CHECK(progress.cursor() == Seq{20});
    CHECK(progress.ranges().empty());
}

TEST_CASE("progress: the last missing outcome closes the ranges above it") {
    Progress progress;
    CHECK(progress.add(Seq{5}, Seq{6}));
    CHECK(progress.add(Seq{1}, Seq{5}));
    CHECK(progress.cursor() == Seq{0});
    REQUIRE(progress.ranges().size() == 1);
    CHECK(progress.ranges()[0] == Progress::Range{Seq{1}, Seq{6}});
    CHECK(progress.add(Seq{0}, Seq{1}));
    CHECK(progress.cursor() == Seq{6});
    CHECK(progress.ranges().empty());
}

TEST_CASE("progress: a seventeenth range is not taken until one closes") {
    Progress progress;
    for (std::uint64_t i = 1; i <= 16; ++i)
        CHECK(progress.add(Seq{i * 10}, Seq{i * 10 + 1}, Progress::kRanges));
    CHECK_FALSE(progress.add(Seq{500}, Seq{501}, Progress::kRanges));
    CHECK(progress.add(Seq{0}, Seq{10}, Progress::kRanges));
    CHECK(progress.add(Seq{500}, Seq{501}, Progress::kRanges));
}

TEST_CASE("progress: reopened numbers are owed again, everything else stays done") {
    Progress progress(Seq{10}, {{Seq{20}, Seq{30}}});
    CHECK(progress.reopen(Seq{5}));
    CHECK_FALSE(progress.done(Seq{5}));
    CHECK(progress.done(Seq{4}));
    CHECK(progress.done(Seq{6}));
    CHECK(progress.reopen(Seq{25}));
    CHECK(progress.done(Seq{24}));
    CHECK_FALSE(progress.done(Seq{25}));
    CHECK(progress.done(Seq{26}));
    CHECK(progress.reopen(Seq{21}));
    CHECK(progress.reopen(Seq{30}));
    CHECK_FALSE(progress.done(Seq{21}));
    CHECK_FALSE(progress.done(Seq{30}));
    CHECK(progress.done(Seq{29}));
}

TEST_CASE("progress: behaves as a set under random outcomes") {
    std::mt19937 random(2);
    for (int round = 0; round < 200; ++round) {
        Progress progress;
        std::set<std::uint64_t> done;
        for (int step = 0; step < 60; ++step) {
            const std::uint64_t seq = 1 + random() % 40;
            if (random() % 5 == 0) {
                CHECK(progress.reopen(Seq{seq}));
                done.erase(seq);
            } else {
                CHECK(progress.add(Seq{seq - 1}, Seq{seq}));
                done.insert(seq);
            }
            for (std::uint64_t n = 1; n <= 41; ++n)
                REQUIRE(progress.done(Seq{n}) == (done.count(n) > 0));
        }
    }
}

}  // namespace fog
