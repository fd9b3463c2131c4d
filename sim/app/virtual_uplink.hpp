#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "cloud-uplink/encode/payload.hpp"
#include "cloud-uplink/pump/engine.hpp"
#include "firmware/core/bounded_queue.hpp"
#include "firmware/core/clock.hpp"
#include "sim/cloud/far_record.hpp"
#include "sim/world/fault_spec.hpp"

namespace fog::sim {

/// `far-<sink>.jsonl` of a cloud without a network. What arrives is read and written down on a
/// thread of its own, in the order and with the time of arrival, so that a run stays the same.
/// Thread: the maker's. Blocks: in take() and finish(), while the disk is slower than the run.
class VirtualFar {
public:
    VirtualFar(const std::filesystem::path& file, std::string sink, const Clock& clock);
    ~VirtualFar() { (void)finish(); }
    VirtualFar(const VirtualFar&) = delete;
    VirtualFar& operator=(const VirtualFar&) = delete;
    void take(std::string_view topic, std::string_view payload);
    /// All is in the file; false: not all could be written. Nothing is taken after it.
    bool finish();

private:
    struct Message {
        std::size_t topic = 0, payload = 0;  // lengths
        std::int64_t mono = 0;
    };
    /// What arrived, its bytes one after the other. An empty one is the last.
    struct Arrived {
        std::string bytes;
        std::vector<Message> messages;
    };
    static constexpr std::ptrdiff_t kArrived = 8;

    void hand_over();
    void write();  // until the last
    void write(const Arrived& arrived);

    std::ofstream out_;
    FarLines lines_;
    std::string buffer_;
    bool good_ = false;  // once the thread has ended
    const Clock& clock_;
    Arrived arrived_;
    BoundedQueue<Arrived> queue_;
    std::counting_semaphore<kArrived> room_{kArrived};
    std::thread writer_;
};

/// A cloud end in memory: the pump's own engine and encoder, no socket. Thread: one; never blocks.
class VirtualSink final : public Sink {
public:
    VirtualSink(VirtualFar& far, RecordContext context);
    /// One that names this sink: the line is down, or answers get lost.
    void fault(const FaultSpec& fault, bool begins);
    bool down() const { return down_ > 0; }

    Result<void> connect(MonoTime deadline, const StepWords& step) override;
    std::vector<Verdict> send(std::span<const Outgoing> batch, MonoTime deadline) override;
    bool connected() const override { return connected_ && down_ == 0; }
    void close() override { connected_ = false; }

private:
    VirtualFar& far_;
    RecordContext context_;
    MessageShape shape_;
    int down_ = 0, deaf_ = 0;
    bool connected_ = false;
};

/// The log's side of a sink whose wait() only says until when. Thread: one.
class SteppedSinkLog final : public SinkLog {
public:
    explicit SteppedSinkLog(std::unique_ptr<SinkLog> log) : log_(std::move(log)) {}
    Result<std::vector<Record>> owed(Lane lane, Seq after, std::size_t most) override {
        return log_->owed(lane, after, most);
    }
    Seq cursor(Lane lane) override { return log_->cursor(lane); }
    Seq head() override { return log_->head(); }
    void settle(std::vector<Settled> outcomes) override {
        settled_ = settled_ || !outcomes.empty();
        log_->settle(std::move(outcomes));
    }
    void wait(Seq seen, MonoTime until) override { waiting_ = Waiting{seen, until}; }
    void wake() override { waiting_.reset(); }
    SinkLedger ledger() override { return log_->ledger(); }

    struct Waiting {
        Seq seen;
        MonoTime until;
    };
    /// What the last step ended in; nothing: it wants to go on.
    std::optional<Waiting> take_waiting() { return std::exchange(waiting_, std::nullopt); }
    bool take_settled() { return std::exchange(settled_, false); }

private:
    std::unique_ptr<SinkLog> log_;
    std::optional<Waiting> waiting_;
    bool settled_ = false;
};

/// One uplink: log, engine, sink, far side.
class VirtualUplink {
public:
    struct Site {
        RecordContext records;
        const Limits& limits;
        const Clock& clock;
        Metrics& metrics;
        std::uint64_t seed = 1;
    };
    VirtualUplink(std::string id, std::uint8_t bit, std::unique_ptr<SinkLog> log,
                  const std::filesystem::path& far_file, const Site& site);

    /// Goes on until it waits for a commit or a time. True if anything was settled.
    bool run();
    /// When run() has something to do without a commit.
    MonoTime next() const { return next_; }
    const std::string& id() const { return id_; }
    std::uint16_t mask() const { return static_cast<std::uint16_t>(1U << bit_); }
    const Selection& selection() const { return selection_; }
    VirtualSink& sink() { return sink_; }
    VirtualFar& far() { return far_; }
    SinkLedger ledger() { return log_.ledger(); }
    void stop() { engine_.shut(PumpState::stopped, "stopped"); }

private:
    std::string id_;
    std::uint8_t bit_;
    Selection selection_;
    SteppedSinkLog log_;
    VirtualFar far_;
    VirtualSink sink_;
    PumpOrders orders_;
    const Clock& clock_;
    fog::Engine engine_;
    MonoTime next_{};
};

}  // namespace fog::sim
