#include <doctest/doctest.h>

#include <set>

#include "cloud-uplink/pump/pump.hpp"
#include "firmware/core/bounded_queue.hpp"
#include "firmware/io/logging.hpp"
#include "firmware/store/store.hpp"
#include "tests/support/mosquitto.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

/// Takes what it is sent, except that it refuses some and can be switched off.
struct FarSide final : Sink {
    std::atomic<bool> here{true};
    std::atomic<std::uint64_t> refuse{0};
    std::atomic<bool> up{false};
    std::vector<std::uint64_t> arrived;  // read after the pump has stopped

    Result<void> connect(MonoTime, const StepWords&) override {
        if (!here) return Error{Errc::unreachable, "nobody there", {}};
        up = true;
        return {};
    }
    std::vector<Verdict> send(std::span<const Outgoing> batch, MonoTime) override {
        std::vector<Verdict> out;
        for (const Outgoing& one : batch) {
            if (!here) {
                up = false;
                out.emplace_back(Retry{0ms, "gone"});
            } else if (one.record->seq.value == refuse) {
                out.emplace_back(Refused{"not this one"});
            } else {
                arrived.push_back(one.record->seq.value);
                out.emplace_back(Acked{});
            }
        }
        return out;
    }
    bool connected() const override { return up; }
    void close() override { up = false; }
};

struct World {
    TempFolder folder;
    SystemClock clock;
    Metrics metrics;
    BootTable boots;
    std::unique_ptr<Store> store;
    std::unique_ptr<SinkLog> log;
    std::unique_ptr<Pump> pump;
    FarSide* far = nullptr;

    World() {
        set_log_level(LogLevel::error);
        open();
    }
    ~World() { shut(); }
    void open() {
        StoreOptions options;
        options.folder = folder.path();
        options.kernel_boot = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
        options.clock = &clock;
        options.boots = &boots;
        options.sinks = {"cloud"};
        options.linger = 20ms;
        auto opened = Store::open(options);
        if (!opened) FAIL(opened.error().what);
        store = *std::move(opened);
        store->start(nullptr);
        auto side = store->open_sink("cloud");
        REQUIRE(side);
        log = *std::move(side);
    }
    void run(bool here = true) {
        auto sink = std::make_unique<FarSide>();
        far = sink.get();
        far->here = here;
        PumpOptions options;
        options.retry_min = 10ms;
        options.retry_max = 50ms;
        pump = std::make_unique<Pump>("cloud", "far", std::move(sink), options,
                                      Pump::Site{*log, clock, metrics, {}});
        pump->start();
    }
    void shut() {
        pump.reset();
        log.reset();
        if (store) store->stop();
        store.reset();
    }
    Seq add(int records, Lane lane = Lane::live) {
        auto list = std::make_shared<std::vector<Record>>();
        Seq last;
        for (int n = 0; n < records; ++n) {
            Record record;
            record.seq = last = *store->seqs().take();
            record.lane = lane;
            record.sinks = 1;
            record.body =
                Sample{PointId{1}, n * 0.25, {}, {}, store->opened().boot, clock.mono(), 0};
            list->push_back(record);
        }
        const auto appended = store->append({list, 0, 0, {}, {}, {}});
        REQUIRE(appended.all());
        return last;
    }
    LaneLedger lane(Lane which = Lane::live) const {
        return store->ledgers().at(0).lanes[static_cast<std::size_t>(which)];
    }
    /// Waits until commits have brought the ledger to `good`; exact at every look.
    bool reach(const std::function<bool(const LaneLedger&)>& good) const {
        BoundedQueue<bool> never("never", 1, Overflow::refuse);
        for (const auto until = Steady::now() + 20s; Steady::now() < until;) {
            const auto ledgers = store->ledgers();
            for (const auto& lane : ledgers.at(0).lanes) CHECK(lane.exact());
            if (good(lane())) return true;
            (void)never.pop(10ms);
        }
        return false;
    }
};

