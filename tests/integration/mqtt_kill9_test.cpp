#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "firmware/store/store.hpp"
#include "tests/support/gateway.hpp"
#include "tests/support/mqtt_peer.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

constexpr int kSenders = 6;  // with QoS 1
constexpr int kExact = 2;    // with QoS 2
constexpr int kKills = 25;

/// Publishes 1, 2, 3 … as one device, some in flight, over whatever connection there is, and
/// remembers what was acknowledged. Thread: its own.
class Sender {
public:
    Sender(int number, std::string token)
        : device_("mq" + std::to_string(number)),
          token_(std::move(token)),
          version_(number % 3 == 0 ? 5 : 4),
          window_(number == 0 ? 1 : 20) {}
    virtual ~Sender() = default;
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

    void aim(std::uint16_t port) { port_ = port; }
    void start() {
        thread_ = std::thread([this] {
            while (!stopping_) {
                const std::uint16_t port = port_;
                if (port != 0) session(port);
                ::poll(nullptr, 0, 2);
            }
        });
    }
    /// Before it goes.
    void stop() {
        stopping_ = true;
        if (thread_.joinable()) thread_.join();
    }
    std::size_t answered() const { return answered_; }
    std::size_t faults() const { return faults_; }
    const std::string& device() const { return device_; }
    const std::set<std::int64_t>& acknowledged() const { return acknowledged_; }  // after stop()

protected:
    virtual void session(std::uint16_t port) = 0;
    bool goes_on(std::uint16_t port) const { return !stopping_ && port_ == port; }
    void acknowledge(std::int64_t value) {
        acknowledged_.insert(value);
        ++answered_;
    }
    std::string topic() const { return device_ + "/telemetry"; }
    static std::string payload(std::int64_t value) {
        return "{\"n\":" + std::to_string(value) + "}";
    }

    const std::string device_, token_;
    const int version_;
    const std::size_t window_;
    std::int64_t value_ = 0;
    std::uint16_t id_ = 0;
    std::atomic<std::size_t> faults_{0};

private:
    std::thread thread_;
    std::atomic<std::uint16_t> port_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> answered_{0};
    std::set<std::int64_t> acknowledged_;
};

/// QoS 1 in clean sessions; a number is never sent twice.
class AtLeastOnce final : public Sender {
public:
    using Sender::Sender;
    ~AtLeastOnce() override { stop(); }

private:
    void session(std::uint16_t port) override {
        MqttPeer peer;
        if (!peer.connect(port, version_, device_, token_)) return;
        std::map<std::uint16_t, std::int64_t> open;
        std::vector<std::uint16_t> acks;
        const auto take = [&](std::chrono::milliseconds within) {
            acks.clear();
            const bool alive = peer.acks(acks, within);
            for (const auto id : acks) {
                acknowledge(open[id]);
                open.erase(id);
            }
            return alive;
        };
        while (goes_on(port)) {
            while (open.size() < window_) {
                while (++id_ == 0 || open.count(id_) != 0) continue;
                open[id_] = ++value_;
                if (!peer.publish(topic(), payload(value_), id_)) break;
            }
            if (!take(200ms)) return;
        }
        take(0ms);  // what was acknowledged before the end counts too
    }
};

/// QoS 2 in a kept session: what has no PUBREC is sent again with its id and DUP, what has one is
/// released again. Acknowledged: PUBREC came.
class ExactlyOnce final : public Sender {
public:
    using Sender::Sender;
    ~ExactlyOnce() override { stop(); }

private:
    struct Flight {
        std::int64_t value = 0;
        bool received = false;
    };

    void session(std::uint16_t port) override {
        MqttPeer peer;
        if (!peer.connect(port, version_, device_, token_, true)) return;
        if (connected_ && !peer.session_present()) ++faults_;
        connected_ = true;
        for (const auto id : order_) {
            const Flight& one = open_.at(id);
            const bool sent = one.received
                                  ? peer.release(id)
                                  : peer.publish_once(topic(), payload(one.value), id, true);
            if (!sent) return;
        }
        while (goes_on(port)) {
            while (open_.size() < window_) {
                while (++id_ == 0 || open_.count(id_) != 0) continue;
                open_[id_] = {++value_, false};
                order_.push_back(id_);
                if (!peer.publish_once(topic(), payload(value_), id_, false)) return;
            }
            if (!take(peer, 200ms)) return;
        }
        take(peer, 0ms);
    }
    bool take(MqttPeer& peer, std::chrono::milliseconds within) {
        std::vector<MqttPeer::Answer> answers;
        bool alive = peer.answers(answers, within);
        for (const auto& [type, id] : answers) {
            const auto found = open_.find(id);
            if (found == open_.end()) {
                ++faults_;
            } else if (type == 0x50) {
                if (!std::exchange(found->second.received, true)) acknowledge(found->second.value);
                alive = peer.release(id) && alive;
            } else if (type == 0x70) {
                open_.erase(found);
                std::erase(order_, id);
            }
        }
        return alive;
    }

