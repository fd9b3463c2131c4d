#include "firmware/pipeline/pipeline.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <future>
#include <mutex>

#include "firmware/core/record_json.hpp"
#include "tests/support/child.hpp"
#include "tests/support/temp_folder.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

struct EverySink final : SinkChooser {
    std::uint16_t owed_by(const Record&, const std::vector<std::string>*) override { return 1; }
};

/// A whole path on real files: ring, store, rules.
struct Path {
    explicit Path(const TempFolder& folder, std::chrono::milliseconds linger = 50ms,
                  std::size_t store_queue = Limits{}.store_queue_records) {
        StoreOptions options;
        options.limits.store_queue_records = store_queue;
        options.folder = folder.path();
        options.kernel_boot = "boot-a";
        options.clock = &clock;
        options.boots = &boots;
        options.linger = linger;
        if (linger > 1s) options.waiter_window = linger;
        options.sinks = {"cloud"};
        auto opened = Store::open(options);
        REQUIRE(opened.has_value());
        store = std::move(*opened);
        store->add_boot_line({store->opened().boot, clock.mono(), clock.wall(), true});
        ring = std::move(*IngestRing::open(folder.path() / "ring", 1 << 20, "boot-a",
                                           store->opened().ring_entry));
        pipeline = std::make_unique<Pipeline>(PipelineParts{
            *ring, *store, rules, registry, decoding, points, boots, clock, limits, metrics, sinks,
            [this](const SharedRecords& batch) {
                const std::lock_guard lock(mutex);
                published.insert(published.end(), batch->begin(), batch->end());
                spare = std::max(spare, batch->capacity() - batch->size());
            },
            store->opened().boot});
        last = *pipeline->recover();
    }
    void start() {
        store->start(pipeline.get());
        pipeline->start();
    }
    ~Path() {
        pipeline->stop();
        store->stop();
    }

    void push(IngestKind kind, std::string_view topic, std::string_view body, IngestWaiter waiter) {
        IngestItem item;
        item.kind = kind;
        item.source = "test";
        item.topic = topic;
        item.payload = as_bytes(body);
        item.received = clock.mono();
        CHECK(ring->push(item, 1s, std::move(waiter)) == IngestRing::Push::ok);
    }
    IngestOutcome send(IngestKind kind, std::string_view topic, std::string_view body,
                       bool at_commit = true) {
        std::promise<IngestOutcome> outcome;
        auto future = outcome.get_future();
        push(kind, topic, body,
             {[&outcome](const IngestOutcome& one) { outcome.set_value(one); }, at_commit});
        return future.get();
    }
    std::vector<Record> seen() {
        const std::lock_guard lock(mutex);
        return published;
    }
    std::vector<Record> logged() {
        auto reader = store->open_reader();
        auto page = (*reader)->read({}, {}, 10'000);
        REQUIRE(page.has_value());
        return page->records;
    }

    SystemClock clock;
    Limits limits;
    Metrics metrics;
    PointDirectory points;
    BootTable boots;
    RuleEngine rules{points, limits, metrics, &boots};
    Registry registry{points, limits};
    Decoding decoding{limits, metrics};
    EverySink sinks;
    std::unique_ptr<Store> store;
    std::unique_ptr<IngestRing> ring;
    std::unique_ptr<Pipeline> pipeline;
    SharedRecords last;
    std::mutex mutex;
    std::vector<Record> published;
    std::size_t spare = 0;  // room a batch was given beyond its records
};

}  // namespace

TEST_CASE("pipeline: a message is published and logged before its sender is told") {
    const TempFolder folder;
    Path path(folder);
    path.start();
    const auto outcome =
        path.send(IngestKind::message, "plant/press4/telemetry", R"({"oil":{"temp":61.2}})");
    CHECK(outcome.committed);
    CHECK(outcome.accepted == 1);
    const auto logged = path.logged();
    REQUIRE(logged.size() == 1);
    CHECK(logged[0].seq.value == outcome.last_seq);
    CHECK(logged[0].sinks == 1);
    CHECK(path.points.find(logged[0].sample().point)->channel == "samples/plant-press4/oil.temp");
    CHECK(path.seen() == logged);
    CHECK(path.spare == 0);  // whoever keeps a batch keeps no more than its records
}