TEST_CASE("uplink and log: what is committed is sent, settled and gone from what is owed") {
    World world;
    world.run();
    for (int n = 0; n < 20; ++n) world.add(100);
    REQUIRE(world.reach([](const LaneLedger& l) { return l.acknowledged == 2000; }));
    CHECK(world.lane().accepted == 2000);
    CHECK(world.lane().waiting == 0);
    REQUIRE(world.pump->stop(5s));
    CHECK(world.far->arrived.size() == 2000);
    CHECK(std::is_sorted(world.far->arrived.begin(), world.far->arrived.end()));
    auto owed = world.log->owed(Lane::live, world.log->cursor(Lane::live), 10);
    REQUIRE(owed);
    CHECK(owed->empty());
}

TEST_CASE("uplink and log: an outage loses nothing, and a restart owes exactly what was left") {
    World world;
    world.run();
    world.add(500);
    REQUIRE(world.reach([](const LaneLedger& l) { return l.acknowledged == 500; }));
    world.far->here = false;
    for (int n = 0; n < 10; ++n) world.add(50);
    world.add(3, Lane::alarm);
    REQUIRE(world.store->flush());
    REQUIRE(world.reach([](const LaneLedger& l) { return l.waiting == 500; }));
    CHECK(world.lane(Lane::alarm).waiting == 3);
    world.shut();

    world.open();
    CHECK(world.lane().accepted == 1000);
    CHECK(world.lane().acknowledged == 500);
    CHECK(world.lane().waiting == 500);
    world.run();
    world.add(20);
    REQUIRE(world.reach([](const LaneLedger& l) { return l.acknowledged == 1020; }));
    REQUIRE(world.reach([&](const LaneLedger&) { return world.lane(Lane::alarm).waiting == 0; }));
    REQUIRE(world.pump->stop(5s));
    const std::set<std::uint64_t> once(world.far->arrived.begin(), world.far->arrived.end());
    CHECK(once.size() == world.far->arrived.size());  // nothing twice
    CHECK(once.size() == 523);
}

TEST_CASE("uplink and log: a refused record waits in quarantine and can be sent again") {
    World world;
    world.run(false);
    const Seq last = world.add(100);
    const Seq bad{last.value - 40};
    world.far->refuse = bad.value;
    world.far->here = true;
    REQUIRE(world.reach([](const LaneLedger& l) { return l.acknowledged == 99 && l.dead == 1; }));
    CHECK(world.lane().waiting == 1);
    auto dead = world.store->dead("cloud", Seq{}, 10);
    REQUIRE(dead);
    REQUIRE(dead->size() == 1);
    CHECK(dead->front().seq == bad);
    CHECK(dead->front().reason == "not this one");
    world.far->refuse = 0;
    REQUIRE(world.store->resend("cloud", bad));
    REQUIRE(world.reach([](const LaneLedger& l) { return l.acknowledged == 100; }));
    CHECK(world.lane().dead == 0);
    CHECK(world.lane().waiting == 0);
}

TEST_CASE("uplink and log: through a real broker that is killed under load, the ledger is exact") {
    if (!Mosquitto::available()) return;
    Mosquitto broker;
    World world;
    PointDirectory points;
    REQUIRE(points.set({PointId{1}, "dev-1", "temp", "Cel", "", false}));
    Limits limits;
    Node config;
    const auto text = [](std::string value) { return Node(Node::Data(std::move(value))); };
    config.set("type", text("mqtt"));
    config.set("url", text(broker.url()));
    config.set("retry_min", text("100 ms"));
    config.set("retry_max", text("300 ms"));
    auto made = make_pump(
        "cloud", config,
        {*world.log, {"gw-1", &points, &world.boots}, limits, world.clock, world.metrics, {}});
    REQUIRE(made);
    world.pump = *std::move(made);
    world.pump->start();
    BoundedQueue<bool> pace("pace", 1, Overflow::refuse);
    std::uint64_t added = 0;
    const auto flow = [&](std::chrono::milliseconds time) {
        for (const auto until = Steady::now() + time; Steady::now() < until; added += 10) {
            world.add(10);
            (void)pace.pop(50ms);  // 200 records a second
        }
    };
    flow(3s);
    broker.kill();
    flow(1500ms);
    broker.start();
    flow(1s);
    REQUIRE(world.reach([&](const LaneLedger& l) { return l.acknowledged == added; }));
    CHECK(world.lane().accepted == added);
    CHECK(world.lane().waiting == 0);
    CHECK(world.lane().shed == 0);
    CHECK(world.pump->stop(5s));
}

}  // namespace
}  // namespace fog
