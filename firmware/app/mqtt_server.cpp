#include "firmware/app/mqtt_server.hpp"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"
#include "firmware/io/tcp_doors.hpp"

namespace fog {
namespace {

constexpr auto kStopWait = std::chrono::seconds(2);
constexpr auto kSavePause = std::chrono::milliseconds(2);

mqtt::BrokerOptions options_of(const MqttListenerSection& section) {
    mqtt::BrokerOptions out;
    out.open = section.open;
    out.simulated = section.simulated;
    out.receive_maximum = section.receive_maximum;
    out.keep_alive_max = static_cast<std::uint16_t>(
        std::chrono::duration_cast<std::chrono::seconds>(section.keepalive_max).count());
    out.session_expiry_max = static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(section.session_expiry_max).count());
    out.retained_every = static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(section.retained_every).count());
    return out;
}

bool asks_registry(const MqttListenerSection& section) {
    return section.tls && section.tls->client_cert != "off";
}

}  // namespace

TlsSettings tls_settings(const MqttTlsSection& section) {
    TlsSettings out;
    out.where = "mqtt.listener";
    out.cert_file = section.cert_file;
    out.key_file = section.key_file;
    out.client_ca_file = section.client_ca_file;
    if (section.client_cert == "optional") out.client_cert = TlsSettings::Ask::optional;
    if (section.client_cert == "required") out.client_cert = TlsSettings::Ask::required;
    if (out.client_cert == TlsSettings::Ask::off) out.client_ca_file.clear();
    out.protocols = {"mqtt"};
    return out;
}

std::string expired_text(const TlsServer& server, const MqttTlsSection& section) {
    return "mqtt.listener: the certificate in cert_file '" + section.cert_file +
           "' has expired at " + to_rfc3339(server.valid_until());
}

MqttServer::MqttServer(const MqttListenerSection& section, mqtt::BrokerParts parts,
                       Pipeline& pipeline, std::filesystem::path ports)
    : section_(section),
      loop_(parts.loop),
      metrics_(parts.metrics),
      pipeline_(pipeline),
      run_on_api_(parts.run_on_api),
      clock_(parts.clock),
      ports_(std::move(ports)) {
    if (asks_registry(section_))
        parts.knows_device = [this](std::string_view name) {
            const bool listed = devices_.get()->contains(std::string(name));
            return section_.tls->cert_auto ? !listed : listed;
        };
    broker_ = std::make_unique<mqtt::Broker>(std::move(parts), options_of(section_));
    pipeline.watch(broker_.get());
    plain_.wanted = section_.port;
    for (const auto& one : section_.bind)
        plain_.addresses.push_back({one, !TcpDoors::is_loopback(one), false});
    if (plain_.addresses.empty())
        plain_.addresses = {{"127.0.0.1", false, false}, {"::", true, false}};
    if (!section_.tls) return;
    secure_.tls = true;
    secure_.wanted = section_.tls->port;
    secure_.addresses = plain_.addresses;
    files_ = std::make_shared<TlsFiles>(tls_settings(*section_.tls));
}

Result<void> MqttServer::open(std::vector<StateWrite> sessions, std::uint64_t recovered_to) {
    auto made = mqtt::Listener::make(loop_, *broker_, metrics_);
    if (!made) return std::move(made).error();
    listener_ = std::move(*made);
    if (files_)
        if (auto loaded = files_->changed()) take(std::move(*loaded));
    std::vector<mqtt::SavedRow> rows;
    for (StateWrite& one : sessions) rows.push_back({std::move(one.key), std::move(one.value)});
    broker_->open(std::move(rows), recovered_to, [this] { bind(claimed_); });
    return {};
}

void MqttServer::recovered(const StateWrite& row) {
    loop_.post([this, row] { broker_->recovered({row.key, row.value}); });
}

std::string MqttServer::fault() const {
    for (const auto* one : {&plain_.fault, &secure_.fault, &files_fault_})
        if (const auto text = one->get(); !text->empty()) return *text;
    return {};
}

void MqttServer::bind(bool claimed) {
    claimed_ = claimed;
    look_at_devices();
    look_at_files();
    tell_expired();
    if (!broker_->ready()) return;
    bind_side(plain_);
    const bool knows = !asks_registry(section_) || devices_.get() != nullptr;
    if (has_tls_ && knows) bind_side(secure_);
}

void MqttServer::bind_side(Side& side) {
    for (Address& address : side.addresses)
        if (!address.bound && (claimed_ || !address.outside)) bind_one(side, address);
}

