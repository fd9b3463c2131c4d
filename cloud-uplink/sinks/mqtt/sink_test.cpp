#include "cloud-uplink/sinks/mqtt/sink.hpp"

#include <doctest/doctest.h>

#include <array>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "cloud-uplink/pump/pump.hpp"
#include "firmware/io/logging.hpp"
#include "firmware/io/net_probe.hpp"
#include "tests/support/memory_sink_log.hpp"
#include "tests/support/mosquitto.hpp"

namespace fog {

// NOLINTNEXTLINE(readability-identifier-naming): the name the table of sinks is generated from
extern const SinkInfo mqtt_sink;

namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

/// A subscriber at the far side, made anew for each life of the broker. QoS 0, so that the broker
/// keeps nothing back when it is killed.
class Judge {
public:
    struct Got {
        std::string topic, payload;
        bool retained = false;
    };

    void subscribe(const std::string& url, const std::string& id) {
        MqttOptions options;
        options.url = url;
        options.client_id = id;
        options.clean_session = true;
        client_ = std::make_unique<MqttClient>(
            options, MqttClient::Handlers{
                         .message = [this](const MqttClient::Message& message) { keep(message); },
                         .lost = {},
                         .delivered = {}});
        REQUIRE(client_->connect(10s));
        const std::vector<std::string> all{"#"};
        REQUIRE(client_->subscribe(all, 0, 10s));
    }
    std::vector<Got> wait(std::size_t messages, std::chrono::milliseconds most = 10s) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, most, [&] { return got_.size() >= messages; });
        return got_;
    }
    template <class Condition>
    bool wait_for(Condition condition, std::chrono::milliseconds most) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, most, [&] { return condition(got_); });
    }

private:
    void keep(const MqttClient::Message& message) {
        const std::lock_guard lock(mutex_);
        got_.push_back({std::string(message.topic),
                        std::string(reinterpret_cast<const char*>(message.payload.data()),
                                    message.payload.size()),
                        message.retained});
        changed_.notify_all();
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Got> got_;
    std::unique_ptr<MqttClient> client_;  // last: dies first
};

struct World {
    SystemClock clock;
    Metrics metrics;
    Limits limits;
    PointDirectory points;
    BootTable boots;
    RecordContext context{"gw-1", &points, &boots};
    MemorySinkLog log;

    World() {
        set_log_level(LogLevel::error);
        for (std::uint32_t n = 1; n <= 5; ++n)
            REQUIRE(points.set({PointId{n}, "dev-" + std::to_string(n), "temp", "Cel", "", false}));
    }
    Record sample(std::uint32_t point, double value) const {
        Record record;
        record.body = Sample{PointId{point}, value, {}, {}, BootId{1}, clock.mono(), 0};
        return record;
    }
    Record alarm() const {
        Record record;
        record.lane = Lane::alarm;
        Event event;
        event.kind = EventKind::alarm;
        event.device = "dev-1";
        event.boot = BootId{1};
        event.received = clock.mono();
        event.members = R"("alarm":"hot","state":"active")";
        record.body = event;
        return record;
    }
    std::unique_ptr<Pump> pump(const Node& config) {
        auto made = make_pump("cloud", config, {log, context, limits, clock, metrics, {}});
        if (!made) FAIL(made.error().what);
        return std::move(made).value();
    }
    std::unique_ptr<Sink> sink(const Node& config) {
        std::vector<Fault> faults;
        ConfigView view(config, faults);
        auto made = mqtt_sink.make("cloud", view, {context, limits, metrics});
        REQUIRE(faults.empty());
        return made;
    }
    std::uint64_t counted(std::string_view name) {
        return metrics.counter(name, "sink=\"cloud\"").get();
    }
    MonoTime in(std::chrono::milliseconds time) const { return clock.mono() + time; }
};

using Keys = std::vector<std::pair<const char*, std::string>>;

Node config(const std::string& url, const Keys& keys = {}) {
    Node node;
    node.set("type", Node(Node::Data(std::string("mqtt"))));
    node.set("url", Node(Node::Data(url)));
    for (const auto& [key, value] : keys) node.set(key, Node(Node::Data(value)));
    return node;
}

