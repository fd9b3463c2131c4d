#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>

#include "firmware/core/reading.hpp"
#include "firmware/io/mqtt_client.hpp"
#include "tests/support/gateway.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/support/mqtt_peer.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

bool have_tools() {
    return ::access("/usr/bin/mosquitto_pub", X_OK) == 0 &&
           ::access("/usr/bin/mosquitto_sub", X_OK) == 0;
}

/// A gateway with the listener on a port of its own.
struct Site {
    explicit Site(std::string more = {}) {
        gateway.configure(
            "[mqtt.listener]\nport = 0\n"
            "bind = [\"127.0.0.1\"]\n" +
            more);
        start();
    }
    void start() {
        gateway.start();
        const bool up =
            eventually([this] { return !text_of(gateway.path("run/mqtt.port")).empty(); });
        REQUIRE_MESSAGE(up, gateway.log());
        port = std::to_string(
            std::strtoul(text_of(gateway.path("run/mqtt.port")).c_str(), nullptr, 10));
    }
    void restart() {
        std::filesystem::remove(gateway.path("run/mqtt.port"));
        start();
    }
    /// mosquitto_pub or _sub with what it needs to get in.
    std::vector<std::string> tool(std::string name, std::string version,
                                  std::vector<std::string> more) const {
        std::vector<std::string> words = {
            std::move(name), "-h", "127.0.0.1", "-p", port,           "-V",
            version,         "-u", "u",         "-P", gateway.token()};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }
    int publish(std::string version, std::vector<std::string> more) const {
        return run_program(tool("mosquitto_pub", std::move(version), std::move(more)));
    }

    Gateway gateway;
    std::string port;
};

/// mosquitto_sub under way; what it prints.
class Subscriber {
public:
    Subscriber(const Site& site, std::string version, std::vector<std::string> more)
        : out_(folder_.path() / "out") {
        more.push_back("-v");
        child_ = Child(site.tool("mosquitto_sub", std::move(version), std::move(more)), out_);
    }
    bool has(std::string_view line) {
        return eventually([&] { return text_of(out_).find(line) != std::string::npos; });
    }
    std::string text() const { return text_of(out_); }

private:
    TempFolder folder_;
    std::filesystem::path out_;
    Child child_;
};

}  // namespace

TEST_CASE("mosquitto_pub and _sub, both versions: QoS 0 and 1, retained, will, wildcards") {
    if (!have_tools()) {
        MESSAGE("skipped: mosquitto-clients is not installed");
        return;
    }
    Site site;
    for (const std::string version : {"311", "5"}) {
        CAPTURE(version);
        const std::string root = "site" + version;
        CHECK(site.publish(version, {"-t", root + "/a/kept", "-m", "old", "-q", "1", "-r"}) == 0);
        Subscriber sub(site, version, {"-t", root + "/+/#", "-q", "1"});
        CHECK(sub.has(root + "/a/kept old\n"));
        CHECK(site.publish(version, {"-t", root + "/a/b", "-m", "zero", "-q", "0"}) == 0);
        CHECK(site.publish(version, {"-t", root + "/a/b", "-m", "one", "-q", "1"}) == 0);
        CHECK(sub.has(root + "/a/b zero\n"));
        CHECK(sub.has(root + "/a/b one\n"));
        // A client that dies leaves its will.
        TempFolder folder;
        Child dying(site.tool("mosquitto_sub", version,
                              {"-t", "nothing", "--will-topic", root + "/w/gone", "--will-payload",
                               "bye", "--will-qos", "1"}),
                    folder.path() / "out");
        CHECK(eventually([&] { return site.gateway.metric("fogline_mqtt_clients") >= 2; }));
        dying.kill9();
        CHECK(sub.has(root + "/w/gone bye\n"));
    }
}

TEST_CASE("a published reading is in the registry and on fogline/v1 for subscribers") {
    if (!have_tools()) {
        MESSAGE("skipped: mosquitto-clients is not installed");
        return;
    }
    Site site;
    CHECK(site.publish("5", {"-t", "press4/telemetry", "-m", R"({"temp":61.25})", "-q", "1"}) == 0);
    // Committed before mosquitto_pub was told.
    const auto point = site.gateway.point("press4", "temp");
    CHECK_MESSAGE(!point.is_null(), site.gateway.log());
    Subscriber sub(site, "311", {"-t", "fogline/v1/press4/#"});
    CHECK(sub.has("fogline/v1/press4/temp {\"gw\":"));
    CHECK(sub.has("\"v\":61.25"));
    CHECK(site.publish("311", {"-t", "press4/telemetry", "-m", R"({"temp":62.5})", "-q", "1"}) ==
          0);
    CHECK(sub.has("\"v\":62.5"));
    // Nobody publishes there.
    site.publish("5", {"-t", "fogline/v1/press4/temp", "-m", "1", "-q", "1"});
    CHECK(site.gateway.metric("fogline_mqtt_refused_total") == 1);
}

