#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/small_queue.hpp"
#include "firmware/http/held.hpp"
#include "firmware/mqtt/broker.hpp"
#include "firmware/mqtt/packet.hpp"

namespace fog::mqtt {

/// One connection and its clean session: reads packets, answers them, queues what it subscribed.
/// Owned by the broker, destroyed at the end of a turn. Thread: fog-io. Blocks: never.
class Client final : public HeldConnection::Owner {
public:
    Client(Broker& broker, ClientRef ref, std::unique_ptr<HeldConnection> connection,
           std::string address, Transport transport);
    ~Client() override;

    ClientRef ref() const { return ref_; }
    const std::string& id() const { return id_; }
    const std::string& address() const { return address_; }
    Transport transport() const { return transport_; }
    const Principal& principal() const { return principal_; }
    bool connected() const { return state_ == State::open; }
    bool gone() const { return state_ == State::gone; }
    Version version() const { return version_; }
    Pace::Sender& sender() { return sender_; }

    /// Ends the connection: v5 hears `code`, `reason` is for the counters.
    void end(Code code, std::string_view reason, bool will);
    /// Without a word to the far side.
    void drop(std::string_view reason);
    /// A message it subscribed, by the best of its matching subscriptions; with its place in the
    /// log, and with the id it was in flight with before.
    void deliver(const MessagePtr& message, const Delivery& how, Place place = {},
                 std::uint16_t again = 0);
    /// As one of a group. `passed_on`: a member that had it is gone.
    void deliver_shared(const MessagePtr& message, const Delivery& how,
                        const std::shared_ptr<Group>& group, bool passed_on);
    /// What is on its way to it, sent or queued, and whether its window has room for more.
    std::size_t load() const { return unacked_ + queue_.size(); }
    bool has_window() const { return load() < window_ && shared_room(); }
    /// Whether it takes one more message of the log, or a number of them.
    bool has_room() const;
    bool ready_for_more() const;
    /// What of the records up to `upto` was handed to the network, or is in flight.
    Seq handled(Seq upto) const;
    /// Whether retained messages were on their way.
    bool owes_retained() const;
    /// CONNACK; a session may wait for the log with it.
    void welcome();
    bool welcomed() const { return !held_; }
    MonoTime since() const { return since_; }
    /// The session's row is in the ring as `entry`.
    void saved(std::uint64_t entry);
    /// Entries up to `upto` are decided: their acknowledgements go out.
    void release(std::uint64_t upto);
    /// Entry is not on flash: v5 gets 0x97, v3 no acknowledgement but the end of its connection.
    void refuse(std::uint64_t entry);
    void degraded();
    void flush();
    void resume();   // stalled, or stopped for want of memory
    void silence();  // nothing is read any more
    void visit();    // by the wheel
    void check_credential();
    void save_will();  // where there was no room
    bool may_publish(std::string_view topic) const;

    // HeldConnection::Owner
    void on_writable() override;
    void on_input(std::span<const std::byte> bytes) override;
    void on_closed(std::string_view reason) override;

    bool marked_dirty = false;
    std::uint64_t visit_tick = 0;

private:
    enum class State : std::uint8_t { fresh, refused, open, ending, gone };
    enum Pause : std::uint8_t { window = 1, ring = 2, output = 4, memory = 8, stop = 16, log = 32 };
    struct PendingAck {
        std::uint64_t entry = 0;  // 0: waits only for those before it
        MonoTime read;
        std::uint16_t id = 0;
        Code code = Code::success;
        Type type = Type::puback;
    };
    struct Outgoing {
        MessagePtr message;
        Place place;
        std::uint16_t again = 0;  // id it was in flight with
        std::uint8_t qos = 0;
        bool retain = false;
        std::vector<std::uint32_t> identifiers;
        std::shared_ptr<Group> group;  // shared, QoS 1
        bool passed_on = false;        // not counted: it had room with the one that is gone
        std::size_t bytes() const;     // what it counts
    };
    static Outgoing outgoing(const MessagePtr& message, const Delivery& how);
    using Shared = std::vector<std::pair<std::shared_ptr<Group>, MessagePtr>>;
    struct Backlog {  // retained messages of a new subscription still to be queued
        std::string filter;
        Outgoing as;  // qos and identifiers
        std::string after;
        bool raw_done = false;
        std::vector<FramePtr> frames;  // of the gateway's own topics
        std::size_t frames_at = 0;
    };

