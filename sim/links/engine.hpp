#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "firmware/core/bounded_queue.hpp"
#include "sim/links/fault_board.hpp"
#include "sim/links/personalities.hpp"

namespace fog::sim {

struct RunOptions {
    LinkPlace place{};
    double speed = 1;                         // scenario seconds per real second
    std::optional<SimTime> until{};           // ends there even if the scenario goes on
    std::chrono::milliseconds settle{5'000};  // then waits this long for acknowledgements
};

struct RunResult {
    std::uint64_t reports = 0;
    LinkCounts counts;
    std::size_t waiting = 0;  // sent or not, without an acknowledgement at the end
    std::string ended;        // "end of scenario", "stopped"
};

/// Runs a world over real links in real time: one thread, one poll().
/// Thread: run() blocks the caller's; stop() from any thread or a signal handler.
class Engine {
public:
    Engine(World& world, RunOptions options, Ledger& ledger);

    /// Errc: unreachable (no pty), storage_error (ledger). A broker that is away is no error.
    Result<RunResult> run();
    void stop();

    /// Faults that act on no device (proxies, far sides, the gateway), from run()'s thread.
    void on_place_fault(std::function<void(const FaultSpec&, bool begins)> call) {
        place_fault_ = std::move(call);
    }

    /// Any thread: `work` is called on run()'s thread within a moment, and never after run().
    /// False if 64 wait already.
    [[nodiscard]] bool ask(std::function<void()> work);
    // --- only within such work
    /// Scenario time stands still: nothing is reported, no fault begins or ends.
    void pause();
    void resume();
    bool paused() const { return paused_since_.has_value(); }
    SimTime elapsed() const;
    World& world() { return world_; }
    FaultBoard& faults() { return faults_; }
    /// False: there is no such input.
    bool set_input(const std::string& address, double value);
    std::vector<std::pair<std::string, double>> inputs() const;
    const Endpoint& endpoint(std::size_t device) const { return links_.endpoints[device]; }
    std::string_view state(std::size_t device) const;

    /// Called about once a second of the run, from run()'s thread.
    void on_progress(std::function<void(const RunResult&)> call) { progress_ = std::move(call); }

private:
    Result<void> open_links(MonoTime now);
    Result<void> round(MonoTime now);
    void take_due(MonoTime now);
    void change_faults(MonoTime now);
    void tell_fault(const FaultBoard::Change& change, MonoTime now);
    void run_asked();
    void wait(MonoTime now, bool generating);
    bool settled() const;
    RunResult result() const;
    MonoTime real(SimTime t) const;
    SimTime simulated(MonoTime now) const;

    World& world_;
    RunOptions options_;
    Ledger& ledger_;
    Wake wake_;
    LinkSet links_;
    FaultBoard faults_;
    BoundedQueue<std::function<void()>> asked_;
    std::vector<FaultBoard::Change> changes_;
    MonoTime start_{};   // of scenario time; moves on by every pause
    MonoTime origin_{};  // when the run began
    std::optional<MonoTime> paused_since_;
    WallTime wall_start_{};
    std::atomic<bool> stopping_{false};
    std::uint64_t reports_ = 0;
    std::uint64_t silenced_ = 0;
    std::vector<pollfd> fds_;
    std::function<void(const RunResult&)> progress_;
    MonoTime progress_at_{};
    std::function<void(const FaultSpec&, bool)> place_fault_;
    std::vector<std::pair<std::string, double>> inputs_;  // with their values at the beginning
};

}  // namespace fog::sim
