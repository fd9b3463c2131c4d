#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cloud-uplink/pump/engine.hpp"
#include "firmware/io/logging.hpp"
#include "tests/support/memory_sink_log.hpp"

namespace fog {

/// A sink that does as it is told, on a clock that stands still.
struct ScriptedSink final : Sink {
    using Answer = std::function<std::vector<Verdict>(std::span<const Outgoing>)>;

    explicit ScriptedSink(FakeClock& time) : clock(time) {}

    FakeClock& clock;
    std::function<Result<void>()> on_connect = [] { return Result<void>{}; };
    Answer on_send = all(Acked{});
    std::vector<MonoTime> connects;
    std::vector<std::vector<std::pair<std::uint64_t, bool>>> sends;  // seq, hist
    bool up = false;
    int closes = 0;

    static Answer all(Verdict verdict) {
        return [verdict = std::move(verdict)](std::span<const Outgoing> batch) {
            return std::vector<Verdict>(batch.size(), verdict);
        };
    }
    /// Every record on its own.
    static Answer each(std::function<Verdict(const Outgoing&)> judge) {
        return [judge = std::move(judge)](std::span<const Outgoing> batch) {
            std::vector<Verdict> out;
            for (const Outgoing& one : batch) out.push_back(judge(one));
            return out;
        };
    }

    Result<void> connect(MonoTime, const StepWords& step) override {
        connects.push_back(clock.mono());
        step("login");
        auto result = on_connect();
        up = result.has_value();
        return result;
    }
    std::vector<Verdict> send(std::span<const Outgoing> batch, MonoTime) override {
        sends.emplace_back();
        for (const Outgoing& one : batch)
            sends.back().emplace_back(one.record->seq.value, one.hist);
        return on_send(batch);
    }
    bool connected() const override { return up; }
    void close() override {
        up = false;
        ++closes;
    }
    /// First arrivals, in order.
    std::vector<std::uint64_t> arrivals() const {
        std::vector<std::uint64_t> out;
        for (const auto& send : sends)
            for (const auto& [seq, hist] : send)
                if (std::find(out.begin(), out.end(), seq) == out.end()) out.push_back(seq);
        return out;
    }
};

/// An engine with everything around it; time moves only when it waits or a script says so.
struct PumpRig {
    FakeClock clock;
    MemorySinkLog log{&clock};
    Metrics metrics;
    PumpOrders orders;
    PumpOptions options;
    ScriptedSink sink{clock};
    std::vector<PumpStatus> told;
    std::unique_ptr<Engine> engine;

    PumpRig() { set_log_level(LogLevel::error); }

    Engine& make() {
        engine = std::make_unique<Engine>(
            "cloud", "scripted", sink, options,
            Pump::Site{log, clock, metrics,
                       [this](const PumpStatus& status) { told.push_back(status); }},
            orders);
        return *engine;
    }
    Seq add(Lane lane = Lane::live, std::uint32_t point = 1) {
        Record record;
        record.lane = lane;
        record.body = Sample{PointId{point}, 1.5, {}, {}, BootId{1}, clock.mono(), 0};
        return log.append(record);
    }
    void add(int records, Lane lane = Lane::live) {
        for (int n = 0; n < records; ++n) add(lane);
    }
    /// Steps until `done`, at most `steps` times.
    bool run(const std::function<bool()>& done, int steps = 2000) {
        for (int n = 0; n < steps && !done(); ++n) engine->step();
        return done();
    }
    bool drain() {
        return run([this] { return log.total().waiting == log.total().dead; });
    }
    std::uint64_t counted(std::string_view name) {
        return metrics.counter(name, "sink=\"cloud\"").get();
    }
};

}  // namespace fog
