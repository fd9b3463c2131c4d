#include "drivers/mqtt/source.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "tests/support/certificates.hpp"
#include "tests/support/mosquitto.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

struct Got {
    std::string topic, payload;
    bool retained = false, duplicate = false, durable = false;
};

/// Keeps what the driver handed over, and waits for it.
class KeptSinks final : public Sinks {
public:
    std::function<bool(const Got&)> judge;  // on Paho's thread; unset = take all

    bool readings(std::string_view, std::span<const Reading>, bool) override { return true; }
    bool message(std::string_view, std::string_view topic, std::span<const std::byte> payload,
                 bool retained, bool duplicate, bool durable) override {
        const Got got{std::string(topic), std::string(as_text(payload)), retained, duplicate,
                      durable};
        if (judge && !judge(got)) return false;
        const std::lock_guard lock(mutex_);
        messages_.push_back(got);
        changed_.notify_all();
        return true;
    }
    void raw(std::string_view, std::span<const std::byte> bytes, std::string_view why) override {
        const std::lock_guard lock(mutex_);
        raws_.emplace_back(bytes.size(), why);
        changed_.notify_all();
    }
    void link_state(std::string_view, bool up, std::string_view words) override {
        const std::lock_guard lock(mutex_);
        up_ = up;
        states_.emplace_back(words);
        changed_.notify_all();
    }

    bool wait_up(bool up) {
        return wait([this, up] { return up_ == up && !states_.empty(); });
    }
    bool wait_messages(std::size_t n) {
        return wait([this, n] { return messages_.size() >= n; });
    }
    bool wait_raws(std::size_t n) {
        return wait([this, n] { return raws_.size() >= n; });
    }
    bool wait_words(std::string_view part) {
        return wait([this, part] {
            return !states_.empty() && states_.back().find(part) != std::string::npos;
        });
    }
    std::vector<Got> messages() {
        const std::lock_guard lock(mutex_);
        return messages_;
    }
    std::vector<std::pair<std::size_t, std::string>> raws() {
        const std::lock_guard lock(mutex_);
        return raws_;
    }

private:
    template <class Condition>
    bool wait(Condition condition) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 20s, condition);
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Got> messages_;
    std::vector<std::pair<std::size_t, std::string>> raws_;
    std::vector<std::string> states_;
    bool up_ = false;
};

MqttSourceOptions options_for(const Mosquitto& broker) {
    MqttSourceOptions out;
    out.name = "test";
    out.client.url = broker.url();
    out.client.client_id = "source-test";
    out.filters = {"#"};
    out.retry_min = 20ms;
    out.retry_max = 200ms;
    return out;
}

void publish(const Mosquitto& broker, const std::string& topic, const std::string& payload, int qos,
             std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"mosquitto_pub",
                                      "-p",
                                      std::to_string(broker.port()),
                                      "-q",
                                      std::to_string(qos),
                                      "-t",
                                      topic,
                                      "-m",
                                      payload};
    words.insert(words.end(), more.begin(), more.end());
    REQUIRE(run_program(std::move(words)) == 0);
}

bool skipped() {
    if (Mosquitto::available()) return false;
    MESSAGE("skipped: mosquitto is not installed");
    return true;
}

}  // namespace

TEST_CASE("mqtt source: messages of QoS 0 and 1 arrive, commands and the broker's own do not") {
    if (skipped()) return;
    const Mosquitto broker;
    KeptSinks sinks;
    MqttSource source(options_for(broker));
    REQUIRE(source.start(sinks).has_value());
    REQUIRE(sinks.wait_up(true));
    CHECK(source.health().words == "connected");
    publish(broker, "cmnd/plug/POWER", "ON", 1);
    publish(broker, "a/set", "1", 1);
    publish(broker, "a/zero", "0", 0);
    publish(broker, "a/one", "1", 1);
    REQUIRE(sinks.wait_messages(2));
    const auto got = sinks.messages();
    CHECK(got[0].topic == "a/zero");
    CHECK(got[1].topic == "a/one");
    CHECK(got[1].payload == "1");
    CHECK_FALSE(got[1].retained);
    CHECK_FALSE(got[1].duplicate);
    CHECK_FALSE(got[1].durable);
    CHECK(source.health().stats.frames == 4);
    source.stop();
    CHECK_FALSE(source.health().up);
    CHECK(source.health().words == "stopped");
}

