#include "firmware/store/store.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <fstream>
#include <thread>

#include "firmware/store/schema.hpp"
#include "firmware/store/sqlite.hpp"
#include "firmware/store/store_fixture_test.hpp"

namespace fog {

TEST_CASE("store: samples and events come back in order, whole, over a restart") {
    Fixture f;
    Store& store = f.open();
    std::vector<Record> records;
    for (int i = 0; i < 50; ++i) {
        const Seq seq = *store.seqs().take();
        if (i % 7 == 3)
            records.push_back(make_event(seq, i % 2 == 0 ? Lane::alarm : Lane::live));
        else
            records.push_back(make_sample(seq, i % 3 == 0 ? Lane::bulk : Lane::live));
    }
    CHECK(store.append(batch_of(records)).all());
    REQUIRE(store.flush());
    CHECK(f.read_all() == records);
    f.reopen();
    CHECK(f.store->opened().clean);
    CHECK(f.read_all() == records);
}

TEST_CASE("store: a reader pages, filters lanes and stops at its end") {
    Fixture f;
    Store& store = f.open();
    for (int i = 0; i < 5; ++i) {
        f.add(40, Lane::live);
        f.add(20, Lane::bulk);
        REQUIRE(store.flush());
    }
    auto reader = std::move(store.open_reader()).value();
    auto page = std::move(reader->read(Seq{}, Seq{}, 30, 1U << 3U)).value();
    REQUIRE(page.records.size() == 30);
    CHECK_FALSE(page.at_end);
    CHECK(page.records[0].lane == Lane::bulk);
    CHECK(page.last == page.records.back().seq);
    const Seq upto = page.records[9].seq;
    page = std::move(reader->read(Seq{}, upto, 1000, 1U << 3U)).value();
    CHECK(page.records.size() == 10);
    CHECK(page.last == upto);
    const auto bounds = std::move(reader->bounds()).value();
    CHECK(bounds.epoch == store.opened().epoch);
    CHECK(bounds.committed == store.status().committed);
    CHECK(bounds.first == f.read_all().front().seq);
}

TEST_CASE("store: an alarm commits at once, whatever the linger") {
    Fixture f;
    f.options.linger = std::chrono::seconds{60};
    Store& store = f.open();
    const Seq seq = *store.seqs().take();
    CHECK(store.append(batch_of({make_event(seq)})).all());
    CHECK(f.heard.wait_committed(seq));
}

TEST_CASE("store: a waiter is served after its window, not after the linger") {
    Fixture f;
    f.options.linger = std::chrono::seconds{60};
    Store& store = f.open();
    const Seq seq = *store.seqs().take();
    auto batch = batch_of({make_sample(seq)});
    batch.waiters = 1;
    batch.ring_entry = 99;
    CHECK(store.append(std::move(batch)).all());
    CHECK(f.heard.wait_committed(seq));
    CHECK(f.heard.wait([](const Heard& heard) { return heard.ring_entry_ == 99; }));
    f.reopen();
    CHECK(f.store->opened().ring_entry == 99);
}

TEST_CASE("store: a thousand records commit before the linger is over") {
    Fixture f;
    f.options.linger = std::chrono::seconds{60};
    f.open();
    const auto seqs = f.add(1000);
    CHECK(f.heard.wait_committed(seqs.back()));
}

TEST_CASE("store: numbers go on after a clean stop without a hole") {
    Fixture f;
    f.open();
    const auto before = f.add(10);
    f.reopen();
    CHECK_FALSE(f.store->opened().crash_hole);
    CHECK(f.store->seqs().next().value == before.back().value + 1);
    CHECK(f.store->opened().generation == before.back().value >> 40U);
}

TEST_CASE("store: numbers are reserved ahead of use") {
    Fixture f;
    Store& store = f.open();
    const Seq end = store.seqs().end();
    (void)store.seqs().take(SeqSource::kAhead);
    f.add(1);
    REQUIRE(store.flush());
    CHECK(store.seqs().end() > end);
    CHECK(store.seqs().end().value >= store.seqs().next().value + SeqSource::kBlock);
}

TEST_CASE("store: registry rows and named state come back with the newest content") {
    Fixture f;
    Store& store = f.open();
    StoreBatch batch = batch_of({make_sample(*store.seqs().take())});
    batch.points.push_back({PointId{4}, "boiler-1", "temp", "Cel", true, Bytes(3, std::byte{1})});
    batch.devices.push_back({"boiler-1", "json:boiler-1", "Boiler", Bytes(2, std::byte{2})});
    batch.state.push_back({"rules/a", Bytes(1, std::byte{3})});
    batch.state.push_back({"rules/b", Bytes(1, std::byte{4})});
    batch.state.push_back({"other", Bytes(1, std::byte{5})});
    (void)store.append(std::move(batch));
    StoreBatch later;
    later.state.push_back({"rules/b", {}});
    later.state.push_back({"rules/a", Bytes(1, std::byte{6})});
    (void)store.append(std::move(later));
    f.reopen();
    const auto points = std::move(f.store->points()).value();
    REQUIRE(points.size() == 1);
    CHECK(points[0].id == PointId{4});
    CHECK(points[0].diagnostic);
    CHECK(points[0].unit == "Cel");
    const auto devices = std::move(f.store->devices()).value();
    REQUIRE(devices.size() == 1);
    CHECK(devices[0].key == "json:boiler-1");
    const auto state = std::move(f.store->state("rules/")).value();
    REQUIRE(state.size() == 1);
    CHECK(state[0].value == Bytes(1, std::byte{6}));
}

TEST_CASE("store: a kernel boot keeps its id, the next gets the next, lines come back") {
    Fixture f;
    Store& store = f.open();
    CHECK(store.opened().boot == BootId{1});
    const BootTable::Line line{BootId{1}, MonoTime{std::chrono::seconds{5}},
                               WallTime{std::chrono::seconds{1'795'000'000}}, true};
    store.add_boot_line(line);
    f.reopen();
    CHECK(f.store->opened().boot == BootId{1});
    f.close();
    f.options.kernel_boot = "boot-b";
    BootTable fresh;
    f.options.boots = &fresh;
    f.open();
    CHECK(f.store->opened().boot == BootId{2});
    CHECK(fresh.lines() == std::vector<BootTable::Line>{line});
}

TEST_CASE("store: an event beyond its limit is accepted and counted, never written") {
    Fixture f;
    Store& store = f.open();
    const Seq seq = *store.seqs().take();
    (void)store.append(batch_of({make_event(seq, Lane::alarm, 1, std::string(100'000, 'x'))}));
    REQUIRE(store.flush());
    CHECK(f.read_all().empty());
    const auto ledger = store.ledgers().at(0);
    CHECK(ledger.lanes[0].accepted == 1);
    CHECK(ledger.lanes[0].shed == 1);
    CHECK(ledger.causes.at(0).first == "too_large");
}

TEST_CASE("store: a full queue sheds bulk before live, keeps alarms, and counts it") {
    Fixture f;
    f.options.limits.store_queue_records = 400;
    f.options.limits.store_queue_alarms = 10;
    auto opened = Store::open(f.options);
    REQUIRE(opened);
    f.store = std::move(*opened);  // not started: nothing leaves the queue
    Store& store = *f.store;
    const auto append = [&](std::size_t count, Lane lane) {
        std::vector<Record> records;
        for (std::size_t i = 0; i < count; ++i)
            records.push_back(make_sample(*store.seqs().take(), lane));
        return store.append(batch_of(std::move(records)));
    };
    CHECK(append(290, Lane::live).all());
    CHECK(append(20, Lane::bulk).shed[3] == 20);
    CHECK(append(110, Lane::live).all());
    CHECK(append(10, Lane::live).shed[2] == 10);
    CHECK(append(10, Lane::alarm).all());
    REQUIRE(store.flush());
    const auto ledger = store.ledgers().at(0);
    CHECK(ledger.lanes[3].accepted == 20);
    CHECK(ledger.lanes[3].shed == 20);
    CHECK(ledger.lanes[2].accepted == 410);
    CHECK(ledger.lanes[2].shed == 10);
    CHECK(ledger.lanes[2].waiting == 400);
    CHECK(ledger.lanes[0].waiting == 10);
    CHECK(ledger.causes.at(0) == std::pair<std::string, std::uint64_t>{"queue", 30});
    auto reader = std::move(store.open_reader()).value();
    auto page = std::move(reader->read(Seq{}, Seq{}, 1000)).value();
    CHECK(page.records.size() == 410);
    std::uint64_t missing = 0;
    for (const auto& hole : page.missing) missing += hole.records;
    CHECK(missing == 30);
}

TEST_CASE("store: readers see whole commits in order while the writer runs") {
    Fixture f;
    Store& store = f.open();
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> faults{0}, reads{0};
    std::vector<std::thread> readers;
    const std::uint64_t first = store.seqs().next().value;
    for (int i = 0; i < 2; ++i)
        readers.emplace_back([&] {
            auto reader = std::move(store.open_reader()).value();
            std::uint64_t expected = first;
            for (Seq at; !stop.load() || expected < store.status().committed.value + 1;) {
                auto page = reader->read(at, Seq{}, 500);
                if (!page) {
                    ++faults;
                    return;
                }
                for (const Record& record : page->records)
                    if (record.seq.value != expected++) ++faults;
                at = page->last;
                ++reads;
                if (page->at_end) std::this_thread::yield();
            }
        });
    for (int i = 0; i < 200; ++i) {
        REQUIRE(store.wait_room(100, std::chrono::seconds{10}));
        f.add(100, i % 2 == 0 ? Lane::live : Lane::bulk);
    }
    REQUIRE(store.flush());
    stop = true;
    for (auto& reader : readers) reader.join();
    CHECK(faults == 0);
    CHECK(reads > 0);
}

TEST_CASE("store: a second opener is told who is in the way") {
    Fixture f;
    f.open();
    const auto second = Store::open(f.options);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::busy);
    CHECK(second.error().what.find("another process") != std::string::npos);
}

TEST_CASE("store: a folder that cannot be written is named in the error") {
    Fixture f;
    const auto file = f.folder.path() / "file";
    std::ofstream(file) << "x";
    f.options.folder = file / "state";
    const auto opened = Store::open(f.options);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::storage_error);
    CHECK(opened.error().what.find(file.string()) != std::string::npos);
    CHECK_FALSE(opened.error().hint.empty());
}

TEST_CASE("store: an older copy put back numbers above everything and has a new epoch") {
    Fixture f;
    f.open();
    const auto before = f.store->opened();
    f.add(5);
    f.close();
    std::ofstream(f.folder.path() / "generation") << before.generation + 3 << "\n";
    Store& store = f.open();
    CHECK(store.opened().generation == before.generation + 4);
    CHECK(store.opened().epoch != before.epoch);
    CHECK((store.seqs().next().value >> 40U) == before.generation + 4);
    CHECK(f.read_all().size() == 5);
}

TEST_CASE("migrations: missing ones are applied together, a newer schema is refused") {
    TempFolder folder;
    auto db = std::move(sqlite::Connection::open(folder.path() / "m.db",
                                                 sqlite::Connection::Mode::read_write))
                  .value();
    const std::vector<const char*> one = {log_migrations().begin(), log_migrations().end()};
    REQUIRE(migrate(db, one));
    REQUIRE(db.exec("INSERT INTO state VALUES('a', x'01')"));
    auto two = one;
    two.push_back("CREATE TABLE extra(x); UPDATE state SET value = x'02'");
    auto broken = two;
    broken.push_back("CREATE TABLE half(x); NONSENSE");
    CHECK_FALSE(migrate(db, broken));
    CHECK(std::move(get_meta(db, "schema")).value() == one.size());
    CHECK(std::move(db.number("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'")).value() ==
          0);
    REQUIRE(migrate(db, two));
    CHECK(std::move(get_meta(db, "schema")).value() == two.size());
    CHECK(std::move(db.number("SELECT count(*) FROM state WHERE value = x'02'")).value() == 1);
    const auto older = migrate(db, one);
    REQUIRE_FALSE(older);
    CHECK(older.error().what.find("newer version") != std::string::npos);
}

TEST_CASE("raw publishes: beyond their cap the oldest go, told and counted one by one") {
    Fixture f;
    f.options.raw_max = 64U << 10U;
    f.open();
    std::vector<std::uint64_t> raws, others;
    const auto add_round = [&](int round) {
        std::vector<Record> records;
        for (int i = 0; i < 12; ++i) {
            const Seq seq = *f.store->seqs().take();
            if (i % 3 == 0) {
                records.push_back(make_event(seq, Lane::bulk, 3, std::string(700, 'r')));
                records.back().event().kind = EventKind::raw;
                raws.push_back(seq.value);
            } else {
                records.push_back(i == 1 && round % 10 == 0 ? make_event(seq)
                                                            : make_sample(seq, Lane::bulk));
                others.push_back(seq.value);
            }
        }
        (void)f.store->append(batch_of(std::move(records)));
        REQUIRE(f.store->flush());
        CHECK(f.store->status().raw_bytes <= f.options.raw_max);
    };
    const auto check = [&] {
        std::vector<std::uint64_t> kept, rest;
        for (const Record& record : f.read_all()) {
            const bool raw = !record.is_sample() && record.event().kind == EventKind::raw;
            (raw ? kept : rest).push_back(record.seq.value);
        }
        CHECK(rest == others);
        const auto status = f.store->status();
        CHECK(status.raw_evicted == raws.size() - kept.size());
        CHECK(status.raw_evicted > 0);
        CHECK(kept.size() > 50);
        CHECK(kept == std::vector<std::uint64_t>(
                          raws.end() - static_cast<std::ptrdiff_t>(kept.size()), raws.end()));
        auto reader = std::move(f.store->open_reader()).value();
        std::uint64_t missing = 0;
        const auto holes = reader->missing(Seq{}, f.store->status().committed).value();
        for (const auto& hole : holes) missing += hole.records;
        CHECK(missing == status.raw_evicted);
        CHECK(status.raw_evicted_bytes >= status.raw_evicted * 700);
        // Nobody owed them, whatever their mask says.
        const auto bulk = f.store->ledgers().at(0).lanes[3];
        CHECK(bulk.exact());
        CHECK(bulk.shed == 0);
        CHECK(bulk.waiting == bulk.accepted);
    };
    for (int round = 0; round < 60; ++round) add_round(round);
    check();
    const auto before = f.store->status();
    f.reopen();
    CHECK(f.store->status().raw_evicted == before.raw_evicted);
    CHECK(f.store->status().raw_bytes == before.raw_bytes);
    for (int round = 0; round < 20; ++round) add_round(round);
    check();
    CHECK(f.store->status().raw_evicted > before.raw_evicted);
}

}  // namespace fog
