#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <random>

#include "firmware/store/block.hpp"
#include "firmware/store/history.hpp"
#include "firmware/store/log_tool.hpp"
#include "firmware/store/schema.hpp"
#include "firmware/store/segment.hpp"
#include "firmware/store/sqlite.hpp"
#include "firmware/store/store_fixture_test.hpp"
#include "tests/support/sanitized.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;

const WallTime kStart{std::chrono::hours(500'000)};

/// A log that seals soon, or one that never does.
struct Sealed : Fixture {
    explicit Sealed(std::uint64_t bytes = 4'000, std::uint64_t log_bytes = 64U << 20U) {
        options.max_bytes = log_bytes;
        options.seal_bytes = bytes;
        options.seal_group_bytes = 1;
        options.sinks = {"cloud", "other"};
        open();
    }
    std::uint64_t segments() const {
        std::uint64_t n = 0;
        for (const auto& lane : store->status().lanes) n += lane.segments;
        return n;
    }
    /// Until nothing is left to seal: pieces are done between commits.
    void settle_down(std::uint64_t least) {
        for (int i = 0; i < 2'000 && segments() < least; ++i) REQUIRE(store->flush());
        REQUIRE(segments() >= least);
    }
    sqlite::Connection direct(sqlite::Connection::Mode mode = sqlite::Connection::Mode::read_only) {
        return std::move(sqlite::Connection::open(options.folder / "log.db", mode)).value();
    }
};

Value random_value(std::mt19937& random) {
    switch (random() % 8) {
        case 0:
            return std::string(random() % 40, 'x');
        case 1:
            return static_cast<std::int64_t>(random()) - 2'000'000'000;
        case 2:
            return random() % 2 == 0;
        case 3:
            return std::monostate{};
        case 4:
            return static_cast<double>(random()) / 3;
        default:
            return static_cast<double>(random() % 100'000) / 100;
    }
}

/// The same records for each log of a comparison, but for their numbers.
std::vector<Record> some_records(Store& store, std::mt19937& random, std::uint64_t at) {
    std::vector<Record> out;
    const std::size_t count = 1 + random() % 120;
    for (std::size_t i = 0; i < count; ++i) {
        const Seq seq = *store.seqs().take();
        const auto kind = random() % 40;
        const auto sinks = static_cast<std::uint16_t>(random() % 4);
        if (kind == 0) {
            out.push_back(make_event(seq, random() % 2 == 0 ? Lane::alarm : Lane::live, sinks));
            continue;
        }
        Record one = make_sample(seq, kind < 10 ? Lane::bulk : Lane::live, sinks);
        Sample& sample = one.sample();
        sample.point.value = 1 + static_cast<std::uint32_t>(random() % 50);
        sample.value = random_value(random);
        sample.received = MonoTime{std::chrono::milliseconds{at * 1000 + i}};
        if (random() % 3 == 0) sample.source_time = kStart + std::chrono::seconds{random() % 9};
        sample.flags = random() % 20 == 0 ? flag::kHistoric : 0;
        sample.quality.bits = static_cast<std::uint16_t>(random() % 30 == 0 ? 0x4000 : 0);
        out.push_back(std::move(one));
    }
    return out;
}

std::vector<Record> relative(std::vector<Record> records, Seq first) {
    for (Record& record : records) record.seq.value -= first.value;
    return records;
}

std::vector<Record> read_pages(Store& store, Seq first, std::uint8_t mask, std::mt19937 random,
                               Seq from) {
    auto reader = std::move(store.open_reader()).value();
    std::vector<Record> out;
    for (Seq at{first.value + from.value};;) {
        const std::size_t most = 1 + random() % 300;
        auto page = std::move(reader->read(at, Seq{}, most, mask)).value();
        REQUIRE(page.records.size() <= most);
        out.insert(out.end(), page.records.begin(), page.records.end());
        REQUIRE(page.missing.empty());
        REQUIRE(page.last >= at);
        at = page.last;
        if (page.at_end) return relative(std::move(out), first);
    }
}

std::vector<Record> history_of(Store& store, Seq first, std::uint32_t point, WallTime from,
                               WallTime to) {
    auto history = std::move(store.open_history()).value();
    const auto window = history->window(from, to, UINT64_MAX, 0s).value();
    std::vector<Record> out;
    for (Seq at = window.after;;) {
        auto slice = history->samples({point}, at, window.upto).value();
        for (Record& record : slice.records) {
            const WallTime time = kStart + record.received().time_since_epoch();
            if (time >= from && time <= to) out.push_back(std::move(record));
        }
        at = slice.last;
        if (slice.end) break;
    }
    std::ranges::sort(out, {}, &Record::seq);
    return relative(std::move(out), first);
}

void check_same(Sealed& one, Seq one_first, Sealed& other, Seq other_first, std::mt19937& random) {
    for (const std::uint8_t mask : {0x0F, 0x04, 0x08, 0x0C, 0x05}) {
        const Seq from{random() % 3 == 0 ? 0 : random() % 4'000};
        CAPTURE(static_cast<int>(mask));
        CAPTURE(from.value);
        CHECK(read_pages(*one.store, one_first, mask, random, from) ==
              read_pages(*other.store, other_first, mask, random, from));
    }
    for (int i = 0; i < 6; ++i) {
        const auto point = 1 + static_cast<std::uint32_t>(random() % 51);
        const WallTime from = kStart + std::chrono::seconds{random() % 60};
        const WallTime to = from + std::chrono::seconds{random() % 60};
        CAPTURE(point);
        CHECK(history_of(*one.store, one_first, point, from, to) ==
              history_of(*other.store, other_first, point, from, to));
    }
    for (const Lane lane : {Lane::live, Lane::bulk}) {
        auto a = std::move(one.store->open_sink("cloud")).value();
        auto b = std::move(other.store->open_sink("cloud")).value();
        CHECK(relative(owed_all(*a, lane), one_first) == relative(owed_all(*b, lane), other_first));
    }
}

/// A hundred seconds of forty points, a commit each second.
std::vector<Record> hundred_seconds(Sealed& log) {
    log.boots.add({BootId{1}, MonoTime{0s}, kStart, true});
    std::vector<Record> all;
    for (int second = 0; second < 100; ++second) {
        std::vector<Record> records;
        for (std::uint32_t point = 1; point <= 40; ++point) {
            records.push_back(make_sample(*log.store->seqs().take()));
            records.back().sample().point.value = point;
            records.back().sample().received = MonoTime{std::chrono::seconds{second}};
        }
        all.insert(all.end(), records.begin(), records.end());
        (void)log.store->append(batch_of(std::move(records)));
        REQUIRE(log.store->flush());
    }
    log.settle_down(2);
    return all;
}

}  // namespace

TEST_CASE("sealing: a log that seals reads as one that does not") {
    for (unsigned seed = 1; seed <= (kSanitized ? 2U : 6U); ++seed) {
        CAPTURE(seed);
        Sealed with, without(0);
        std::array<Sealed*, 2> logs{&with, &without};
        std::array<Seq, 2> first;
        for (std::size_t i = 0; i < 2; ++i) {
            std::mt19937 random(seed);
            Sealed& log = *logs[i];
            log.boots.add({BootId{1}, MonoTime{0s}, kStart, true});
            first[i] = Seq{log.store->seqs().next().value - 1};
            auto sink = std::move(log.store->open_sink("cloud")).value();
            for (std::uint64_t round = 0; round < 80; ++round) {
                (void)log.store->append(batch_of(some_records(*log.store, random, round)));
                REQUIRE(log.store->flush());
                if (random() % 10 != 0) continue;
                auto owed = std::move(sink->owed(Lane::live, Seq{}, 100)).value();
                std::erase_if(owed, [&](const Record&) { return random() % 2 == 0; });
                sink->settle(acked(owed));
                REQUIRE(log.store->flush());
            }
        }
        with.settle_down(3);
        CHECK(without.segments() == 0);
        std::mt19937 random(seed);
        check_same(with, first[0], without, first[1], random);
        // Nothing of it hangs on the process.
        with.reopen();
        CHECK(with.segments() >= 3);
        check_same(with, first[0], without, first[1], random);
        const auto a = with.store->ledgers(), b = without.store->ledgers();
        REQUIRE(a.size() == b.size());
        for (std::size_t i = 0; i < a.size(); ++i)
            for (std::size_t lane = 0; lane < kLanes; ++lane) {
                CHECK(a[i].lanes[lane].exact());
                CHECK(a[i].lanes[lane].waiting == b[i].lanes[lane].waiting);
            }
    }
}

TEST_CASE("sealing: what is old is sealed although it is little") {
    Sealed log(1U << 20U);
    for (int i = 0; i < 70; ++i) {
        log.add(3);
        REQUIRE(log.store->flush());
    }
    CHECK(log.segments() == 0);
    log.clock.advance(2h);
    log.add(1);
    log.settle_down(1);
    CHECK(log.read_all().size() == 211);
    CHECK(log.store->status().lanes[2].tail_rows <= 1);
}

TEST_CASE("sealing: a point of many records has several blocks, and text of any size goes along") {
    Sealed log(1'000'000);
    log.options.max_bytes = 256U << 20U;
    log.reopen();
    std::vector<Record> all;
    for (int batch = 0; batch < 45; ++batch) {
        std::vector<Record> records;
        for (int i = 0; i < 1'000; ++i) {
            records.push_back(make_sample(*log.store->seqs().take()));
            records.back().sample().point.value = 7;
            records.back().sample().value = "value number " + std::to_string(i * 7919 % 1000) +
                                            " of " +
                                            std::string(static_cast<std::size_t>(batch), 'b');
        }
        all.insert(all.end(), records.begin(), records.end());
        (void)log.store->append(batch_of(std::move(records)));
        REQUIRE(log.store->flush());
    }
    log.settle_down(1);
    CHECK(log.read_all() == all);
    auto db = log.direct();
    SegmentRows rows(db);
    const auto head = rows.next(Lane::live, Seq{}).value();
    REQUIRE(head);
    CHECK(head->n > 20'000);
    CHECK(head->groups == std::vector<std::uint32_t>{0});
}

TEST_CASE("sealing: segments are evicted and expire whole, counted to the record") {
    Sealed log(20'000);
    log.options.max_bytes = 2U << 20U;
    log.reopen();
    std::uint64_t added = 0;
    log.bulky = true;
    for (int i = 0; i < 300; ++i) {
        added += log.add(200).size();
        REQUIRE(log.store->flush());
    }
    const auto ledger = log.store->ledgers().at(0).lanes[2];
    CHECK(ledger.accepted == added);
    CHECK(ledger.exact());
    CHECK(ledger.shed > 0);
    CHECK(log.segments() > 3);
    CHECK(log.read_all().size() == ledger.waiting);
    const auto lane = log.store->status().lanes[2];
    CHECK(lane.records == ledger.waiting);
    CHECK(lane.bytes < lane.budget * 3);  // with what bulk does not use
    // The other sink owes nothing of it; this one is done: then it is history's only.
    auto sink = std::move(log.store->open_sink("cloud")).value();
    sink->settle(acked(owed_all(*sink, Lane::live)));
    auto other = std::move(log.store->open_sink("other")).value();
    CHECK(owed_all(*other, Lane::live).empty());
    REQUIRE(log.store->flush());
    CHECK(log.store->ledgers().at(0).lanes[2].waiting == 0);
    log.clock.advance(8 * 24h);
    log.add(1);
    REQUIRE(log.store->flush());
    CHECK(log.segments() == 0);
    CHECK(log.read_all().size() == 1);
    CHECK(log.store->ledgers().at(0).lanes[2].exact());
    auto db = log.direct();
    CHECK(db.number("SELECT count(*) FROM series").value() == 0);
}

TEST_CASE("sealing: a log of the first schema opens and is sealed") {
    Sealed log(0);
    for (int i = 0; i < 40; ++i) {
        log.add(100);
        REQUIRE(log.store->flush());
    }
    const auto before = log.read_all();
    log.close();
    {
        auto db = log.direct(sqlite::Connection::Mode::read_write);
        for (const char* back : {"DROP TABLE segment", "DROP TABLE series", "DROP TABLE sealing"})
            REQUIRE(db.exec(back));
        REQUIRE(set_meta(db, "schema", 1));
    }
    log.options.seal_bytes = 4'000;
    log.open();
    CHECK_FALSE(log.store->opened().replaced);
    log.settle_down(1);
    CHECK(log.read_all() == before);
}

TEST_CASE("sealing: a log file of schema 2 opens with all it had") {
    Sealed log(0);
    log.close();
    for (const char* end : {"log.db", "log.db-wal", "log.db-shm"})
        std::filesystem::remove(log.options.folder / end);
    std::filesystem::copy_file(std::filesystem::path(FOG_TEST_DIR) / "logs" / "schema2.db",
                               log.options.folder / "log.db");
    log.options.seal_bytes = 6'000;
    log.open();
    CHECK_FALSE(log.store->opened().replaced);
    CHECK_FALSE(log.store->opened().created);
    for (int again = 0; again < 2; ++again) {
        const auto all = log.read_all();
        CHECK(all.size() == 6'006);
        double sum = 0;
        for (const Record& record : all)
            if (record.is_sample()) sum += std::get<double>(record.sample().value);
        CHECK(sum == doctest::Approx(6'000.0 * 6'001 / 200));
        CHECK(log.store->points().value().size() == 20);
        CHECK(log.store->devices().value().size() == 1);
        CHECK(log.store->state("test/").value().size() == 1);
        const auto ledgers = log.store->ledgers();
        REQUIRE(ledgers.size() == 2);
        CHECK(ledgers[0].lanes[2].accepted == 5'700);
        CHECK(ledgers[0].lanes[2].acknowledged == 1'999);
        CHECK(ledgers[0].lanes[2].dead == 1);
        CHECK(ledgers[1].lanes[2].waiting == 5'700);
        CHECK(log.store->dead("cloud", Seq{}, 10).value().size() == 1);
        log.reopen();
    }
    const auto verdict = verify_log(log.options.folder, [](std::string_view) {}).value();
    CHECK(verdict.faults == 0);
}

TEST_CASE("sealing: a lane that fails waits alone") {
    Sealed log;
    log.close();
    log.open();
    REQUIRE(log.direct(sqlite::Connection::Mode::read_write)
                .exec("CREATE TRIGGER no BEFORE INSERT ON segment WHEN new.lane = 2 "
                      "BEGIN SELECT raise(ABORT, 'not this one'); END"));
    for (int i = 0; i < 160; ++i) {
        log.add(100, i % 2 == 0 ? Lane::live : Lane::bulk);
        REQUIRE(log.store->flush());
    }
    log.settle_down(2);
    auto lanes = log.store->status().lanes;
    CHECK(lanes[2].segments == 0);
    CHECK(lanes[3].segments >= 2);
    REQUIRE(log.direct(sqlite::Connection::Mode::read_write).exec("DROP TRIGGER no"));
    log.clock.advance(61s);
    log.settle_down(lanes[3].segments + 2);
    CHECK(log.store->status().lanes[2].segments >= 2);
    // What was written for the segments that failed is gone.
    const auto verdict = verify_log(log.options.folder, [](std::string_view) {}).value();
    CHECK(verdict.faults == 0);
    CHECK(log.read_all().size() == 16'000);
}

TEST_CASE("sealing: what a crash left of a segment in the making is neither kept nor carried") {
    Sealed log(0);
    for (int i = 0; i < 40; ++i) {
        log.add(50);
        REQUIRE(log.store->flush());
    }
    const auto all = log.read_all();
    log.close();
    const auto stage_some = [&] {
        auto db = log.direct(sqlite::Connection::Mode::read_write);
        SegmentHead head;
        head.number = 7;
        std::map<std::uint32_t, std::vector<const Record*>> points;
        for (const Record& record : all)
            if (record.sample().point.value < 32)
                points[record.sample().point.value].push_back(&record);
        std::map<std::uint32_t, SeriesRow> rows;
        for (const auto& [point, records] : points) {
            Bytes block;
            encode_block(Lane::live, records, {}, block);
            rows[group_of(point)].add({point}, block);
        }
        for (auto& [group, row] : rows) {
            auto insert = db.prepare("INSERT INTO series VALUES(?, ?)").value();
            REQUIRE(insert.with(series_key(group, head.lane, head.number), row.take()).run());
            head.groups.push_back(group);
        }
        REQUIRE(head.groups.size() == 2);
        REQUIRE(stage(db, head));
        REQUIRE(set_meta(db, "clean", 0));
    };
    stage_some();
    CHECK(verify_log(log.options.folder, [](std::string_view) {}).value().faults == 0);
    log.open();
    CHECK_FALSE(log.store->opened().replaced);
    CHECK(log.read_all() == all);
    CHECK(log.direct().number("SELECT count(*) FROM series").value() == 0);
    log.close();
    stage_some();
    {
        auto db = log.direct(sqlite::Connection::Mode::read_write);
        REQUIRE(
            db.exec("UPDATE tail SET data = zeroblob(length(data)) WHERE first_seq = (SELECT "
                    "max(first_seq) FROM tail)"));
    }
    log.open();
    CHECK(log.store->opened().replaced);
    const auto carried = log.read_all();
    CHECK(carried.size() >= all.size() - 50);
    CHECK(carried.size() <= all.size());
    CHECK(log.store->opened().salvaged == carried.size());
}

TEST_CASE("sealing: a damaged row costs its records, not the reading of others") {
    Sealed log;
    for (int i = 0; i < 40; ++i) {
        log.add(100);
        REQUIRE(log.store->flush());
    }
    log.settle_down(2);
    const auto before = log.read_all();
    {
        auto db = log.direct(sqlite::Connection::Mode::read_write);
        REQUIRE(
            db.exec("UPDATE series SET data = zeroblob(length(data)) WHERE key = (SELECT "
                    "min(key) FROM series)"));
    }
    const auto after = log.read_all();
    CHECK(after.size() < before.size());
    CHECK(after.size() > before.size() / 2);
    log.close();
    {  // as if it had not been stopped cleanly: the next start looks and mends
        auto db = log.direct(sqlite::Connection::Mode::read_write);
        REQUIRE(set_meta(db, "clean", 0));
    }
    log.open();
    CHECK(log.store->opened().replaced);
    CHECK(log.store->opened().unreadable_exact);
    CHECK(log.store->opened().salvaged == after.size());
    CHECK(log.store->opened().unreadable == before.size() - after.size());
    CHECK(log.read_all() == after);
    const SinkLedger ledger = log.store->ledgers().at(0);
    for (const auto& lane : ledger.lanes) CHECK(lane.exact());
}

TEST_CASE("sealing: a refused record of a segment becomes a dead letter") {
    Sealed log;
    std::vector<Seq> seqs;
    for (int i = 0; i < 40; ++i) {
        seqs = log.add(100);
        REQUIRE(log.store->flush());
    }
    log.settle_down(2);
    auto sink = std::move(log.store->open_sink("cloud")).value();
    auto owed = std::move(sink->owed(Lane::live, Seq{}, 10)).value();
    REQUIRE(owed.size() == 10);
    sink->settle({{owed[4].seq, Lane::live, true, "not this one"}});
    REQUIRE(log.store->flush());
    const auto letters = log.store->dead("cloud", Seq{}, 10).value();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].record == owed[4]);
}

TEST_CASE("sealing: the log's position of a time is that of its first record") {
    Sealed log;
    const auto all = hundred_seconds(log);
    auto history = std::move(log.store->open_history()).value();
    for (const int second : {0, 1, 7, 50, 98, 99}) {
        CAPTURE(second);
        const auto before = history->before(kStart + std::chrono::seconds{second}).value();
        CHECK(before.value == all[static_cast<std::size_t>(second) * 40].seq.value - 1);
    }
    CHECK(history->before(kStart - 1h).value().value == all.front().seq.value - 1);
    CHECK(history->before(kStart + 1h).value() == all.back().seq);
    const auto window = history->window(kStart + 10s, kStart + 11s, UINT64_MAX, 0s).value();
    CHECK(window.upto.value - window.after.value < all.size() / 2);
    const auto nothing = history->window(kStart + 5h, kStart + 6h, UINT64_MAX, 0s).value();
    CHECK(nothing.after == nothing.upto);
}

TEST_CASE("sealing: an old row that stays in the tail does not make charts read all since") {
    Sealed log;
    std::vector<Record> lone = {make_sample(*log.store->seqs().take(), Lane::bulk)};
    lone.back().sample().received = MonoTime{0s};
    (void)log.store->append(batch_of(std::move(lone)));
    REQUIRE(log.store->flush());
    const auto all = hundred_seconds(log);
    REQUIRE(log.store->status().lanes[3].tail_rows == 1);
    auto history = std::move(log.store->open_history()).value();
    const auto seq_at = [&](int second) { return all[static_cast<std::size_t>(second) * 40].seq; };
    const auto past = history->window(kStart + 10s, kStart + 11s, UINT64_MAX, 0s).value();
    CHECK(past.after < seq_at(10));
    CHECK(past.upto.value + 1 >= seq_at(12).value);
    CHECK(past.upto.value - past.after.value < all.size() / 2);
    const auto last = history->window(kStart + 95s, kStart + 2h, UINT64_MAX, 0s).value();
    CHECK(last.after < seq_at(95));
    CHECK(last.after > seq_at(40));
    CHECK(last.upto >= all.back().seq);
}

TEST_CASE("sealing: checkpoints go on, the write-ahead log stays short") {
    Sealed log(4'000, 1U << 20U);
    log.bulky = true;
    for (int i = 0; i < 150; ++i) {
        REQUIRE(log.store->wait_room(300, 10s));
        log.add(300, i % 3 == 0 ? Lane::bulk : Lane::live);
        REQUIRE(log.store->flush());
        // A full log may have no room for a segment at once; a minute later it tries again.
        for (int tries = 0; i % 30 == 15 && tries < 2'000 && log.segments() == 0; ++tries) {
            log.clock.advance(61s);
            REQUIRE(log.store->flush());
        }
        if (i % 30 == 15) REQUIRE(log.segments() > 0);
        const auto status = log.store->status();
        REQUIRE(status.database_bytes + status.wal_bytes <= log.options.max_bytes * 3 / 2);
    }
}

}  // namespace fog