TEST_CASE("mqtt source: what was retained is marked") {
    if (skipped()) return;
    const Mosquitto broker;
    publish(broker, "a/state", "old", 1, {"-r"});
    KeptSinks sinks;
    MqttSource source(options_for(broker));
    REQUIRE(source.start(sinks).has_value());
    REQUIRE(sinks.wait_messages(1));
    publish(broker, "a/state", "new", 1, {"-r"});
    REQUIRE(sinks.wait_messages(2));
    CHECK(sinks.messages()[0].retained);
    CHECK_FALSE(sinks.messages()[1].retained);
}

TEST_CASE("mqtt source: a broker that restarts finds us back, with the session and its queue") {
    if (skipped()) return;
    MosquittoOptions kept;
    kept.persistence = true;
    Mosquitto broker(kept);
    KeptSinks sinks;
    MqttSource source(options_for(broker));
    REQUIRE(source.start(sinks).has_value());
    REQUIRE(sinks.wait_up(true));
    broker.stop();
    REQUIRE(sinks.wait_up(false));
    CHECK(source.health().words.find("waiting") == 0);
    broker.start();
    REQUIRE(sinks.wait_words("session resumed"));
    publish(broker, "a/b", "1", 1);
    CHECK(sinks.wait_messages(1));
    CHECK(source.health().reconnects >= 1);

    source.stop();
    for (int i = 0; i < 20; ++i) publish(broker, "a/q", std::to_string(i), 1);
    broker.restart();
    MqttSource again(options_for(broker));
    REQUIRE(again.start(sinks).has_value());
    REQUIRE(sinks.wait_messages(21));
    for (int i = 0; i < 20; ++i) CHECK(sinks.messages()[i + 1].payload == std::to_string(i));
}

TEST_CASE("mqtt source: a broker that is away at start is waited for, in words") {
    if (skipped()) return;
    Mosquitto broker;
    broker.stop();
    KeptSinks sinks;
    MqttSource source(options_for(broker));
    REQUIRE(source.start(sinks).has_value());
    REQUIRE(sinks.wait_words("refused"));
    broker.start();
    CHECK(sinks.wait_up(true));
}

TEST_CASE("mqtt source: a wrong password is said as such") {
    if (skipped()) return;
    MosquittoOptions guarded;
    guarded.user = "plant";
    guarded.password = "right";
    const Mosquitto broker(guarded);
    auto options = options_for(broker);
    options.client.user = "plant";
    options.client.password = "wrong";
    KeptSinks sinks;
    MqttSource source(options);
    REQUIRE(source.start(sinks).has_value());
    REQUIRE(sinks.wait_words("not authorised"));
    CHECK(source.health().words.find("check user") != std::string::npos);
}

TEST_CASE("mqtt source: TLS with an own authority and a client certificate") {
    if (skipped()) return;
    const TempFolder folder;
    const Certificates certs(folder.path());
    MosquittoOptions tls;
    tls.ca_file = certs.path("ca.pem");
    tls.cert_file = certs.path("server.pem");
    tls.key_file = certs.path("server.key");
    tls.require_certificate = true;
    const Mosquitto broker(tls);
    auto options = options_for(broker);
    options.client.ca_file = certs.path("ca.pem");
    {
        KeptSinks sinks;
        MqttSource source(options);
        REQUIRE(source.start(sinks).has_value());
        REQUIRE(sinks.wait_words("client certificate"));
    }
    options.client.cert_file = certs.path("client.pem");
    options.client.key_file = certs.path("client.key");
    KeptSinks sinks;
    MqttSource source(options);
    REQUIRE(source.start(sinks).has_value());
    REQUIRE(sinks.wait_up(true));
    REQUIRE(run_program({"mosquitto_pub", "-h", "localhost", "-p", std::to_string(broker.port()),
                         "--cafile", certs.path("ca.pem"), "--cert", certs.path("client.pem"),
                         "--key", certs.path("client.key"), "-q", "1", "-t", "a", "-m", "1"}) == 0);
    CHECK(sinks.wait_messages(1));
}

TEST_CASE("mqtt source: durable messages that are refused are not acknowledged and come again") {
    if (skipped()) return;
    const Mosquitto broker;
    auto options = options_for(broker);
    options.durable = true;
    KeptSinks sinks;
    std::atomic<int> calls{0};
    sinks.judge = [&calls](const Got&) { return ++calls > 1; };
    MqttSource source(options);
    REQUIRE(source.start(sinks).has_value());
    REQUIRE(sinks.wait_up(true));
    publish(broker, "a/b", "1", 1);
    REQUIRE(sinks.wait_messages(1));
    CHECK(calls == 2);
    CHECK(sinks.messages()[0].duplicate);
    CHECK(sinks.messages()[0].durable);
}

