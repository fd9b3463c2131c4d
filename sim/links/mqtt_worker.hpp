#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "firmware/core/bounded_queue.hpp"
#include "firmware/io/mqtt_client.hpp"

namespace fog::sim {

/// One MQTT connection with its thread `fog-sim-mqtt`: connects, reconnects with back-off, hands
/// over what it is given and reports what became of it. It keeps no message: that is the carrier's
/// part, so that the ledger can be written before a repeat leaves.
class MqttWorker {
public:
    struct Outgoing {
        std::uint64_t connection = 0;  // made for this one; given up if another follows
        std::int64_t token = 0;
        std::string topic, payload;
        int qos = 1;
        bool retain = false;
    };
    struct Fact {
        enum class Kind : std::uint8_t { connected, lost, delivered, failed } kind;
        std::uint64_t connection = 0;
        std::int64_t token = 0;
        std::string why;
        MonoTime at;
    };

    /// What a device says about itself, retained; empty topic = nothing.
    struct Availability {
        std::string topic{}, online{};
    };

    /// `notify` is called from other threads after a fact was added.
    MqttWorker(MqttOptions options, Availability availability, std::function<void()> notify);
    ~MqttWorker();
    MqttWorker(const MqttWorker&) = delete;
    MqttWorker& operator=(const MqttWorker&) = delete;

    void start();
    /// False if its queue is full: keep it, try later. Any thread, never blocks.
    [[nodiscard]] bool publish(Outgoing message);
    /// Says goodbye and stays away until called with false.
    void pause(bool paused);
    /// Does not connect again until called with false; a connection that stands stays.
    void stay_away(bool away);
    /// Ends each connection so long after it was made; 0 = no more.
    void storm(std::chrono::nanoseconds every);
    /// Once: leaves, comes with a clean session, leaves and comes back.
    void forget_session();
    /// Ends the connection and the thread; blocks until both are gone.
    void stop();
    /// Moves the facts so far to the end of `out`. Never blocks.
    void take_facts(std::vector<Fact>& out);

private:
    struct Item {
        bool nudge = false;  // nothing to publish: look at the flags
        Outgoing message;
    };
    void run();
    void serve(MqttClient& client);
    void hand_over(MqttClient& client, Outgoing& message);
    void rest(std::chrono::milliseconds time);
    void forget();
    bool leave_now(MonoTime connected) const;
    void add(Fact fact);
    void nudge();

    MqttOptions options_;
    Availability availability_;
    std::function<void()> notify_;
    BoundedQueue<Item> inbox_;
    BoundedQueue<Fact> facts_;
    std::atomic<std::uint64_t> connection_{0};
    std::atomic<bool> stopping_{false}, paused_{false}, lost_{false}, has_facts_{false};
    std::atomic<bool> away_{false}, forget_{false};
    std::atomic<std::int64_t> storm_ns_{0};
    std::thread thread_;
};

}  // namespace fog::sim
