#pragma once

#include <deque>
#include <map>
#include <memory>

#include "sim/links/carrier.hpp"
#include "sim/links/mqtt_intruder.hpp"
#include "sim/links/mqtt_worker.hpp"
#include "sim/links/tcp_proxy.hpp"

namespace fog::sim {

enum class MqttShape : std::uint8_t { json, plain };

/// How one device speaks on its connection.
struct MqttDevice {
    std::size_t device = 0;  // place in Scenario::devices
    Endpoint endpoint;
    MqttShape shape = MqttShape::json;
    std::string prefix;
    int qos = 1;
    bool retain = false;
};

struct MqttMessage {
    std::string topic, payload;
};
/// The messages of one report: one object for json, one per point for plain. Pure.
std::vector<MqttMessage> mqtt_messages(const Report& report, const MqttDevice& device,
                                       WallTime source);

/// One connection and the devices on it. Keeps what was not acknowledged and sends it again, with
/// the same ids, on the next connection; QoS 0 is sent once or not at all.
class MqttCarrier final : public Carrier {
public:
    struct Options {
        MqttOptions mqtt{};
        MqttWorker::Availability availability{};
        bool cut = false;             // through a proxy of its own, for dirty disconnects
        std::size_t buffer = 10'000;  // messages kept while there is no connection
    };
    MqttCarrier(Options options, std::vector<MqttDevice> devices, Ledger& ledger, const Wake& wake);

    Result<void> start(MonoTime now) override;
    void take(const Report& report, WallTime source, MonoTime now) override;
    void step(MonoTime now) override;
    void release(MonoTime now) override;
    std::optional<MonoTime> next_step() const override;
    void fault(const FaultSpec& fault, bool begins, MonoTime now) override;
    std::string_view state() const override;
    bool settled() const override { return ready_.empty() && out_.empty(); }
    void stop() override;
    std::size_t waiting() const override { return ready_.size() + out_.size(); }

private:
    /// One report on its way; its messages share it.
    struct Parcel {
        Report report;
        WallTime source;
        const MqttDevice* device = nullptr;
        std::size_t open = 0;           // messages without an acknowledgement
        bool sent = false;              // its `sent` lines are written
        std::uint64_t repeated_on = 0;  // the connection its `resent` line was written for
    };
    struct Waiting {
        std::uint64_t order = 0;  // as taken
        std::shared_ptr<Parcel> parcel;
        MqttMessage message;
    };
    Result<void> put_proxy_in_front();
    void disconnect_dirty(bool begins);
    void say_too_much(const FaultSpec& fault, MonoTime now);
    void stage(MonoTime now);
    void note_leaving(Parcel& parcel, MonoTime now);
    void on_fact(MqttWorker::Fact& fact, MonoTime now);
    void on_lost(const std::string& why, MonoTime now);
    void on_delivered(std::int64_t token, MonoTime at);
    void put_back(Waiting waiting);
    void give_back(std::int64_t token, MonoTime now);
    const MqttDevice* find(std::size_t device) const;

    Options options_;
    std::vector<MqttDevice> devices_;
    Ledger& ledger_;
    const Wake& wake_;
    std::unique_ptr<TcpProxies> front_;
    std::unique_ptr<MqttWorker> worker_;  // from start() on
    std::unique_ptr<MqttIntruder> intruder_;
    unsigned away_ = 0, leftovers_ = 0;    // faults that hold
    std::deque<Waiting> ready_;            // to be handed over, oldest first
    std::map<std::int64_t, Waiting> out_;  // handed over, by token
    std::vector<std::int64_t> staged_;     // in out_, not yet given to the worker
    std::vector<MqttWorker::Fact> facts_;
    std::int64_t last_token_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t connection_ = 0;  // 0 = none
    bool was_lost_ = false;         // one `lost` line per outage
    std::optional<MonoTime> retry_at_;
};

}  // namespace fog::sim
