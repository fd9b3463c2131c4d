// B8: how fast the log takes records. B9: what it writes for each.
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
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

    explicit OpenStore(const Options& options, BootTable* boots = nullptr, bool sealing = true)
        : folder(options.work) {
        StoreOptions wanted;
        wanted.folder = folder.path();
        wanted.kernel_boot = "bench";
        wanted.clock = &clock;
        wanted.boots = boots;
        if (!sealing) wanted.seal_bytes = 0;
        auto opened = Store::open(std::move(wanted));
        if (!opened) fail(opened.error().what);
        store = std::move(*opened);
        store->start(nullptr);
    }
    ~OpenStore() { store->stop(); }
    OpenStore(const OpenStore&) = delete;
    OpenStore& operator=(const OpenStore&) = delete;
};

std::string rounded(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f", value);
    return text.data();
}

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

/// Until fog-store has nothing left to seal; it does a piece between commits.
void settle_down(Store& store) {
    constexpr int kQuiet = 4'000;  // commits without a segment: more than the pieces of one
    for (int quiet = 0; quiet < kQuiet; ++quiet) {
        const auto before = store.status().lanes[2].segments;
        flush(store);
        if (store.status().lanes[2].segments != before) quiet = 0;
    }
}

Line wear(const Options& options) {
    const std::uint64_t windows = options.quick ? 1'500 : 3'600;
    OpenStore log(options);
    const std::uint64_t before = io_of(::getpid(), "write_bytes");
    for (std::uint64_t second = 0; second < windows; ++second) {
        StoreBatch batch;
        batch.records = second_of(log.store->seqs(), log.clock.mono(), second);
        if (!log.store->append(std::move(batch)).all()) fail("the log shed records");
        flush(*log.store);  // one commit for each second of samples
    }
    settle_down(*log.store);
    const auto status = log.store->status();
    log.store->stop();
    Line line;
    line.id = "B9";
    line.name = "1000-points-1-hz";
    line.value = static_cast<double>(io_of(::getpid(), "write_bytes") - before) /
                 static_cast<double>(windows * kPoints);
    line.unit = "bytes";
    line.budget = 48;
    line.verdict = Verdict::at_most;
    line.note = std::to_string(windows) + " windows back to back; sealed into " +
                std::to_string(status.lanes[2].segments) + " segments of " +
                std::to_string(status.lanes[2].bytes * 100 / status.lanes[2].records) +
                " hundredths of a byte a sample" +
                (on_tmpfs(options.work) ? "; on tmpfs: NOT flash" : "");
    return line;
}

/// How long a commit takes, from its append to its acknowledgement, while segments are made.
Line commit_time(const Options& options, bool sealing) {
    const std::uint64_t commits = options.quick ? 2'000 : 6'000;
    OpenStore log(options, nullptr, sealing);
    std::vector<double> times;
    for (std::uint64_t second = 0; second < commits; ++second) {
        StoreBatch batch;
        batch.records = second_of(log.store->seqs(), log.clock.mono(), second);
        const std::int64_t from = now_us();
        if (!log.store->append(std::move(batch)).all()) fail("the log shed records");
        flush(*log.store);
        times.push_back(static_cast<double>(now_us() - from) / 1e3);
    }
    const auto status = log.store->status();
    std::sort(times.begin(), times.end());
    Line line;
    line.id = "B8";
    line.name = sealing ? "commit-while-sealing" : "commit-without-sealing";
    line.value = times[times.size() * 99 / 100];
    line.unit = "ms p99";
    line.note = "p50 " + rounded(times[times.size() / 2]) + " ms, most " + rounded(times.back()) +
                " ms; " + std::to_string(commits) + " commits of 1,000, " +
                std::to_string(status.lanes[2].segments) + " segments made meanwhile";
    return line;
}

/// How long one point's history takes to read, out of 1,000.
Line history(const Options& options) {
    const std::uint64_t seconds = options.quick ? 3'600 : 86'400;
    BootTable boots;
    OpenStore log(options, &boots);
    boots.add({BootId{1}, MonoTime{}, WallTime{std::chrono::hours(500'000)}, true});
    const std::int64_t began = now_us();
    for (std::uint64_t second = 0; second < seconds; ++second) {
        StoreBatch batch;
        const MonoTime at{std::chrono::seconds(second) + std::chrono::microseconds(second % 977)};
        batch.records = second_of(log.store->seqs(), at, second);
        if (!log.store->append(std::move(batch)).all()) fail("the log shed records");
        flush(*log.store);  // a row for each second
        if (second % 600 == 0) settle_down(*log.store);
    }
    settle_down(*log.store);
    const double rate =
        static_cast<double>(seconds * kPoints) / (static_cast<double>(now_us() - began) / 1e6);
    std::vector<double> times;
    std::uint64_t samples = 0;
    for (std::uint32_t run = 0; run < 9; ++run) {
        const std::int64_t from = now_us();
        auto opened = log.store->open_history();
        if (!opened) fail(opened.error().what);
        const WallTime begin{std::chrono::hours(500'000)};
        auto window = (*opened)->window(begin, begin + std::chrono::seconds(seconds), UINT64_MAX,
                                        std::chrono::seconds(0));
        if (!window) fail(window.error().what);
        samples = 0;
        double sum = 0;
        for (Seq at = window->after;;) {
            auto slice = (*opened)->visit(PointId{run * 111 + 1}, at, window->upto,
                                          [&](const Record& record) {
                                              ++samples;
                                              sum += std::get<double>(record.sample().value);
                                          });
            if (!slice) fail(slice.error().what);
            at = slice->last;
            if (slice->end) break;
        }
        times.push_back(static_cast<double>(now_us() - from) / 1e3);
        if (sum <= 0) fail("no values");
    }
    Line line;
    line.id = "B7";
    line.name = "history-read";
    line.value = median(times);
    line.unit = "ms";
    if (!options.quick) {
        line.budget = 15;
        line.verdict = Verdict::at_most;
    }
    line.note = std::to_string(samples) + " samples of one point of 1,000; filled and sealed at " +
                std::to_string(static_cast<std::uint64_t>(rate)) + " records/s";
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
    return {rate, commit_time(options, true), commit_time(options, false), wear(options),
            history(options)};
}

}  // namespace fog::bench
