#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "firmware/core/bounded_queue.hpp"
#include "firmware/core/commit_watch.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/io/ingest_ring.hpp"
#include "firmware/store/store.hpp"

namespace fog {

/// A message as the event that keeps it (kind raw, lane bulk): nobody could read it, and its sender
/// is told that it is on flash, or sessions of the MQTT listener read it from the log. Members:
/// topic, payload or payload64; where owed also `owed`, `client`, `retain` and `props64`.
Event raw_event(const IngestItem& item, BootId boot);

/// Ring entries whose commit is watched by number: which records came of them, so that one commit
/// says which of them may be acknowledged.
/// Threads: add() and hand_over() fog-pipe; committed() and degraded() fog-store; watch() before
/// both. Blocks: never.
class AwaitedEntries {
public:
    explicit AwaitedEntries(const Limits& limits)
        : handed_("pipe-awaited", limits.awaited_batches, Overflow::refuse) {}

    void watch(CommitWatcher* watcher) { watcher_ = watcher; }
    /// Entry `number` of the batch being built made the records at places [from, to) of it.
    void add(std::uint64_t number, std::size_t from, std::size_t to) {
        if (watcher_ != nullptr) batch_.push_back({number, from, to});
    }
    /// Before the store gets the batch: its records by place, numbered. How many wait for it.
    std::uint32_t hand_over(std::span<const Record> records);

    void committed(const Committed& commit);
    void degraded(bool now) {
        if (watcher_ != nullptr) watcher_->degraded(now);
    }

private:
    struct Entry {
        std::uint64_t number = 0;
        std::uint64_t from = 0, to = 0;  // places, then sequence numbers: after from, up to to
    };
    using Batch = std::vector<Entry>;

    CommitWatcher* watcher_ = nullptr;
    Batch batch_;                  // fog-pipe
    BoundedQueue<Batch> handed_;   // each holds an entry of the ring at least
    std::deque<Batch> undecided_;  // fog-store
    std::uint64_t told_ = 0;       // fog-store
};

}  // namespace fog
