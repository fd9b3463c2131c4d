// B4: durable MQTT ingest beside a bare reader that commits and acknowledges.
#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "tests/bench/bench.hpp"
#include "tests/bench/daemon.hpp"
#include "tests/bench/mqtt_floor.hpp"
#include "tests/bench/mqtt_load.hpp"

namespace fog::bench {
namespace {

constexpr double kWarmUp = 0.7;  // seconds

struct Round {
    double per_second = 0;
    double cpu_us = 0;   // of a message
    double written = 0;  // bytes, of a message
    double p50_ms = 0, p99_ms = 0;
};

/// `seconds` of a load that runs already and has warmed up.
Round run_round(const MqttLoad::Wanted& wanted, pid_t server, double seconds) {
    MqttLoad load(wanted);
    sleep_us(static_cast<std::int64_t>(kWarmUp * 1e6));
    load.measure();
    const auto done = [&] { return wanted.qos == 0 ? load.sent() : load.acknowledged(); };
    const std::uint64_t before = done();
    const std::uint64_t cpu = cpu_ns(server, true);
    const std::uint64_t written = io_of(server, "write_bytes");
    const std::int64_t from = now_us();
    sleep_us(static_cast<std::int64_t>(seconds * 1e6));
    const auto messages = static_cast<double>(done() - before);
    const std::uint64_t spent = cpu_ns(server, true) - cpu;
    const auto took = static_cast<double>(now_us() - from) / 1e6;
    if (messages == 0) fail("nothing was acknowledged");
    const auto of_each = [&](std::uint64_t all) { return static_cast<double>(all) / messages; };
    return {messages / took, of_each(spent) / 1000, of_each(io_of(server, "write_bytes") - written),
            load.wait_ms(0.5), load.wait_ms(0.99)};
}

double over(const std::vector<Round>& rounds, double Round::*member) {
    std::vector<double> values;
    for (const Round& one : rounds) values.push_back(one.*member);
    return median(std::move(values));
}

std::string cut(double value) {
    return std::to_string(value).substr(0, 5);
}

class IngestBench {
public:
    explicit IngestBench(const Options& options)
        : options_(options), daemon_(options.daemon, options.work), floor_(options.work) {
        daemon_.start();
    }

    std::vector<Line> run() {
        for (const std::size_t values : {std::size_t{5}, std::size_t{1}})
            for (const unsigned connections : {1U, 4U}) saturated(connections, values);
        one_in_flight();
        for (const int wait : {0, 5, 20, 100, 1000}) many_slow(wait);
        return std::move(lines_);
    }

private:
    MqttLoad::Wanted wanted(std::uint16_t port) const {
        MqttLoad::Wanted out;
        out.port = port;
        out.password = port == daemon_.mqtt_port() ? daemon_.token() : std::string();
        return out;
    }
    std::array<std::vector<Round>, 2> alternate(unsigned connections, unsigned window,
                                                std::size_t values) {
        std::array<std::vector<Round>, 2> out;
        for (int i = 0; i < (options_.quick ? 1 : 3); ++i) {
            for (const bool floor : {false, true}) {
                auto load = wanted(floor ? floor_.port() : daemon_.mqtt_port());
                load.connections = connections;
                load.window = window;
                load.values = values;
                out[floor ? 1 : 0].push_back(run_round(load, floor ? floor_.pid() : daemon_.pid(),
                                                       options_.quick ? 1.0 : 3.0));
            }
        }
        return out;
    }

    /// As fast as the window lets them; our CPU a message beside that of the bare reader.
    void saturated(unsigned connections, std::size_t values) {
        const auto [ours, bare] = alternate(connections, 500, values);
        const std::string name = std::to_string(connections) + "-connections-" +
                                 std::to_string(values) + (values == 1 ? "-value" : "-values");
        const std::string note = std::to_string(MqttLoad::payload_bytes(values)) +
                                 " bytes of JSON; " + cut(over(ours, &Round::per_second) / 1000) +
                                 " k/s (bare " + cut(over(bare, &Round::per_second) / 1000) +
                                 " k/s), ack p50 " + cut(over(ours, &Round::p50_ms)) + ", p99 " +
                                 cut(over(ours, &Round::p99_ms)) + " ms";
        Line cost;
        cost.id = "B4";
        cost.name = name;
        cost.value = over(ours, &Round::cpu_us);
        cost.reference = over(bare, &Round::cpu_us);
        cost.unit = "us";
        cost.budget = 2;
        cost.verdict = Verdict::ratio_at_most;
        cost.note = "CPU of a message, all threads; " + note;
        lines_.push_back(cost);
        Line rate;
        rate.id = "B4";
        rate.name = name + "-a-core";
        rate.value = 1e6 / *cost.value;
        rate.reference = 1e6 / *cost.reference;
        rate.unit = "msg/s";
        rate.budget = 100'000;
        rate.verdict = Verdict::at_least;
        rate.note = "messages to a second of CPU";
        lines_.push_back(rate);
    }

    /// A device that waits for each acknowledgement runs at the speed of commits.
    void one_in_flight() {
        const auto [ours, bare] = alternate(1, 1, 1);
        Line line;
        line.id = "B4";
        line.name = "window-1";
        line.value = over(ours, &Round::per_second);
        line.reference = over(bare, &Round::per_second);
        line.unit = "msg/s";
        line.budget = 0.8;
        line.verdict = Verdict::ratio_at_least;
        line.note = "ack p50 " + cut(over(ours, &Round::p50_ms)) + ", p99 " +
                    cut(over(ours, &Round::p99_ms)) + " ms";
        lines_.push_back(line);
    }

    /// 500 devices that send two messages a second each: what a longer wait saves on flash.
    void many_slow(int wait_ms) {
        constexpr unsigned kDevices = 500;
        daemon_.stop();
        daemon_.configure("[log]\nack_wait = \"" + std::to_string(wait_ms) +
                          " ms\"\n[limits]\nnew_devices_per_minute = 1000\n");
        daemon_.start();
        auto load = wanted(daemon_.mqtt_port());
        load.connections = kDevices;
        load.per_second = 2.0 * kDevices;
        load.values = 1;
        // The first round makes the points; the second is measured.
        run_round(load, daemon_.pid(), 1);
        const Round round = run_round(load, daemon_.pid(), options_.quick ? 3 : 10);
        Line line;
        line.id = "B4";
        line.name = "500-devices-wait-" + std::to_string(wait_ms) + "-ms";
        line.value = round.written;
        line.unit = "bytes";
        line.note = "written for a record; " + cut(round.per_second) + " msg/s, ack p50 " +
                    cut(round.p50_ms) + ", p99 " + cut(round.p99_ms) + " ms, " + cut(round.cpu_us) +
                    " us of CPU a message";
        lines_.push_back(line);
    }

    Options options_;
    Daemon daemon_;
    MqttFloor floor_;
    std::vector<Line> lines_;
};

}  // namespace

std::vector<Line> bench_ingest(const Options& options) {
    return IngestBench(options).run();
}

}  // namespace fog::bench