/// The text after `"key":` in one of our JSON records, up to the next member.
std::string member(const std::string& json, const std::string& key) {
    const auto at = json.find("\"" + key + "\":");
    if (at == std::string::npos) return {};
    const auto from = at + key.size() + 3;
    return json.substr(from, json.find_first_of(",}", from) - from);
}

bool has_broker() {
    if (Mosquitto::available()) return true;
    MESSAGE("skipped: mosquitto is not installed");
    return false;
}

/// Waits for a state of the pump, or for words in it.
bool wait_status(const Pump& pump, const std::function<bool(const PumpStatus&)>& good) {
    BoundedQueue<bool> never("never", 1, Overflow::refuse);
    for (const auto until = Steady::now() + 20s; Steady::now() < until;) {
        if (good(pump.status())) return true;
        (void)never.pop(10ms);
    }
    return false;
}

const StepWords kQuiet = [](std::string_view) {};

TEST_CASE("mqtt sink: records arrive on their topics and PUBACK is the acknowledgement") {
    if (!has_broker()) return;
    Mosquitto broker;
    Judge judge;
    judge.subscribe(broker.url(), "judge");
    World world;
    auto sink = world.sink(config(broker.url()));
    std::vector<std::string> steps;
    REQUIRE(sink->connect(world.in(10s), [&](std::string_view step) { steps.emplace_back(step); }));
    CHECK(steps == std::vector<std::string>{"connecting to " + broker.url()});
    CHECK(sink->connected());
    Record one = world.sample(1, 71.25), two = world.alarm();
    one.seq = Seq{7};
    two.seq = Seq{8};
    const std::array<Outgoing, 2> batch = {{{&one, true}, {&two, false}}};
    const auto verdicts = sink->send(batch, world.in(10s));
    REQUIRE(verdicts.size() == 2);
    for (const auto& verdict : verdicts) CHECK(std::holds_alternative<Acked>(verdict));
    const auto got = judge.wait(3);
    REQUIRE(got.size() == 3);
    CHECK(got[0].topic == "fogline/gw-1/state");
    CHECK(got[0].payload == R"({"state":"online"})");
    CHECK(got[1].topic == "fogline/gw-1/dev-1/temp");
    CHECK(member(got[1].payload, "v") == "71.25");
    CHECK(member(got[1].payload, "hist") == "true");
    CHECK(got[2].topic == "fogline/gw-1/events/alarm");
    CHECK(member(got[2].payload, "seq") == "8");
    CHECK(member(got[2].payload, "hist").empty());
    sink->close();
    CHECK_FALSE(sink->connected());
    CHECK(judge.wait(4).back().payload == R"({"state":"offline"})");
}

TEST_CASE("mqtt sink: a batch is one message and its PUBACK counts for all of it") {
    if (!has_broker()) return;
    Mosquitto broker;
    Judge judge;
    judge.subscribe(broker.url(), "judge");
    World world;
    auto sink = world.sink(config(
        broker.url(), {{"payload", "batch"}, {"topic", "up/{gw}/{lane}"}, {"state_topic", ""}}));
    REQUIRE(sink->connect(world.in(10s), kQuiet));
    std::vector<Record> records;
    for (std::uint32_t n = 0; n < 100; ++n) records.push_back(world.sample(1 + n % 5, n));
    std::vector<Outgoing> batch;
    for (const Record& record : records) batch.push_back({&record});
    const auto verdicts = sink->send(batch, world.in(10s));
    CHECK(std::count_if(verdicts.begin(), verdicts.end(), [](const Verdict& one) {
              return std::holds_alternative<Acked>(one);
          }) == 100);
    const auto got = judge.wait(1);
    REQUIRE(got.size() == 1);
    CHECK(got[0].topic == "up/gw-1/live");
    CHECK(got[0].payload.starts_with("[{"));
    CHECK(std::count(got[0].payload.begin(), got[0].payload.end(), '{') == 100);
}

