#include "sim/links/mqtt_carrier.hpp"

#include <algorithm>

#include "firmware/core/record_json.hpp"
#include "firmware/core/text.hpp"
#include "sim/links/report_json.hpp"

namespace fog::sim {
namespace {

constexpr std::chrono::milliseconds kRetry{200};

std::string json_payload(const Report& report, const MqttDevice& device, WallTime source) {
    std::string out = "{\"device\":";
    append_json_string(out, device.endpoint.id);
    out += ',';
    append_report_members(out, report, source);
    return out + "}";
}

}  // namespace

std::vector<MqttMessage> mqtt_messages(const Report& report, const MqttDevice& device,
                                       WallTime source) {
    const std::string base =
        device.prefix.empty() ? device.endpoint.id : device.prefix + "/" + device.endpoint.id;
    std::vector<MqttMessage> out;
    switch (device.shape) {
        case MqttShape::json:
            out.push_back({base + "/telemetry", json_payload(report, device, source)});
            break;
        case MqttShape::plain:
            for (const PointValue& point : report.points) {
                std::string text;
                append_value_json(text, point.value);
                out.push_back({base + "/" + point.name, std::move(text)});
            }
            break;
    }
    return out;
}

MqttCarrier::MqttCarrier(Options options, std::vector<MqttDevice> devices, Ledger& ledger,
                         const Wake& wake)
    : options_(std::move(options)), devices_(std::move(devices)), ledger_(ledger), wake_(wake) {}

Result<void> MqttCarrier::put_proxy_in_front() {
    constexpr std::string_view kScheme = "mqtt://";
    const std::string_view url = options_.mqtt.url;
    if (!url.starts_with(kScheme)) {
        return Error{Errc::bad_config, std::string(url) + " cannot be cut",
                     "dirty disconnects need mqtt:// and a numeric host"};
    }
    front_ = std::make_unique<TcpProxies>();
    auto port = front_->add("front", 0, std::string(url.substr(kScheme.size())));
    if (!port) return std::move(port).error();
    options_.mqtt.url = "mqtt://127.0.0.1:" + std::to_string(*port);
    front_->start();
    return {};
}

Result<void> MqttCarrier::start(MonoTime) {
    if (options_.cut) {
        if (auto done = put_proxy_in_front(); !done) return done;
    }
    worker_ = std::make_unique<MqttWorker>(options_.mqtt, options_.availability,
                                           [&wake = wake_] { wake.signal(); });
    worker_->start();
    return {};
}

void MqttCarrier::stop() {
    intruder_.reset();
    if (worker_) worker_->stop();
    if (front_) front_->stop();
}

const MqttDevice* MqttCarrier::find(std::size_t device) const {
    const auto found = std::find_if(devices_.begin(), devices_.end(),
                                    [device](const auto& each) { return each.device == device; });
    return found == devices_.end() ? nullptr : &*found;
}

void MqttCarrier::take(const Report& report, WallTime source, MonoTime now) {
    const MqttDevice* device = find(report.device);
    if (device == nullptr) return;
    const char* why = nullptr;
    if (device->qos == 0 && connection_ == 0) why = "not connected";
    if (ready_.size() >= options_.buffer) why = "buffer full";
    if (why != nullptr) {
        ledger_.unsent(report.id, device->endpoint.id, why, now);
        ++counts_.unsent;
        return;
    }
    auto parcel = std::make_shared<Parcel>();
    auto messages = mqtt_messages(report, *device, source);
    parcel->report = report;
    parcel->source = source;
    parcel->device = device;
    parcel->open = messages.size();
    for (MqttMessage& message : messages) ready_.push_back({++taken_, parcel, std::move(message)});
    stage(now);
}

void MqttCarrier::step(MonoTime now) {
    facts_.clear();
    worker_->take_facts(facts_);
    for (MqttWorker::Fact& fact : facts_) on_fact(fact, now);
    stage(now);
}

void MqttCarrier::on_fact(MqttWorker::Fact& fact, MonoTime now) {
    switch (fact.kind) {
        case MqttWorker::Fact::Kind::connected:
            // The broker may end a connection before we hear that it was made: its loss then comes
            // first, and what was staged for it in between would wait for ever.
            if (connection_ != 0) on_lost("replaced", fact.at);
            connection_ = fact.connection;
            was_lost_ = false;
            ++counts_.connects;
            ledger_.link(options_.mqtt.client_id, "connected", {}, fact.at);
            break;
        case MqttWorker::Fact::Kind::lost:
            on_lost(fact.why, fact.at);
            break;
        case MqttWorker::Fact::Kind::delivered:
            on_delivered(fact.token, fact.at);
            break;
        case MqttWorker::Fact::Kind::failed:
            if (fact.connection == connection_) give_back(fact.token, now);
            break;
    }
}

void MqttCarrier::on_lost(const std::string& why, MonoTime now) {
    connection_ = 0;
    if (!was_lost_) ledger_.link(options_.mqtt.client_id, "lost", why, now);
    was_lost_ = true;
    for (auto& [token, waiting] : out_) {  // QoS 0 has had its chance
        if (waiting.parcel->device->qos != 0) put_back(std::move(waiting));
    }
    out_.clear();
    staged_.clear();
}

void MqttCarrier::on_delivered(std::int64_t token, MonoTime at) {
    const auto found = out_.find(token);
    if (found == out_.end()) return;  // acknowledged on a connection that is gone: sent again
    Parcel& parcel = *found->second.parcel;
    if (--parcel.open == 0 && parcel.device->qos != 0) {
        ledger_.acked(parcel.report.id, at);
        ++counts_.acked;
    }
    out_.erase(found);
}

/// Where it was, however the reports of failure are ordered: the order per device must hold.
void MqttCarrier::put_back(Waiting waiting) {
    const auto place = std::find_if(ready_.begin(), ready_.end(), [&waiting](const Waiting& each) {
        return each.order > waiting.order;
    });
    ready_.insert(place, std::move(waiting));
}

void MqttCarrier::give_back(std::int64_t token, MonoTime now) {
    const auto found = out_.find(token);
    if (found == out_.end()) return;
    put_back(std::move(found->second));
    out_.erase(found);
    retry_at_ = now + kRetry;
}

void MqttCarrier::note_leaving(Parcel& parcel, MonoTime now) {
    if (!parcel.sent) {
        ledger_.sent(parcel.report, parcel.device->endpoint.view(), parcel.source, now, true);
        ++counts_.sent;
        parcel.sent = true;
        parcel.repeated_on = connection_;
    } else if (parcel.repeated_on != connection_) {
        ledger_.resent(parcel.report.id, now);
        ++counts_.resent;
        parcel.repeated_on = connection_;
    }
}

void MqttCarrier::stage(MonoTime now) {
    if (connection_ == 0 || (retry_at_ && now < *retry_at_)) return;
    retry_at_.reset();
    while (!ready_.empty() && out_.size() < static_cast<std::size_t>(options_.mqtt.window)) {
        Waiting waiting = std::move(ready_.front());
        ready_.pop_front();
        note_leaving(*waiting.parcel, now);
        out_.emplace(++last_token_, std::move(waiting));
        staged_.push_back(last_token_);
    }
}

void MqttCarrier::release(MonoTime now) {
    for (const std::int64_t token : staged_) {
        const auto found = out_.find(token);
        if (found == out_.end()) continue;
        const MqttDevice& device = *found->second.parcel->device;
        const MqttMessage& message = found->second.message;
        const bool retain = device.retain || leftovers_ > 0;
        if (!worker_->publish(
                {connection_, token, message.topic, message.payload, device.qos, retain})) {
            give_back(token, now);
        }
    }
    staged_.clear();
}

std::optional<MonoTime> MqttCarrier::next_step() const {
    return retry_at_;
}

std::string_view MqttCarrier::state() const {
    return connection_ != 0 ? "connected" : "away";
}

void MqttCarrier::disconnect_dirty(bool begins) {
    away_ += begins ? 1 : -1;
    worker_->stay_away(away_ > 0);
    if (begins) front_->cut("front");
}

/// Of no report: what a gateway must refuse, and the broker perhaps before it.
void MqttCarrier::say_too_much(const FaultSpec& fault, MonoTime now) {
    const MqttDevice& device = devices_.front();
    const std::string topic =
        (device.prefix.empty() ? "" : device.prefix + "/") + device.endpoint.id + "/too-much";
    std::string payload = "{\"padding\":\"" + std::string(fault.bytes, 'x') + "\"}";
    const bool given =
        connection_ != 0 &&
        worker_->publish({connection_, 0, topic, std::move(payload), device.qos, false});
    ledger_.link(options_.mqtt.client_id, "oversize",
                 given ? std::to_string(fault.bytes) + " bytes" : "not connected", now);
}

void MqttCarrier::fault(const FaultSpec& fault, bool begins, MonoTime now) {
    switch (fault.kind) {
        case FaultKind::clean_disconnect:
            return worker_->pause(begins);
        case FaultKind::dirty_disconnect:
        case FaultKind::will:
            if (front_) disconnect_dirty(begins);
            return;
        case FaultKind::retained_leftover:
            leftovers_ += begins ? 1 : -1;
            return;
        case FaultKind::client_id_clash:
            intruder_.reset();
            if (begins) intruder_ = std::make_unique<MqttIntruder>(options_.mqtt, fault.by);
            return;
        case FaultKind::reconnect_storm:
            return worker_->storm(begins ? fault.by : SimTime{0});
        case FaultKind::session_lost:
            if (begins) worker_->forget_session();
            return;
        case FaultKind::oversize:
            if (begins) say_too_much(fault, now);
            return;
        default:
            return;  // of other links
    }
}

}  // namespace fog::sim
