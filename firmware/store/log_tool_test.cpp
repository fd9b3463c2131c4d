#include "firmware/store/log_tool.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "firmware/store/schema.hpp"
#include "firmware/store/sqlite.hpp"
#include "firmware/store/store_fixture_test.hpp"

namespace fog {
namespace {

/// A closed log with a tail, segments, events and a point that has a name.
struct Closed : Fixture {
    std::uint64_t samples = 0;
    std::vector<Record> all;

    Closed() {
        options.seal_bytes = 4'000;
        options.seal_group_bytes = 1;
        open();
        StoreBatch names;
        names.points.push_back({PointId{1}, "boiler-1", "supply_temp", "Cel", false, {}});
        (void)store->append(std::move(names));
        for (int i = 0; i < 60; ++i) {
            samples += add(100).size();
            (void)store->append(batch_of({make_event(*store->seqs().take())}));
            if (!store->flush()) throw std::runtime_error("flush");
        }
        all = read_all();
        close();
    }
    std::vector<std::string> faults() {
        std::vector<std::string> out;
        const auto verdict =
            verify_log(folder.path(), [&](std::string_view what) { out.emplace_back(what); });
        REQUIRE(verdict);
        CHECK(verdict->faults == out.size());
        return out;
    }
    void edit(const char* sql) {
        auto db = sqlite::Connection::open(folder.path() / "log.db",
                                           sqlite::Connection::Mode::read_write);
        REQUIRE(db);
        REQUIRE(db->exec(sql));
    }
};

bool told(const std::vector<std::string>& faults, std::string_view what) {
    return std::any_of(faults.begin(), faults.end(),
                       [&](const std::string& one) { return one.find(what) != std::string::npos; });
}

}  // namespace

TEST_CASE("log tool: a summary counts what the log holds") {
    Closed log;
    const auto sum = summarize_log(log.folder.path());
    REQUIRE(sum);
    CHECK(sum->schema == log_migrations().size());
    CHECK(sum->clean);
    CHECK(sum->committed == log.all.back().seq);
    CHECK(sum->lanes[2].records == log.samples);
    CHECK(sum->lanes[2].segments > 0);
    CHECK(sum->lanes[2].first == log.all.front().seq);
    CHECK(sum->lanes[0].records == 60);
    CHECK(sum->points == 1);
    REQUIRE(sum->sinks.size() == 1);
    CHECK(sum->sinks[0].lanes[2].waiting == log.samples);
    CHECK(sum->file_bytes > 0);
    REQUIRE(sum->written.size() == kWearCauses);
    CHECK(sum->written[3].first == "seal");
    CHECK(sum->written[3].second > 0);
}

TEST_CASE("log tool: a good log has no faults, each damage is named") {
    Closed log;
    CHECK(log.faults().empty());
    SUBCASE("a block of the tail") {
        log.edit(
            "UPDATE tail SET data = zeroblob(length(data)) WHERE first_seq = (SELECT "
            "max(first_seq) FROM tail)");
        CHECK(told(log.faults(), "tail "));
    }
    SUBCASE("a sealed row") {
        log.edit("UPDATE series SET data = zeroblob(9) WHERE key = (SELECT min(key) FROM series)");
        const auto faults = log.faults();
        CHECK(told(faults, "damaged blocks"));
        CHECK(told(faults, "records instead of"));
    }
    SUBCASE("a row nobody refers to") {
        log.edit("INSERT INTO series VALUES(1, x'00')");
        CHECK(told(log.faults(), "belong to one"));
    }
    SUBCASE("a count") {
        log.edit("UPDATE segment SET n = n + 1");
        CHECK(told(log.faults(), "instead of"));
    }
    SUBCASE("an event") {
        log.edit("UPDATE event SET data = x'0102030405' WHERE seq = (SELECT min(seq) FROM event)");
        CHECK(told(log.faults(), "event "));
    }
}

TEST_CASE("log tool: a dump has every record in order, with its names") {
    Closed log;
    std::vector<Record> got;
    std::size_t boiler = 0;
    const auto take = [&](const Record& record, std::string_view device, std::string_view point) {
        got.push_back(record);
        if (record.is_sample() && record.sample().point.value == 1) {
            CHECK(device == "boiler-1");
            CHECK(point == "supply_temp");
            ++boiler;
        }
        return true;
    };
    REQUIRE(dump_log(log.folder.path(), {}, {}, take));
    CHECK(got == log.all);
    CHECK(boiler > 0);
    got.clear();
    REQUIRE(dump_log(log.folder.path(), log.all[10].seq, log.all[20].seq, take));
    CHECK(got == std::vector<Record>(log.all.begin() + 11, log.all.begin() + 21));
    std::size_t seen = 0;
    REQUIRE(
        dump_log(log.folder.path(), {}, {},
                 [&](const Record&, std::string_view, std::string_view) { return ++seen < 5; }));
    CHECK(seen == 5);
}

TEST_CASE("log tool: what is no log is refused with the reason") {
    TempFolder folder;
    const auto none = summarize_log(folder.path());
    REQUIRE_FALSE(none);
    CHECK(none.error().code == Errc::not_found);
    std::ofstream(folder.path() / "log.db") << std::string(8192, 'g');
    const auto garbage = summarize_log(folder.path());
    REQUIRE_FALSE(garbage);
    CHECK(garbage.error().what.find("log.db") != std::string::npos);
    CHECK_FALSE(verify_log(folder.path(), [](std::string_view) {}));
}

}  // namespace fog
