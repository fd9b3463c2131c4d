#include "sim/links/mqtt_carrier.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "firmware/core/reading.hpp"
#include "firmware/io/files.hpp"
#include "sim/links/engine.hpp"
#include "sim/world/make_node.hpp"
#include "tests/support/mosquitto.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

TEST_CASE("mqtt messages: json is one object, plain one topic per point") {
    const Report report{417, 0, 0s, {{"temp", "Cel", -19.4}, {"door", "", false}}};
    MqttDevice device;
    device.endpoint.id = "freezer-3";
    device.prefix = "sim";
    const WallTime time{std::chrono::milliseconds{1'795'279'200'123}};
    const auto json = mqtt_messages(report, device, time);
    REQUIRE(json.size() == 1);
    CHECK(json[0].topic == "sim/freezer-3/telemetry");
    CHECK(
        json[0].payload ==
        R"({"device":"freezer-3","msg":{"id":417},"ts":1795279200123,"temp":-19.4,"door":false})");
    device.shape = MqttShape::plain;
    const auto plain = mqtt_messages(report, device, time);
    REQUIRE(plain.size() == 2);
    CHECK(plain[0].topic == "sim/freezer-3/temp");
    CHECK(plain[0].payload == "-19.4");
    CHECK(plain[1].payload == "false");
    device.prefix.clear();
    CHECK(mqtt_messages(report, device, time)[0].topic == "freezer-3/temp");
}

Scenario load(const char* personality, std::int64_t count, Node link, const char* duration) {
    const Node device = table(
        {{"id", text("load-{n}")},
         {"count", whole(count)},
         {"personality", text(personality)},
         {"interval", text("10 ms")},
         {"link", std::move(link)},
         {"point", table({{"value", table({{"signal", table({{"random_walk", whole(1)}})}})}})}});
    const Node root =
        table({{"name", text("load")}, {"duration", text(duration)}, {"device", list({device})}});
    std::vector<Fault> faults;
    Scenario scenario = parse_scenario(root, {}, faults);
    check_links(scenario, faults);
    for (const Fault& fault : faults) FAIL_CHECK(to_text(fault));
    return scenario;
}

/// Collects everything published under sim/#.
class Listener {
public:
    explicit Listener(const Mosquitto& broker)
        : client_(options(broker), {.message =
                                        [this](const MqttClient::Message& message) {
                                            const std::lock_guard lock(mutex_);
                                            payloads_.emplace_back(as_text(message.payload));
                                            retained_ += message.retained ? 1 : 0;
                                        },
                                    .lost = {},
                                    .delivered = {}}) {
        REQUIRE(client_.connect(5s));
        const std::vector<std::string> filters{"sim/#"};
        REQUIRE(client_.subscribe(filters, 1, 5s));
    }
    std::vector<std::string> payloads() const {
        const std::lock_guard lock(mutex_);
        return payloads_;
    }
    std::size_t retained() const {
        const std::lock_guard lock(mutex_);
        return retained_;
    }
    std::size_t count(std::string_view payload) const {
        const auto all = payloads();
        return static_cast<std::size_t>(std::count(all.begin(), all.end(), payload));
    }
    bool wait_for(std::size_t count) const {
        const auto deadline = std::chrono::steady_clock::now() + 15s;
        while (payloads().size() < count) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            std::this_thread::yield();
        }
        return true;
    }

private:
    static MqttOptions options(const Mosquitto& broker) {
        MqttOptions options;
        options.url = broker.url();
        options.client_id = "listener";
        return options;
    }
    mutable std::mutex mutex_;
    std::vector<std::string> payloads_;
    std::size_t retained_ = 0;
    MqttClient client_;
};

std::size_t lines_with(const std::string& ledger, std::string_view kind) {
    const std::string start = "{\"k\":\"" + std::string(kind) + "\"";
    std::size_t count = 0;
    for (std::size_t at = 0; (at = ledger.find(start, at)) != std::string::npos; ++at) ++count;
    return count;
}

