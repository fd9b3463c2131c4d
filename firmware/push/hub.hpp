#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/log_access.hpp"
#include "firmware/core/metrics.hpp"
#include "firmware/core/position.hpp"
#include "firmware/core/record_json.hpp"
#include "firmware/core/topic.hpp"
#include "firmware/http/held.hpp"
#include "firmware/http/principal.hpp"
#include "firmware/io/event_loop.hpp"
#include "firmware/push/frame.hpp"
#include "firmware/push/params.hpp"
#include "firmware/push/push_metrics.hpp"
#include "firmware/push/ring.hpp"

namespace fog {

class Client;
class Replays;
struct Subscription;

/// Who acknowledges alarms for WebSocket clients. Thread: fog-io calls; `done` from any thread.
class AlarmDesk {
public:
    virtual ~AlarmDesk() = default;
    using Done = std::function<void(Result<void>)>;
    virtual void acknowledge(const std::string& alarm, const std::string& note, const Principal& by,
                             Done done) = 0;
};

/// Hears every record once, after the clients it matched. Thread: fog-io. Must not block.
class RecordFollower {
public:
    virtual ~RecordFollower() = default;
    virtual void on_record(const FramePtr& frame) = 0;
};

/// What the hub works with; all of it outlives the hub.
struct HubParts {
    EventLoop& loop;
    const Limits& limits;
    const Clock& clock;
    Metrics& metrics;
    Authenticator& authenticator;
    RecordContext context;
    LogReaders* log = nullptr;  // null: positions older than the ring become gaps
    /// Runs work on the api pool; false = full.
    std::function<bool(std::function<void()>)> run_on_api;
    AlarmDesk* alarms = nullptr;  // null: `ack` is refused as not available
};

/// Channels, held clients and recent records: every record goes once through here to all who asked
/// for it. A slow or stalled client never delays the others.
///
/// Thread: fog-io. Blocks: never. Everything bounded by Limits, every loss counted and told.
class Hub {
public:
    explicit Hub(HubParts parts);
    ~Hub();
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    /// Epoch and last sequence number of the log at start; before the first publish().
    void reset(Position head);
    /// Last values known from before (registry, open alarms); nothing is sent.
    void seed(const RecordBatch& batch);
    /// New records, ascending by seq. Clients get them in this turn of the loop.
    void publish(const RecordBatch& batch);
    Position head() const { return head_; }
    /// One who speaks another protocol than the transports; null: nobody. Outlives the hub or
    /// leaves.
    void follow(RecordFollower* follower) { follower_ = follower; }
    /// The last record of every series and state whose channel `wanted` says yes to, alarms first.
    void visit_last(const std::function<bool(const Frame&)>& wanted,
                    const std::function<void(const FramePtr&)>& visit) const;

    /// Says bye to all, spreads their return, closes within 5 s, then calls `done` once.
    /// New streams are refused from now on.
    void drain(std::function<void()> done);
    bool draining() const { return draining_; }

    // --- for the transports and routes
    /// Why no further stream may open now: busy, draining, rate-exceeded; nothing = go ahead.
    std::optional<Problem> refuses(const Request& request);
    /// Takes a client over; it lives until its connection ends.
    Client& add_client(std::unique_ptr<Client> client);
    std::string clients_json() const;
    bool close_client(std::string_view conn);
    /// A client by its connection id; null when it is gone (answers that come back later).
    Client* find_client(std::string_view conn);
    const HubParts& parts() const { return parts_; }
    PushMetrics& metrics() { return metrics_; }

    // --- for clients
    void subscribe(Subscription& sub);
    void unsubscribe(Subscription& sub);
    void dirty(Client& client);   // has something to write: flushed at the end of the turn
    void buried(Client& client);  // is gone: destroyed at the end of the turn
    void held(Subscription& sub, MonoTime due);  // shaped samples wait until then
    const FrameRing& ring() const { return ring_; }
    Replays& replays() { return *replays_; }
    /// Calls `visit` for the last record of every series the subscription matches, alarms first.
    void visit_last(const Subscription& sub,
                    const std::function<void(const FramePtr&)>& visit) const;
    Gather& gather() { return gather_; }
    MonoTime now() const { return parts_.clock.mono(); }

private:
    struct Credit {
        double left = 0;
        MonoTime at{};
    };
    bool rate_exceeded(const std::string& address);
    void remember(const FramePtr& frame);
    void dispatch(const FramePtr& frame);
    void end_turn();
    void schedule_turn();
    void sweep();
    void release_held();
    void arm_held();
    void close_drained();

    HubParts parts_;
    PushMetrics metrics_;
    Position head_;
    FrameRing ring_;
    TopicTrie<Subscription*> trie_;
    RecordFollower* follower_ = nullptr;
    std::unordered_map<std::uint32_t, FramePtr> last_samples_;
    std::unordered_map<std::string, FramePtr> last_events_;
    std::unordered_map<std::string, std::unique_ptr<Client>> clients_;
    std::unordered_map<std::string, std::size_t> per_address_;
    std::vector<Client*> dirty_;
    std::vector<std::string> buried_;
    std::vector<Subscription*> touched_;
    std::vector<Subscription*> held_, releasing_;
    std::uint64_t last_generation_ = 0;
    std::unique_ptr<Replays> replays_;
    Gather gather_;
    EventLoop::TimerId sweep_timer_ = 0, held_timer_ = 0, drain_timer_ = 0;
    MonoTime held_due_{};
    MonoTime drain_until_{};
    std::function<void()> drained_;
    bool turn_scheduled_ = false;
    bool draining_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::unordered_map<std::string, Credit> credits_;  // new streams by address
};

}  // namespace fog