void MqttServer::tell(Fault& fault, const Error& error) {
    if (*fault.get() == error.what) return;  // said already; it is tried again
    log_error("mqtt", error.what);
    log_error("mqtt", "help: " + error.hint);
    fault.set(std::make_shared<const std::string>(error.what));
}

void MqttServer::bind_one(Side& side, Address& address) {
    const std::uint16_t wanted = side.port != 0 ? side.port.load() : side.wanted;
    auto port = side.tls ? listener_->listen_tls(address.text, wanted)
                         : listener_->listen(address.text, wanted);
    if (!port) return tell(side.fault, port.error());
    side.port = *port;
    address.bound = true;
    const std::string text = std::to_string(*port);
    log_notice("mqtt",
               "listening address=" + address.text + " port=" + text + (side.tls ? " tls=1" : ""));
    side.fault.set(std::make_shared<const std::string>());
    const auto file = ports_ / (side.tls ? "mqtt-tls.port" : "mqtt.port");
    if (auto told = write_file(file, text + "\n", 0644); !told)
        log_error("mqtt", told.error().what);
}

void MqttServer::look_at_files() {
    if (files_ == nullptr || !run_on_api_) return;
    // Reading is not for fog-io; the object goes along and comes back with what it found.
    auto files = std::exchange(files_, nullptr);
    const bool taken = run_on_api_([this, files, &loop = loop_, alive = std::weak_ptr(alive_)] {
        auto loaded = files->changed();
        loop.post([this, files, alive, loaded = std::move(loaded)] {
            if (alive.expired()) return;
            files_ = files;
            if (loaded) take(*loaded);
        });
    });
    if (!taken) files_ = std::move(files);
}

void MqttServer::take(Result<std::shared_ptr<const TlsServer>> loaded) {
    if (!loaded) {
        tell(files_fault_, loaded.error());
        if (has_tls_) log_notice("mqtt", "the certificate that was loaded before stays in use");
        return;
    }
    served_ = *loaded;
    log_notice("mqtt", "certificate loaded file=" + section_.tls->cert_file +
                           " until=" + to_rfc3339(served_->valid_until()));
    expiry_told_ = false;
    tell_expired();
    files_fault_.set(std::make_shared<const std::string>());
    has_tls_ = true;
    listener_->serve_tls(std::move(*loaded));
}

/// Also one that expires while it is served, or was loaded before the clock was right. Once.
void MqttServer::tell_expired() {
    if (!served_ || expiry_told_ || !clock_.trusted() || clock_.wall() <= served_->valid_until())
        return;
    expiry_told_ = true;
    log_error("mqtt", expired_text(*served_, *section_.tls));
    log_error("mqtt", "help: " + std::string(kRenewHint));
}

/// Who may come with a certificate: the registry is asked on fog-pipe, the answer is kept. Devices
/// that wait for a person may, what becomes of their data is the registry's business; ignored ones
/// may not. With cert_auto everybody else may, so that the ignored ones are listed.
void MqttServer::look_at_devices() {
    if (!asks_registry(section_)) return;
    pipeline_.run([this, want_ignored = section_.tls->cert_auto](PipelineDesk& desk) {
        const auto kept = devices_.get();
        std::size_t count = 0;
        bool same = kept != nullptr;
        const auto listed = [want_ignored](const DeviceState& one) {
            return (one.admission == Admission::ignored) == want_ignored;
        };
        for (const DeviceState& one : desk.registry.devices()) {
            if (!listed(one)) continue;
            ++count;
            same = same && kept->contains(one.id);
        }
        if (same && count == kept->size()) return;
        Names names;
        for (const DeviceState& one : desk.registry.devices())
            if (listed(one)) names.insert(one.id);
        devices_.set(std::make_shared<const Names>(std::move(names)));
        if (!kept)
            loop_.post([this, alive = std::weak_ptr(alive_)] {
                if (!alive.expired()) bind(claimed_);
            });
    });
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
    // While fog-pipe makes room in the ring.
    const auto saved = std::make_shared<std::atomic<bool>>(false);
    const auto until = std::chrono::steady_clock::now() + kStopWait;
    while (!*saved && std::chrono::steady_clock::now() < until) {
        on_loop([this, saved] { *saved = broker_->save_retained(); });
        if (!*saved) std::this_thread::sleep_for(kSavePause);
    }
    if (!*saved) log_warning("mqtt", "not all retained messages could be written at the stop");
}

void MqttServer::close() {
    on_loop([this] { broker_->close_all(); });
}

}  // namespace fog