/// Whether the ids of the `resent` lines rise for each device (its number is what precedes the
/// last ten digits).
bool resent_in_order(const std::string& ledger) {
    std::map<std::uint64_t, std::uint64_t> last;
    const std::string start = "{\"k\":\"resent\",\"id\":";
    for (std::size_t at = 0; (at = ledger.find(start, at)) != std::string::npos;) {
        at += start.size();
        const std::uint64_t id = std::stoull(ledger.substr(at, 20));
        std::uint64_t& before = last[id / kIdsPerDevice];
        if (id <= before) return false;
        before = id;
    }
    return !last.empty();
}

TEST_CASE("mqtt: a real broker gets every message, each acknowledged in the ledger") {
    if (!Mosquitto::available()) {
        MESSAGE("skipped: mosquitto is not installed");
        return;
    }
    const Mosquitto broker;
    const TempFolder folder;
    for (const char* personality : {"mqtt.json", "mqtt.plain"}) {
        const Listener listener(broker);
        auto ledger = Ledger::open(folder.path() / "ledger.jsonl");
        World world(load(personality, 6, table({{"connections", whole(2)}}), "500 ms"));
        Engine engine(world, {.place = {broker.url(), folder.path()}}, *ledger);
        const auto result = engine.run();
        REQUIRE(result);
        CHECK(result->reports == 300);
        CHECK(result->counts.sent == 300);
        CHECK(result->counts.acked == 300);
        CHECK(result->counts.connects == 2);
        CHECK(result->waiting == 0);
        CHECK(listener.wait_for(300));
        const std::string text = read_file(folder.path() / "ledger.jsonl").value();
        CHECK(lines_with(text, "sent") == 300);
        CHECK(lines_with(text, "acked") == 300);
    }
}

TEST_CASE("mqtt: after the broker was killed all that it owes is sent again, in order") {
    if (!Mosquitto::available()) {
        MESSAGE("skipped: mosquitto is not installed");
        return;
    }
    Mosquitto broker;
    const TempFolder folder;
    auto ledger = Ledger::open(folder.path() / "ledger.jsonl");
    World world(load("mqtt.json", 2, table({}), "3 s"));
    Engine engine(world, {.place = {broker.url(), folder.path()}, .settle = 20s}, *ledger);
    engine.on_progress([&broker, seconds = 0](const RunResult& sofar) mutable {
        if (++seconds == 1) {
            CHECK(sofar.counts.acked > 0);
            broker.freeze();  // so that messages are on their way when it dies
        } else if (seconds == 2) {
            CHECK(sofar.waiting > 0);
            ::kill(broker.pid(), SIGKILL);  // broker.kill() would let it run once more
            broker.kill();
            broker.start();
        }
    });
    const auto result = engine.run();
    REQUIRE(result);
    CHECK(result->reports == 600);
    CHECK(result->counts.sent == 600);
    CHECK(result->counts.acked == 600);
    CHECK(result->counts.resent > 0);
    CHECK(result->counts.connects >= 4);
    const std::string text = read_file(folder.path() / "ledger.jsonl").value();
    CHECK(lines_with(text, "resent") == result->counts.resent);
    CHECK(lines_with(text, "sent") == 600);
    CHECK(resent_in_order(text));
}

TEST_CASE("mqtt: QoS 0 without a connection is unsent, not sent") {
    const TempFolder folder;
    auto ledger = Ledger::open(folder.path() / "ledger.jsonl");
    const std::string nobody = "mqtt://127.0.0.1:" + std::to_string(free_port());
    World world(load("mqtt.json", 1, table({{"qos", whole(0)}}), "200 ms"));
    Engine engine(world, {.place = {nobody, folder.path()}, .settle = 100ms}, *ledger);
    const auto result = engine.run();
    REQUIRE(result);
    CHECK(result->counts.unsent == 20);
    CHECK(result->counts.sent == 0);
    CHECK(lines_with(read_file(folder.path() / "ledger.jsonl").value(), "unsent") == 20);
}

/// One device at a real broker. When it has been heard there, one fault begins; when `seen` says so
/// it ends; when the device then has been heard again the run does.
struct FaultRun {
    using Seen = std::function<bool(const RunResult& sofar, const Listener& listener)>;
    Mosquitto broker;
    TempFolder folder;
    Listener listener{broker};
    Result<RunResult> result = Error{};
    std::string ledger;
    int stage = 0;
    std::uint64_t id = 0, acked = 0;

