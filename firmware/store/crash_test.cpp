#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "firmware/store/sqlite.hpp"
#include "firmware/store/store_fixture_test.hpp"
#include "tests/support/sanitized.hpp"

namespace fog {
namespace {

/// Tells the parent over a pipe what is committed.
class Teller final : public CommitListener {
public:
    explicit Teller(int fd) : fd_(fd) {}
    void committed(const Committed& commit) override {
        const std::uint64_t upto = commit.upto.value;
        if (::write(fd_, &upto, sizeof upto) != sizeof upto) ::_exit(3);
    }
    void degraded(bool now, const Error&) override {
        if (now) ::_exit(4);
    }

private:
    int fd_;
};

/// The child: appends and settles until it is killed.
[[noreturn]] void work_until_killed(const StoreOptions& options, int fd, unsigned seed) {
    Teller teller(fd);
    auto opened = Store::open(options);
    if (!opened) ::_exit(2);
    Store& store = **opened;
    store.start(&teller);
    auto sink = store.open_sink("cloud");
    if (!sink) ::_exit(5);
    std::mt19937 random(seed);
    for (;;) {
        std::vector<Record> records;
        const std::size_t count = 1 + random() % 30;
        for (std::size_t i = 0; i < count; ++i) {
            const Seq seq = *store.seqs().take();
            const auto lane = static_cast<Lane>(2 + random() % 2);
            records.push_back(random() % 40 == 0 ? make_event(seq) : make_sample(seq, lane));
        }
        (void)store.append(batch_of(std::move(records)));
        (void)store.wait_room(12'200, std::chrono::seconds{5});  // about 100 queued at most
        if (random() % 20 != 0) continue;
        auto owed = (*sink)->owed(Lane::live, Seq{}, 40);
        if (!owed) ::_exit(6);
        std::shuffle(owed->begin(), owed->end(), random);
        owed->resize(owed->size() / 2);
        (*sink)->settle(acked(*owed));
    }
}

/// Runs the child for a random while; the last number it said was committed.
std::uint64_t run_and_kill(const StoreOptions& options, std::mt19937& random) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const auto seed = random();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::close(ends[0]);
        work_until_killed(options, ends[1], seed);
    }
    ::close(ends[1]);
    std::uint64_t committed = 0, upto = 0;
    // Killed after a random number of commits, at a moment of the kernel's choosing.
    const unsigned commits = 1 + random() % 12;
    for (unsigned i = 0; i < commits; ++i) {
        if (::read(ends[0], &upto, sizeof upto) != sizeof upto) break;
        committed = upto;
    }
    ::kill(child, SIGKILL);
    while (::read(ends[0], &upto, sizeof upto) == sizeof upto) committed = upto;
    ::close(ends[0]);
    int how = 0;
    ::waitpid(child, &how, 0);
    const bool killed = WIFSIGNALED(how);
    const int status = WEXITSTATUS(how);
    CHECK_MESSAGE(killed, "the child ended by itself: " << status);
    return committed;
}

void check_integrity(const std::filesystem::path& path) {
    auto db =
        std::move(sqlite::Connection::open(path, sqlite::Connection::Mode::read_only)).value();
    CHECK(std::move(db.text("PRAGMA integrity_check")).value() == "ok");
}

void overwrite_pages(const std::filesystem::path& path, std::mt19937& random, int pages,
                     std::uint64_t from) {
    const auto size = std::filesystem::file_size(path);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    for (int i = 0; i < pages; ++i) {
        const auto page = from + random() % (size / 4096 - from);
        file.seekp(static_cast<std::streamoff>(page * 4096));
        for (int byte = 0; byte < 4096; ++byte) file.put(static_cast<char>(random()));
    }
}

}  // namespace

