#include "firmware/io/mqtt_client.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "tests/support/certificates.hpp"
#include "tests/support/mosquitto.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

struct Got {
    std::string topic, payload;
    int qos = 0;
    bool retained = false, duplicate = false;
};

/// Keeps what the handlers were told and waits for it.
class Inbox {
public:
    MqttClient::Handlers handlers() {
        return {.message =
                    [this](const MqttClient::Message& m) {
                        const std::lock_guard lock(mutex_);
                        messages_.push_back(
                            {std::string(m.topic),
                             std::string(reinterpret_cast<const char*>(m.payload.data()),
                                         m.payload.size()),
                             m.qos, m.retained, m.duplicate});
                        changed_.notify_all();
                    },
                .lost =
                    [this](const std::string&) {
                        const std::lock_guard lock(mutex_);
                        ++lost_;
                        changed_.notify_all();
                    },
                .delivered =
                    [this](std::int64_t token, bool ok, const std::string&) {
                        const std::lock_guard lock(mutex_);
                        delivered_[token] = ok;
                        changed_.notify_all();
                    }};
    }
    bool wait_messages(std::size_t n) {
        return wait([this, n] { return messages_.size() >= n; });
    }
    bool wait_lost() {
        return wait([this] { return lost_ > 0; });
    }
    bool wait_delivered(std::size_t n) {
        return wait([this, n] { return delivered_.size() >= n; });
    }
    std::vector<Got> messages() {
        const std::lock_guard lock(mutex_);
        return messages_;
    }
    std::map<std::int64_t, bool> delivered() {
        const std::lock_guard lock(mutex_);
        return delivered_;
    }

private:
    template <class Condition>
    bool wait(Condition condition) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 10s, condition);
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Got> messages_;
    std::map<std::int64_t, bool> delivered_;
    int lost_ = 0;
};

MqttOptions options_to(std::string url) {
    MqttOptions options;
    options.url = std::move(url);
    options.client_id = "a";
    return options;
}
MqttOptions options_for(const Mosquitto& broker, std::string id) {
    MqttOptions options = options_to(broker.url());
    options.client_id = std::move(id);
    return options;
}

const std::vector<std::string> kAll = {"#"};

template <class T>
bool worked(const Result<T>& result) {
    if (!result) MESSAGE(result.error().what);
    return result.has_value();
}

bool skipped() {
    if (Mosquitto::available()) return false;
    MESSAGE("skipped: mosquitto is not installed");
    return true;
}

}  // namespace

TEST_CASE("mqtt client: what is published at QoS 0 and 1 arrives and is reported delivered") {
    if (skipped()) return;
    const Mosquitto broker;
    Inbox inbox;
    MqttClient client(options_for(broker, "a"), inbox.handlers());
    const auto present = client.connect(5s);
    REQUIRE(present.has_value());
    CHECK_FALSE(*present);
    REQUIRE(worked(client.subscribe(kAll, 1, 5s)));
    const std::int64_t big = (std::int64_t{1} << 40) + 7;  // wider than a 32-bit pointer
    REQUIRE(client.publish(big, "x/one", "1", 1, false).has_value());
    REQUIRE(client.publish(8, "x/zero", "", 0, false).has_value());
    REQUIRE(inbox.wait_messages(2));
    REQUIRE(inbox.wait_delivered(2));
    CHECK(inbox.delivered() == std::map<std::int64_t, bool>{{big, true}, {8, true}});
    const auto got = inbox.messages();
    CHECK(got[0].topic == "x/one");
    CHECK(got[0].payload == "1");
    CHECK(got[0].qos == 1);
    CHECK_FALSE(got[0].retained);
    CHECK(got[1].topic == "x/zero");
    CHECK(got[1].payload.empty());
    CHECK(got[1].qos == 0);
}

TEST_CASE("mqtt client: a retained message is flagged on subscription only") {
    if (skipped()) return;
    const Mosquitto broker;
    Inbox inbox;
    MqttClient client(options_for(broker, "a"), inbox.handlers());
    REQUIRE(client.connect(5s).has_value());
    REQUIRE(client.publish(1, "r", "old", 1, true).has_value());
    REQUIRE(inbox.wait_delivered(1));
    REQUIRE(worked(client.subscribe(kAll, 1, 5s)));
    REQUIRE(inbox.wait_messages(1));
    REQUIRE(client.publish(2, "r", "new", 1, true).has_value());
    REQUIRE(inbox.wait_messages(2));
    CHECK(inbox.messages()[0].retained);
    CHECK_FALSE(inbox.messages()[1].retained);
}

