#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/commit_watch.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/log_access.hpp"
#include "firmware/core/topic.hpp"
#include "firmware/http/held.hpp"
#include "firmware/http/principal.hpp"
#include "firmware/io/event_loop.hpp"
#include "firmware/io/ingest_ring.hpp"
#include "firmware/mqtt/encode.hpp"
#include "firmware/mqtt/pace.hpp"
#include "firmware/mqtt/retained.hpp"
#include "firmware/mqtt/session.hpp"
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
    std::uint32_t session_expiry_max = 7 * 86'400;
    std::uint32_t retained_every = 60;   // seconds; a QoS 0 retained message on flash is no older
    std::chrono::seconds will_wait{60};  // of a stored will after a start, at least
    bool simulated = false;              // what is published stands for nothing real
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
    LogReaders* log = nullptr;  // null (or no hub): every session ends with its connection
    /// Runs work that reads the disk on the api pool; false = full.
    std::function<bool(std::function<void()>)> run_on_api = {};
    BootId boot = {};
    /// Whether a certificate of this name is let in, now.
    std::function<bool(std::string_view name)> knows_device = {};
    /// Members of an event on system/mqtt.
    std::function<void(std::string members)> tell = {};
};

/// A row of the log's state table.
struct SavedRow {
    std::string key;
    Bytes value;  // empty: gone
};

/// Names a client that may be gone.
struct ClientRef {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    bool operator==(const ClientRef&) const = default;
};

/// The MQTT server behind its connections: who is there, who wants what, what is retained, which
/// acknowledgements wait for a commit. A session that outlives its connection is a cursor in the
/// log: what it is owed at QoS 1 is read from there, in order, whether it was away or not.
///
/// Thread: fog-io; committed() and degraded() are called on fog-store and posted. Blocks: never.
/// Everything bounded by Limits, every refusal and drop counted by reason.
class Broker final : public CommitWatcher, public RecordFollower {
public:
    Broker(BrokerParts parts, BrokerOptions options);
    ~Broker() override;
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    /// The sessions as the log's state table has them. What the ring still holds up to entry
    /// `recovered_to` comes by recovered(); `ready` is called when nothing more can come.
    void open(std::vector<SavedRow> rows, std::uint64_t recovered_to, std::function<void()> ready);
    void recovered(SavedRow row);
    bool ready() const { return ready_; }

    /// A new connection; the broker keeps it until it ends.
    void accept(std::unique_ptr<HeldConnection> connection, std::string address,
                Transport transport = Transport::tcp);
    /// Whether an address failed to prove itself too often of late.
    bool banned(const std::string& address) const;
    /// Reads nothing more; what waits for a commit is still acknowledged.
    void quiesce();
    /// After quiesce(): writes the retained messages that differ from their rows, as far as the
    /// ring has room. True: all of them.
    bool save_retained();
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

    /// Whether sessions can outlive their connections at all.
    bool keeps_sessions() const { return parts_.log != nullptr && parts_.hub != nullptr; }
    /// Whether one more may; one that does already, always.
    bool room_for_session(const std::string& id) const;
    struct Adopted {
        Session* session = nullptr;  // null: another identity has the id
        bool present = false;
        bool fought = false;  // it changes hands so fast that two clients must have one id
    };
    /// A client that said who it is takes its session, or a new one; a connection that has it is
    /// closed.
    Adopted adopt(Client& client, const std::string& id, bool clean, std::uint32_t expiry);
    /// QoS 2: the id is free again, with a lasting session when `entry` is committed. False: the
    /// ring is full, nothing was done.
    bool release_id(Session& session, std::uint16_t packet, std::uint64_t& entry);
    /// QoS 2: its PUBLISH was refused after all.
    void drop_id(Session& session, std::uint16_t packet);
    /// Entries up to here are decided.
    std::uint64_t decided() const { return decided_; }
    /// How long a session is kept after its connection.
    void set_expiry(Session& session, std::uint32_t seconds);
    /// The client of a session is gone.
    void detach(Session& session);
    /// Writes the session's row; the number of the entry to wait for, 0: the ring is full, it is
    /// tried again.
    std::uint64_t save(Session& session);
    /// A session goes on where it stood. False: what became of it is looked up first, welcome()
    /// follows.
    bool resume(Session& session);
    /// Gives a session what it can take now of what it has not seen.
    void catch_up(Session& session);
    Seq head() const { return head_; }
    /// Whether a session reads messages of this topic and QoS from the log.
    bool owed(std::string_view topic, std::uint8_t qos, const Session* sender);
    enum class Room : std::uint8_t { ok, full, address };
    Room room(const Client& client) const;
    void connected(Client& client);
    void disconnected(Client& client);
    void failed_login(const std::string& address);