TEST_CASE("mqtt sink: a broken connection leaves the retained state offline") {
    if (!has_broker()) return;
    Mosquitto broker;
    World world;
    auto sink = world.sink(config(broker.url()));
    REQUIRE(sink->connect(world.in(10s), kQuiet));
    cut_connections("127.0.0.1", broker.port());
    Judge judge;
    judge.subscribe(broker.url(), "judge");
    CHECK(judge.wait_for(
        [](const std::vector<Judge::Got>& got) {
            return !got.empty() && got.back().payload == R"({"state":"offline"})";
        },
        10s));
}

TEST_CASE("mqtt sink: a silent broker is a retry; its late acknowledgement counts for nothing") {
    if (!has_broker()) return;
    Mosquitto broker;
    World world;
    auto sink = world.sink(config(broker.url()));
    REQUIRE(sink->connect(world.in(10s), kQuiet));
    broker.freeze();
    std::vector<Record> records(50, world.sample(1, 1));
    std::vector<Outgoing> batch;
    for (const Record& record : records) batch.push_back({&record});
    const auto verdicts = sink->send(batch, world.in(300ms));
    std::size_t handed = 0, kept = 0;
    for (const auto& verdict : verdicts) {
        const auto* retry = std::get_if<Retry>(&verdict);
        REQUIRE(retry);
        CHECK(retry->why == "no acknowledgement in time");
        ++(retry->after == 0ms ? handed : kept);
    }
    CHECK(handed <= 20);  // the window
    CHECK(handed >= 19);  // our own state may hold a place in it
    CHECK(kept == 50 - handed);
    broker.thaw();
    const std::vector<Outgoing> again(batch.begin(), batch.begin() + 1);
    const auto second = sink->send(again, world.in(10s));
    CHECK(std::holds_alternative<Acked>(second.front()));
    sink->close();
    CHECK(world.counted("fogline_uplink_acks_ignored_total") >= 1);
}

TEST_CASE("mqtt sink: interrupt ends a send that waits") {
    if (!has_broker()) return;
    Mosquitto broker;
    World world;
    auto pump = world.pump(config(broker.url()));
    pump->start();
    REQUIRE(wait_status(*pump, [](const PumpStatus& s) { return s.connected; }));
    broker.freeze();
    for (int n = 0; n < 10; ++n) world.log.append(world.alarm());
    REQUIRE(wait_status(*pump, [](const PumpStatus& s) { return s.in_flight > 0; }));
    CHECK(pump->stop(8s));  // not the 30 s of the acknowledgement deadline
    CHECK(world.log.total().waiting == 10);
    broker.thaw();
}

TEST_CASE("mqtt sink: a wrong password is permanent, and the words say so") {
    if (!has_broker()) return;
    MosquittoOptions options;
    options.user = "gw";
    options.password = "right";
    Mosquitto broker(options);
    World world;
    auto pump = world.pump(config(broker.url(), {{"user", "gw"}, {"password", "wrong"}}));
    pump->start();
    REQUIRE(wait_status(*pump, [](const PumpStatus& s) { return s.state == PumpState::failed; }));
    const PumpStatus status = pump->status();
    INFO(status.words);
    CHECK(status.words.find("not authorised") != std::string::npos);
    CHECK(status.words.find("next try at ") != std::string::npos);
    CHECK(status.words.find("wrong") == std::string::npos);
    CHECK(status.connects == 1);
}

TEST_CASE("mqtt sink: a record the broker kicks us out for is isolated, the rest arrives") {
    if (!has_broker()) return;
    MosquittoOptions options;
    options.extra = {"max_packet_size 2000"};
    Mosquitto broker(options);
    World world;
    auto pump =
        world.pump(config(broker.url(), {{"retry_min", "100 ms"}, {"retry_max", "300 ms"}}));
    for (int n = 0; n < 300; ++n) {
        Record record = world.alarm();
        if (n == 170) record.event().members += ",\"text\":\"" + std::string(4000, 'x') + "\"";
        world.log.append(record);
    }
    pump->start();
    CHECK(world.log.wait_drained(60s));
    const auto dead = world.log.dead();
    REQUIRE(dead.size() == 1);
    CHECK(dead[0].first == Seq{171});
    CHECK(pump->status().connects <= 100);  // found by halving, not one connection per record
    CHECK(world.log.total().acknowledged == 299);
    CHECK(world.log.strange() == 0);
}