    std::size_t feed(std::string_view bytes);
    void keep(std::string_view rest);
    void resume_parsing();
    bool handle(const Header& header, std::string_view body);
    bool too_many_answers(const Header& header) const;
    void ask_again();
    void on_connect(std::string_view body);
    MaybeRefusal check_connect(const Connect& connect) const;
    MaybeRefusal check_will(const Connect& connect) const;
    MaybeRefusal authenticate(const Connect& connect);
    MaybeRefusal authenticate(const Connect& connect, const std::string& certificate);
    void accept_connect(const Connect& connect, bool present, bool fought);
    std::uint32_t wanted_expiry(const Connect& connect) const;
    void check_rights();
    void reply_when_saved(std::string bytes);
    void refuse_connect(const Refusal& refusal);
    void keep_will(const Connect& connect);
    bool on_publish(const Header& header, std::string_view body);
    MaybeRefusal resolve_alias(Publish& publish);
    MaybeRefusal check_publish(const Publish& publish) const;
    bool store_and_route(const Publish& publish);
    void refuse_publish(const Publish& publish, const Refusal& refusal);
    void acknowledge(Type type, std::uint16_t id, Code code, std::uint64_t entry);
    bool received_before(const Publish& publish);
    bool on_pubrel(std::string_view body);
    std::size_t unanswered() const;
    MaybeRefusal check_quota(const Publish& publish) const;
    void release_ready(std::uint64_t upto);
    void on_ack(Type type, std::string_view body);
    void on_subscribe(std::string_view body);
    Code subscribe(const Filter& filter, std::uint32_t identifier);
    Shared take_shared();
    void on_unsubscribe(std::string_view body);
    void on_disconnect(std::string_view body);
    void start_backlog(const Subscription& subscription, bool retain);
    void fill_backlog(std::size_t& left);
    /// In flight they are kept for another member; one message always has room.
    bool shared_room() const { return shared_ < broker_.limits().client_queue_bytes; }
    void enqueue(Outgoing out);
    bool make_room(std::size_t bytes);
    void write_queue();
    bool write_one(const Outgoing& out);
    bool held_back() const;
    void pause(Pause why);
    void unpause(Pause why);
    void protocol_fault(const Refusal& refusal);
    void say(std::string_view bytes);
    void tls_failed(std::string_view why);
    void schedule();
    void leave(bool will);

    Broker& broker_;
    const ClientRef ref_;
    std::unique_ptr<HeldConnection> connection_;
    const std::string address_;
    const Transport transport_;
    State state_ = State::fresh;
    Version version_ = Version::v3;
    std::uint8_t paused_ = 0;
    bool problem_info_ = true;
    bool full_ = false;  // the kernel takes no more for now
    bool overflowed_ = false;
    bool certified_ = false;  // a certificate says who it is
    std::string id_;
    Principal principal_;
    std::uint16_t keep_alive_ = 0;
    std::uint32_t window_ = 0;
    std::uint32_t most_packet_ = 0xFFFFFFFF;
    std::string partial_;  // of a packet that is not whole, or was not looked at while paused
    std::string out_;
    SmallQueue<PendingAck> acks_;
    SmallQueue<Outgoing> queue_;
    std::size_t queued_ = 0;   // bytes of what queue_ refers to
    std::size_t logged_ = 0;   // messages in queue_ with a place in the log
    std::size_t unacked_ = 0;  // sent with QoS 1 on this connection
    std::size_t shared_ = 0;   // bytes of these it has as one of a group
    Session* session_ = nullptr;
    struct LateReply {
        std::uint64_t entry = 0;
        std::string bytes;
    };
    std::vector<LateReply> late_;  // SUBACK and UNSUBACK of a lasting session, until they hold
    std::unique_ptr<Connack> connack_;
    bool held_ = false;  // CONNACK waits for the log, or until then
    MonoTime welcome_at_{};
    std::vector<Backlog> backlog_;
    std::vector<std::string> aliases_;
    std::unique_ptr<StoredWill> will_;
    Pace::Sender sender_;
    MonoTime heard_, partial_since_, since_;
    MonoTime until_;  // fresh: CONNECT; refused: the answer; ending: the far side's end
};

}  // namespace fog::mqtt
