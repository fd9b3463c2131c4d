#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "firmware/store/store_fixture_test.hpp"

namespace fog {
namespace {

/// The ledger agrees with itself and with what a scan of the log finds.
void check_ledger(Store& store, SinkLog& sink, std::string_view id) {
    REQUIRE(store.flush());
    for (const auto& ledger : store.ledgers()) {
        for (const auto& lane : ledger.lanes) CHECK(lane.exact());
        if (ledger.sink != id) continue;
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const auto owed = owed_all(sink, static_cast<Lane>(lane));
            CHECK(ledger.lanes[lane].waiting == owed.size() + ledger.lanes[lane].dead);
        }
    }
}

LaneLedger lane_of(Store& store, std::string_view id, Lane lane) {
    for (const auto& ledger : store.ledgers())
        if (ledger.sink == id) return ledger.lanes[static_cast<std::size_t>(lane)];
    return {};
}

}  // namespace

TEST_CASE("sink: owes what it was marked for, in order, until it is settled") {
    Fixture f;
    f.options.sinks = {"cloud", "other"};
    Store& store = f.open();
    auto cloud = std::move(store.open_sink("cloud")).value();
    const auto mine = f.add(100, Lane::live, 1);
    f.add(50, Lane::live, 2);
    f.add(30, Lane::bulk, 3);
    REQUIRE(store.flush());
    auto owed = std::move(cloud->owed(Lane::live, Seq{}, 1000)).value();
    REQUIRE(owed.size() == 100);
    for (std::size_t i = 0; i < owed.size(); ++i) CHECK(owed[i].seq == mine[i]);
    check_ledger(store, *cloud, "cloud");
    owed.resize(40);
    cloud->settle(acked(owed));
    check_ledger(store, *cloud, "cloud");
    CHECK(cloud->cursor(Lane::live) == mine[39]);
    CHECK(lane_of(store, "cloud", Lane::live).acknowledged == 40);
    CHECK(lane_of(store, "other", Lane::live).waiting == 50);
}

TEST_CASE("sink: what is settled stays settled over a restart, the rest is owed again") {
    Fixture f;
    Store& store = f.open();
    f.add(100);
    REQUIRE(store.flush());
    {
        auto cloud = std::move(store.open_sink("cloud")).value();
        auto owed = std::move(cloud->owed(Lane::live, Seq{}, 60)).value();
        std::vector<Record> part;
        for (std::size_t i = 0; i < owed.size(); i += 10)  // six outcomes out of order
            part.push_back(owed[i]);
        cloud->settle(acked(part));
        REQUIRE(store.flush());
        CHECK(lane_of(store, "cloud", Lane::live).acknowledged == 6);
    }
    f.reopen();
    auto cloud = std::move(f.store->open_sink("cloud")).value();
    CHECK(owed_all(*cloud, Lane::live).size() == 94);
    check_ledger(*f.store, *cloud, "cloud");
}

TEST_CASE("sink: outcomes said twice, unknown or out of every order count once") {
    Fixture f;
    Store& store = f.open();
    auto cloud = std::move(store.open_sink("cloud")).value();
    for (int i = 0; i < 10; ++i) {
        f.add(100, i % 2 == 0 ? Lane::live : Lane::bulk);
        REQUIRE(store.flush());
    }
    auto owed = owed_all(*cloud, Lane::live);
    REQUIRE(owed.size() == 500);
    std::mt19937 random(4);
    std::shuffle(owed.begin(), owed.end(), random);
    std::size_t settled = 0;
    for (const Record& record : owed) {
        cloud->settle(acked({record}));
        cloud->settle(acked({record}));
        cloud->settle({{Seq{record.seq.value + 1'000'000}, Lane::live, false, {}}});
        if (++settled % 100 != 0) continue;
        // At most 16 ranges are durable: some outcomes wait for their neighbours, none is lost.
        REQUIRE(store.flush());
        const auto lane = lane_of(store, "cloud", Lane::live);
        CHECK(lane.exact());
        CHECK(lane.acknowledged <= settled);
        CHECK(lane.waiting >= owed_all(*cloud, Lane::live).size());
    }
    check_ledger(store, *cloud, "cloud");
    CHECK(lane_of(store, "cloud", Lane::live).acknowledged == 500);
    CHECK(lane_of(store, "cloud", Lane::live).waiting == 0);
    CHECK(cloud->cursor(Lane::live) >= owed.back().seq);
}

TEST_CASE("sink: the cursor passes over what is another sink's business") {
    Fixture f;
    f.options.sinks = {"cloud", "other"};
    Store& store = f.open();
    auto cloud = std::move(store.open_sink("cloud")).value();
    const auto last = f.add(200, Lane::live, 2).back();
    REQUIRE(store.flush());
    CHECK(owed_all(*cloud, Lane::live).empty());
    REQUIRE(store.flush());
    CHECK(cloud->cursor(Lane::live) == last);
}

