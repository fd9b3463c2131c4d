// B1, B2: from a sensor's message to the clients, and what a delivery costs.
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>

#include "tests/bench/bench.hpp"
#include "tests/bench/crowd.hpp"
#include "tests/bench/daemon.hpp"
#include "tests/bench/floor.hpp"

namespace fog::bench {
namespace {

constexpr std::string_view kRule = R"(title = "Late"
bind = { device = "d*" }
inputs.t = { point = "{device}/x", max_age = "1 min" }
[condition]
op = "threshold"
in = "t"
H = 1e18
hysteresis = 1
for = "3 s"
[[action]]
type = "alarm"
severity = "high"
text = "{t}"
)";

constexpr int kFlood = 6000;  // messages that fill what a stalled client and its socket hold

/// How messages come and who wants them.
struct Load {
    const char* name;
    unsigned clients;
    unsigned groups;  // message k is for group k % groups
    double per_second;
    bool budget = true;          // B1 has one for it
    unsigned stalled_every = 0;  // of these clients one stops reading

    double readers() const {
        return stalled_every == 0 ? clients
                                  : clients - static_cast<double>(clients) / stalled_every;
    }
};

struct Round {
    double p50_ms = 0;
    double p99_ms = 0;
    double most_ms = 0;
    double cpu_us = 0;  // of the sending thread, per delivery
    double bytes = 0;   // per delivery
    double got = 0;     // part of what was expected
};

using Send = std::function<void(unsigned group, std::int64_t stamp)>;

Round run_round(
    const Load& load, const Crowd::Wanted& wanted, pid_t server, double seconds, const Send& send,
    const std::function<void()>& before = [] {}) {
    Crowd crowd(wanted);
    before();
    const auto step = static_cast<std::int64_t>(1e6 / load.per_second);
    std::int64_t due = now_us() + 100'000;
    for (unsigned warm = 0; warm < load.groups; ++warm) send(warm, 1);
    sleep_us(due - now_us());
    const std::int64_t from = now_us();
    const std::uint64_t cpu = cpu_ns(server, false);
    const auto messages = static_cast<unsigned>(seconds * load.per_second);
    for (unsigned k = 0; k < messages; ++k) {
        sleep_us(due - now_us());
        send(k % load.groups, now_us());
        due += step;
    }
    sleep_us(100'000);
    const std::uint64_t spent = cpu_ns(server, false) - cpu;
    const Harvest got = crowd.end(from);
    if (got.messages == 0) fail("nothing arrived at the clients");
    const double wanted_count = messages * load.readers() / load.groups;
    const auto count = static_cast<double>(std::max<std::uint64_t>(got.messages, 1));
    Round out;
    out.p50_ms = percentile(got.latencies_us, 0.5) / 1000;
    out.p99_ms = percentile(got.latencies_us, 0.99) / 1000;
    out.most_ms = percentile(got.latencies_us, 1) / 1000;
    out.cpu_us = static_cast<double>(spent) / 1000 / count;
    out.bytes = static_cast<double>(got.bytes) / count;
    out.got = static_cast<double>(got.messages) / wanted_count;
    return out;
}

class PushBench {
public:
    explicit PushBench(const Options& options)
        : options_(options), daemon_(options.daemon, options.work) {
        daemon_.add_rule("late", kRule);
        daemon_.start();
        sensor_ = std::make_unique<HttpTalk>(daemon_.control());
    }

    std::vector<Line> run() {
        const int rounds = options_.quick ? 1 : 3;
        const double seconds = options_.quick ? 1.0 : 3.0;
        const Load paced{"1000", 1000, 10, 100};
        const Load all{"1000-all", 1000, 1, 10};
        both(paced, rounds, seconds);
        both(all, rounds, seconds);
        both({"5000", 5000, 10, 20, false}, rounds, seconds);
        for (const Wire wire : {Wire::sse, Wire::websocket}) stalled(wire, seconds);
        if (!options_.quick)
            for (const Load& load : {Load{"1", 1, 1, 100}, Load{"100", 100, 1, 100}})
                for (const Wire wire : {Wire::sse, Wire::websocket}) few(load, wire, seconds);
        lines_.push_back(unmeasured("B2", "saturation", "not built (coalescing)"));
        return std::move(lines_);
    }

private:
    static const char* word(Wire wire) { return wire == Wire::sse ? "sse-" : "ws-"; }

    void post(const std::string& device, std::int64_t value) {
        sensor_->post("/api/v1/ingest/" + device + "?ack=held",
                      "{\"x\":" + std::to_string(value) + "}");
    }
    Round gateway(const Load& load, Wire wire, double seconds) {
        const auto flood = [&] {
            for (int i = 0; load.stalled_every != 0 && i < kFlood; ++i) post("flood", 1);
        };
        return run_round(
            load,
            {wire, daemon_.port(), daemon_.token(), load.clients, load.groups, load.stalled_every},
            daemon_.pid(), seconds,
            [&](unsigned group, std::int64_t stamp) { post("d" + std::to_string(group), stamp); },
            flood);
    }
    static Round bare(const Load& load, double bytes, double seconds) {
        FloorServer server(static_cast<std::uint32_t>(bytes));
        return run_round(load, {Wire::bare, server.port(), {}, load.clients, load.groups},
                         server.pid(), seconds,
                         [&](unsigned group, std::int64_t stamp) { server.send(group, stamp); });
    }

    static double over(const std::vector<Round>& rounds, double Round::*member) {
        std::vector<double> values;
        for (const Round& one : rounds) values.push_back(one.*member);
        return median(std::move(values));
    }

    std::string remark(const std::vector<Round>& rounds, int of) const {
        const auto cut = [](double value) { return std::to_string(value).substr(0, 5); };
        std::string note = "p50 " + cut(over(rounds, &Round::p50_ms)) + " ms, most " +
                           cut(over(rounds, &Round::most_ms)) + " ms";
        if (const double got = over(rounds, &Round::got); got < 0.9999)
            note += ", only " + cut(100 * got) + " % arrived";
        return note + (of == 1 ? "; one round of " : "; median of 3 rounds of ") +
               (options_.quick ? "1 s" : "3 s");
    }

    /// The gateway over both wires and the bare loop, alternated.
    void both(const Load& load, int rounds, double seconds) {
        std::vector<Round> sse;
        std::vector<Round> websocket;
        std::vector<Round> floor;
        for (int i = 0; i < rounds; ++i) {
            sse.push_back(gateway(load, Wire::sse, seconds));
            floor.push_back(bare(load, sse.front().bytes, seconds));
            websocket.push_back(gateway(load, Wire::websocket, seconds));
        }
        for (const auto& [wire, got] :
             {std::pair{Wire::sse, &sse}, std::pair{Wire::websocket, &websocket}}) {
            const std::string name = word(wire) + std::string(load.name);
            latency(name, load, *got, floor);
            Line cost;
            cost.id = "B2";
            cost.name = name;
            cost.value = over(*got, &Round::cpu_us);
            cost.reference = over(floor, &Round::cpu_us);
            cost.unit = "us";
            cost.budget = 1.2;
            cost.verdict = Verdict::ratio_at_most;
            cost.note = "all of fog-io, the POSTs too; " +
                        std::to_string(std::lround(over(*got, &Round::bytes))) + " bytes a message";
            lines_.push_back(cost);
        }
    }

    void latency(const std::string& name, const Load& load, const std::vector<Round>& got,
                 const std::vector<Round>& floor) {
        Line line;
        line.id = "B1";
        line.name = name;
        line.value = over(got, &Round::p99_ms);
        line.reference = over(floor, &Round::p99_ms);
        line.unit = "ms p99";
        if (load.budget) {
            line.verdict = load.groups == 1 ? Verdict::ratio_at_most : Verdict::at_most;
            line.budget = load.groups == 1 ? 1.5 : 10;
        }
        line.note = remark(got, options_.quick ? 1 : 3);
        lines_.push_back(line);
    }

    void few(const Load& load, Wire wire, double seconds) {
        const std::vector<Round> got{gateway(load, wire, seconds)};
        Line line;
        line.id = "B1";
        line.name = word(wire) + std::string(load.name);
        line.value = got[0].p99_ms;
        line.unit = "ms p99";
        line.note = "p50 " + std::to_string(got[0].p50_ms).substr(0, 5) + " ms; one round";
        lines_.push_back(line);
    }

    /// What the clients that read get while one of twenty does not.
    void stalled(Wire wire, double seconds) {
        const Load load{"stalled", 1000, 10, 100, true, 20};
        const Round got = gateway(load, wire, seconds);
        Line line;
        line.id = "B1";
        line.name = word(wire) + std::string("stalled-5-percent");
        line.value = got.most_ms;
        line.unit = "ms most";
        line.verdict = Verdict::at_most;
        line.budget = 100;
        line.note = remark({got}, 1);
        lines_.push_back(line);
    }

    const Options& options_;
    Daemon daemon_;
    std::unique_ptr<HttpTalk> sensor_;
    std::vector<Line> lines_;
};

}  // namespace

std::vector<Line> bench_push(const Options& options) {
    return PushBench(options).run();
}

}  // namespace fog::bench
