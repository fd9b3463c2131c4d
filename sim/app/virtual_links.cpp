#include "sim/app/virtual_links.hpp"

#include <algorithm>
#include <fstream>

#include "drivers/driver.hpp"
#include "firmware/core/reading_pack.hpp"
#include "sim/app/virtual_http.hpp"
#include "sim/links/personalities.hpp"
#include "sim/world/make_node.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBuffer = 64U << 10U;
constexpr auto kTick = 50ms;
constexpr auto kNoiseEvery = 200ms;

const Node& options_of(const DeviceSpec& device) {
    static const Node kEmpty = table({});
    return device.link.is_null() ? kEmpty : device.link;
}

struct PublishOptions {
    int qos = 0;
    bool retain = false;
    std::uint16_t id = 0;
};

/// An MQTT 3.1.1 PUBLISH, as a client would put it on the wire.
void add_publish_packet(LinkBytes& out, const MqttMessage& message, const PublishOptions& options) {
    std::size_t left =
        2 + message.topic.size() + (options.qos > 0 ? 2U : 0U) + message.payload.size();
    const auto add_16 = [](std::string& to, std::size_t number) {
        to += static_cast<char>(number >> 8U);
        to += static_cast<char>(number & 0xFFU);
    };
    std::string head;  // short enough to need no memory of its own
    head += static_cast<char>(0x30 | (options.qos << 1) | (options.retain ? 1 : 0));
    do {
        const auto low = static_cast<unsigned char>(left % 128);
        left /= 128;
        head += static_cast<char>(left > 0 ? low | 0x80U : low);
    } while (left > 0);
    add_16(head, message.topic.size());
    out.add(head);
    out.add(message.topic);
    head.clear();
    if (options.qos > 0) add_16(head, options.id);
    out.add(head);
    out.add(message.payload);
}