TEST_CASE("mqtt client: a session that was kept delivers what came meanwhile") {
    if (skipped()) return;
    const Mosquitto broker;
    Inbox first, second, other;
    MqttClient sender(options_for(broker, "sender"), other.handlers());
    REQUIRE(sender.connect(5s).has_value());
    {
        MqttClient client(options_for(broker, "keeper"), first.handlers());
        REQUIRE(client.connect(5s).has_value());
        REQUIRE(worked(client.subscribe(kAll, 1, 5s)));
        client.disconnect(1s);
        CHECK_FALSE(client.connected());
    }
    for (int i = 0; i < 10; ++i)
        REQUIRE(sender.publish(i, "q", std::to_string(i), 1, false).has_value());
    REQUIRE(other.wait_delivered(10));
    MqttClient client(options_for(broker, "keeper"), second.handlers());
    const auto present = client.connect(5s);
    REQUIRE(present.has_value());
    CHECK(*present);
    REQUIRE(second.wait_messages(10));
    for (int i = 0; i < 10; ++i) CHECK(second.messages()[i].payload == std::to_string(i));
}

TEST_CASE("mqtt client: PUBACK waits for the handler; severed inside it, the message comes again") {
    if (skipped()) return;
    const Mosquitto broker;
    std::atomic<int> calls{0};
    std::atomic<bool> again_duplicate{false};
    std::mutex mutex;
    std::condition_variable changed;
    bool lost = false;
    MqttClient* self = nullptr;
    MqttClient client(options_for(broker, "a"), {.message =
                                                     [&](const MqttClient::Message& m) {
                                                         if (++calls == 1) return self->sever();
                                                         again_duplicate = m.duplicate;
                                                         const std::lock_guard lock(mutex);
                                                         changed.notify_all();
                                                     },
                                                 .lost =
                                                     [&](const std::string&) {
                                                         const std::lock_guard lock(mutex);
                                                         lost = true;
                                                         changed.notify_all();
                                                     },
                                                 .delivered = {}});
    self = &client;
    Inbox other;
    REQUIRE(client.connect(5s).has_value());
    REQUIRE(worked(client.subscribe(kAll, 1, 5s)));
    CHECK(run_program({"mosquitto_pub", "-p", std::to_string(broker.port()), "-q", "1", "-t", "x",
                       "-m", "1"}) == 0);
    {
        std::unique_lock lock(mutex);
        REQUIRE(changed.wait_for(lock, 10s, [&] { return lost; }));
    }
    REQUIRE(client.connect(5s).has_value());
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, 10s, [&] { return calls.load() == 2; }));
    CHECK(again_duplicate);
}

TEST_CASE("mqtt client: an exception in a handler does not leave, and does not acknowledge") {
    if (skipped()) return;
    const Mosquitto broker;
    Inbox inbox;
    auto handlers = inbox.handlers();
    std::atomic<bool> thrown{false};
    handlers.message = [&, keep = handlers.message](const MqttClient::Message& m) {
        if (!thrown.exchange(true)) throw std::runtime_error("boom");
        keep(m);
    };
    MqttClient client(options_for(broker, "a"), handlers);
    REQUIRE(client.connect(5s).has_value());
    REQUIRE(worked(client.subscribe(kAll, 1, 5s)));
    CHECK(run_program({"mosquitto_pub", "-p", std::to_string(broker.port()), "-q", "1", "-t", "x",
                       "-m", "1"}) == 0);
    REQUIRE(inbox.wait_lost());
    REQUIRE(client.connect(5s).has_value());
    CHECK(inbox.wait_messages(1));
}

TEST_CASE("mqtt client: a broker that dies is reported, and the client connects again") {
    if (skipped()) return;
    Mosquitto broker;
    Inbox inbox;
    MqttClient client(options_for(broker, "a"), inbox.handlers());
    REQUIRE(client.connect(5s).has_value());
    broker.kill();
    REQUIRE(inbox.wait_lost());
    CHECK_FALSE(client.connected());
    const auto publish = client.publish(1, "x", "1", 1, false);
    REQUIRE(!publish);
    CHECK(publish.error().code == Errc::unreachable);
    const auto refused = client.connect(5s);
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::unreachable);
    CHECK(refused.error().what.find("refused") != std::string::npos);
    broker.start();
    CHECK(client.connect(5s).has_value());
}

TEST_CASE("mqtt client: wrong credentials are denied, in words") {
    if (skipped()) return;
    const Mosquitto broker({.user = "plant", .password = "right"});
    auto options = options_for(broker, "a");
    options.user = "plant";
    options.password = "wrong";
    MqttClient client(options, {});
    const auto denied = client.connect(5s);
    REQUIRE(!denied);
    CHECK(denied.error().code == Errc::denied);
    CHECK(denied.error().what.find("authorised") != std::string::npos);
    options.password = "right";
    CHECK(MqttClient(options, {}).connect(5s).has_value());
}