    /// How a message comes to its receivers: at once, or with its place in the log.
    enum class Via : std::uint8_t { publish, raw, gateway };
    /// Sends to everybody who subscribed; how many. `sender` may be null.
    std::size_t route(const MessagePtr& message, const Session* sender, Via via = Via::publish,
                      Place place = {});
    /// The will of a client that gets its CONNACK now, with the next commit; not awaited. Where the
    /// ring has no room the session says so, and it is to be tried again.
    void keep_will(Session& session, const StoredWill& will);
    /// Its connection has ended, `will` null: in peace. Published now, after its delay, or, where
    /// the gateway stops, perhaps after the next start.
    void end_will(Session& session, std::unique_ptr<StoredWill> will);
    struct Ingest {
        bool retain = false, duplicate = false;
        bool awaited = false;  // then `entry` is its number
        bool owed = false, apart = false;
        std::string_view mark = {};
        std::uint64_t entry = 0;
        TakenAt at = {};   // retained: when it was taken in
        bool row = false;  // retained, and no record can hold it: its row is written at once
    };
    /// Whether retained messages outlive the daemon.
    bool keeps_retained() const { return keeps_sessions(); }
    /// The stamp of a retained message; no two have the same.
    TakenAt taken_now();
    /// A retained message with QoS 1 is on flash when it is acknowledged: as a record of the log,
    /// or what is too large for one as its row.
    void log_retained(const Message& message, Ingest& how) const;
    /// Keeps a retained message, or counts that there is no room.
    void retain(const MessagePtr& message, const Ingest& how);
    /// Whether it is small enough to be kept in the log as a whole.
    bool fits_log(const Message& message) const;
    /// What of it is to be kept goes into the ring.
    IngestRing::Push ingest(const std::string& client, const Message& message, Ingest& how);
    /// An acknowledgement of `client` waits for `entry`.
    void await(Client& client, std::uint64_t entry);
    void subscribe(Subscription& subscription);  // its client keeps it, and takes it out again
    void unsubscribe(Subscription& subscription);
    /// Its QoS, or whether its session lasts, is about to change (-1) or has changed (+1).
    void weigh(const Subscription& subscription, int sign);
    std::size_t subscriptions() const { return trie_.size() + members_; }
    /// Makes a subscription one of the group's members; the first one makes the group.
    void join(Subscription& subscription, std::string_view key, std::string_view filter);
    /// A message for one member of the group. `again`: a member that had it is gone.
    void share(const std::shared_ptr<Group>& of, const MessagePtr& message, bool again);

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