class VirtualMqtt final : public VirtualLink {
public:
    VirtualMqtt(std::size_t place, const DeviceSpec& device, Endpoint endpoint,
                std::filesystem::path file, const VirtualSite& site)
        : VirtualLink(place, std::move(endpoint), std::move(file)), site_(site) {
        std::vector<Fault> none;  // check_links() has looked
        ConfigView view(options_of(device), none);
        mqtt_.endpoint = endpoint_;
        mqtt_.shape = device.personality == "mqtt.json" ? MqttShape::json : MqttShape::plain;
        mqtt_.prefix = view.text("prefix", "sim");
        mqtt_.qos = static_cast<int>(view.integer("qos", 1, 0, 1));
        mqtt_.retain = view.flag("retain", false);
        buffer_ = static_cast<std::size_t>(view.integer("buffer", 10'000, 1, 1'000'000));
        counts_.connects = 1;
    }

    void take(Report&& report, WallTime source) override {
        if (away_ && (mqtt_.qos == 0 || queue_.size() >= buffer_)) {
            site_.ledger.unsent(report.id, endpoint_.id,
                                mqtt_.qos == 0 ? "not connected" : "buffer full", now());
            ++counts_.unsent;
            return;
        }
        if (away_ || !queue_.empty()) {
            queue_.push_back({std::move(report), source});
            return;
        }
        send({std::move(report), source});
    }
    void fault(const FaultSpec& fault, bool begins) override {
        const bool ends_connection =
            fault.kind == FaultKind::clean_disconnect || fault.kind == FaultKind::dirty_disconnect;
        if (!ends_connection) return;
        away_ = begins;
        site_.ledger.link(endpoint_.id, begins ? "lost" : "connected", {}, now());
        if (!begins) ++counts_.connects;
        for (; !away_ && !queue_.empty(); queue_.pop_front()) send(queue_.front());
    }
    bool has_timers() const override { return false; }
    void step() override {}
    MonoTime next() const override { return MonoTime::max(); }
    void committed(std::uint64_t token) override {
        // Commits come in order: it is the first, or close to it.
        const auto found =
            std::find_if(parcels_.begin(), parcels_.end(),
                         [token](const Parcel& each) { return token <= each.last_token; });
        if (found == parcels_.end() || found->open == 0) return;
        --open_;
        if (--found->open == 0) {
            site_.ledger.acked(found->report, now());
            ++counts_.acked;
        }
        while (!parcels_.empty() && parcels_.front().open == 0) parcels_.pop_front();
    }
    std::size_t waiting() const override { return queue_.size() + open_; }

private:
    struct Queued {
        Report report;
        WallTime source;
    };
    /// A report that was sent; its messages' tokens follow each other.
    struct Parcel {
        std::uint64_t report = 0;
        std::uint64_t last_token = 0;
        std::size_t open = 0;  // messages without an acknowledgement
    };
    MonoTime now() const { return site_.clock.mono(); }

    void send(const Queued& one) {
        const auto messages = mqtt_messages(one.report, mqtt_, one.source);
        site_.ledger.sent(one.report, endpoint_.view(), one.source, now(), true);
        ++counts_.sent;
        if (mqtt_.qos > 0 && !messages.empty()) {
            parcels_.push_back({one.report.id, last_token() + messages.size(), messages.size()});
            open_ += messages.size();
        }
        for (const MqttMessage& message : messages) publish(message);
    }
    void publish(const MqttMessage& message) {
        packet_ = packet_ == 0xFFFF ? std::uint16_t{1} : static_cast<std::uint16_t>(packet_ + 1);
        add_publish_packet(bytes_, message, {mqtt_.qos, mqtt_.retain, packet_});
        IngestItem item;
        item.kind = IngestKind::message;
        item.source = "mqtt:devices";
        item.topic = message.topic;
        item.payload = as_bytes(message.payload);
        site_.gateway.push(item, mqtt_.qos > 0 ? new_token() : 0);
    }

    VirtualSite site_;
    MqttDevice mqtt_;
    std::size_t buffer_ = 0;
    std::deque<Queued> queue_;  // kept while away
    std::deque<Parcel> parcels_;
    std::size_t open_ = 0;  // messages of parcels_ without an acknowledgement
    std::uint16_t packet_ = 0;
    bool away_ = false;
};

/// The device's bytes go through the driver's own codec, as a port's would.
class VirtualSerial final : public VirtualLink {
public:
    VirtualSerial(std::size_t place, Endpoint endpoint, std::filesystem::path file,
                  const VirtualSite& site, std::unique_ptr<SimDevice> device,
                  std::unique_ptr<Codec> codec)
        : VirtualLink(place, std::move(endpoint), std::move(file)),
          site_(site),
          device_(std::move(device)),
          codec_(std::move(codec)),
          faults_(site.seed, endpoint_.id),
          noise_(site.seed, endpoint_.id, "garbage"),
          source_("serial:" + endpoint_.id),
          tick_at_(site.clock.mono()) {
        codec_->reset(Cause::opened);
        keeps_ = endpoint_.level != "C";
    }

    void take(Report&& report, WallTime source) override {
        if (unplugged_ && !keeps_) {
            site_.ledger.unsent(report.id, endpoint_.id, "unplugged", now());
            ++counts_.unsent;
            return;
        }
        std::vector<SimPoint> points;
        for (const PointValue& point : report.points) {
            points.push_back({point.name, point.value, point.unit});
        }
        site_.ledger.sent(report, endpoint_.view(), source, now(), true);
        ++counts_.sent;
        say(device_->report(report.id, points, now()));
        step();
    }
    void fault(const FaultSpec& fault, bool begins) override {
        faults_.set(fault, begins, now());
        if (fault.kind == FaultKind::garbage) {
            noisy_ = begins;
            noise_at_ = now();
        }
        if (fault.kind != FaultKind::unplug) return;
        unplugged_ = begins;
        site_.ledger.link(endpoint_.id, begins ? "unplugged" : "plugged", {}, now());
        if (begins) {
            faults_.clear();
            input_.clear();
        } else {
            codec_->reset(Cause::reconnected);
        }
    }
    bool has_timers() const override { return true; }
    void step() override {
        if (now() >= tick_at_) {
            say(device_->tick(now()));
            tick_at_ = now() + kTick;
            codec_->tell_time(now(), site_.clock.trusted() ? site_.clock.wall() : WallTime{});
            answer();
        }
        if (noisy_ && now() >= noise_at_) {
            Bytes bytes(1 + noise_.bits(drawn_++) % 32);
            for (std::byte& one : bytes) one = static_cast<std::byte>(noise_.bits(drawn_++));
            arrive(bytes);
            noise_at_ = now() + kNoiseEvery;
        }
        while (auto piece = faults_.release(now())) arrive(*piece);
        work();
    }
    MonoTime next() const override {
        MonoTime next = faults_.next().value_or(MonoTime::max());
        if (noisy_) next = std::min(next, noise_at_);
        // A device that waits for nothing has no timers of its own.
        if (keeps_ && (!settled_ || waiting_ != 0)) next = std::min(next, tick_at_);
        return next;
    }
    void committed(std::uint64_t token) override {
        if (token != waiting_) return;
        waiting_ = 0;
        codec_->committed();
        answer();
        work();
    }
    std::size_t waiting() const override { return input_.size() + (waiting_ != 0 ? 1 : 0); }

private:
    struct Heard final : Emit {
        void reading(Reading one) override { readings.push_back(std::move(one)); }
        void raw(std::span<const std::byte> bytes, std::string_view why) override {
            raws.emplace_back(Bytes(bytes.begin(), bytes.end()), why);
        }
        std::vector<Reading> readings;
        std::vector<std::pair<Bytes, std::string>> raws;
    };
    MonoTime now() const { return site_.clock.mono(); }

    void say(const Bytes& frame) {
        if (frame.empty() || unplugged_) return;
        settled_ = false;
        (void)faults_.take(frame, now());
        while (auto piece = faults_.release(now())) arrive(*piece);
    }
    void arrive(std::span<const std::byte> bytes) {
        if (unplugged_) return;
        bytes_.add(bytes);
        input_.insert(input_.end(), bytes.begin(), bytes.end());
    }
    /// Feeds what is there, until something must be on flash before the codec may go on.
    void work() {
        while (waiting_ == 0 && !input_.empty()) feed();
        collect();
    }
    void feed() {
        Heard heard;
        codec_->tell_time(now(), site_.clock.trusted() ? site_.clock.wall() : WallTime{});
        codec_->feed(input_, heard);
        input_.clear();
        for (auto& [bytes, why] : heard.raws) {
            site_.gateway.undecodable(source_, std::move(bytes), why);
        }
        if (heard.readings.empty()) {
            if (codec_->acknowledges()) codec_->committed();
        } else {
            hand_over(heard.readings);
        }
        answer();
    }
    void hand_over(const std::vector<Reading>& readings) {
        Bytes packed;
        pack_readings(readings, packed);
        IngestItem item;
        item.kind = IngestKind::readings;
        item.source = source_;
        item.payload = packed;
        if (codec_->acknowledges()) waiting_ = new_token();
        site_.gateway.push(item, waiting_);
    }
    void answer() {
        const Bytes output = codec_->take_output();
        if (!output.empty() && !unplugged_) {
            bytes_.add(output);
            device_->feed(output);
            // Its answer need not wait for the next tick.
            say(device_->tick(now()));
            tick_at_ = now() + kTick;
        }
        collect();
    }
    void collect() {
        for (const std::uint64_t id : device_->take_acknowledged()) {
            site_.ledger.acked(id, now());
            ++counts_.acked;
            settled_ = counts_.acked == counts_.sent;
        }
    }

    VirtualSite site_;
    std::unique_ptr<SimDevice> device_;
    std::unique_ptr<Codec> codec_;
    ByteFaults faults_;
    RandomStream noise_;
    std::string source_;
    Bytes input_;
    MonoTime tick_at_{}, noise_at_{};
    std::uint64_t drawn_ = 0, waiting_ = 0;
    bool keeps_ = false, noisy_ = false, unplugged_ = false, settled_ = false;
};

const SimDeviceInfo* find_device(const std::string& personality) {
    for (const SimDeviceInfo* info : all_sim_devices()) {
        if (info->personality == personality) return info;
    }
    return nullptr;
}

std::unique_ptr<Codec> make_codec(std::string_view driver, const std::string& id) {
    for (const DriverInfo* info : all_drivers()) {
        if (info->name != driver || info->make_codec == nullptr) continue;
        std::vector<Fault> none;
        const Node config = table({{"id", text(id)}});
        ConfigView view(config, none);
        return info->make_codec(view);
    }
    return nullptr;
}

}  // namespace

void LinkBytes::add(std::span<const std::byte> bytes) {
    buffer_.append(as_text(bytes));
    if (buffer_.size() >= kBuffer) flush();
}

bool LinkBytes::flush() {
    if (buffer_.empty() && begun_) return true;
    std::ofstream out(file_, std::ios::binary | (begun_ ? std::ios::app : std::ios::trunc));
    begun_ = true;
    out.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    buffer_.clear();
    return out.good();
}

Result<std::vector<std::unique_ptr<VirtualLink>>> make_virtual_links(
    const Scenario& scenario, const std::filesystem::path& out, const VirtualSite& site) {
    const Wake wake;
    // Only for what the ledger calls them; nothing of it is started.
    const LinkSet real = make_links(scenario, {"mqtt://virtual", out}, site.ledger, wake);
    std::vector<std::unique_ptr<VirtualLink>> links;
    for (std::size_t i = 0; i < scenario.devices.size(); ++i) {
        const DeviceSpec& device = scenario.devices[i];
        const Endpoint& endpoint = real.endpoints[i];
        const auto file = out / ("link-" + device.id + ".bin");
        if (device.personality == "mqtt.json" || device.personality == "mqtt.plain") {
            links.push_back(std::make_unique<VirtualMqtt>(i, device, endpoint, file, site));
            continue;
        }
        if (device.personality == "http.ingest") {
            links.push_back(make_virtual_http(i, device, endpoint, file, site));
            continue;
        }
        const SimDeviceInfo* info = find_device(device.personality);
        auto codec = info != nullptr ? make_codec(info->name, device.id) : nullptr;
        if (!codec) {
            return Error{Errc::bad_config,
                         "device '" + device.id + "': " + device.personality +
                             " runs only over real links in this version",
                         "leave out --virtual"};
        }
        std::vector<Fault> none;
        ConfigView view(options_of(device), none);
        links.push_back(std::make_unique<VirtualSerial>(
            i, endpoint, file, site, info->make(device.id, view), std::move(codec)));
    }
    return links;
}

}  // namespace fog::sim