TEST_CASE("sink: wait() returns when the head moves and when woken") {
    Fixture f;
    Store& store = f.open();
    auto cloud = std::move(store.open_sink("cloud")).value();
    const auto far = MonoTime{std::chrono::steady_clock::now()} + std::chrono::seconds{30};
    const Seq seen = cloud->head();
    f.add(1);
    cloud->wait(seen, far);
    CHECK(cloud->head() > seen);
    cloud->wake();
    cloud->wait(cloud->head(), far);
    CHECK(MonoTime{std::chrono::steady_clock::now()} < far);
}

TEST_CASE("sink: a new one starts at now, a bit is reused only for what comes later") {
    Fixture f;
    f.options.sinks = {"a"};
    Store& store = f.open();
    f.add(10, Lane::live, 0xFFFF);
    CHECK(std::move(store.add_sink("b")).value() == 1);
    auto b = std::move(store.open_sink("b")).value();
    CHECK(owed_all(*b, Lane::live).empty());
    f.add(5, Lane::live, 3);
    REQUIRE(store.flush());
    CHECK(owed_all(*b, Lane::live).size() == 5);
    REQUIRE(store.remove_sink("b", RemoveSink::discard));
    CHECK(owed_all(*b, Lane::live).empty());
    CHECK(lane_of(store, "b", Lane::live).shed == 5);
    CHECK(std::move(store.add_sink("c")).value() == 1);
    auto c = std::move(store.open_sink("c")).value();
    CHECK(owed_all(*c, Lane::live).empty());
    check_ledger(store, *c, "c");
    CHECK_FALSE(store.open_sink("b"));
    CHECK_FALSE(store.remove_sink("nobody", RemoveSink::keep));
}

TEST_CASE("sink: what a call changed is in the ledgers when it returns") {
    Fixture f;
    f.options.sinks = {"a"};
    Store& store = f.open();
    for (int i = 0; i < 100; ++i) {
        const std::string id = "b" + std::to_string(i);
        REQUIRE(store.add_sink(id));
        const auto all = store.ledgers();
        CHECK(std::any_of(all.begin(), all.end(),
                          [&id](const SinkLedger& one) { return one.sink == id; }));
        f.add(1, Lane::live, 3);
        REQUIRE(store.remove_sink(id, RemoveSink::discard));
        CHECK(lane_of(store, id, Lane::live).shed == 1);
    }
}

TEST_CASE("sink: one kept at removal gets its backlog when it comes back") {
    Fixture f;
    Store& store = f.open();
    f.add(10);
    REQUIRE(store.remove_sink("cloud", RemoveSink::keep));
    CHECK_FALSE(store.open_sink("cloud"));
    CHECK(std::move(store.add_sink("cloud")).value() == 0);
    auto cloud = std::move(store.open_sink("cloud")).value();
    CHECK(owed_all(*cloud, Lane::live).size() == 10);
}

TEST_CASE("dead letters: refused records wait apart, can be sent again or discarded") {
    Fixture f;
    Store& store = f.open();
    auto cloud = std::move(store.open_sink("cloud")).value();
    f.add(10);
    const Seq alarm = *store.seqs().take();
    (void)store.append(batch_of({make_event(alarm)}));
    REQUIRE(store.flush());
    const auto owed = owed_all(*cloud, Lane::live);
    const auto events = owed_all(*cloud, Lane::alarm);
    REQUIRE(events.size() == 1);
    cloud->settle({{owed[2].seq, Lane::live, true, "too long"},
                   {owed[3].seq, Lane::live, true, "bad unit"},
                   {alarm, Lane::alarm, true, "no such topic"}});
    check_ledger(store, *cloud, "cloud");
    CHECK(lane_of(store, "cloud", Lane::live).dead == 2);
    CHECK(lane_of(store, "cloud", Lane::live).waiting == 10);
    auto letters = std::move(store.dead("cloud", Seq{}, 10)).value();
    REQUIRE(letters.size() == 3);
    CHECK(letters[0].record == owed[2]);
    CHECK(letters[0].reason == "too long");
    CHECK(letters[2].record == events[0]);

    REQUIRE(store.resend("cloud", owed[2].seq));
    CHECK_FALSE(store.resend("cloud", owed[2].seq));
    REQUIRE(store.discard("cloud", owed[3].seq));
    check_ledger(store, *cloud, "cloud");
    CHECK(lane_of(store, "cloud", Lane::live).dead == 0);
    CHECK(lane_of(store, "cloud", Lane::live).shed == 1);
    CHECK(owed_all(*cloud, Lane::live).size() == 9);
    cloud->settle(acked(owed_all(*cloud, Lane::live)));
    check_ledger(store, *cloud, "cloud");
    CHECK(lane_of(store, "cloud", Lane::live).acknowledged == 9);
    CHECK(std::move(store.dead("cloud", Seq{}, 10)).value().size() == 1);
    f.reopen();
    CHECK(std::move(f.store->dead("cloud", Seq{}, 10)).value().size() == 1);
}