TEST_CASE("pipeline: a device nobody kept is logged and pushed, but owed to no sink") {
    const TempFolder folder;
    Path path(folder);
    path.registry.set_policies({NewPolicy::automatic, NewPolicy::ask, NewPolicy::ask}, false);
    path.start();
    CHECK(path.send(IngestKind::message, "plant/press4/telemetry", R"({"oil":1})").committed);
    CHECK(path.send(IngestKind::http, "boiler-1", R"({"t":1})").committed);  // by a token: wanted
    std::promise<void> kept;
    path.pipeline->run([&kept](PipelineDesk& desk) {
        desk.registry.admit(*desk.registry.index_of("plant-press4"), Admission::active);
        desk.registry_changed = true;
        kept.set_value();
    });
    kept.get_future().wait();
    CHECK(path.send(IngestKind::message, "plant/press4/telemetry", R"({"oil":2})").committed);
    std::vector<std::uint16_t> sinks;
    for (const Record& record : path.logged())
        if (record.is_sample()) sinks.push_back(record.sinks);
    CHECK(sinks == std::vector<std::uint16_t>{0, 1, 1});
    CHECK(path.seen().size() >= 3);
}

TEST_CASE("pipeline: what is ignored stays ignored after a restart") {
    const TempFolder folder;
    const auto hear = [](Path& path, std::string_view body) {
        return path.send(IngestKind::message, "plant/press4/telemetry", body).accepted;
    };
    {
        Path path(folder);
        path.start();
        CHECK(hear(path, R"({"oil":1})") == 1);
        std::promise<void> done;
        path.pipeline->run([&done](PipelineDesk& desk) {
            desk.registry.admit(*desk.registry.index_of("plant-press4"), Admission::ignored);
            desk.registry.set_policies({NewPolicy::ask, NewPolicy::ask, NewPolicy::ignore}, false);
            desk.registry_changed = true;
            done.set_value();
        });
        done.get_future().wait();
        CHECK(hear(path, R"({"oil":2})") == 0);
    }
    Path path(folder);
    CHECK(path.registry.device("plant-press4")->admission == Admission::ignored);
    CHECK(path.registry.policies()[2] == NewPolicy::ignore);
    path.start();
    CHECK(hear(path, R"({"oil":3})") == 0);
    CHECK(path.last->empty());
}

TEST_CASE("pipeline: each bad record of an HTTP body is refused alone, a broken body as a whole") {
    const TempFolder folder;
    Path path(folder);
    path.start();
    const auto some = path.send(IngestKind::http, "boiler-1", R"([{"t":1},7,{"t":2}])");
    CHECK(some.rejected.size() == 1);
    CHECK(some.accepted == 2);
    const auto none = path.send(IngestKind::http, "boiler-1", R"({"t":)");
    CHECK(!none.refused.empty());
    CHECK(none.accepted == 0);
}

TEST_CASE("pipeline: what a full store queue had to drop is not confirmed") {
    const TempFolder folder;
    Path path(folder, 50ms, 8);
    path.pipeline->start();  // the store comes later: its queue fills
    std::vector<std::future<IngestOutcome>> outcomes;
    for (int i = 0; i < 30; ++i) {
        const auto told = std::make_shared<std::promise<IngestOutcome>>();
        outcomes.push_back(told->get_future());
        path.push(IngestKind::http, "boiler-1", R"([{"t":1},{"t":2},{"t":3}])",
                  {[told](const IngestOutcome& one) { told->set_value(one); }, true});
    }
    CHECK(eventually([&] { return path.seen().size() >= 90; }));
    path.store->start(path.pipeline.get());
    std::size_t confirmed = 0;
    for (auto& told : outcomes) {
        const IngestOutcome outcome = told.get();
        confirmed += outcome.committed ? 3 : 0;
        CHECK((outcome.committed || outcome.error == "the log had no room for it"));
    }
    const std::size_t logged = path.logged().size();
    CHECK(logged < 90);
    CHECK(confirmed <= logged);
    CHECK(confirmed + 3 > logged);  // at most one was cut in its middle
}

TEST_CASE("pipeline: held means processed, not yet on flash") {
    const TempFolder folder;
    Path path(folder);
    path.start();
    const auto outcome = path.send(IngestKind::http, "boiler-1", R"({"t":1})", false);
    CHECK(!outcome.committed);
    CHECK(outcome.accepted == 1);
}

