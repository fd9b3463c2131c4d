#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/commit_watch.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/topic.hpp"
#include "firmware/http/held.hpp"
#include "firmware/http/principal.hpp"
#include "firmware/io/event_loop.hpp"
#include "firmware/io/ingest_ring.hpp"
#include "firmware/mqtt/encode.hpp"
#include "firmware/mqtt/pace.hpp"
#include "firmware/mqtt/retained.hpp"
#include "firmware/mqtt/stats.hpp"
#include "firmware/mqtt/wheel.hpp"
#include "firmware/push/hub.hpp"

namespace fog::mqtt {

class Client;

/// How the listener is configured ([mqtt.listener]).
struct BrokerOptions {
    bool open = false;  // anyone may publish; else a token as password is needed
    std::uint16_t receive_maximum = 500;
    std::uint16_t keep_alive_max = 1'200;  // seconds
};

/// What the broker works with; all of it outlives the broker.
struct BrokerParts {
    EventLoop& loop;
    IngestRing& ring;
    CommitPace& pace;
    const Clock& clock;
    const Limits& limits;
    Metrics& metrics;
    Authenticator& authenticator;
    Hub* hub = nullptr;                                        // null: no topics of the gateway
    std::function<bool(std::string_view topic)> not_ingested;  // commands, logs, $SYS
    std::function<bool(std::string_view topic)> is_command;    // for devices, not by them
};

/// One filter of one client, in the trie while it holds.
struct Subscription {
    Client* client = nullptr;
    std::string filter;
    std::uint8_t qos = 0;
    bool no_local = false, as_published = false;
    std::uint32_t identifier = 0;  // 0 = none
};

/// Names a client that may be gone.
struct ClientRef {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    bool operator==(const ClientRef&) const = default;
};

/// The MQTT server behind its connections: who is there, who wants what, what is retained, which
/// acknowledgements wait for a commit. Clean sessions, QoS 0 and 1.
///
/// Thread: fog-io; committed() and degraded() are called on fog-store and posted. Blocks: never.
/// Everything bounded by Limits, every refusal and drop counted by reason.
class Broker final : public CommitWatcher, public RecordFollower {
public:
    Broker(BrokerParts parts, BrokerOptions options);
    ~Broker() override;
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    /// A new connection; the broker keeps it until it ends.
    void accept(std::unique_ptr<HeldConnection> connection, std::string address);
    /// Whether an address failed to prove itself too often of late.
    bool banned(const std::string& address) const;
    /// Reads nothing more; what waits for a commit is still acknowledged.
    void quiesce();
    /// Tells every client that the gateway stops, and closes. No wills. Leaves the hub.
    void close_all();
    std::size_t size() const { return open_; }
    /// What is due by the clock; called once a second.
    void on_second();

    // CommitWatcher, on fog-store
    void committed(const CommitMark& mark) override;
    void degraded(bool now) override;
    // RecordFollower
    void on_record(const FramePtr& frame) override;

    // --- for clients
    const BrokerParts& parts() const { return parts_; }
    const BrokerOptions& options() const { return options_; }
    const Limits& limits() const { return parts_.limits; }
    Stats& stats() { return stats_; }
    Retained& retained() { return retained_; }
    MonoTime now() const { return parts_.clock.mono(); }
    std::uint64_t tick() const { return wheel_.now(); }
    bool is_degraded() const { return degraded_; }
    Pace& pace() { return pace_; }

    /// A client that said who it is takes its id; the one that has it is closed. False: another
    /// identity has it.
    bool adopt(Client& client, const std::string& id);
    enum class Room : std::uint8_t { ok, full, address };
    Room room(const Client& client) const;
    void connected(Client& client);
    void disconnected(Client& client);
    void failed_login(const std::string& address);

    /// Sends to everybody who subscribed; how many. `sender` may be null.
    std::size_t route(const MessagePtr& message, const Client* sender);
    /// Live delivery, retained store and ring of a will.
    void publish_will(Client& client);
    /// To the ring; the entry's number with `awaited`.
    IngestRing::Push ingest(const Client& client, const Message& message, bool retain,
                            bool duplicate, bool awaited, std::uint64_t& entry);
    /// An acknowledgement of `client` waits for `entry`.
    void await(Client& client, std::uint64_t entry);
    void subscribe(Subscription& subscription);  // its client keeps it, and takes it out again
    void unsubscribe(Subscription& subscription);
    std::size_t subscriptions() const { return trie_.size(); }

    void dirty(Client& client);    // has something to write
    void buried(Client& client);   // is gone: destroyed at the end of the turn
    void stalled(Client& client);  // the ring is full: looked at again in a moment
    std::uint64_t visit_at(Client& client, MonoTime when);
    bool hold_partial(std::size_t before, std::size_t after);

private:
    struct Waiting {
        std::uint64_t entry = 0;
        ClientRef client;
    };
    struct Failures {
        std::uint64_t from = 0;  // tick
        unsigned count = 0;
    };

    Client* find(ClientRef ref) const;
    void on_commit(const CommitMark& mark);
    void on_degraded(bool now);
    void schedule_turn();
    void end_turn();
    void wake_stalled();
    void bury();

    BrokerParts parts_;
    const BrokerOptions options_;
    Stats stats_;
    Retained retained_;
    Pace pace_;
    Wheel<ClientRef> wheel_;
    TopicTrie<Subscription*> trie_;
    std::size_t gateway_filters_ = 0;  // subscriptions that may match the gateway's own topics
    std::vector<std::unique_ptr<Client>> clients_;
    std::vector<std::uint32_t> generations_, free_;
    std::unordered_map<std::string, Client*> by_id_;
    std::unordered_map<std::string, std::size_t> per_address_;
    std::unordered_map<std::string, Failures> failures_;
    std::deque<ClientRef> unconnected_;
    std::deque<Waiting> waiting_;
    std::vector<Client*> dirty_, buried_, matched_;
    std::vector<ClientRef> stalled_;
    std::uint64_t stamp_ = 0;
    std::uint64_t hurried_to_ = 0;
    std::size_t partial_bytes_ = 0;
    std::size_t open_ = 0, connected_ = 0;
    MonoTime started_{};
    EventLoop::TimerId tick_timer_ = 0, stall_timer_ = 0;
    bool degraded_ = false;
    bool turn_scheduled_ = false;
    bool quiet_ = false;  // stopping: nothing is read
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace fog::mqtt
