#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "tests/support/gateway.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/support/sse_client.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

/// Posts 1, 2, 3 … as one device and remembers which were answered as committed. A number that got
/// no answer is never sent again. Thread: its own.
class Poster {
public:
    Poster(const Gateway& gateway, int number)
        : device_("http-" + std::to_string(number)), token_(gateway.token()) {}
    ~Poster() { stop(); }

    /// Where the gateway listens now; 0 = it is down.
    void aim(std::uint16_t port) { port_ = port; }
    void start() {
        thread_ = std::thread([this] { run(); });
    }
    void stop() {
        stopping_ = true;
        if (thread_.joinable()) thread_.join();
    }
    std::size_t answered() const { return answered_; }
    const std::string& device() const { return device_; }
    /// After stop().
    const std::set<std::int64_t>& acknowledged() const { return acknowledged_; }
    std::int64_t last() const { return value_; }

private:
    void run() {
        while (!stopping_) {
            const std::uint16_t port = port_;
            if (port != 0) post_to(port);
            ::poll(nullptr, 0, 1);
        }
    }
    void post_to(std::uint16_t port) {
        HttpTarget target{"http://127.0.0.1:" + std::to_string(port), token_};
        auto client = HttpClient::open(std::move(target));
        while (client && !stopping_ && port_ == port) {
            HttpCall call;
            call.method = "POST";
            call.path = "/api/v1/ingest/" + device_;
            call.body = "{\"n\":" + std::to_string(++value_) + "}";
            const auto answer = client->send(call);
            if (!answer) return;
            if (answer->status != 200) continue;
            acknowledged_.insert(value_);
            ++answered_;
        }
    }

    const std::string device_, token_;
    std::thread thread_;
    std::atomic<std::uint16_t> port_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> answered_{0};
    std::set<std::int64_t> acknowledged_;
    std::int64_t value_ = 0;
};

/// What one stream of samples told: how often each value of each device, and every number.
struct Told {
    std::map<std::string, std::map<std::int64_t, int>> values;
    std::vector<std::uint64_t> seqs;
    std::vector<Json> gaps;

    void take(const SseClient& client) {
        for (const auto& event : client.events) {
            if (event.name == "gap") gaps.push_back(event.data);
            if (event.name != "sample") continue;
            const auto& record = event.record();
            seqs.push_back(record.value("seq", std::uint64_t{0}));
            if (record.value("pt", "") != "n") continue;
            ++values[record.value("dev", "")][record.value("v", std::int64_t{0})];
        }
    }
    bool rising() const {
        return std::adjacent_find(seqs.begin(), seqs.end(), std::greater_equal<>()) == seqs.end();
    }
};

constexpr int kPosters = 4;
constexpr int kKills = 6;

/// A gateway under load from HTTP and, where there is a broker, from MQTT devices.
struct Siege {
    Gateway gateway;
    std::vector<std::unique_ptr<Poster>> posters;
    std::unique_ptr<Mosquitto> broker;

    Siege() {
        if (!Mosquitto::available()) {
            MESSAGE("without MQTT load: mosquitto is not installed");
            return;
        }
        broker = std::make_unique<Mosquitto>();
        gateway.configure(mqtt_source(broker->url()) +
                          "retry_min = \"100 ms\"\nretry_max = \"300 ms\"\n");
    }
    void begin() {
        gateway.start();
        for (int i = 0; i < kPosters; ++i) posters.push_back(std::make_unique<Poster>(gateway, i));
        for (const auto& poster : posters) poster->start();  // and wait for a port
    }
    std::size_t answered() const {
        std::size_t all = 0;
        for (const auto& poster : posters) all += poster->answered();
        return all;
    }
    void aim(std::uint16_t port) const {
        for (const auto& poster : posters) poster->aim(port);
    }
    void end() const {
        for (const auto& poster : posters) poster->stop();
    }
    /// Everything that is in the log, read back from its beginning.
    Told log() const {
        const std::string head = gateway.get("/api/v1/log").json().value("position", "");
        SseClient reader;
        REQUIRE(reader.open(gateway.port(), gateway.token(),
                            "channel=samples/%23&since=earliest&replay_max=100000&slow=catch-up"));
        const auto end = std::stoull(head.substr(head.find('.') + 1));
        // The snapshot follows the replay, or the head is reached.
        reader.until(
            [end](const auto& event) {
                const auto dot = event.id.find('.');
                return dot != std::string::npos && std::stoull(event.id.substr(dot + 1)) >= end;
            },
            20s);
        Told told;
        told.take(reader);
        return told;
    }
};