TEST_CASE("mqtt client: unknown hosts, silent brokers and bad addresses are told apart") {
    if (skipped()) return;
    MqttClient unknown(options_to("mqtt://no-such-host.invalid:1883"), {});
    const auto dns = unknown.connect(5s);
    REQUIRE(!dns);
    CHECK((dns.error().code == Errc::unreachable || dns.error().code == Errc::timeout));
    CHECK(dns.error().what.find("no-such-host.invalid") != std::string::npos);

    Mosquitto broker;
    broker.freeze();
    const auto silent = MqttClient(options_for(broker, "a"), {}).connect(300ms);
    REQUIRE(!silent);
    CHECK(silent.error().code == Errc::timeout);

    for (const char* url : {"http://x", "mqtt://", "mqtt://h:0", "mqtt://h:70000", "mqtt://u@h:1",
                            "mqtt://[::1:1883"}) {
        CAPTURE(url);
        const auto bad = MqttClient(options_to(url), {}).connect(1s);
        REQUIRE(!bad);
        CHECK(bad.error().code == Errc::bad_config);
    }
}

TEST_CASE("mqtt client: interrupt ends a connect that waits") {
    if (skipped()) return;
    Mosquitto broker;
    broker.freeze();
    MqttClient client(options_for(broker, "a"), {});
    std::atomic<bool> waiting{false};
    std::thread owner([&] {
        waiting = true;
        const auto result = client.connect(60s);
        CHECK(!result);
        if (!result) CHECK(result.error().code == Errc::busy);
    });
    while (!waiting) std::this_thread::yield();
    client.interrupt();
    owner.join();
}

TEST_CASE("mqtt client: TLS checks the authority, the name and shows the client certificate") {
    if (skipped()) return;
    const TempFolder folder;
    const Certificates certs(folder.path());
    const Mosquitto broker({.ca_file = certs.path("ca.pem"),
                            .cert_file = certs.path("server.pem"),
                            .key_file = certs.path("server.key"),
                            .require_certificate = true});
    auto options = options_for(broker, "a");
    options.ca_file = certs.path("ca.pem");
    options.cert_file = certs.path("client.pem");
    options.key_file = certs.path("client.key");
    Inbox inbox;
    {
        MqttClient client(options, inbox.handlers());
        const auto connected = client.connect(10s);
        if (!connected) MESSAGE(connected.error().what);
        REQUIRE(connected.has_value());
        REQUIRE(worked(client.subscribe(kAll, 1, 5s)));
        REQUIRE(client.publish(1, "x", "secret", 1, false).has_value());
        CHECK(inbox.wait_messages(1));
    }
    const auto refused = [](MqttOptions with) {
        const auto result = MqttClient(std::move(with), {}).connect(10s);
        REQUIRE(!result);
        CHECK(result.error().code == Errc::bad_config);
        return result.error().what;
    };
    auto other = options;
    other.ca_file.clear();
    CHECK(refused(other).find("not accepted") != std::string::npos);
    other = options;
    other.url = "mqtts://127.0.0.1:" + std::to_string(broker.port());
    CHECK(refused(other).find("not accepted") != std::string::npos);
    other = options;
    other.cert_file.clear();
    other.key_file.clear();
    CHECK(refused(other).find("TLS") != std::string::npos);
    other = options;
    other.ca_file = "/nonexistent/ca.pem";
    CHECK(refused(other).find("/nonexistent/ca.pem") != std::string::npos);
}

TEST_CASE("mqtt client: options are read and checked") {
    const auto text = [](std::string value) { return Node(std::move(value)); };
    Node node;
    node.set("url", text("mqtts://broker.example:8884"));
    node.set("user", text("u"));
    node.set("keep_alive", text("20 s"));
    std::vector<Fault> faults;
    ConfigView view(node, faults);
    const auto options = read_mqtt_options(view);
    view.done();
    CHECK(faults.empty());
    CHECK(options.url == "mqtts://broker.example:8884");
    CHECK(options.keep_alive == 20s);

    Node wrong;
    wrong.set("url", text("tcp://x"));
    wrong.set("keep_alive", text("1 s"));
    wrong.set("key_file", text("k"));
    std::vector<Fault> found;
    ConfigView bad(wrong, found);
    (void)read_mqtt_options(bad);
    CHECK(found.size() == 3);
}