TEST_CASE("crash: after SIGKILL everything committed is there once and no number comes twice") {
    Fixture f;
    f.options.linger = std::chrono::milliseconds{1};
    f.options.max_bytes = 64U << 20U;
    f.options.seal_bytes = 2'000;  // every few commits
    f.options.seal_group_bytes = 1;
    std::mt19937 random(2026);
    std::uint64_t highest = 0, committed = 0;
    for (int round = 0; round < (kSanitized ? 6 : 25); ++round) {
        committed = std::max(committed, run_and_kill(f.options, random));
        Store& store = f.open();
        CHECK_FALSE(store.opened().replaced);
        REQUIRE(store.opened().crash_hole);
        CHECK(store.opened().committed.value >= committed);
        const auto records = f.read_all();
        std::uint64_t last = 0;
        for (const Record& record : records) {
            REQUIRE(record.seq.value > last);
            last = record.seq.value;
        }
        CHECK(last == store.opened().committed.value);
        CHECK(store.seqs().next().value > last);
        CHECK(store.seqs().next().value > highest + SeqSource::kBlock);
        highest = store.seqs().next().value;
        auto sink = std::move(store.open_sink("cloud")).value();
        const auto ledger = store.ledgers().at(0);
        std::uint64_t accepted = 0;
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            CHECK(ledger.lanes[lane].exact());
            CHECK(ledger.lanes[lane].waiting == owed_all(*sink, static_cast<Lane>(lane)).size());
            accepted += ledger.lanes[lane].accepted;
        }
        CHECK(accepted == records.size());
        f.close();
        check_integrity(f.folder.path() / "log.db");
    }
}

TEST_CASE("crash: the numbers between two runs are told to readers as a crash hole") {
    Fixture f;
    f.options.linger = std::chrono::milliseconds{1};
    std::mt19937 random(7);
    run_and_kill(f.options, random);
    Store& store = f.open();
    f.add(3);
    REQUIRE(store.flush());
    auto reader = std::move(store.open_reader()).value();
    const auto page =
        std::move(reader->read(Seq{store.opened().committed.value - 1}, Seq{}, 100)).value();
    CHECK(page.records.size() == 4);
    REQUIRE(page.missing.size() == 1);
    CHECK(page.missing[0].reason == MissingReason::crash);
    CHECK(page.missing[0].records == 0);
    const std::uint64_t next = page.missing[0].to.value + 1;
    CHECK(next == page.records[1].seq.value);
}

TEST_CASE("damage: a file that is no database is set aside and a new log begins") {
    Fixture f;
    f.open();
    const auto generation = f.store->opened().generation;
    const auto epoch = f.store->opened().epoch;
    f.close();
    std::ofstream(f.folder.path() / "log.db", std::ios::trunc) << std::string(8192, 'g');
    Store& store = f.open();
    CHECK(store.opened().replaced);
    CHECK_FALSE(store.opened().damage.empty());
    CHECK(store.opened().epoch != epoch);
    CHECK(store.opened().generation == generation + 1);
    CHECK(std::filesystem::exists(f.folder.path() / "log.corrupt"));
    const auto seqs = f.add(5);
    CHECK((seqs[0].value >> 40U) == generation + 1);
    REQUIRE(store.flush());
    CHECK(f.read_all().size() == 5);
}

