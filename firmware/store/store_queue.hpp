#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "firmware/store/log_state.hpp"
#include "firmware/store/store.hpp"

namespace fog {

/// What a sink's thread says about one record, or that nothing is owed in a stretch.
struct SettledOne {
    enum class What : std::uint8_t { acknowledged, refused, nothing_owed };
    What what = What::acknowledged;
    Lane lane = Lane::live;
    Seq after;  // nothing else is owed after this one and before seq
    Seq seq;
    std::uint64_t bytes = 0;
    PointId point;  // of a sample: where to look for it
    std::string reason;
};
struct SettleBatch {
    std::string sink;
    std::vector<SettledOne> outcomes;
};

/// Numbers of one lane that are not in the log, as readers will be told.
struct Hole {
    Seq from;  // exclusive
    Seq to;
    Lane lane = Lane::live;
    MissingReason reason = MissingReason::evicted;
    std::uint64_t n = 0;
};

/// Records given up before they were written, to be accounted for with the next commit.
struct ShedRecords {
    static constexpr std::size_t kHoles = 64;  // then neighbours are merged
    std::array<std::array<Tally, kLanes>, 16> by_sink{};
    std::vector<Hole> holes;
    bool any = false;
    void add(const Record& record);
    void merge(const ShedRecords& other);

private:
    void add_hole(const Hole& hole);
};

struct QueuedBatch {
    std::shared_ptr<const std::vector<Record>> records;
    std::uint8_t shed_lanes = 0;  // bits; these records of it do not count any more
    bool has(Lane lane) const { return ((shed_lanes >> static_cast<unsigned>(lane)) & 1U) == 0; }
};

/// Everything that waits for the next commit.
struct Work {
    using Task = std::function<void(const Result<void>& commit)>;
    std::vector<QueuedBatch> batches;
    std::array<std::size_t, kLanes> records{};
    std::map<std::string, Bytes> state;
    std::map<std::uint32_t, PointRow> points;
    std::map<std::string, DeviceRow> devices;
    std::vector<BootTable::Line> boots;
    std::vector<SettleBatch> settles;
    ShedRecords queue_shed;
    ShedRecords ram_shed;
    std::vector<SeqRange> lost;  // shed from the queue or from RAM, for the listener
    std::vector<Task> tasks;     // called after the commit, on fog-store
    std::uint64_t ring_entry = 0;
    Seq upto;

    void add_lost(const SeqRange& range);
    std::size_t total() const { return records[0] + records[1] + records[2] + records[3]; }
    bool empty() const;
    void merge(Work&& later);
    /// Gives up the oldest records, least urgent lane first, until at most `bytes` of memory are
    /// held. Thread: fog-store.
    void shrink(std::size_t bytes);
};

struct StoreQueueOptions {
    std::size_t records = 16'384;
    std::size_t urgent = 1'024;
    std::chrono::nanoseconds linger{};
    std::chrono::nanoseconds waiter_window{};
    std::size_t most_waiters = 256;
    std::size_t commit_records = 1'000;
    std::size_t commit_bytes = 64U << 10U;
};

/// The way to fog-store ("store", bounded by records). When full: new bulk records are shed when
/// three quarters are taken, new live ones when all is; alarm and reply have places of their own
/// and then compete as live. What is shed is tallied and travels with the next commit.
/// A mutex of its own, because core's queue bounds items and cannot decide by lane.
/// Threads: append() fog-pipe; settle(), task(), boot_line() any; take() fog-store.
/// Blocks: take() and wait_room() only.
class StoreQueue {
public:
    using Time = std::chrono::steady_clock::time_point;
    explicit StoreQueue(const StoreQueueOptions& options) : options_(options) {}

    Appended append(StoreBatch batch);
    void settle(SettleBatch batch);
    void boot_line(const BootTable::Line& line);
    /// False after close(): the task is not kept.
    bool task(Work::Task task);
    bool wait_room(std::size_t records, std::chrono::nanoseconds wait);
    /// Commits without the waiter window once ring entry `entry` is here. Any thread.
    void hurry(std::uint64_t entry);
    void close();
    bool closed() const;
    std::size_t depth() const;
    /// Whether take() would return at once.
    bool due() const;

    /// Waits for a reason to commit (see StoreOptions), close() or `until`; what is there.
    Work take(std::optional<Time> until);

private:
    bool due(Time now) const;
    Time deadline() const;
    std::uint8_t admit(const std::array<std::size_t, kLanes>& counts, Appended& out) const;

    const StoreQueueOptions options_;
    mutable std::mutex mutex_;
    std::condition_variable ready_;  // fog-store waits
    std::condition_variable room_;   // wait_room() waits
    Work work_;
    std::size_t bytes_ = 0;
    std::size_t waiters_ = 0;
    std::uint64_t hurry_ = 0;           // ring entry somebody does not want to wait for
    std::uint64_t taken_ = 0;           // ring entry that left with take()
    std::optional<Time> first_;         // when the oldest work came
    std::optional<Time> first_waiter_;  // when the first waiter came
    bool closed_ = false;
};

}  // namespace fog
