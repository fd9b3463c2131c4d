#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "firmware/store/store.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog {

/// What the store's tests share: records, options, and a listener that remembers.
inline Record make_sample(Seq seq, Lane lane = Lane::live, std::uint16_t sinks = 1) {
    Record record;
    record.seq = seq;
    record.lane = lane;
    record.sinks = sinks;
    Sample body;
    body.point.value = static_cast<std::uint32_t>(seq.value % 1000 + 1);
    body.value = static_cast<double>(seq.value % 10'000) / 100;
    body.boot.value = 1;
    body.received =
        MonoTime{std::chrono::seconds{100} + std::chrono::microseconds{seq.value % 1'000'000}};
    record.body = std::move(body);
    return record;
}

inline Record make_event(Seq seq, Lane lane = Lane::alarm, std::uint16_t sinks = 1,
                         std::string members = R"("state":"active")") {
    Record record;
    record.seq = seq;
    record.lane = lane;
    record.sinks = sinks;
    record.body = Event{EventKind::alarm,   "alarms/boiler-1/hot",
                        "boiler-1",         {},
                        BootId{1},          MonoTime{std::chrono::seconds{100}},
                        std::move(members), 0};
    return record;
}

inline StoreBatch batch_of(std::vector<Record> records) {
    StoreBatch batch;
    batch.records = std::make_shared<const std::vector<Record>>(std::move(records));
    return batch;
}

class Heard final : public CommitListener {
public:
    void committed(const Committed& commit) override {
        const std::lock_guard lock(mutex_);
        upto_ = commit.upto;
        ring_entry_ = commit.ring_entry;
        lost_.insert(lost_.end(), commit.lost.begin(), commit.lost.end());
        ++commits_;
        changed_.notify_all();
    }
    void degraded(bool now, const Error& why) override {
        const std::lock_guard lock(mutex_);
        degraded_ = now;
        why_ = why;
        changed_.notify_all();
    }
    template <class Until>
    bool wait(Until until) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds{30}, [&] { return until(*this); });
    }
    bool wait_committed(Seq seq) {
        return wait([&](const Heard& heard) { return heard.upto_ >= seq; });
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    Seq upto_;
    std::uint64_t ring_entry_ = 0;
    std::uint64_t commits_ = 0;
    std::vector<SeqRange> lost_;
    bool degraded_ = false;
    Error why_;
};

struct Fixture {
    TempFolder folder;
    FakeClock clock;
    BootTable boots;
    Heard heard;
    StoreOptions options;
    std::unique_ptr<Store> store;
    bool bulky = false;  // add(): values that do not pack, to fill a log soon

    Fixture() {
        options.folder = folder.path();
        options.kernel_boot = "boot-a";
        options.clock = &clock;
        options.boots = &boots;
        options.sinks = {"cloud"};
        options.max_bytes = 16U << 20U;
        options.linger = std::chrono::milliseconds{5};
        options.retry = std::chrono::milliseconds{20};
    }
    Store& open() {
        auto opened = Store::open(options);
        if (!opened) throw std::runtime_error(opened.error().what);
        store = std::move(*opened);
        store->start(&heard);
        return *store;
    }
    void close() {
        if (store) store->stop();
        store.reset();
    }
    Store& reopen() {
        close();
        return open();
    }
    /// Appends `count` samples of one lane in one batch; their numbers.
    std::vector<Seq> add(std::size_t count, Lane lane = Lane::live, std::uint16_t sinks = 1) {
        std::vector<Record> records;
        std::vector<Seq> seqs;
        for (std::size_t i = 0; i < count; ++i) {
            seqs.push_back(*store->seqs().take());
            records.push_back(make_sample(seqs.back(), lane, sinks));
            if (bulky)
                records.back().sample().value = "some text " + std::to_string(seqs.back().value);
        }
        (void)store->append(batch_of(std::move(records)));
        return seqs;
    }
    std::vector<Record> read_all(std::uint8_t mask = 0x0F) {
        auto reader = std::move(store->open_reader()).value();
        std::vector<Record> out;
        for (Seq at;;) {
            auto page = std::move(reader->read(at, Seq{}, 700, mask)).value();
            out.insert(out.end(), page.records.begin(), page.records.end());
            at = page.last;
            if (page.at_end) return out;
        }
    }
};

/// Everything one sink still owes in a lane, by scanning.
inline std::vector<Record> owed_all(SinkLog& sink, Lane lane) {
    std::vector<Record> out;
    for (Seq at;;) {
        auto some = std::move(sink.owed(lane, at, 700)).value();
        if (some.empty()) return out;
        at = some.back().seq;
        out.insert(out.end(), some.begin(), some.end());
    }
}

inline std::vector<Settled> acked(const std::vector<Record>& records) {
    std::vector<Settled> out;
    for (const Record& record : records) out.push_back({record.seq, record.lane, false, {}});
    return out;
}

}  // namespace fog