/// Publishes numbers as QoS 1 through one connection each and ends when told.
class MqttLoad {
public:
    explicit MqttLoad(const Mosquitto& broker) : out_(folder_.path()) {
        child_ = Child({FOG_BIN_DIR "/fogsim", "run", "load-200", "--mqtt", broker.url(), "--out",
                        out_, "--quiet"},
                       out_ / "printed");
    }
    void stop() {
        child_.signal(SIGINT);
        CHECK_MESSAGE(child_.wait().has_value(), text_of(out_ / "printed"));
    }

private:
    TempFolder folder_;
    std::filesystem::path out_;
    Child child_;
};

}  // namespace

TEST_CASE("kill -9: every reading answered as committed is in the log once, every time") {
    Siege siege;
    siege.begin();
    std::unique_ptr<MqttLoad> load;
    if (siege.broker) load = std::make_unique<MqttLoad>(*siege.broker);
    const std::string live_query = "channel=samples/%23&slow=catch-up&replay_max=100000";
    SseClient live;
    REQUIRE(live.open(siege.gateway.port(), siege.gateway.token(), live_query));
    siege.aim(siege.gateway.port());  // it is to hear everything, so not before it is there
    std::mt19937 random(20261121);
    for (int kill = 0; kill < kKills; ++kill) {
        // Under way again, and then some random time more.
        REQUIRE_MESSAGE(live.until([](const auto& event) { return event.name == "first"; }),
                        live.head());
        const auto before = siege.answered();
        live.until([&](const auto&) { return siege.answered() > before + 20; }, 10s);
        live.drain(std::chrono::milliseconds(50 + random() % 700));
        CHECK(siege.answered() > before + 20);
        siege.gateway.kill9();
        siege.aim(0);
        live.drain(10s);  // ends with the connection
        CHECK(live.ended());
        siege.gateway.start();
        REQUIRE(live.open(siege.gateway.port(), siege.gateway.token(), live_query, true));
        siege.aim(siege.gateway.port());
    }
    const auto settled = siege.answered();
    live.until([&](const auto&) { return siege.answered() > settled + 20; }, 10s);
    siege.end();
    if (load) load->stop();
    // A last value nobody else sends: when it is here, all before it are.
    const auto marked = siege.gateway.post("/api/v1/ingest/marker", R"({"n":1})");
    REQUIRE(marked.status == 200);
    const bool arrived = live.until_record({{"dev", "marker"}});
    REQUIRE_MESSAGE(arrived,
                    "ended=" << live.ended() << " events=" << live.events.size()
                             << " last=" << live.last_id << " marked=" << marked.body
                             << " clients=" << siege.gateway.get("/api/v1/push/clients").body);

    const Told log = siege.log();
    CHECK(log.rising());
    CHECK(log.gaps.empty());
    Told told;
    told.take(live);
    CHECK(told.rising());
    for (const auto& gap : told.gaps) CHECK_MESSAGE(gap.value("reason", "") == "crash", gap.dump());
    std::size_t acknowledged = 0;
    for (const auto& poster : siege.posters) {
        const auto in_log = log.values.find(poster->device());
        REQUIRE(in_log != log.values.end());
        const auto seen = told.values.find(poster->device());
        REQUIRE(seen != told.values.end());
        for (const auto value : poster->acknowledged()) {
            ++acknowledged;
            CAPTURE(poster->device());
            CAPTURE(value);
            CHECK(in_log->second.count(value) == 1);
            CHECK(seen->second.count(value) == 1);
        }
        for (const auto& [value, times] : in_log->second) CHECK(times == 1);
    }
    MESSAGE("acknowledged " << acknowledged << ", in the log " << log.seqs.size() << ", gaps told "
                            << told.gaps.size());
}