TEST_CASE("a publish that nobody can decode is kept raw before it is acknowledged") {
    Site site;
    MqttPeer peer;
    REQUIRE(peer.connect(static_cast<std::uint16_t>(std::stoul(site.port)), 5, "odd",
                         site.gateway.token()));
    CHECK(peer.publish("odd/bytes", std::string_view("\xff\x00\x01", 3), 1));
    std::vector<std::uint16_t> acks;
    CHECK(peer.acks(acks, 10s));
    CHECK(acks == std::vector<std::uint16_t>{1});
    site.gateway.kill9();
    site.gateway.start();
    const auto events = site.gateway.get("/api/v1/events-log?kind=raw");
    CHECK(events.status == 200);
    CHECK_MESSAGE(events.body.find("/wAB") != std::string::npos, events.body);
}

TEST_CASE("Paho: connects, subscribes, publishes with QoS 1 and hears itself") {
    Site site;
    MqttOptions options;
    options.url = "mqtt://127.0.0.1:" + site.port;
    options.client_id = "paho";
    options.user = "u";
    options.password = site.gateway.token();
    options.clean_session = true;
    std::atomic<int> heard{0}, delivered{0};
    MqttClient::Handlers handlers;
    handlers.message = [&heard](const MqttClient::Message& message) {
        if (message.topic == "echo/a" && as_text(message.payload) == "hello") ++heard;
    };
    handlers.lost = [](std::string) {};
    handlers.delivered = [&delivered](std::int64_t token, bool good, std::string) {
        if (token == 7 && good) ++delivered;
    };
    MqttClient client(options, std::move(handlers));
    const auto connected = client.connect(10s);
    REQUIRE_MESSAGE(connected.has_value(), connected.error().what);
    const std::vector<std::string> filters = {"echo/#"};
    CHECK(client.subscribe(filters, 1, 10s).has_value());
    CHECK(client.publish(7, "echo/a", "hello", 1, false).has_value());
    CHECK(eventually([&] { return heard == 1 && delivered == 1; }));
    client.disconnect(2s);
    // A session that is kept.
    options.clean_session = false;
    MqttClient lasting(options, {[](const auto&) {}, [](std::string) {}, {}});
    CHECK(lasting.connect(10s).has_value());
    CHECK(lasting.subscribe(filters, 1, 10s).has_value());
    lasting.disconnect(2s);
    CHECK(site.gateway.metric("fogline_mqtt_sessions") == 1);
}

TEST_CASE("a taken port is told with the program that has it; the rest is served") {
    if (!Mosquitto::available()) {
        MESSAGE("skipped: mosquitto is not installed");
        return;
    }
    Mosquitto broker;
    Gateway gateway;
    gateway.configure("[mqtt.listener]\nport = " + std::to_string(broker.port()) +
                      "\nbind = [\"127.0.0.1\"]\n");
    gateway.start();
    CHECK(gateway.log().find("is taken by mosquitto (pid " + std::to_string(broker.pid())) !=
          std::string::npos);
    CHECK(gateway.get("/readyz").status == 503);
    broker.kill();
    CHECK(eventually([&] { return gateway.get("/readyz").status == 200; }));
}

TEST_CASE(
    "mosquitto_sub, both versions: what came while it was away, also over a kill of the daemon") {
    if (!have_tools()) {
        MESSAGE("skipped: mosquitto-clients is not installed");
        return;
    }
    Site site;
    for (const std::string version : {"311", "5"}) {
        CAPTURE(version);
        const std::string topic = "away" + version + "/telemetry";
        std::vector<std::string> words = {"-i", "sub" + version, "-t", topic, "-q", "1", "-c"};
        if (version == "5") words.insert(words.end(), {"-x", "3600"});
        const auto session = [&](std::vector<std::string> more) {
            auto all = words;
            all.insert(all.end(), more.begin(), more.end());
            return all;
        };
        // Subscribes and leaves.
        CHECK(run_program(site.tool("mosquitto_sub", version, session({"-E"}))) == 0);
        CHECK(site.publish(version, {"-t", topic, "-m", R"({"n":1})", "-q", "1"}) == 0);
        site.gateway.kill9();
        site.restart();
        CHECK(site.publish(version, {"-t", topic, "-m", R"({"n":2})", "-q", "1"}) == 0);
        Subscriber sub(site, version, session({}));
        CHECK(sub.has(topic + " {\"n\":1}\n" + topic + " {\"n\":2}\n"));
        CHECK(site.publish(version, {"-t", topic, "-m", R"({"n":3})", "-q", "1"}) == 0);
        CHECK(sub.has(topic + " {\"n\":3}\n"));
    }
    CHECK(site.gateway.metric("fogline_mqtt_session_missed_total") == 0);
    CHECK(!site.gateway.point("away5", "n").is_null());
}

