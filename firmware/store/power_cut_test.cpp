#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "firmware/store/fault_vfs_test.hpp"
#include "firmware/store/sqlite.hpp"
#include "firmware/store/store_fixture_test.hpp"
#include "tests/support/sanitized.hpp"

namespace fog {
namespace {

using Fault = FaultVfs::Fault;

/// What a test knows of the log it works on.
struct Known {
    std::map<std::uint64_t, Record> added;
    std::set<std::uint64_t> settled;
    std::uint64_t told = 0;  // committed up to here, as the listener heard
    std::uint64_t highest = 0;
};

void shape(Fixture& f) {
    f.options.max_bytes = 1U << 20U;    // small, so that eviction and checkpoints take part
    f.options.seal_bytes = 24U << 10U;  // ... and sealing
    f.options.seal_group_bytes = 64;
    f.options.linger = std::chrono::seconds{5};
    f.options.retry = std::chrono::milliseconds{1};
    f.options.sinks = {"cloud", "other"};
}

void add_some(Fixture& f, Known& known, std::mt19937& random) {
    std::vector<Record> records;
    const std::size_t count = 1 + random() % 40;
    const auto lane = static_cast<Lane>(2 + random() % 2);
    for (std::size_t i = 0; i < count; ++i) {
        const auto seq = f.store->seqs().take();
        if (!seq) break;
        records.push_back(random() % 30 == 0 ? make_event(*seq, Lane::alarm, 3)
                                             : make_sample(*seq, lane, 3));
        if (auto* sample = std::get_if<Sample>(&records.back().body); sample && random() % 3 == 0)
            sample->value = std::string(600, static_cast<char>('a' + random() % 20));
        known.highest = seq->value;
        known.added.emplace(seq->value, records.back());
    }
    (void)f.store->append(batch_of(std::move(records)));
}

/// Settles about half of what the sink owes at the front; some of it is refused.
void settle_some(SinkLog& sink, Known& known, std::mt19937& random) {
    for (const Lane lane : {Lane::alarm, Lane::live, Lane::bulk}) {
        auto owed = sink.owed(lane, Seq{}, 60);
        if (!owed) return;
        std::vector<Settled> done;
        for (const Record& record : *owed) {
            if (random() % 2 == 0) continue;
            const bool refused = random() % 50 == 0;
            done.push_back({record.seq, lane, refused, refused ? "not this one" : ""});
            if (!refused) known.settled.insert(record.seq.value);
        }
        sink.settle(done);
    }
}

/// Appends, commits, settles, evicts and checkpoints; ends early when the power goes.
void work(Fixture& f, Known& known, const FaultVfs& disk, unsigned seed, int rounds) {
    std::mt19937 random(seed);
    auto sink = f.store->open_sink("cloud");
    for (int round = 0; round < rounds && !disk.dark(); ++round) {
        add_some(f, known, random);
        (void)f.store->flush();
        if (round % 3 == 2 && sink) settle_some(**sink, known, random);
        f.clock.advance(std::chrono::minutes{1});
    }
    const std::lock_guard lock(f.heard.mutex_);
    known.told = f.heard.upto_.value;
}

/// Runs the work on a disk with a fault at operation `at`; the operations it took.
std::uint64_t run(Fixture& f, Known& known, FaultVfs& disk, unsigned seed, int rounds) {
    try {
        f.open();
        work(f, known, disk, seed, rounds);
    } catch (const std::runtime_error&) {
        CHECK(disk.failed() > 0);  // opening failed: only because of the fault
    }
    return disk.count();
}

bool is_event(const Record& record) {
    return std::holds_alternative<Event>(record.body);
}

bool same(const Record& one, const Record& other) {
    if (one.lane != other.lane || is_event(one) != is_event(other)) return false;
    return is_event(one) ? one.event().members == other.event().members
                         : one.sample().value == other.sample().value;
}

void check_lane(Fixture& f, SinkLog& sink, Lane lane, const Known& known,
                const std::map<std::uint64_t, Record>& kept) {
    CAPTURE(static_cast<int>(lane));
    const auto index = static_cast<std::size_t>(lane);
    const auto ledgers = f.store->ledgers();
    REQUIRE(ledgers.size() == 2);
    const LaneLedger& account = ledgers[0].lanes[index];
    CHECK(account.exact());
    std::set<std::uint64_t> owed;
    for (const Record& record : owed_all(sink, lane)) owed.insert(record.seq.value);
    CHECK(owed.size() + account.dead == account.waiting);
    std::uint64_t told = 0, missing = 0, wrongly_settled = 0;
    for (const auto& [seq, record] : known.added) {
        if (record.lane != lane) continue;
        const bool here = kept.count(seq) != 0;
        if (seq <= known.told) {
            ++told;
            missing += here ? 0 : 1;
        }
        if (here && owed.count(seq) == 0 && known.settled.count(seq) == 0) ++wrongly_settled;
    }
    CHECK(account.accepted >= told);
    // The other sink never settles anything, so what was evicted is missing to it.
    const LaneLedger& other = ledgers[1].lanes[index];
    CHECK(other.exact());
    CHECK(other.acknowledged == 0);
    CHECK(missing <= other.shed + other.expired);
    CHECK(wrongly_settled <= account.dead);
}

/// The log in this folder keeps every promise that was made.
void check_promises(Fixture& f, const Known& known) {
    try {
        f.open();
    } catch (const std::runtime_error& failed) {
        FAIL(failed.what());
    }
    CHECK_MESSAGE(!f.store->opened().replaced, f.store->opened().damage);
    std::map<std::uint64_t, Record> kept;
    std::uint64_t last = 0;
    for (Record& record : f.read_all()) {
        CHECK(record.seq.value > last);
        last = record.seq.value;
        const auto found = known.added.find(last);
        REQUIRE(found != known.added.end());
        CHECK(same(record, found->second));
        kept.emplace(last, std::move(record));
    }
    CHECK(f.store->opened().committed.value >= known.told);
    CHECK(f.store->seqs().next().value > known.highest);
    auto sink = f.store->open_sink("cloud");
    REQUIRE(sink);
    for (const Lane lane : {Lane::alarm, Lane::live, Lane::bulk})
        check_lane(f, **sink, lane, known, kept);
    sink->reset();
    f.add(3);
    CHECK(f.store->flush());
    f.close();
    auto db =
        sqlite::Connection::open(f.options.folder / "log.db", sqlite::Connection::Mode::read_only);
    REQUIRE(db);
    auto whole = db->text("PRAGMA integrity_check");
    REQUIRE(whole);
    CHECK(*whole == "ok");
}

void cut_power(unsigned seed, int rounds, std::uint64_t at) {
    CAPTURE(seed);
    CAPTURE(at);
    std::mt19937 random(seed);
    Fixture before, after;
    shape(before);
    shape(after);
    Known known;
    {
        FaultVfs disk;
        disk.arm(Fault::power_cut, at);
        run(before, known, disk, seed, rounds);
        before.close();
        disk.image(after.folder.path(), random);
    }
    std::error_code none;
    std::filesystem::copy_file(before.folder.path() / "generation",
                               after.folder.path() / "generation", none);
    check_promises(after, known);
}

void fail_once(Fault fault, unsigned seed, int rounds, std::uint64_t at, std::uint64_t times) {
    CAPTURE(seed);
    CAPTURE(at);
    Fixture f;
    shape(f);
    Known known;
    {
        FaultVfs disk;
        disk.arm(fault, at, times);
        run(f, known, disk, seed, rounds);
        disk.arm(Fault::none, FaultVfs::kNever);
        if (f.store) {
            CHECK(f.heard.wait([](const Heard& heard) { return !heard.degraded_; }));
            CHECK(f.store->flush());
            CHECK_FALSE(f.store->status().degraded);
            const std::lock_guard lock(f.heard.mutex_);
            CHECK(f.heard.upto_.value == known.highest);
            known.told = known.highest;
        }
        f.close();
    }
    check_promises(f, known);
}

/// Operations of the whole work without a fault.
std::uint64_t operations(unsigned seed, int rounds, bool evicts = false) {
    Fixture f;
    shape(f);
    Known known;
    FaultVfs disk;
    disk.arm(Fault::none, FaultVfs::kNever);
    const auto count = run(f, known, disk, seed, rounds);
    std::uint64_t segments = 0;
    for (const auto& lane : f.store->status().lanes) segments += lane.segments;
    CHECK(segments > 0);  // or sealing was not put to the test
    CHECK((f.store->ledgers().at(1).sum().shed > 0 || !evicts));
    f.close();
    return count;
}

bool heavy() {
    const char* set = std::getenv("FOG_HEAVY");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return set != nullptr && *set != '\0' && *set != '0';
}

}  // namespace

TEST_CASE("power cut: at any operation, nothing committed is lost, doubled or altered") {
    const unsigned seeds = heavy() ? 1000 : kSanitized ? 12 : 40;
    std::mt19937 random(4);
    for (unsigned seed = 1; seed <= seeds; ++seed) {
        const int rounds = 20 + static_cast<int>(random() % 100);
        // About 14 operations a commit; now and then the log is made when the power goes.
        cut_power(seed, rounds, random() % (random() % 10 == 0 ? 60 : 14ULL * rounds));
    }
    MESSAGE(seeds << " power cuts");
}

TEST_CASE("failing disk: an error or a full disk at operation k is overcome, k by k") {
    constexpr unsigned kSeed = 77;
    constexpr int kRounds = 60;
    const std::uint64_t all = operations(kSeed, kRounds);
    const std::uint64_t step =
        heavy() ? 1 : std::max<std::uint64_t>(all / (kSanitized ? 8 : 25), 1);
    std::uint64_t tried = 0;
    for (std::uint64_t at = 0; at < all; at += step, ++tried) {
        fail_once(Fault::io_error, kSeed, kRounds, at, 1 + at % 3);
        fail_once(Fault::full, kSeed, kRounds, at, 1 + at % 3);
    }
    MESSAGE(tried << " of " << all << " operations, with each error");
}

TEST_CASE("full disk: from operation k on until somebody makes room, k by k") {
    constexpr unsigned kSeed = 78;
    constexpr int kRounds = 260;                // enough that records are evicted too
    constexpr std::uint64_t kLong = 1'000'000;  // operations: until it is called off
    const std::uint64_t all = operations(kSeed, kRounds);
    const std::uint64_t step = heavy() ? 1 : std::max<std::uint64_t>(all / (kSanitized ? 2 : 4), 1);
    std::uint64_t tried = 0;
    for (std::uint64_t at = 30; at < all; at += step, ++tried)  // before that there is no log yet
        fail_once(Fault::full, kSeed, kRounds, at, kLong);
    MESSAGE(tried << " of " << all << " operations");
}

TEST_CASE("torn last page: costs the commit that was being written, no other") {
    for (const std::size_t torn : {100UL, 512UL, 2'048UL, 4'096UL}) {
        CAPTURE(torn);
        Fixture before, after;
        shape(before);
        before.options.max_bytes = 16U << 20U;  // no checkpoint: the WAL ends with the last commit
        after.options = before.options;
        after.options.folder = after.folder.path();
        after.options.clock = &after.clock;
        after.options.boots = &after.boots;
        before.open();
        std::vector<std::uint64_t> commits;
        for (int i = 0; i < 20; ++i) {
            before.add(30);
            REQUIRE(before.store->flush());
            commits.push_back(before.heard.upto_.value);
        }
        // As the disk has it while the log is open, the end of the last page not yet written.
        for (const char* name : {"log.db", "log.db-wal", "generation"})
            std::filesystem::copy_file(before.folder.path() / name, after.folder.path() / name);
        const auto wal = after.folder.path() / "log.db-wal";
        const auto size = std::filesystem::file_size(wal);
        REQUIRE(size > torn);
        std::filesystem::resize_file(wal, size - torn);
        std::filesystem::resize_file(wal, size);
        after.open();
        CHECK_FALSE(after.store->opened().replaced);
        const auto kept = after.read_all();
        REQUIRE_FALSE(kept.empty());
        CHECK(kept.back().seq.value == commits[commits.size() - 2]);
        CHECK(kept.size() == 19 * 30);
        for (const auto& ledger : after.store->ledgers())
            for (const auto& lane : ledger.lanes) CHECK(lane.exact());
        before.close();
    }
}

}  // namespace fog