TEST_CASE("pipeline: undecodable input is remembered and releases its place") {
    const TempFolder folder;
    Path path(folder);
    path.start();
    const auto outcome = path.send(IngestKind::message, "x/y", std::string("\x00\xff\x01", 3));
    CHECK(outcome.committed);
    CHECK(outcome.accepted == 0);
    std::promise<std::size_t> raws;
    REQUIRE(path.pipeline->run(
        [&](PipelineDesk& desk) { raws.set_value(desk.registry.raw().size()); }));
    CHECK(raws.get_future().get() == 1);
    CHECK(path.ring->counts().released == 1);
}

TEST_CASE("pipeline: devices, values and numbering survive a restart") {
    const TempFolder folder;
    std::uint64_t before = 0;
    {
        Path path(folder);
        path.start();
        before = path.send(IngestKind::http, "boiler-1", R"({"t":21.5})").last_seq;
    }
    Path path(folder);
    REQUIRE(path.registry.device("boiler-1") != nullptr);
    REQUIRE(path.last->size() == 1);
    CHECK(path.last->front().seq.value == before);
    CHECK(std::get<double>(path.last->front().sample().value) == 21.5);
    path.start();
    CHECK(path.send(IngestKind::http, "boiler-1", R"({"t":22})").last_seq == before + 1);
}

TEST_CASE("pipeline: what arrived while it was down is processed at the next start") {
    const TempFolder folder;
    {
        Path path(folder);  // opened, never started: as if killed before fog-pipe turned
        IngestItem item;
        item.kind = IngestKind::http;
        item.source = "test";
        item.topic = "boiler-1";
        item.payload = as_bytes(R"({"t":21.5})");
        item.received = path.clock.mono();
        CHECK(path.ring->push(item, 1s) == IngestRing::Push::ok);
    }
    Path path(folder);
    path.start();
    path.send(IngestKind::http, "boiler-1", R"({"t":22})");
    const auto logged = path.logged();
    REQUIRE(logged.size() == 2);
    CHECK((logged[0].sample().flags & flag::kReplayed) != 0);
    CHECK((logged[1].sample().flags & flag::kReplayed) == 0);
}