TEST_CASE(
    "retained messages are there after a kill: QoS 1 as acknowledged, QoS 0 as last written") {
    if (!have_tools()) {
        MESSAGE("skipped: mosquitto-clients is not installed");
        return;
    }
    Site site("retained_every = \"1 s\"\n");
    CHECK(site.publish("5", {"-t", "kept/gone", "-m", "x", "-q", "1", "-r"}) == 0);
    CHECK(site.publish("5", {"-t", "kept/one", "-m", "old", "-q", "1", "-r"}) == 0);
    CHECK(site.publish("311", {"-t", "kept/zero", "-m", "0", "-q", "0", "-r"}) == 0);
    CHECK(eventually([&] { return site.gateway.metric("fogline_mqtt_retained") == 3; }));
    CHECK(eventually([&] { return site.gateway.metric("fogline_mqtt_retained_changed") == 0; }));
    CHECK(site.publish("311", {"-t", "kept/one", "-m", "new", "-q", "1", "-r"}) == 0);
    CHECK(site.publish("5", {"-t", "kept/gone", "-n", "-q", "1", "-r"}) == 0);
    site.gateway.kill9();
    site.restart();
    const auto all = [&site](std::string_view wanted) {
        Subscriber sub(site, "5", {"-t", "kept/#", "-q", "1"});
        return sub.has(wanted) ? sub.text() : std::string();
    };
    CHECK(all("kept/one new\nkept/zero 0\n") == "kept/one new\nkept/zero 0\n");
    // A clean stop keeps what QoS 0 said last too.
    CHECK(site.publish("311", {"-t", "kept/zero", "-m", "1", "-q", "0", "-r"}) == 0);
    CHECK(all("kept/zero 1\n") == "kept/one new\nkept/zero 1\n");
    CHECK(site.gateway.stop() == 0);
    site.restart();
    CHECK(all("kept/zero 1\n") == "kept/one new\nkept/zero 1\n");
}

TEST_CASE("a will outlives a kill and waits a minute for its client") {
    if (!have_tools() || std::getenv("FOG_HEAVY") == nullptr) {
        MESSAGE("skipped: a minute of waiting; FOG_HEAVY=1 (./fog check --full sets it)");
        return;
    }
    Site site;
    const auto with_will = [&site](const std::string& id, const std::filesystem::path& out) {
        return Child(site.tool("mosquitto_sub", "311",
                               {"-i", id, "-t", "nothing", "--will-topic", "wills/" + id,
                                "--will-payload", "bye"}),
                     out);
    };
    TempFolder folder;
    Child gone = with_will("gone", folder.path() / "gone");
    Child back = with_will("back", folder.path() / "back");
    CHECK(eventually([&] { return site.gateway.metric("fogline_mqtt_clients") >= 2; }));
    // The wills are in the ring before their CONNACKs were.
    site.gateway.kill9();
    gone.kill9();
    back.kill9();
    site.restart();
    Child here = with_will("back", folder.path() / "back");
    Subscriber watch(site, "5", {"-t", "wills/#"});
    CHECK(eventually([&] { return watch.text() == "wills/gone bye\n"; }, std::chrono::seconds(90)));
}

TEST_CASE("a retained counter, killed again and again, is never behind its last PUBACK") {
    Site site;
    int sent = 0, acknowledged = 0;
    std::uint16_t id = 0;
    for (int kill = 0; kill < 8; ++kill) {
        MqttPeer peer;
        REQUIRE(peer.connect(static_cast<std::uint16_t>(std::stoul(site.port)), kill % 2 + 4,
                             "counter", site.gateway.token()));
        const int enough = acknowledged + 40 + 7 * kill;
        for (int open = 0; acknowledged < enough;) {
            for (; open < 10; ++open)
                REQUIRE(peer.publish("kept/count", std::to_string(++sent), ++id, true));
            std::vector<std::uint16_t> acks;
            REQUIRE(peer.acks(acks, 10s));
            acknowledged += static_cast<int>(acks.size());
            open -= static_cast<int>(acks.size());
        }
        site.gateway.kill9();
        site.restart();
        Subscriber sub(site, "5", {"-t", "kept/count"});
        REQUIRE(sub.has("\n"));
        const int kept = std::stoi(sub.text().substr(sub.text().find(' ')));
        CHECK(kept >= acknowledged);
        CHECK(kept <= sent);
        acknowledged = sent = kept;
    }
}

TEST_CASE("python3-paho-mqtt: QoS, retained, will, a session kept, in both versions") {
    if (::access("/usr/lib/python3/dist-packages/paho/mqtt/client.py", R_OK) != 0) {
        MESSAGE("skipped: python3-paho-mqtt is not installed");
        return;
    }
    Site site;
    for (const char* version : {"4", "5"}) {
        CAPTURE(version);
        CHECK(run_program({"/usr/bin/python3", FOG_TEST_DIR "/mqtt_paho.py", site.port,
                           site.gateway.token(), version}) == 0);
    }
}
