// B3, B10: memory of the real program. B12: from its start to the first sample at a client.
#include <algorithm>
#include <memory>
#include <string>

#include "tests/bench/bench.hpp"
#include "tests/bench/crowd.hpp"
#include "tests/bench/daemon.hpp"

namespace fog::bench {
namespace {

constexpr unsigned kDevices = 20;
constexpr unsigned kPoints = 50;  // of each

Line memory(std::string id, std::string name, double value, double budget, std::string note) {
    Line line;
    line.id = std::move(id);
    line.name = std::move(name);
    line.value = value;
    line.unit = "MB";
    line.budget = budget;
    line.verdict = budget > 0 ? Verdict::at_most : Verdict::none;
    line.note = std::move(note);
    return line;
}

double megabytes(double kib) {
    return kib * 1024 / 1e6;
}

std::string rule(unsigned number) {
    return "title = \"R\"\nbind = { device = \"d" + std::to_string(number % kDevices) +
           "\" }\ninputs.t = { point = \"{device}/p" + std::to_string(number / kDevices) +
           "\", max_age = \"1 min\" }\n[condition]\nop = \"threshold\"\nin = \"t\"\nH = 90\n"
           "hysteresis = 1\nfor = \"3 s\"\n[[action]]\ntype = \"alarm\"\nseverity = \"high\"\n"
           "text = \"{t}\"\n";
}

/// One second of 1,000 points, two decimals.
void feed(HttpTalk& sensor, unsigned second) {
    for (unsigned d = 0; d < kDevices; ++d) {
        std::string body = "{";
        for (unsigned p = 0; p < kPoints; ++p) {
            const unsigned value = 2000 + (d * 37 + p * 11 + second * 7) % 500;
            body += (p == 0 ? "\"p" : ",\"p") + std::to_string(p) +
                    "\":" + std::to_string(value / 100) + "." +
                    std::to_string(value % 100 + 100).substr(1);
        }
        sensor.post("/api/v1/ingest/d" + std::to_string(d) + "?ack=held", body + "}");
    }
}

/// What clients that wait cost: each in a group without samples.
Line idle_clients(const Daemon& daemon, Wire wire, const Options& options) {
    const unsigned clients = options.quick ? 500 : 1000;
    sleep_us(300'000);
    const Resident before = resident(daemon.pid());
    const Crowd crowd({wire, daemon.port(), daemon.token(), clients, clients});
    sleep_us(300'000);
    const Resident after = resident(daemon.pid());
    Line line;
    line.id = "B3";
    line.name = wire == Wire::sse ? "sse-idle" : "ws-idle";
    line.value =
        (after.private_part + after.shared - before.private_part - before.shared) / clients;
    line.unit = "KiB";
    line.budget = 2;
    line.verdict = Verdict::at_most;
    line.note = std::to_string(clients) + " clients, growth of private memory; without TLS";
    return line;
}

/// From the start of the process to a sample at a client.
Line starts(Daemon& daemon, const Options& options, std::string name, const std::string& log) {
    std::vector<double> seconds;
    for (int i = 0; i < (options.quick ? 1 : 5); ++i) {
        const std::int64_t from = now_us();
        daemon.start();
        HttpTalk client(daemon.port());
        client.open_stream("/api/v1/stream?channel=samples/probe/%23", daemon.token());
        HttpTalk sensor(daemon.control());
        sensor.post("/api/v1/ingest/probe?ack=held", "{\"t\":" + std::to_string(4200 + i) + "}");
        client.wait_for("\"v\":" + std::to_string(4200 + i));
        seconds.push_back(static_cast<double>(now_us() - from) / 1e6);
        daemon.stop();
    }
    Line line;
    line.id = "B12";
    line.name = std::move(name);
    line.value = median(seconds);
    line.unit = "s";
    line.budget = 0.5;
    line.verdict = Verdict::at_most;
    line.note = "median of " + std::to_string(seconds.size()) + ", most " +
                std::to_string(percentile(seconds, 1)).substr(0, 5) + " s; " + log;
    return line;
}

}  // namespace

std::vector<Line> bench_start(const Options& options) {
    Daemon daemon(options.daemon, options.work);
    std::vector<Line> lines = {
        starts(daemon, options, "start-to-first-sample", "almost empty log")};
    // As many records as a start reads again for the sparklines, and a little more.
    daemon.start();
    {
        HttpTalk sensor(daemon.control());
        for (unsigned second = 0; second < 65; ++second) feed(sensor, second);
    }
    daemon.stop();
    lines.push_back(starts(daemon, options, "start-full-log", "1,000 points, 65,000 records"));
    return lines;
}

std::vector<Line> bench_resident(const Options& options) {
    std::vector<Line> lines;
    Daemon daemon(options.daemon, options.work);
    for (unsigned i = 0; i < 100; ++i) daemon.add_rule("r" + std::to_string(i), rule(i));
    daemon.start();
    sleep_us(200'000);
    const Resident idle = resident(daemon.pid());
    lines.push_back(memory("B10", "idle", megabytes(idle.all), 0,
                           "100 rules, no points; private " +
                               std::to_string(megabytes(idle.private_part)).substr(0, 4) + " MB"));
    HttpTalk sensor(daemon.control());
    const unsigned seconds = options.quick ? 3 : 20;
    {
        Crowd ten({Wire::sse, daemon.port(), daemon.token(), 10, 10});
        std::int64_t due = now_us();
        for (unsigned second = 0; second < seconds; ++second, due += 1'000'000) {
            sleep_us(due - now_us());
            feed(sensor, second);
        }
        const Resident busy = resident(daemon.pid());
        const std::string note = std::to_string(seconds) +
                                 " s instead of 10 min, no MQTT sink; ring pages in it " +
                                 std::to_string(megabytes(busy.shared)).substr(0, 4) + " MB";
        lines.push_back(memory("B10", "1000-points", megabytes(busy.all), 16, note));
        lines.push_back(
            memory("B10", "1000-points-private", megabytes(busy.private_part), 8, note));
    }
    lines.push_back(idle_clients(daemon, Wire::sse, options));
    // A daemon of their own: in the same they would reuse what the SSE clients freed.
    Daemon second(options.daemon, options.work);
    second.start();
    lines.push_back(idle_clients(second, Wire::websocket, options));
    lines.push_back(unmeasured("B3", "tls", "not built"));
    return lines;
}

}  // namespace fog::bench