TEST_CASE("damage: overwritten pages are noticed after a crash and the rest is salvaged") {
    std::mt19937 random(13);
    for (int round = 0; round < 6; ++round) {
        CAPTURE(round);
        Fixture f;
        f.options.linger = std::chrono::milliseconds{1};
        f.open();
        StoreBatch points;
        points.points.push_back({PointId{1}, "d", "p", "", false, {}});
        (void)f.store->append(std::move(points));
        std::map<std::uint64_t, Record> written;
        f.bulky = true;
        for (int i = 0; i < 60; ++i) {
            f.add(300);
            REQUIRE(f.store->flush());
        }
        for (Record& record : f.read_all()) written.emplace(record.seq.value, record);
        const auto before = f.store->opened();
        f.close();
        {  // as if it had not been stopped cleanly
            auto db = std::move(sqlite::Connection::open(f.folder.path() / "log.db",
                                                         sqlite::Connection::Mode::read_write))
                          .value();
            REQUIRE(db.exec("UPDATE meta SET value = 0 WHERE key = 'clean'"));
            REQUIRE(db.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
        }
        overwrite_pages(f.folder.path() / "log.db", random, 3, round < 3 ? 40 : 2);
        Store& store = f.open();
        REQUIRE(store.opened().replaced);
        CHECK(store.opened().epoch != before.epoch);
        CHECK(store.opened().generation > before.generation);
        const auto salvaged = f.read_all();
        CHECK(salvaged.size() == store.opened().salvaged);
        for (const Record& record : salvaged) {
            const auto found = written.find(record.seq.value);
            REQUIRE(found != written.end());
            CHECK(found->second.sample().value == record.sample().value);
        }
        if (round < 3) CHECK(salvaged.size() > written.size() / 10 * 9);
        const SinkLedger ledger = store.ledgers().at(0);
        for (const auto& lane : ledger.lanes) CHECK(lane.exact());
        f.add(10);
        REQUIRE(store.flush());
        CHECK(f.read_all().size() == salvaged.size() + 10);
    }
}

TEST_CASE("full disk: degraded, newest and alarms kept in memory, recovers by itself") {
    Fixture f;
    const auto mount = f.folder.path() / "small";
    std::filesystem::create_directory(mount);
    if (::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=2m") != 0) {
        MESSAGE("skipped: cannot mount a tmpfs here: " << std::strerror(errno));
        return;
    }
    f.options.folder = mount;
    f.options.max_bytes = 16U << 20U;  // more than there is
    f.options.ram_bytes = 200'000;
    f.options.max_age.fill(std::chrono::hours{24 * 365});
    Store& store = f.open();
    // Somebody else fills the disk.
    {
        std::ofstream filler(mount / "filler", std::ios::binary);
        for (const std::string chunk(64U << 10U, 'f'); filler.write(chunk.data(), 65536);) continue;
    }
    std::uint64_t added = 0;
    for (int i = 0; i < 100 && !store.status().degraded; ++i) {
        added += f.add(1000).size();
        (void)store.flush();
    }
    CHECK(store.status().degraded);
    CHECK(f.heard.wait([](const Heard& heard) { return heard.degraded_; }));
    CHECK_FALSE(store.status().error.empty());
    const Seq alarm = *store.seqs().take();
    CHECK(store.append(batch_of({make_event(alarm)})).degraded);
    ++added;
    for (int i = 0; i < 20; ++i) {
        added += f.add(500).size();
        (void)store.flush();
    }
    CHECK(store.status().ram_records > 0);
    std::filesystem::remove(mount / "filler");
    CHECK(f.heard.wait([](const Heard& heard) { return !heard.degraded_; }));
    REQUIRE(store.flush());
    const auto ledger = store.ledgers().at(0);
    std::uint64_t accepted = 0;
    for (const auto& lane : ledger.lanes) {
        CHECK(lane.exact());
        accepted += lane.accepted;
    }
    CHECK(accepted == added);
    CHECK(ledger.lanes[0].waiting == 1);
    CHECK(ledger.lanes[2].shed > 0);
    REQUIRE_FALSE(ledger.causes.empty());
    CHECK(ledger.causes[0].first == "store_unavailable");
    CHECK_FALSE(f.heard.lost_.empty());
    const std::uint64_t kept_and_shed = f.read_all().size() + ledger.lanes[2].shed;
    CHECK(kept_and_shed == added);
    f.close();
    ::umount(mount.c_str());
}

TEST_CASE("full database: within its cap it makes room and goes on") {
    Fixture f;
    f.options.max_bytes = 1U << 20U;
    f.bulky = true;
    f.options.share_percent = {10, 5, 85, 85};  // more than there is: only SQLite's limit stops it
    Store& store = f.open();
    std::uint64_t added = 0;
    for (int i = 0; i < 90; ++i) {
        REQUIRE(store.wait_room(1000, std::chrono::seconds{10}));
        added += f.add(1000).size();
    }
    REQUIRE(store.flush());
    CHECK_FALSE(store.status().degraded);
    const auto lane = store.ledgers().at(0).lanes[2];
    CHECK(lane.accepted == added);
    CHECK(lane.exact());
    CHECK(lane.shed > 0);
}

}  // namespace fog