TEST_CASE("mqtt source: a process killed before the commit gets the message again") {
    if (skipped()) return;
    const Mosquitto broker;
    const auto take_and_die = [&broker] {
        auto options = options_for(broker);
        options.durable = true;
        KeptSinks sinks;
        sinks.judge = [](const Got&) {
            ::raise(SIGKILL);
            return true;
        };
        MqttSource source(options);
        (void)source.start(sinks);
        sinks.wait_messages(1);
        ::_exit(1);
    };
    const pid_t child = ::fork();
    if (child == 0) take_and_die();
    REQUIRE(child > 0);
    // Only a subscribed session queues: repeat until the child has died of one message.
    int status = 0;
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        publish(broker, "a/b", "once more", 1);
    }
    REQUIRE(WIFSIGNALED(status));
    auto options = options_for(broker);
    options.durable = true;
    KeptSinks sinks;
    MqttSource source(options);
    REQUIRE(source.start(sinks).has_value());
    REQUIRE(sinks.wait_messages(1));
    CHECK(sinks.messages()[0].duplicate);
}

TEST_CASE("mqtt source: oversized messages are acknowledged, counted and told as raw") {
    if (skipped()) return;
    const Mosquitto broker;
    const TempFolder folder;
    const auto file = (folder.path() / "big").string();
    std::ofstream(file) << std::string((64U << 10U) + 1, 'x');
    KeptSinks sinks;
    MqttSource source(options_for(broker));
    REQUIRE(source.start(sinks).has_value());
    REQUIRE(sinks.wait_up(true));
    REQUIRE(run_program({"mosquitto_pub", "-p", std::to_string(broker.port()), "-q", "1", "-t",
                         "a/b", "-f", file}) == 0);
    publish(broker, "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u", "1", 1);
    publish(broker, "ok", "1", 1);
    REQUIRE(sinks.wait_messages(1));
    REQUIRE(sinks.wait_raws(2));
    CHECK(sinks.raws()[0].first == 4096);
    CHECK(sinks.raws()[0].second.find("payload") != std::string::npos);
    CHECK(sinks.raws()[1].second.find("levels") != std::string::npos);
    CHECK(source.health().stats.oversized == 2);
}

TEST_CASE("mqtt source: stop ends a connect that hangs, at once") {
    if (skipped()) return;
    Mosquitto broker;
    broker.freeze();
    KeptSinks sinks;
    MqttSource source(options_for(broker));
    REQUIRE(source.start(sinks).has_value());
    source.stop();
    broker.thaw();
    CHECK(source.health().words == "stopped");
}

TEST_CASE("mqtt source: the configuration is read, checked and defaulted") {
    const auto text = [](const char* value) { return Node(std::string(value)); };
    Node node;
    node.set("url", text("mqtt://broker.plant.example:1883"));
    std::vector<Fault> faults;
    ConfigView view(node, faults);
    const auto options = read_mqtt_source(view);
    view.done();
    CHECK(faults.empty());
    CHECK(options.name == "broker-plant-example");
    CHECK(options.filters == std::vector<std::string>{"#"});
    CHECK(options.qos == 1);
    CHECK_FALSE(options.durable);
    CHECK_FALSE(options.client.clean_session);
    CHECK(options.client.client_id.find("fogline-broker-plant-example-") == 0);
    ConfigView same(node, faults);
    CHECK(read_mqtt_source(same).client.client_id == options.client.client_id);

    Node wrong;
    wrong.set("url", text("mqtt://h:1"));
    wrong.set("topics", text("a/#/b"));
    wrong.set("level", text("safe"));
    wrong.set("qos", Node(std::int64_t{2}));
    wrong.set("topic", text("a"));
    std::vector<Fault> found;
    ConfigView bad(wrong, found);
    (void)read_mqtt_source(bad);
    bad.done();
    CHECK(found.size() == 4);
}

TEST_CASE("mqtt source: waits grow with jitter, stay in bounds and repeat with their seed") {
    RetryDelay delay(1s, 60s, 7), same(1s, 60s, 7);
    std::chrono::milliseconds longest{0};
    for (int i = 0; i < 100; ++i) {
        const auto wait = delay.next();
        CHECK(wait == same.next());
        CHECK(wait >= 1s);
        CHECK(wait <= 60s);
        longest = std::max(longest, wait);
    }
    CHECK(longest > 10s);
    delay.reset();
    CHECK(delay.next() <= 3s);
}