    bool fight(const std::string& id, const Client& before, const Client& after);
    Client* find(ClientRef ref) const;
    void on_commit(const CommitMark& mark);
    void on_degraded(bool now);
    using EachMessage = std::function<void(const MessagePtr&, Place, Via, const Session* sender)>;
    struct Page {
        bool failed = false;
        Seq committed;
        LogPage page;
    };
    void messages_of(const Frame& frame, const EachMessage& each);
    void give_live(Session& session, const MessagePtr& message, Place place);
    void offer(Session& session, const Frame& frame);
    void from_ring(Session& session);
    void ask_page(Session& session);
    void on_page(const std::string& id, std::uint64_t number, Page page);
    void count_missing(Session& session, const LogPage& page);
    void passed(Session& session);
    void begin_serving();
    void restore(const std::string& id, const Bytes& row);
    void restore_id(const std::string& key);
    bool put_row(std::string_view key, const Bytes& value, bool awaited, std::uint64_t& entry);
    bool bury_rows();
    void leave_group(Subscription& subscription);
    enum class Try : std::uint8_t { again, last };
    bool publish_will(const StoredWill& will, const std::string& id, const Session* session,
                      Try which);
    void publish_or_keep(Session& session, std::unique_ptr<StoredWill> will);
    void drop_will_row(Session& session);
    void restore_will(const std::string& key, const Bytes& row);
    void settle_kept_will(const Client& client, const std::string& id);
    void check_wills();
    using KeptWills = std::map<std::string, KeptWill, std::less<>>;
    KeptWills::iterator end_kept_will(KeptWills::iterator at);
    bool recover_retained(const SavedRow& row);
    void load_retained();
    void hear_retained(const Record& record);
    void check_retained();
    bool records_landed();
    bool save_rows(std::size_t most);
    bool save_kept_to();
    void begin_keeping();
    IngestRing::Push keep_row(const Message& message, bool awaited, Ingest& how);
    IngestRing::Push push_row(std::string_view key, const Bytes& value, bool awaited,
                              std::uint64_t& entry);
    void drop_refused(const std::vector<std::uint64_t>& refused);
    bool save_cursor(Session& session);
    void forget(Session& session);
    void check_sessions();
    void count_sessions();
    Session* find_session(std::string_view id) const;
    void schedule_turn();
    void end_turn();
    void wake_stalled();
    void bury();

    BrokerParts parts_;
    const BrokerOptions options_;
    Stats stats_;
    Retained retained_;
    Pace pace_;
    std::uint64_t waits_a_second_;  // windows of parts_.pace that fit
    Wheel<ClientRef> wheel_;
    TopicTrie<Subscription*> trie_;
    std::size_t gateway_filters_ = 0;  // subscriptions that may match the gateway's own topics
    std::vector<std::unique_ptr<Client>> clients_;
    std::vector<std::uint32_t> generations_, free_;
    std::map<std::string, std::unique_ptr<Session>, std::less<>> sessions_;
    std::map<std::string, Bytes> rows_;  // until ready
    std::vector<std::string> graves_;    // rows to be deleted: there was no room in the ring
    KeptWills wills_;                    // of before the start: their clients may come back
    std::size_t will_bytes_ = 0;         // of all rows of wills
    MonoTime last_taken_{};
    std::optional<Seq> kept_to_;  // retained messages of records up to here are in rows
    Seq keeping_to_;              // the same, when the rows being written are
    MonoTime keep_at_{};          // then the changed ones are written
    MonoTime checkpoint_at_{};    // then all of them
    bool keeping_ = false;        // rows are being written
    bool keeping_all_ = false;
    std::uint64_t barrier_ = 0;  // entry behind the records all rows must be newer than; 0 = none
    std::size_t lasting_ = 0;    // sessions that outlive their connections
    std::size_t lasting_filters_ = 0;  // their subscriptions with QoS 1
    std::size_t pages_ = 0;            // being read
    std::uint64_t page_number_ = 0;
    Seq head_;  // newest record heard of
    std::uint64_t recovered_to_ = 0;
    std::function<void()> when_ready_;
    bool ready_ = false;
    std::unordered_map<std::string, std::size_t> per_address_;
    std::unordered_map<std::string, Failures> failures_;
    std::unordered_map<std::string, Failures> takeovers_;  // by client id
    std::deque<ClientRef> unconnected_;
    std::deque<Waiting> waiting_;  // by entry
    std::size_t sift_at_ = 0;      // then those of clients that are gone go
    std::vector<Client*> dirty_, buried_;
    std::vector<Session*> matched_;
    std::map<std::string, std::shared_ptr<Group>, std::less<>> groups_;
    std::vector<std::shared_ptr<Group>> matched_groups_;
    std::size_t members_ = 0;  // of all groups
    std::vector<ClientRef> stalled_;
    std::uint64_t stamp_ = 0;
    std::uint64_t hurried_to_ = 0, decided_ = 0;
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