    FaultRun(FaultKind kind, const Seen& seen, Node link = table({}),
             const char* shape = "mqtt.json") {
        auto file = Ledger::open(folder.path() / "ledger.jsonl");
        link.set("cut", Node(true));
        World world(load(shape, 1, std::move(link), "120 s"));
        Engine engine(world, {.place = {broker.url(), folder.path()}, .settle = 30s}, *file);
        engine.on_progress([this, kind, &engine, &seen](const RunResult& sofar) {
            if (stage == 0 && sofar.counts.acked > 0) {
                FaultSpec fault;
                fault.kind = kind;
                fault.devices = {0};
                fault.lasts = kUntilCleared;
                fault.by = 300ms;
                fault.bytes = 2U << 20U;
                id = engine.faults().add(fault, engine.elapsed()).value();
                stage = 1;
            } else if (stage == 1 && seen(sofar, listener)) {
                CHECK(engine.faults().clear(id));
                acked = sofar.counts.acked;
                stage = 2;
            } else if (stage == 2 && sofar.counts.acked > acked) {
                engine.stop();
            }
        });
        result = engine.run();
        REQUIRE(result);
        CHECK(result->ended == "stopped");
        CHECK(result->waiting == 0);
        CHECK(result->counts.acked == result->reports);  // whatever happened, all got there
        ledger = read_file(folder.path() / "ledger.jsonl").value();
    }
};

bool no_broker() {
    if (Mosquitto::available()) return false;
    MESSAGE("skipped: mosquitto is not installed");
    return true;
}

TEST_CASE("mqtt faults: a dirty disconnect makes the broker say the will, a clean one does not") {
    if (no_broker()) return;
    const FaultRun dirty(
        FaultKind::will,
        [](const RunResult&, const Listener& heard) { return heard.count("offline") == 1; },
        table({{"availability", Node(true)}}));
    CHECK(dirty.result->counts.connects == 2);
    CHECK(dirty.listener.count("online") == 2);
    const FaultRun clean(
        FaultKind::clean_disconnect,
        [](const RunResult& sofar, const Listener&) { return sofar.waiting > 20; },
        table({{"availability", Node(true)}}));
    CHECK(clean.result->counts.connects == 2);
    CHECK(clean.listener.count("offline") == 0);
}

TEST_CASE("mqtt faults: a storm and a clash of names reconnect again and again, and lose nothing") {
    if (no_broker()) return;
    const auto often = [](const RunResult& sofar, const Listener&) {
        return sofar.counts.connects >= 3;
    };
    const FaultRun storm(FaultKind::reconnect_storm, often);
    const FaultRun clash(FaultKind::client_id_clash, often);
    CHECK(clash.ledger.find("\"state\":\"lost\"") != std::string::npos);
}

TEST_CASE("mqtt faults: a lost session is one the broker no longer has") {
    if (no_broker()) return;
    const FaultRun run(
        FaultKind::session_lost,
        [](const RunResult& sofar, const Listener&) { return sofar.counts.connects == 2; },
        table({{"session", text("persistent")}}));
    // c0: persistent, c1: clean; the second client with our name asked for a clean one.
    const std::string log = run.broker.log_text();
    const std::size_t clean = log.find("fogsim-load-1 (p2, c1");
    CHECK(clean > log.find("fogsim-load-1 (p2, c0"));
    CHECK(log.find("fogsim-load-1 (p2, c0", clean) != std::string::npos);
}

TEST_CASE("mqtt faults: leftovers stay retained, an oversized message belongs to nobody") {
    if (no_broker()) return;
    const FaultRun run(
        FaultKind::retained_leftover, [](const RunResult&, const Listener&) { return true; },
        table({}), "mqtt.plain");
    CHECK(run.listener.retained() == 0);
    const Listener later(run.broker);
    CHECK(later.wait_for(1));
    CHECK(later.retained() == 1);
    const auto is_big = [](const std::string& each) { return each.size() > 2U << 20U; };
    const FaultRun big(FaultKind::oversize, [&is_big](const RunResult&, const Listener& heard) {
        const auto all = heard.payloads();
        return std::any_of(all.begin(), all.end(), is_big);
    });
    CHECK(big.ledger.find("\"oversize\"") != std::string::npos);
}

}  // namespace
}  // namespace fog::sim