TEST_CASE("dead letters: beyond their cap the oldest leave and are counted") {
    Fixture f;
    f.options.limits.dead_bytes = 2'000;
    Store& store = f.open();
    auto cloud = std::move(store.open_sink("cloud")).value();
    f.add(200);
    REQUIRE(store.flush());
    auto outcomes = acked(owed_all(*cloud, Lane::live));
    for (auto& outcome : outcomes) outcome.refused = true;
    cloud->settle(outcomes);
    check_ledger(store, *cloud, "cloud");
    const auto lane = lane_of(store, "cloud", Lane::live);
    CHECK(lane.shed > 100);
    CHECK(lane.dead + lane.shed == 200);
}

TEST_CASE("budget: the oldest leave when a lane is full, counted to the record") {
    Fixture f;
    f.options.max_bytes = 1U << 20U;
    f.bulky = true;
    Store& store = f.open();
    auto cloud = std::move(store.open_sink("cloud")).value();
    std::uint64_t added = 0;
    for (int i = 0; i < 90; ++i) {
        REQUIRE(store.wait_room(1000, std::chrono::seconds{10}));
        added += f.add(1000, i % 3 == 0 ? Lane::bulk : Lane::live).size();
        if (i == 12) {
            auto some = std::move(cloud->owed(Lane::live, Seq{}, 5000)).value();
            cloud->settle(acked(some));
        }
    }
    check_ledger(store, *cloud, "cloud");
    std::uint64_t accepted = 0, shed = 0, waiting = 0;
    const SinkLedger ledger = store.ledgers().at(0);
    for (const auto& lane : ledger.lanes) {
        accepted += lane.accepted;
        shed += lane.shed;
        waiting += lane.waiting;
    }
    CHECK(accepted == added);
    CHECK(shed > 30'000);
    CHECK(waiting > 5'000);
    const auto status = store.status();
    CHECK_FALSE(status.degraded);
    CHECK(status.database_bytes + status.wal_bytes <= f.options.max_bytes * 3 / 2);
    auto reader = std::move(store.open_reader()).value();
    const auto page = std::move(reader->read(Seq{}, Seq{}, 1)).value();
    REQUIRE_FALSE(page.missing.empty());
    CHECK(page.missing[0].reason == MissingReason::evicted);
}

TEST_CASE("budget: outcomes that come after their records were evicted change nothing") {
    Fixture f;
    f.options.max_bytes = 1U << 20U;
    f.bulky = true;
    Store& store = f.open();
    auto cloud = std::move(store.open_sink("cloud")).value();
    f.add(1000);
    REQUIRE(store.flush());
    const auto held = owed_all(*cloud, Lane::live);
    REQUIRE(held.size() == 1000);
    for (int i = 0; i < 60; ++i) {
        REQUIRE(store.wait_room(1000, std::chrono::seconds{10}));
        f.add(1000);
    }
    REQUIRE(store.flush());
    const auto before = lane_of(store, "cloud", Lane::live);
    cloud->settle(acked(held));
    check_ledger(store, *cloud, "cloud");
    CHECK(lane_of(store, "cloud", Lane::live).acknowledged == before.acknowledged);
}

TEST_CASE("age: powered time expires what is too old, a clock step does not") {
    Fixture f;
    f.options.max_age.fill(std::chrono::hours{10});
    Store& store = f.open();
    f.add(100);
    REQUIRE(store.flush());
    f.clock.step_wall(std::chrono::hours{24 * 365});
    f.add(1);
    REQUIRE(store.flush());
    CHECK(lane_of(store, "cloud", Lane::live).expired == 0);
    f.clock.advance(std::chrono::hours{11});
    std::vector<Record> fresh = {make_sample(*store.seqs().take())};
    fresh[0].sample().received = f.clock.mono();
    (void)store.append(batch_of(std::move(fresh)));
    REQUIRE(store.flush());
    const auto lane = lane_of(store, "cloud", Lane::live);
    CHECK(lane.expired == 101);
    CHECK(lane.exact());
    auto cloud = std::move(store.open_sink("cloud")).value();
    CHECK(owed_all(*cloud, Lane::live).size() == 1);
    auto reader = std::move(store.open_reader()).value();
    const auto page = std::move(reader->read(Seq{}, Seq{}, 10)).value();
    REQUIRE(page.missing.size() == 1);
    CHECK(page.missing[0].reason == MissingReason::expired);
    CHECK(page.missing[0].records == 101);
    CHECK(page.missing[0].exact);
}

TEST_CASE("age: what every sink has stays for history until raw_age, and is no loss then") {
    Fixture f;
    f.options.raw_age = std::chrono::hours{5};
    Store& store = f.open();
    auto cloud = std::move(store.open_sink("cloud")).value();
    f.add(100);
    REQUIRE(store.flush());
    cloud->settle(acked(owed_all(*cloud, Lane::live)));
    REQUIRE(store.flush());
    CHECK(f.read_all().size() == 100);
    f.clock.advance(std::chrono::hours{6});
    (void)store.append(batch_of({make_event(*store.seqs().take())}));
    REQUIRE(store.flush());
    CHECK(store.status().lanes[2].records == 0);
    CHECK(store.status().lanes[2].history_trimmed == 100);
    CHECK(lane_of(store, "cloud", Lane::live).shed == 0);
    CHECK(lane_of(store, "cloud", Lane::live).expired == 0);
    check_ledger(store, *cloud, "cloud");
}

}  // namespace fog