/// 200 samples a second of five devices, until stopped.
class Flow {
public:
    explicit Flow(World& world) : thread_([this, &world] { run(world); }) {}
    ~Flow() { stop(); }
    void stop() {
        (void)end_.push(true);
        if (thread_.joinable()) thread_.join();
    }

private:
    void run(World& world) {
        for (std::uint32_t n = 0; !end_.pop(5ms); ++n) {
            const std::uint32_t round = n / 5;
            world.log.append(world.sample(1 + n % 5, round));
        }
    }
    BoundedQueue<bool> end_{"flow-end", 1, Overflow::refuse};
    std::thread thread_;
};

/// What a judge makes of the messages: records by seq, and whether each device came in order.
struct Account {
    std::map<std::uint64_t, std::string> records;  // seq -> payload without hist
    bool in_order = true;
    bool one_content = true;
    std::size_t repeats = 0;

    explicit Account(const std::vector<Judge::Got>& got) {
        std::map<std::string, std::uint64_t> last;
        for (const auto& message : got) {
            if (message.topic.ends_with("/state")) continue;
            std::string content = message.payload;
            if (const auto hist = content.find(",\"hist\":true"); hist != std::string::npos)
                content.erase(hist, 12);
            const auto seq = std::stoull(member(content, "seq"));
            const auto [at, fresh] = records.emplace(seq, content);
            if (!fresh) {
                ++repeats;
                one_content = one_content && at->second == content;
                continue;
            }
            auto& before = last[member(content, "dev")];
            in_order = in_order && seq > before;
            before = seq;
        }
    }
};

TEST_CASE(
    "mqtt sink: the broker is killed under 200 msg/s: nothing lost, order kept, ledger exact") {
    if (!has_broker()) return;
    Mosquitto broker;
    World world;
    Judge judge;
    judge.subscribe(broker.url(), "judge");
    auto pump =
        world.pump(config(broker.url(), {{"retry_min", "100 ms"}, {"retry_max", "500 ms"}}));
    pump->start();
    Flow flow(world);
    for (int outage = 0; outage < 2; ++outage) {
        const auto before = world.log.total().acknowledged;
        REQUIRE(wait_status(*pump, [&](const PumpStatus& s) {
            return world.log.total().acknowledged > before + 100 && s.connected;
        }));
        broker.kill();
        REQUIRE(wait_status(*pump, [](const PumpStatus& s) {
            return s.state == PumpState::backing_off && s.connects >= 2;
        }));
        REQUIRE(wait_status(*pump, [&](const PumpStatus&) {
            return world.log.total().waiting > 300;  // 1.5 s of backlog
        }));
        pump->pause();  // until the judge is back: a broker without a subscriber drops messages
        REQUIRE(
            wait_status(*pump, [](const PumpStatus& s) { return s.state == PumpState::paused; }));
        broker.start();
        judge.subscribe(broker.url(), "judge");
        pump->resume();
    }
    REQUIRE(wait_status(*pump, [](const PumpStatus& s) {
        return s.state == PumpState::streaming && s.acknowledged > 0;
    }));
    flow.stop();
    REQUIRE(world.log.wait_drained(20s));
    const auto total = world.log.total();
    const auto got = judge.wait(total.accepted, 5s);
    CHECK(pump->stop(5s));

    const Account account(got);
    CHECK(account.records.size() == total.accepted);
    CHECK(account.records.begin()->first == 1);
    CHECK(account.records.rbegin()->first == total.accepted);
    CHECK(account.in_order);
    CHECK(account.one_content);
    CHECK(account.repeats <= 2 * world.limits.uplink_window);
    CHECK(total.accepted > 1000);
    CHECK(total.acknowledged == total.accepted);
    for (const auto& lane : world.log.ledger().lanes) CHECK(lane.exact());
    CHECK(world.log.strange() == 0);
    CHECK(world.log.dead().empty());
}

}  // namespace
}  // namespace fog
