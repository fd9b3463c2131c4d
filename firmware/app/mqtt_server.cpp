#include "firmware/app/mqtt_server.hpp"

#include <algorithm>
#include <future>

#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"
#include "firmware/io/tcp_doors.hpp"

namespace fog {
namespace {

constexpr auto kStopWait = std::chrono::seconds(2);

mqtt::BrokerOptions options_of(const MqttListenerSection& section) {
    mqtt::BrokerOptions out;
    out.open = section.open;
    out.simulated = section.simulated;
    out.receive_maximum = section.receive_maximum;
    out.keep_alive_max = static_cast<std::uint16_t>(
        std::chrono::duration_cast<std::chrono::seconds>(section.keepalive_max).count());
    out.session_expiry_max = static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(section.session_expiry_max).count());
    return out;
}

}  // namespace

MqttServer::MqttServer(const MqttListenerSection& section, mqtt::BrokerParts parts,
                       Pipeline& pipeline, std::filesystem::path port_file)
    : section_(section),
      loop_(parts.loop),
      metrics_(parts.metrics),
      port_file_(std::move(port_file)),
      broker_(std::make_unique<mqtt::Broker>(std::move(parts), options_of(section))) {
    pipeline.watch(broker_.get());
    for (const auto& one : section_.bind)
        addresses_.push_back({one, !TcpDoors::is_loopback(one), false});
    if (addresses_.empty()) addresses_ = {{"127.0.0.1", false, false}, {"::", true, false}};
}

Result<void> MqttServer::open(std::vector<StateWrite> sessions, std::uint64_t recovered_to) {
    auto made = mqtt::Listener::make(loop_, *broker_, metrics_);
    if (!made) return std::move(made).error();
    listener_ = std::move(*made);
    std::vector<mqtt::SavedRow> rows;
    for (StateWrite& one : sessions) rows.push_back({std::move(one.key), std::move(one.value)});
    broker_->open(std::move(rows), recovered_to, [this] { bind(claimed_); });
    return {};
}

void MqttServer::recovered(const StateWrite& row) {
    loop_.post([this, row] { broker_->recovered({row.key, row.value}); });
}

void MqttServer::bind(bool claimed) {
    claimed_ = claimed;
    if (!broker_->ready()) return;
    for (Address& address : addresses_)
        if (!address.bound && (claimed || !address.outside)) bind_one(address);
}

void MqttServer::bind_one(Address& address) {
    const std::uint16_t wanted = port_ != 0 ? port_.load() : section_.port;
    auto port = listener_->listen(address.text, wanted);
    if (!port) {
        const auto& error = port.error();
        if (*fault_.get() == error.what) return;  // said already; it is tried again
        log_error("mqtt", error.what);
        log_error("mqtt", "help: " + error.hint);
        fault_.set(std::make_shared<const std::string>(error.what));
        return;
    }
    port_ = *port;
    address.bound = true;
    log_notice("mqtt", "listening address=" + address.text + " port=" + std::to_string(port_));
    fault_.set(std::make_shared<const std::string>());
    if (auto told = write_file(port_file_, std::to_string(port_) + "\n", 0644); !told)
        log_error("mqtt", told.error().what);
}

void MqttServer::on_loop(std::function<void()> work) {
    auto done = std::make_shared<std::promise<void>>();
    auto finished = done->get_future();
    loop_.post([work = std::move(work), done] {
        work();
        done->set_value();
    });
    if (finished.wait_for(kStopWait) != std::future_status::ready)
        log_warning("mqtt", "the event loop is too busy to stop the listener in time");
}

void MqttServer::stop_reading() {
    on_loop([this] {
        listener_->stop();
        broker_->quiesce();
    });
}

void MqttServer::close() {
    on_loop([this] { broker_->close_all(); });
}

}  // namespace fog
