// B8: how fast the log takes records. B9: what it writes for each.
#include <sqlite3.h>

#include <memory>
#include <string>

#include "firmware/store/block.hpp"
#include "firmware/store/store.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/proc.hpp"

namespace fog::bench {
namespace {

constexpr std::size_t kPoints = 1'000;

std::shared_ptr<const std::vector<Record>> second_of(SeqSource& seqs, MonoTime at,
                                                     std::uint64_t second) {
    auto records = std::make_shared<std::vector<Record>>(kPoints);
    const auto first = seqs.take(kPoints);
    if (!first) fail("no sequence numbers");
    for (std::size_t i = 0; i < kPoints; ++i) {
        Record& record = (*records)[i];
        record.seq = Seq{first->value + i};
        Sample sample;
        sample.point = PointId{static_cast<std::uint32_t>(i + 1)};
        // A slow wave with noise, two decimals.
        const std::uint64_t noise = (second * 2'654'435'761U + i * 40'503U) >> 7U;
        sample.value = static_cast<double>(2000 + (second + i * 13) % 300 + noise % 8) / 100;
        sample.boot = BootId{1};
        sample.received = at + std::chrono::microseconds(i * 900);
        record.body = std::move(sample);
    }
    return records;
}

struct OpenStore {
    WorkFolder folder;
    SystemClock clock;
    std::unique_ptr<Store> store;

    explicit OpenStore(const Options& options) : folder(options.work) {
        StoreOptions wanted;
        wanted.folder = folder.path();
        wanted.kernel_boot = "bench";
        wanted.clock = &clock;
        auto opened = Store::open(std::move(wanted));
        if (!opened) fail(opened.error().what);
        store = std::move(*opened);
        store->start(nullptr);
    }
    ~OpenStore() { store->stop(); }
    OpenStore(const OpenStore&) = delete;
    OpenStore& operator=(const OpenStore&) = delete;
};

void flush(Store& store) {
    if (auto done = store.flush(); !done) fail(done.error().what);
}

double append_rate(const Options& options, std::size_t batches) {
    OpenStore log(options);
    std::vector<StoreBatch> work(batches);
    for (std::size_t i = 0; i < batches; ++i)
        work[i].records = second_of(log.store->seqs(), log.clock.mono(), i);
    const std::int64_t from = now_us();
    for (StoreBatch& batch : work) {
        // Live records would be shed when the queue is full; wait_room() keeps a quarter free.
        if (!log.store->wait_room(kPoints, std::chrono::seconds(10))) fail("the log is stuck");
        if (!log.store->append(std::move(batch)).all()) fail("the log shed records");
    }
    flush(*log.store);
    return static_cast<double>(batches * kPoints) / (static_cast<double>(now_us() - from) / 1e6);
}

void exec(sqlite3* db, const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(sqlite3_errmsg(db));
}

/// The same blocks, packed before, one row and one commit for each by SQLite alone.
double bare_rate(const Options& options, std::size_t batches) {
    SeqSource seqs;
    seqs.start(Seq{1}, Seq{1ULL << 30U});
    std::vector<Bytes> blocks(batches);
    for (std::size_t i = 0; i < batches; ++i) {
        const auto records = second_of(seqs, MonoTime{std::chrono::seconds(i)}, i);
        std::vector<const Record*> lane;
        for (const Record& record : *records) lane.push_back(&record);
        encode_block(Lane::live, lane, {}, blocks[i]);
    }
    const WorkFolder folder(options.work);
    sqlite3* db = nullptr;
    if (sqlite3_open((folder.path() / "bare.db").c_str(), &db) != SQLITE_OK) fail("no database");
    const std::unique_ptr<sqlite3, int (*)(sqlite3*)> closer(db, &sqlite3_close);
    exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
    exec(db, "CREATE TABLE tail(seq INTEGER PRIMARY KEY, lane INTEGER, data BLOB)");
    sqlite3_stmt* insert = nullptr;
    sqlite3_prepare_v2(db, "INSERT INTO tail VALUES(?,2,?)", -1, &insert, nullptr);
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> finisher(insert, &sqlite3_finalize);
    const std::int64_t from = now_us();
    for (std::size_t i = 0; i < batches; ++i) {
        sqlite3_bind_int64(insert, 1, static_cast<sqlite3_int64>(i * kPoints + 1));
        sqlite3_bind_blob(insert, 2, blocks[i].data(), static_cast<int>(blocks[i].size()),
                          SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE) fail(sqlite3_errmsg(db));
        sqlite3_reset(insert);
    }
    return static_cast<double>(batches * kPoints) / (static_cast<double>(now_us() - from) / 1e6);
}

Line wear(const Options& options) {
    const std::uint64_t windows = options.quick ? 60 : 600;
    OpenStore log(options);
    const std::uint64_t before = own_io("write_bytes");
    for (std::uint64_t second = 0; second < windows; ++second) {
        StoreBatch batch;
        batch.records = second_of(log.store->seqs(), log.clock.mono(), second);
        if (!log.store->append(std::move(batch)).all()) fail("the log shed records");
        flush(*log.store);  // one commit for each second of samples
    }
    log.store->stop();
    Line line;
    line.id = "B9";
    line.name = "1000-points-1-hz";
    line.value = static_cast<double>(own_io("write_bytes") - before) /
                 static_cast<double>(windows * kPoints);
    line.unit = "bytes";
    line.budget = 48;
    line.verdict = Verdict::at_most;
    line.note = std::to_string(windows) + " windows back to back instead of 1 h; no sealing, no " +
                "rollups yet" + (on_tmpfs(options.work) ? "; on tmpfs: NOT flash" : "");
    return line;
}

}  // namespace

std::vector<Line> bench_log(const Options& options) {
    const std::size_t batches = options.quick ? 100 : 400;
    std::vector<double> ours;
    std::vector<double> bare;
    for (int i = 0; i < (options.quick ? 1 : 3); ++i) {
        ours.push_back(append_rate(options, batches));
        bare.push_back(bare_rate(options, batches));
    }
    Line rate;
    rate.id = "B8";
    rate.name = "append";
    rate.value = median(ours);
    rate.reference = median(bare);
    rate.unit = "records/s";
    rate.budget = 300'000;
    rate.verdict = Verdict::at_least;
    rate.note = "reference: SQLite alone, the same blocks of 1,000 packed before";
    return {rate, wear(options)};
}

}  // namespace fog::bench
