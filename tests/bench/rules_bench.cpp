// B6: the rule engine alone.
#include <algorithm>
#include <ctime>
#include <memory>
#include <string>

#include "firmware/config/toml.hpp"
#include "rules/engine/engine.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/proc.hpp"

namespace fog::bench {
namespace {

constexpr std::size_t kPoints = 1'000;

struct World {
    PointDirectory points;
    Limits limits;
    Metrics metrics;
    Effects out;
    std::unique_ptr<RuleEngine> engine;
    MonoTime now{std::chrono::seconds(1000)};

    World() {
        engine = std::make_unique<RuleEngine>(points, limits, metrics);
        for (std::uint32_t i = 1; i <= kPoints; ++i) {
            const std::string device = "d" + std::to_string(i);
            points.set({PointId{i}, device, "t", "", "", false});
            engine->point_appeared(PointId{i}, {BootId{1}, now}, out);
            load(device);
        }
    }
    void load(const std::string& device) {
        const std::string text = "title = \"R\"\ninputs.t = { point = \"" + device +
                                 "/t\", max_age = \"1 min\" }\n[condition]\nop = \"threshold\"\n"
                                 "in = \"t\"\nH = 80\nhysteresis = 2\nfor = \"3 s\"\n[[action]]\n"
                                 "type = \"alarm\"\nseverity = \"high\"\ntext = \"{t}\"\n";
        std::vector<Fault> faults;
        const auto node = parse_toml(text, "bench.toml", faults);
        if (!node) fail("the rule is no TOML");
        for (const Fault& fault :
             engine->load("r-" + device, *node, 1, "bench", {BootId{1}, now}, out))
            if (!fault.warning) fail(to_text(fault));
    }
};

/// A second of every point. Most values stay below the limit, one in eight goes above it for one
/// sample: timers of `for` are set and taken back.
std::vector<std::vector<Record>> seconds_of_samples(std::size_t count) {
    std::vector<std::vector<Record>> out(count);
    std::uint64_t seq = 0;
    for (std::size_t s = 0; s < count; ++s) {
        for (std::uint32_t i = 1; i <= kPoints; ++i) {
            Record record;
            record.seq = Seq{++seq};
            Sample sample;
            sample.point = PointId{i};
            sample.value = (s + i) % 8 == 0 ? 85.0 : 60.0 + static_cast<double>((s + i) % 7);
            sample.boot = BootId{1};
            record.body = std::move(sample);
            out[s].push_back(std::move(record));
        }
    }
    return out;
}

/// CPU time of this thread: other work on the machine does not count.
std::int64_t cpu_us() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

void stamp(std::vector<Record>& batch, MonoTime now) {
    std::uint32_t i = 0;
    for (Record& record : batch) record.sample().received = now + std::chrono::microseconds(++i);
}

}  // namespace

std::vector<Line> bench_rules(const Options& options) {
    World world;
    auto batches = seconds_of_samples(16);
    std::vector<double> rates;
    std::vector<double> empty;
    const int laps = options.quick ? 10 : 40;
    double sum = 0;
    for (int round = 0; round < (options.quick ? 3 : 7); ++round) {
        std::int64_t busy = 0;
        std::int64_t idle = 0;
        for (int lap = 0; lap < laps; ++lap) {
            for (auto& batch : batches) {
                world.now += std::chrono::seconds(1);
                stamp(batch, world.now);
                const std::int64_t from = cpu_us();
                world.engine->on_batch(batch, world.out);
                const std::int64_t between = cpu_us();
                for (const Record& record : batch)
                    if (double value = 0; as_number(record.sample().value, value)) sum += value;
                busy += between - from;
                idle += cpu_us() - between;
                world.out.clear();
            }
        }
        const double samples = static_cast<double>(laps) * 16 * kPoints;
        rates.push_back(samples / (static_cast<double>(busy) / 1e6));
        empty.push_back(samples / (static_cast<double>(std::max<std::int64_t>(idle, 1)) / 1e6));
    }
    Line line;
    line.id = "B6";
    line.name = "1000-rules";
    line.value = median(rates);
    line.reference = median(empty);
    line.unit = "samples/s";
    line.budget = 5'000'000;
    line.verdict = Verdict::at_least;
    line.note =
        "threshold, hysteresis, for; batches of 1,000 devices; reference: a loop that adds up";
    if (sum == 0) line.note += "?";  // keeps the loop
    return {line};
}

}  // namespace fog::bench