TEST_CASE("pipeline: the first data of a device are an event of its state") {
    const TempFolder folder;
    Path path(folder);
    path.start();
    path.send(IngestKind::http, "cold", R"({"temp":20.5})");
    const auto told = [&path] {
        for (const Record& record : path.seen())
            if (!record.is_sample() && record.event().kind == EventKind::device)
                return record.event();
        return Event{};
    };
    CHECK(eventually([&] { return !told().channel.empty(); }));
    CHECK(told().channel == "devices/cold/state");
    CHECK(told().device == "cold");
    CHECK(told().members.starts_with(R"("state":"online","from":"unknown","reason":"data )"));
}

TEST_CASE("pipeline: sparklines come back from the log after a restart") {
    const TempFolder folder;
    {
        Path path(folder);
        path.start();
        path.send(IngestKind::http, "cold", R"({"temp":20.5})");
        path.send(IngestKind::http, "cold", R"({"temp":21.5})");
    }
    Path path(folder);
    const auto index = path.registry.index_of("cold");
    REQUIRE(index);
    const Spark* spark = path.registry.spark(path.registry.devices()[*index].points[0]);
    REQUIRE(spark != nullptr);
    CHECK((*spark)[spark->size() - 1] == 21.5F);
}

TEST_CASE("pipeline: without a thread each turn does what there is and never waits") {
    const TempFolder folder;
    Path path(folder);
    path.store->start(path.pipeline.get());
    path.pipeline->begin();
    CHECK_FALSE(path.pipeline->turn());
    IngestItem item;
    item.kind = IngestKind::http;
    item.source = "test";
    item.topic = "boiler-1";
    item.payload = as_bytes(R"({"t":21.5})");
    item.received = path.clock.mono();
    CHECK(path.ring->push(item, 0ms) == IngestRing::Push::ok);
    CHECK(path.pipeline->turn());
    CHECK_FALSE(path.pipeline->turn());
    REQUIRE_FALSE(path.seen().empty());
    CHECK(path.seen().front().is_sample());
    path.pipeline->finish();
    CHECK(path.store->flush());
    CHECK(path.logged() == path.seen());
}

namespace {

struct Watched final : CommitWatcher {
    void committed(const CommitMark& one) override {
        const std::lock_guard lock(mutex);
        mark.entry = one.entry;
        mark.refused.insert(mark.refused.end(), one.refused.begin(), one.refused.end());
    }
    void degraded(bool) override {}
    bool reached(std::uint64_t entry) {
        return eventually([&] {
            const std::lock_guard lock(mutex);
            return mark.entry >= entry;
        });
    }
    std::mutex mutex;
    CommitMark mark;
};

std::uint64_t push_awaited(Path& path, std::string_view topic, std::string_view body) {
    IngestItem item;
    item.source = "test";
    item.topic = topic;
    item.payload = as_bytes(body);
    item.received = path.clock.mono();
    std::uint64_t number = 0;
    CHECK(path.ring->push_awaited(item, number) == IngestRing::Push::ok);
    return number;
}

}  // namespace

TEST_CASE("pipeline: an awaited entry is in the log when its number is told") {
    const TempFolder folder;
    Path path(folder);
    Watched watched;
    path.pipeline->watch(&watched);
    path.start();
    push_awaited(path, "plant/press4/telemetry", R"({"oil":{"temp":61.2}})");
    const auto last = push_awaited(path, "plant/press4/telemetry", R"({"oil":{"temp":62}})");
    REQUIRE(watched.reached(last));
    CHECK(watched.mark.refused.empty());
    CHECK(path.logged().size() == 2);
}

TEST_CASE("pipeline: awaited bytes that nobody reads are kept as they came") {
    const TempFolder folder;
    Path path(folder);
    Watched watched;
    path.pipeline->watch(&watched);
    path.start();
    push_awaited(path, "odd/one", std::string_view("\xff\x00", 2));
    const std::string large(40'000, 'x');
    const auto last = push_awaited(path, "odd/two", large);
    REQUIRE(watched.reached(last));
    const auto logged = path.logged();
    REQUIRE(logged.size() == 2);
    CHECK(logged[0].lane == Lane::bulk);
    CHECK(logged[0].sinks == 0);
    CHECK(logged[0].event().kind == EventKind::raw);
    CHECK(logged[0].event().channel == "mqtt/odd/one");
    CHECK(logged[0].event().members == R"("topic":"odd/one","payload64":"/wA=")");
    CHECK(logged[1].event().members.find(large) != std::string::npos);
}

TEST_CASE("pipeline: what a session owes is kept raw beside its readings, its mark with it") {
    const TempFolder folder;
    Watched watched;
    {
        Path path(folder);
        path.pipeline->watch(&watched);
        path.start();
        IngestItem item;
        item.source = "client:d1";
        item.topic = "plant/press4/telemetry";
        item.payload = as_bytes(R"({"oil":{"temp":61.2}})");
        item.properties = "p";
        item.mark = "mqtt.qos2/9/d1";
        item.received = path.clock.mono();
        item.owed = true;
        std::uint64_t number = 0;
        CHECK(path.ring->push_awaited(item, number) == IngestRing::Push::ok);
        item.topic = "cmd/x/set";
        item.payload = as_bytes("1");
        item.properties = item.mark = {};
        item.apart = true;
        CHECK(path.ring->push_awaited(item, number) == IngestRing::Push::ok);
        IngestItem state;
        state.kind = IngestKind::state;
        state.topic = "mqtt.session/d1";
        state.payload = as_bytes("blob");
        CHECK(path.ring->push_awaited(state, number) == IngestRing::Push::ok);
        REQUIRE(watched.reached(number));
        const auto logged = path.logged();
        REQUIRE(logged.size() == 3);
        CHECK(logged[0].is_sample());
        CHECK(
            logged[1].event().members.ends_with(R"(,"owed":true,"client":"d1","props64":"cA==")"));
        CHECK(logged[2].event().channel == "mqtt/cmd/x/set");
    }
    Path again(folder);
    const auto kept = again.store->state("mqtt.");
    REQUIRE(kept.has_value());
    REQUIRE(kept->size() == 2);
    CHECK((*kept)[0].key == "mqtt.qos2/9/d1");
    CHECK(as_text((*kept)[1].value) == "blob");
}

TEST_CASE("pipeline: a hurried entry is committed without the waiting window") {
    const TempFolder folder;
    Path path(folder, 10min);
    Watched watched;
    path.pipeline->watch(&watched);
    path.start();
    const auto first = push_awaited(path, "plant/press4/telemetry", R"({"oil":{"temp":61.2}})");
    path.store->hurry(first);
    REQUIRE(watched.reached(first));
    // Asked for before the entry is there, too.
    path.store->hurry(first + 1);
    CHECK(push_awaited(path, "plant/press4/telemetry", R"({"oil":{"temp":62}})") == first + 1);
    CHECK(watched.reached(first + 1));
}
