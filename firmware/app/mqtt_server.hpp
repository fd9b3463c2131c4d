#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "firmware/config/config.hpp"
#include "firmware/core/guarded.hpp"
#include "firmware/io/tls.hpp"
#include "firmware/mqtt/listener.hpp"
#include "firmware/mqtt/websocket.hpp"
#include "firmware/pipeline/pipeline.hpp"

namespace fog {

/// What [mqtt.listener] says about TLS, for firmware/io.
TlsSettings tls_settings(const MqttTlsSection& section);
/// That the certificate has expired, and what to do.
std::string expired_text(const TlsServer& server, const MqttTlsSection& section);
inline constexpr std::string_view kRenewHint =
    "Put a renewed certificate there; it is taken within seconds, without a restart. Or check the "
    "gateway's clock.";

/// The MQTT listener as the daemon runs it, unless it is switched off: loopback until the box has
/// an owner, then every address; a taken port is tried again and makes the box not ready. With a
/// certificate also TLS; its files are looked at every second, faulty ones keep what was there.
/// Thread: fog-io, except stop_reading() and close(): any other, they wait for fog-io.
class MqttServer {
public:
    /// `ports`: folder in which mqtt.port and mqtt-tls.port tell where it listens.
    MqttServer(const MqttListenerSection& section, mqtt::BrokerParts parts, Pipeline& pipeline,
               std::filesystem::path ports);

    /// With the sessions as they were kept; it serves once the ring's entries up to `recovered_to`
    /// are in the log too. Before the store and the pipeline are started.
    Result<void> open(std::vector<StateWrite> sessions, std::uint64_t recovered_to);
    /// A blob that came back from the ring. Any thread.
    void recovered(const StateWrite& row);
    /// MQTT over WebSocket on the web port.
    void add_routes(Router& router) { mqtt::add_websocket_route(router, *broker_); }
    /// Also the addresses beyond loopback. Once a second after the claim too: it is quick then.
    void bind(bool claimed);
    /// Why it does not serve, empty if it does. Any thread.
    std::string fault() const;

    /// Where it listens, 0: nowhere yet. Any thread.
    std::uint16_t port() const { return plain_.port; }

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
    using Fault = Snapshot<std::string>;  // empty: none
    /// Plain or TLS: where it listens and why not.
    struct Side {
        std::vector<Address> addresses;
        std::uint16_t wanted = 0;
        std::atomic<std::uint16_t> port{0};
        bool tls = false;
        Fault fault{std::make_shared<const std::string>()};
    };
    void bind_side(Side& side);
    void bind_one(Side& side, Address& address);
    static void tell(Fault& fault, const Error& error);
    void look_at_files();
    void take(Result<std::shared_ptr<const TlsServer>> loaded);
    void tell_expired();
    void look_at_devices();
    void on_loop(std::function<void()> work);

    const MqttListenerSection section_;
    EventLoop& loop_;
    Metrics& metrics_;
    Pipeline& pipeline_;
    const std::function<bool(std::function<void()>)> run_on_api_;
    const Clock& clock_;
    const std::filesystem::path ports_;
    std::unique_ptr<mqtt::Broker> broker_;
    std::unique_ptr<mqtt::Listener> listener_;
    Side plain_, secure_;
    Fault files_fault_{std::make_shared<const std::string>()};
    std::shared_ptr<TlsFiles> files_;  // null: no TLS, or being looked at on fog-api
    bool has_tls_ = false;             // a certificate was good
    std::shared_ptr<const TlsServer> served_;
    bool expiry_told_ = false;  // of served_
    using Names = std::unordered_set<std::string>;
    Snapshot<Names> devices_{nullptr};  // let in (cert_auto: kept out); null: not asked for yet
    bool claimed_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace fog
