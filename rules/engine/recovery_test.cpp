#include <doctest/doctest.h>

#include <map>
#include <random>

#include "tests/support/rule_world.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;
using Rules = std::vector<std::pair<std::string, std::string>>;

const Rules kRules = {{"hot", R"(
bind = { device = "boiler-*" }
inputs.t = { point = "{device}/temp", max_age = "1 min" }
step = [ { op = "deadband", in = "t", abs = "0.5 Cel", max_silence = "20 s", out = "calm" } ]
[condition]
op = "threshold"
in = "calm"
H = "80 Cel"
HH = "90 Cel"
hysteresis = "2 K"
for = { H = "5 s", HH = "0 s" }
keep_for = "3 s"
[[action]]
type = "alarm"
)"},
                      {"pair", R"(
inputs.a = { point = "boiler-1/temp", max_age = "30 s" }
inputs.b = { point = "boiler-2/temp", max_age = "30 s" }
no_data = "hold"
condition = { op = "expr", when = "a - b > 20[K]", for = "4 s", keep_for = "2 s" }
action = [ { type = "alarm", latch = true } ]
)"}};

struct Plant : RuleWorld {
    std::vector<PointId> points;
    std::mt19937 random;

    explicit Plant(unsigned seed) : random(seed) {
        for (int i = 1; i <= 3; ++i)
            points.push_back(add("boiler-" + std::to_string(i), "temp", "Cel"));
        for (const auto& [id, text] : kRules) good(id, text);
    }
    void step() {
        const auto gap =
            std::chrono::milliseconds(random() % 3000 + (random() % 40 == 0 ? 70'000 : 0));
        now += gap;
        if (random() % 3 == 0) engine->on_time(at(), out);
        keep_events();
        const auto what = random() % 20;
        if (what == 0) {
            for (const AlarmInfo& alarm : engine->alarms())
                if (random() % 2 == 0) (void)engine->ack_alarm(alarm.alarm, "eve", "", at(), out);
        } else {
            const auto value = static_cast<double>(random() % 40 + 60);
            push(points[random() % 3], value);
        }
        keep_events();
    }
};

std::map<std::string, std::string> states(RuleEngine& engine) {
    std::map<std::string, std::string> result;
    for (const AlarmInfo& alarm : engine.alarms())
        result[alarm.occurrence] =
            std::string(to_text(alarm.state)) + (alarm.stale ? " stale" : "") + " " + alarm.level;
    return result;
}

}  // namespace

TEST_CASE("recovery: snapshot plus log gives the state back, and no event twice") {
    for (unsigned seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        Plant plant(seed);
        const unsigned until = 50 + plant.random() % 200;
        const unsigned saved = plant.random() % until;
        Bytes snapshot;
        for (unsigned i = 0; i < until; ++i) {
            plant.step();
            if (i == saved) plant.engine->save(snapshot);
        }
        plant.engine->on_time(plant.at(), plant.out);
        plant.keep_events();
        const auto before = states(*plant.engine);
        const auto events = plant.alarm_log();
        plant.resume(kRules, snapshot, plant.log);
        CHECK(states(*plant.engine) == before);
        CHECK(plant.alarm_log() == events);
        for (int i = 0; i < 50; ++i) plant.step();
    }
}

TEST_CASE("recovery: an event that was cut off is made again, once, under the same occurrence") {
    for (unsigned seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        Plant plant(seed);
        Bytes snapshot;
        for (int i = 0; i < 60; ++i) plant.step();
        plant.engine->save(snapshot);
        for (int i = 0; i < 100; ++i) plant.step();
        plant.engine->on_time(plant.at(), plant.out);
        plant.keep_events();
        auto wanted = plant.alarm_log();
        // Everything behind the last sample is lost, as in a kill before its commit. People's
        // acknowledgements cannot be made again, so the cut is behind the last of them.
        std::vector<Record> log = plant.log;
        std::size_t lost = 0;
        while (!log.empty() && !log.back().is_sample() &&
               json_member(log.back().event().members, "change") != "acked") {
            log.pop_back();
            ++lost;
        }
        const auto before = states(*plant.engine);
        plant.log = log;
        plant.resume(kRules, snapshot, log);
        CHECK(plant.out.events.size() == lost);
        CHECK(plant.alarm_log() == wanted);
        CHECK(states(*plant.engine) == before);
    }
}

TEST_CASE("recovery: without a snapshot the whole log gives the same state") {
    Plant plant(5);
    for (int i = 0; i < 200; ++i) plant.step();
    plant.engine->on_time(plant.at(), plant.out);
    plant.keep_events();
    const auto before = states(*plant.engine);
    const auto events = plant.alarm_log();
    plant.resume(kRules, {}, plant.log);
    CHECK(states(*plant.engine) == before);
    CHECK(plant.alarm_log() == events);
}

TEST_CASE("recovery: for goes on where it was, and fires at its due time") {
    RuleWorld w;
    const Rules rules = {{"slow", R"(
inputs.t = { point = "dev/t", max_age = "1 h" }
condition = { op = "threshold", H = "30 Cel", for = "10 min" }
action = [ { type = "alarm" } ]
)"}};
    const PointId t = w.add("dev", "t", "Cel");
    w.good("slow", rules[0].second);
    w.push(t, 31.0);
    const MonoTime due = w.now + 10min;
    Bytes snapshot;
    w.engine->save(snapshot);
    w.now += 11min;  // the daemon was down when it was due
    w.clear();
    w.resume(rules, snapshot, w.log);
    REQUIRE(w.out.events.size() == 1);
    CHECK(w.out.events[0].event.received == due);
    CHECK((w.out.events[0].event.flags & flag::kReplayed) != 0);
}

TEST_CASE("recovery: another boot is a gap longer than every max_age") {
    RuleWorld w;
    const PointId t = w.add("boiler-1", "temp", "Cel");
    w.good("hot", kRules[0].second);
    w.push(t, 95.0);
    CHECK(w.changes() == Lines{"boiler-1/hot#1 raised active-unack HH"});
    Bytes snapshot;
    w.engine->save(snapshot);
    w.boot = BootId{2};
    w.now = MonoTime{5s};
    w.resume(kRules, snapshot, w.log);
    CHECK(states(*w.engine).at("boiler-1/hot#1") == "active-unack stale HH");
    w.clear();
    w.push(t, 95.0, 1s);
    CHECK(w.changes() == Lines{"boiler-1/hot#1 unstale active-unack HH",
                               "boiler-1/no-data.temp#1 cleared returned-unack on"});
    w.push(t, 20.0, 1s);
    w.wait(3s);
    CHECK(w.changes() == Lines{"boiler-1/hot#1 cleared returned-unack HH"});
}

TEST_CASE("recovery: a damaged part starts empty, is reported, and the others are not touched") {
    Plant plant(3);
    for (int i = 0; i < 100; ++i) plant.step();
    Bytes snapshot;
    plant.engine->save(snapshot);
    const auto before = states(*plant.engine);
    for (std::size_t at = 24; at < snapshot.size(); at += 7) {
        Bytes damaged = snapshot;
        damaged[at] ^= std::byte{0x5A};
        plant.restart();
        for (const auto& [id, text] : kRules)
            plant.engine->load(id, RuleWorld::toml(text), 1, "test", plant.at(), plant.out);
        plant.out.clear();
        const auto covered = plant.engine->restore(damaged, plant.at(), plant.out);
        REQUIRE(covered.has_value());
        const bool reported = std::any_of(
            plant.out.events.begin(), plant.out.events.end(), [](const EffectEvent& effect) {
                return json_member(effect.event.members, "change") == "state-lost";
            });
        CHECK(reported);
        plant.engine->end_recovery(plant.at(), plant.out);
    }
    Bytes cut(snapshot.begin(), snapshot.begin() + 5);
    plant.restart();
    CHECK(!plant.engine->restore(cut, plant.at(), plant.out).has_value());
}

TEST_CASE("recovery: an alarm whose rule went while the daemon was down is closed") {
    RuleWorld w;
    const PointId t = w.add("boiler-1", "temp", "Cel");
    w.good("hot", kRules[0].second);
    w.push(t, 95.0);
    w.clear();
    Bytes snapshot;
    w.engine->save(snapshot);
    w.resume({}, snapshot, w.log);
    CHECK(w.changes() == Lines{"boiler-1/hot#1 closed normal HH"});
}

}  // namespace fog
