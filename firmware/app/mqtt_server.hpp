#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "firmware/config/config.hpp"
#include "firmware/core/guarded.hpp"
#include "firmware/mqtt/listener.hpp"
#include "firmware/pipeline/pipeline.hpp"

namespace fog {

/// The MQTT listener as the daemon runs it, unless it is switched off: loopback until the box has
/// an owner, then every address; a taken port is tried again and makes the box not ready.
/// Thread: fog-io, except stop_reading() and close(): any other, they wait for fog-io.
class MqttServer {
public:
    MqttServer(const MqttListenerSection& section, mqtt::BrokerParts parts, Pipeline& pipeline,
               std::filesystem::path port_file);

    /// With the sessions as they were kept; it serves once the ring's entries up to `recovered_to`
    /// are in the log too. Before the store and the pipeline are started.
    Result<void> open(std::vector<StateWrite> sessions, std::uint64_t recovered_to);
    /// A blob that came back from the ring. Any thread.
    void recovered(const StateWrite& row);
    /// Also the addresses beyond loopback. Once a second after the claim too: it is quick then.
    void bind(bool claimed);
    /// Why it does not serve, empty if it does. Any thread.
    std::string fault() const { return *fault_.get(); }

    /// Where it listens, 0: nowhere yet. Any thread.
    std::uint16_t port() const { return port_; }

    /// Nothing more is read; what was is still acknowledged after its commit.
    void stop_reading();
    /// Clients are told, connections end.
    void close();

private:
    struct Address {
        std::string text;
        bool outside = false;  // waits for the claim
        bool bound = false;
    };
    void bind_one(Address& address);
    void on_loop(std::function<void()> work);

    const MqttListenerSection section_;
    EventLoop& loop_;
    Metrics& metrics_;
    const std::filesystem::path port_file_;
    std::unique_ptr<mqtt::Broker> broker_;
    std::unique_ptr<mqtt::Listener> listener_;
    std::vector<Address> addresses_;
    std::atomic<std::uint16_t> port_{0};
    bool claimed_ = false;
    Snapshot<std::string> fault_{std::make_shared<const std::string>()};
};

}  // namespace fog
