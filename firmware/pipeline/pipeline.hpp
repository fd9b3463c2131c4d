#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "firmware/core/bounded_queue.hpp"
#include "firmware/core/clock.hpp"
#include "firmware/core/commit_watch.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/metrics.hpp"
#include "firmware/io/ingest_ring.hpp"
#include "firmware/pipeline/awaited.hpp"
#include "firmware/pipeline/decoding.hpp"
#include "firmware/pipeline/registry.hpp"
#include "firmware/store/store.hpp"
#include "rules/engine/engine.hpp"

namespace fog {

using SharedRecords = std::shared_ptr<const std::vector<Record>>;

/// Which sinks owe a record (bits of Record::sinks), `allowed` being a rule's allow-list or null.
class SinkChooser {
public:
    virtual ~SinkChooser() = default;
    virtual std::uint16_t owed_by(const Record& record,
                                  const std::vector<std::string>* allowed) = 0;
};

/// Told of blobs that came back from the ring after a crash and are not in the log yet, in order
/// and before they are committed. Called on fog-pipe; must not block.
using StateRecovered = std::function<void(const StateWrite&)>;

/// Where new records go beside the log. Called on fog-pipe; must not block.
using RecordPublisher = std::function<void(const SharedRecords&)>;

struct PipelineParts {
    IngestRing& ring;
    Store& store;
    RuleEngine& rules;
    Registry& registry;
    Decoding& decoding;
    PointDirectory& points;
    BootTable& boots;
    const Clock& clock;
    const Limits& limits;
    Metrics& metrics;
    SinkChooser& sinks;
    RecordPublisher publish;
    BootId boot;
    std::chrono::nanoseconds rows_every = std::chrono::minutes(5);
    LinkFault link_fault = {};
    StateRecovered state_recovered = {};
};

/// What a job on fog-pipe may touch. What it adds to `effects` is logged and pushed afterwards.
struct PipelineDesk {
    Registry& registry;
    RuleEngine& rules;
    Effects& effects;
    RuleMoment moment;
    bool& registry_changed;  // set it: admissions and policies are committed soon
};

/// The path of every reading: ring -> dialects -> registry -> rules -> hub and log.
///
/// Owns thread fog-pipe, which owns registry and rules from start() to stop(). The live path never
/// waits for the disk: records are published from memory, the log gets the same batch beside it.
/// Whoever waits for durability is told from the log's commits, on fog-store.
class Pipeline final : public CommitListener {
public:
    explicit Pipeline(PipelineParts parts);
    ~Pipeline() override;
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    /// Who is told of commits by ring entry (IngestRing::push_awaited); null: nobody. Before
    /// start().
    void watch(CommitWatcher* watcher) { awaited_.watch(watcher); }

    /// Loads the registry, brings rules and registry up to the end of the log. Rules are loaded
    /// already. Before start(); on the caller's thread. Gives the records clients start from.
    Result<SharedRecords> recover();
    void start();
    /// Processes what is in the ring, hands the last batch over, ends the thread. The store must
    /// be stopped after this.
    void stop();

    // Without a thread, for the virtual simulator: begin() in place of start(), turn() whenever
    // time moved or something arrived, finish() in place of stop(). All on one thread.
    void begin();
    /// Jobs, what is in the ring, then timers that are due. Never waits. False: there was nothing.
    bool turn();
    /// When turn() is needed next though nothing arrives.
    std::optional<MonoTime> next_timer() const { return parts_.rules.next_timer(); }
    void finish();

    /// Runs `job` on fog-pipe within a few ms; false = full or stopping. Any thread.
    bool run(std::function<void(PipelineDesk&)> job);
    /// When fog-pipe last turned, for the watchdog. Any thread.
    MonoTime last_turn() const { return MonoTime{std::chrono::nanoseconds{last_turn_.load()}}; }

    // CommitListener, on fog-store
    void committed(const Committed& commit) override;
    void degraded(bool now, const Error& why) override;

private:
    struct Pending {  // somebody waits for the commit of a ring entry
        std::uint64_t entry = 0;
        std::uint64_t from = 0, to = 0;  // places, then sequence numbers: after from, up to to
        IngestOutcome outcome;
        IngestWaiter waiter;
    };

    void loop();
    bool turn(std::chrono::nanoseconds most);
    bool take_items(std::chrono::milliseconds wait);
    void process(const IngestItem& item, std::uint64_t number, bool recovered, IngestWaiter waiter);
    void flush();
    bool idle() const;
    void keep_state(std::string_view key, std::span<const std::byte> value, bool recovered);
    void number_records(std::size_t from);
    void judge(std::size_t from);
    void add_derived();
    void add_events();
    void append_system_event(std::string_view topic, std::string members);
    void hand_over();
    void run_jobs();
    void check_presence();
    void refill_sparks(LogReader& reader);
    bool waits(const Record& record) const;
    RuleMoment moment() const { return {parts_.boot, parts_.clock.mono()}; }

    PipelineParts parts_;
    BoundedQueue<std::function<void(PipelineDesk&)>> jobs_;
    BoundedQueue<Pending> waiting_;
    std::deque<Pending> uncommitted_;  // fog-store's: taken from waiting_, not yet committed
    AwaitedEntries awaited_{parts_.limits};
    std::thread thread_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::int64_t> last_turn_{0};
    std::atomic<bool> degraded_{false};

    // of the batch being built; fog-pipe only
    std::vector<Record> records_;
    std::vector<bool> dropped_;  // by rules: neither logged nor pushed
    Effects effects_;
    std::vector<Pending> batch_waiters_;
    std::vector<StateWrite> states_;
    std::vector<PointId> appeared_;
    std::vector<PointId> touched_;  // by the message being processed
    std::uint64_t batch_entry_ = 0;
    bool registry_changed_ = false;  // by a person: written without waiting for the log's linger
    MonoTime rules_saved_{};
    MonoTime rows_saved_{};
    MonoTime presence_checked_{};
    Collector collector_;

    Counter& samples_;
    Counter& duplicates_;
    Counter& held_back_;
    Counter& ignored_;
    Counter& shed_;
    Histogram& rules_seconds_;
};

}  // namespace fog
