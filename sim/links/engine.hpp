#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

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
    /// Called about once a second of the run, from run()'s thread.
    void on_progress(std::function<void(const RunResult&)> call) { progress_ = std::move(call); }

private:
    Result<void> open_links(MonoTime now);
    Result<void> round(MonoTime now);
    void take_due(MonoTime now);
    void change_faults(MonoTime now);
    bool silenced(std::size_t device, SimTime t) const;
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
    std::vector<bool> fault_active_;
    MonoTime start_{};
    WallTime wall_start_{};
    std::atomic<bool> stopping_{false};
    std::uint64_t reports_ = 0;
    std::uint64_t silenced_ = 0;
    std::vector<pollfd> fds_;
    std::function<void(const RunResult&)> progress_;
    MonoTime progress_at_{};
};

}  // namespace fog::sim
