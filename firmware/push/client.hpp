#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/small_queue.hpp"
#include "firmware/http/held.hpp"
#include "firmware/http/principal.hpp"
#include "firmware/push/frame.hpp"
#include "firmware/push/hub.hpp"
#include "firmware/push/params.hpp"
#include "firmware/push/replay.hpp"
#include "firmware/push/shaper.hpp"
#include "firmware/push/transport.hpp"

namespace fog {

/// One set of channels of one client. Owned by its client; the hub's trie points at it.
struct Subscription {
    Client* client = nullptr;
    std::string id;  // "" for the one of the URL
    std::uint64_t generation = 0;
    StreamParams params;
    std::unique_ptr<Shaper> shaper;      // only with min_interval
    std::unique_ptr<Catching> catching;  // set: not live, reads from the ring or the log
    bool live() const { return catching == nullptr; }
};

/// One held client: its queue, its subscriptions, its slow policy. Knows no transport details.
/// Thread: fog-io. Blocks: never. Ends by itself; the hub destroys it at the end of a turn.
class Client final : public HeldConnection::Owner {
public:
    struct Setup {
        const Wire* wire = nullptr;
        std::string remote;
        Principal principal;
        std::unique_ptr<Listener> listener;  // null: input is ignored
        StreamParams defaults;               // tick, pad, names of the connection
    };
    Client(Hub& hub, Setup setup, std::unique_ptr<HeldConnection> connection);
    ~Client() override;

    const std::string& conn() const { return conn_; }
    const std::string& remote() const { return setup_.remote; }
    const Wire& wire() const { return *setup_.wire; }
    const Principal& principal() const { return setup_.principal; }
    void set_principal(Principal principal) { setup_.principal = std::move(principal); }
    const StreamParams& defaults() const { return setup_.defaults; }
    Hub& hub() { return hub_; }
    bool ended() const { return ending_ || gone_; }
    std::string json() const;
    std::size_t queued() const { return queued_; }
    /// Tells an EventSource when to come back.
    void retry(std::size_t milliseconds);

    /// Adds or replaces a subscription; `first` and what it asked for follow.
    void subscribe(std::string id, StreamParams params);
    bool unsubscribe(std::string_view id);
    std::size_t patterns() const;
    /// Whether every channel it has is within these patterns.
    bool within(const std::vector<std::string>& patterns) const;
    Position position() const;  // handed over up to here

    /// A new record one of its subscriptions wants.
    void deliver(const FramePtr& frame, Subscription& sub);
    void release_held(Subscription& sub, MonoTime now);
    /// A control envelope in order with the data, or ahead of it (class reply, alarm).
    void control(std::string_view kind, std::string_view json, std::optional<Position> id = {},
                 PushClass cls = PushClass::live);
    /// Bytes of the transport itself (pong, reply), ahead of data.
    void say(std::string bytes, PushClass cls = PushClass::reply);
    void flush();
    void on_page(std::uint64_t generation, PageAnswer answer);
    /// Last words, then the end of the connection. `why` is the label of closed_total.
    void end(std::uint16_t code, std::string_view why, std::string_view bye_json = {});
    void sweep(MonoTime now);

    // HeldConnection::Owner
    void on_writable() override;
    void on_input(std::span<const std::byte> bytes) override;
    void on_closed(std::string_view reason) override;

    // --- used by the hub while it matches one record
    std::uint64_t stamp = 0;
    Subscription* chosen = nullptr;
    bool marked_dirty = false;

private:
    struct Entry {
        FramePtr frame;
        std::shared_ptr<const std::string> raw;  // control: complete bytes
        std::uint32_t n = 1;
        std::uint64_t done = 0;    // position that holds once this is out; 0 = none
        std::uint64_t raw_id = 0;  // position inside raw
        std::size_t weight() const {
            return (frame ? frame->weight() : raw ? raw->size() : 0) + 64;
        }
    };
    using Queue = SmallQueue<Entry>;

    void start(Subscription& sub);
    void begin(Subscription& sub, std::string_view how, std::optional<std::uint64_t> replay);
    void send_first(const Subscription& sub, std::string_view how, Position from,
                    std::optional<std::uint64_t> replay);
    void send_gap(const Subscription& sub, Position from, Position to, std::string_view reason,
                  std::optional<std::uint64_t> missed, bool exact);
    bool advance_once(Subscription& sub);
    bool send_snapshot_part(Subscription& sub);
    void collect_snapshot(Subscription& sub);
    void replay_ring(Subscription& sub);
    void replay_page(Subscription& sub, LogPage page);
    void replay_one(Subscription& sub, FramePtr frame);
    void report_missing(Subscription& sub, const std::vector<Missing>& missing, Seq upto);
    void limit_replay(Subscription& sub, Seq from, Seq begin_at);
    void ask_page(Subscription& sub);
    bool wants(const Subscription& sub, const Frame& frame) const;

    void enqueue(const FramePtr& frame, std::uint32_t n, std::uint64_t low, SlowPolicy policy);
    void push(PushClass cls, Entry entry);
    /// What holds once everything queued so far is out: nothing below it is owed. 0 = unknown.
    std::uint64_t done_now() const;
    bool apply_slow(const FramePtr& frame, std::uint32_t n, std::uint64_t low, SlowPolicy policy);
    void start_conflating();
    void drop_oldest();
    void fall_behind(std::string_view why);
    void slow(bool is);
    struct InFlight {
        Entry entry;
        PushClass cls = PushClass::live;
        std::size_t end = 0;           // offset in the gathered bytes
        std::uint64_t pos_before = 0;  // last_pos_ before it
    };
    bool next(Entry& out, PushClass& cls);
    std::optional<Position> position_for(const Entry& entry, PushClass cls);
    bool flush_some();
    bool write_rest();
    void settle(std::vector<InFlight>& flying, std::size_t accepted);
    void count_sent(const InFlight& one, MonoTime now);
    void note_written(HeldConnection::Written written);
    bool queues_empty() const;
    void resume_catching();
    void tell_dropped();
    void finish_if_done();
    void tick(MonoTime now);
    void gone(std::string_view why);
    Subscription* by_generation(std::uint64_t generation);

    Hub& hub_;
    PushMetrics::PerTransport& counts_;
    Setup setup_;
    std::string conn_;
    std::unique_ptr<HeldConnection> connection_;
    std::vector<std::unique_ptr<Subscription>> subs_;
    std::array<Queue, kPushClasses> queues_;
    std::unique_ptr<NewestPerSeries> newest_;  // slow policy conflate
    std::string rest_;                         // of an event the kernel took part of
    std::size_t queued_ = 0;                   // bytes, rest_ included
    std::uint64_t last_pos_ = 0;               // sent
    std::uint64_t dropped_from_ = 0, dropped_to_ = 0, dropped_ = 0;  // gap slow-client due
    std::uint64_t events_ = 0, bytes_ = 0, conflated_ = 0, lost_ = 0;
    MonoTime last_write_{}, blocked_since_{}, ending_since_{}, opened_{};
    bool full_ = false;
    bool slow_ = false;
    bool overtook_ = false;  // something was sent without its position
    bool ending_ = false;
    bool finished_ = false;
    bool gone_ = false;
    bool warned_ = false;  // `expiring` was sent
    std::uint8_t jitter_ = 0;
};

}  // namespace fog