    bool connected_ = false;
    std::map<std::uint16_t, Flight> open_;
    std::vector<std::uint16_t> order_;  // ids in the order of their first publishes
};

std::uint16_t mqtt_port(const Gateway& gateway) {
    std::string text;
    eventually([&] { return !(text = text_of(gateway.path("run/mqtt.port"))).empty(); });
    return static_cast<std::uint16_t>(std::strtoul(text.c_str(), nullptr, 10));
}

/// How often each value of each device is in the log of a gateway that is stopped.
std::map<std::string, std::map<std::int64_t, int>> logged(const std::filesystem::path& state) {
    SystemClock clock;
    StoreOptions options;
    options.folder = state;
    options.kernel_boot = "reader";
    options.clock = &clock;
    auto store = Store::open(options);
    REQUIRE_MESSAGE(store.has_value(), store.error().what);
    std::map<std::uint32_t, std::string> devices;
    const auto points = (*store)->points();
    REQUIRE(points.has_value());
    for (const auto& row : *points)
        if (row.point == "n") devices[row.id.value] = row.device;
    auto reader = (*store)->open_reader();
    REQUIRE(reader.has_value());
    std::map<std::string, std::map<std::int64_t, int>> out;
    for (Seq at;;) {
        const auto page = (*reader)->read(at, {}, 5'000);
        REQUIRE(page.has_value());
        for (const Record& record : page->records) {
            if (!record.is_sample()) continue;
            const auto device = devices.find(record.sample().point.value);
            if (device == devices.end()) continue;
            const Value& value = record.sample().value;
            const auto* whole = std::get_if<std::int64_t>(&value);
            const auto* number = std::get_if<double>(&value);
            REQUIRE((whole != nullptr || number != nullptr));
            ++out[device->second][whole != nullptr ? *whole : static_cast<std::int64_t>(*number)];
        }
        at = page->last;
        if (page->at_end) return out;
    }
}

}  // namespace

TEST_CASE("mqtt, kill -9: every publish with a PUBACK or PUBREC is in the log once, every time") {
    Gateway gateway;
    gateway.configure();
    gateway.start();
    std::vector<std::unique_ptr<Sender>> senders;
    for (int i = 0; i < kSenders; ++i)
        senders.push_back(std::make_unique<AtLeastOnce>(i, gateway.token()));
    for (int i = kSenders; i < kSenders + kExact; ++i)
        senders.push_back(std::make_unique<ExactlyOnce>(i, gateway.token()));
    for (const auto& sender : senders) {
        sender->aim(mqtt_port(gateway));
        sender->start();
    }
    const auto answered = [&senders] {
        std::size_t all = 0;
        for (const auto& sender : senders) all += sender->answered();
        return all;
    };
    std::mt19937 random(20261122);
    for (int kill = 0; kill < kKills; ++kill) {
        const auto before = answered();
        CHECK(eventually([&] { return answered() > before + 50; }));
        ::poll(nullptr, 0, static_cast<int>(random() % 200));
        gateway.kill9();
        for (const auto& sender : senders) sender->aim(0);
        std::filesystem::remove(gateway.path("run/mqtt.port"));
        gateway.start();
        const auto port = mqtt_port(gateway);
        REQUIRE(port != 0);
        for (const auto& sender : senders) sender->aim(port);
    }
    for (const auto& sender : senders) sender->stop();
    // Not a clean stop: what counts is what is there when nobody had time for anything.
    gateway.kill9();

    const auto log = logged(gateway.path("state"));
    std::size_t acknowledged = 0, lost = 0, twice = 0, kept = 0;
    for (const auto& sender : senders) {
        const auto found = log.find(sender->device());
        REQUIRE(found != log.end());
        acknowledged += sender->acknowledged().size();
        for (const auto value : sender->acknowledged()) lost += found->second.count(value) == 0;
        for (const auto& [value, times] : found->second) twice += times != 1;
        CHECK_MESSAGE(sender->faults() == 0, sender->device());
        CHECK_MESSAGE(sender->acknowledged().size() > 20, sender->device());
        kept += found->second.size();
    }
    CHECK(lost == 0);
    CHECK(twice == 0);
    CHECK(acknowledged > 1'000);
    MESSAGE("kills " << kKills << ", acknowledged " << acknowledged << ", in the log " << kept);
}
