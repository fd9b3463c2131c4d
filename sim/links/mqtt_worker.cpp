#include "sim/links/mqtt_worker.hpp"

#include <pthread.h>

#include <algorithm>

#include "sim/world/random.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;
constexpr auto kConnectTimeout = 3000ms;
constexpr auto kFirstRest = 200ms;
constexpr auto kLongestRest = 5000ms;

MonoTime mono_now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

MqttWorker::MqttWorker(MqttOptions options, Availability availability, std::function<void()> notify)
    : options_(std::move(options)),
      availability_(std::move(availability)),
      notify_(std::move(notify)),
      inbox_("sim-mqtt-out", static_cast<std::size_t>(options_.window) * 2 + 64, Overflow::refuse),
      // Every message in flight can give one fact, every connection two.
      facts_("sim-mqtt-facts", static_cast<std::size_t>(options_.window) * 4 + 256,
             Overflow::refuse) {}

MqttWorker::~MqttWorker() {
    stop();
}

void MqttWorker::start() {
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "fog-sim-mqtt");
}

bool MqttWorker::publish(Outgoing message) {
    return inbox_.push({false, std::move(message)});
}

void MqttWorker::pause(bool paused) {
    paused_ = paused;
    nudge();
}

void MqttWorker::stay_away(bool away) {
    away_ = away;
    nudge();
}

void MqttWorker::storm(std::chrono::nanoseconds every) {
    storm_ns_ = every.count();
    nudge();
}

void MqttWorker::forget_session() {
    forget_ = true;
    nudge();
}

/// A second client with our name and a clean session: the broker forgets what it kept.
void MqttWorker::forget() {
    MqttOptions options = options_;
    options.clean_session = true;
    options.will_topic.clear();
    MqttClient client(options, {});
    if (client.connect(kConnectTimeout)) client.disconnect(500ms);
}

bool MqttWorker::leave_now(MonoTime connected) const {
    const std::chrono::nanoseconds storm{storm_ns_.load()};
    return paused_ || forget_ || (storm.count() > 0 && mono_now() - connected >= storm);
}

void MqttWorker::stop() {
    stopping_ = true;
    nudge();
    if (thread_.joinable()) thread_.join();
}

void MqttWorker::take_facts(std::vector<Fact>& out) {
    if (!has_facts_.exchange(false)) return;
    facts_.drain(out, SIZE_MAX, 0ns);
}

void MqttWorker::nudge() {
    // A full inbox wakes the thread just as well.
    [[maybe_unused]] const bool taken = inbox_.push({true, {}});
}

void MqttWorker::add(Fact fact) {
    // The capacity covers all that can be in flight; a refusal would only delay a repeat.
    [[maybe_unused]] const bool taken = facts_.push(std::move(fact));
    has_facts_ = true;
    notify_();
}

void MqttWorker::rest(std::chrono::milliseconds time) {
    const MonoTime until = mono_now() + time;
    while (!stopping_ && mono_now() < until) {
        (void)inbox_.pop(std::min<std::chrono::nanoseconds>(until - mono_now(), 100ms));
    }
}

void MqttWorker::run() {
    MqttClient client(
        options_, {.message = {},
                   .lost =
                       [this](std::string why) {
                           add({Fact::Kind::lost, connection_, 0, std::move(why), mono_now()});
                           lost_ = true;  // after the fact: no `connected` may come before it
                           nudge();
                       },
                   .delivered =
                       [this](std::int64_t token, bool delivered, std::string why) {
                           const auto kind = delivered ? Fact::Kind::delivered : Fact::Kind::failed;
                           add({kind, connection_, token, std::move(why), mono_now()});
                       }});
    const RandomStream jitter(0, options_.client_id, "back-off");
    auto pause = std::chrono::milliseconds(kFirstRest);
    for (std::uint64_t attempt = 0; !stopping_; ++attempt) {
        if (paused_ || away_) {
            rest(100ms);
            continue;
        }
        if (forget_.exchange(false)) forget();
        lost_ = false;
        if (auto connected = client.connect(kConnectTimeout); !connected) {
            add({Fact::Kind::lost, connection_, 0, connected.error().what, mono_now()});
            const double share = 0.5 + jitter.uniform(attempt) / 2;
            rest(std::chrono::milliseconds(
                static_cast<std::int64_t>(static_cast<double>(pause.count()) * share)));
            pause = std::min<std::chrono::milliseconds>(pause * 2, kLongestRest);
            continue;
        }
        pause = kFirstRest;
        if (!availability_.topic.empty()) {
            // Lost with the connection, it is said again on the next one.
            (void)client.publish(0, availability_.topic, availability_.online, 1, true);
        }
        add({Fact::Kind::connected, ++connection_, 0, {}, mono_now()});
        serve(client);
    }
    client.disconnect(500ms);
}

void MqttWorker::serve(MqttClient& client) {
    std::vector<Item> items;
    const MonoTime connected = mono_now();
    while (!stopping_ && !lost_) {
        if (leave_now(connected)) {
            client.disconnect(500ms);
            add({Fact::Kind::lost, connection_, 0, "disconnected by a fault", mono_now()});
            return;
        }
        items.clear();
        inbox_.drain(items, 256, storm_ns_ > 0 ? 20ms : 500ms);
        for (Item& item : items) {
            if (!item.nudge) hand_over(client, item.message);
        }
    }
}

void MqttWorker::hand_over(MqttClient& client, Outgoing& message) {
    if (message.connection != connection_ || lost_) return;
    auto given =
        client.publish(message.token, message.topic, message.payload, message.qos, message.retain);
    if (!given) {
        add({Fact::Kind::failed, connection_, message.token, given.error().what, mono_now()});
    }
}

}  // namespace fog::sim
