#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud-uplink/pump/backoff.hpp"
#include "cloud-uplink/pump/isolation.hpp"
#include "cloud-uplink/pump/pump.hpp"
#include "cloud-uplink/pump/schedule.hpp"
#include "cloud-uplink/pump/streams.hpp"
#include "firmware/core/thread_owned.hpp"

namespace fog {

/// What other threads ask of an engine; followed by SinkLog::wake().
struct PumpOrders {
    std::atomic<bool> stop{false};
    std::atomic<bool> pause{false};
    std::atomic<bool> retry{false};
};

/// The pump without its thread: each step() does the next thing. All time comes from the clock and
/// all waiting is SinkLog::wait, so that tests and the virtual simulator run it without sleeping.
/// Thread: the one that steps it.
class Engine {
public:
    Engine(std::string id, std::string type, Sink& sink, const PumpOptions& options,
           const Pump::Site& site, PumpOrders& orders);

    /// The calling thread owns it from here on.
    void bind() { owner_.bind(); }

    /// Connects, sends one batch, or waits: at most a second, or as long as the sink takes.
    void step();
    /// Closes the connection; what was not acknowledged stays owed.
    void shut(PumpState state, std::string words);
    const PumpStatus& status() const { return status_; }
    /// Puts the counts of this moment into `status`. Any thread.
    void count(PumpStatus& status) const;
    /// Told at state changes, and at most once a second while numbers move.
    std::function<void(const PumpStatus&)> changed;

private:
    struct Counters {
        Counter &sent, &acknowledged, &refused, &retries, &connects, &verdicts_ignored;
        Gauge &up, &in_flight;
    };
    /// What a send left owed.
    struct Left {
        std::size_t records = 0;
        std::size_t unanswered = 0;  // of them
        Seq front;                   // the first unanswered one
        Lane lane = Lane::live;
        std::chrono::milliseconds after{0};  // the longest wait asked for
        std::string why;
    };
    static Left left_of(const Batch& batch, const std::vector<Verdict>& verdicts);
    static Counters counters(Metrics& metrics, std::string_view id);

    void connect();
    void serve();
    void send(Batch batch, const Waiting& waiting);
    void judge(const Batch& batch, std::vector<Verdict> verdicts);
    void settle(const Batch& batch, const std::vector<Verdict>& verdicts);
    void keep(const Left& left);
    bool may_refuse();       // false: so many were refused that the fault is ours
    void fail(Error error);  // back-off, or the long wait if it is permanent
    void measure(std::size_t records, std::size_t acknowledged, std::chrono::nanoseconds took);
    void idle(MonoTime until);   // also a commit ends it
    void sleep(MonoTime until);  // only time and wake() end it
    void set(PumpState state, std::string words);
    void look();   // refreshes the numbers, at most once a second
    void count();  // into status_
    bool interrupted() const { return orders_.stop.load() || orders_.pause.load(); }
    Streams::Take take() const;

    const std::string id_;
    Sink& sink_;
    const PumpOptions options_;
    SinkLog& log_;
    const Clock& clock_;
    PumpOrders& orders_;
    Counters counters_;
    ThreadOwned owner_;

    Streams streams_;
    Schedule schedule_;
    Isolation isolation_;
    Backoff backoff_;
    bool online_ = false;
    bool acknowledged_ = false;  // anything, on this connection
    MonoTime connected_at_, next_try_, last_try_, hold_until_, looked_at_;
    std::deque<MonoTime> refused_at_;
    std::string format_fault_;  // set when the target refuses too much
    std::size_t batch_limit_;   // grows and shrinks so that one send takes about half a second
    std::uint64_t rated_acks_ = 0;
    PumpStatus status_;
    PumpStatus told_;
};

}  // namespace fog
