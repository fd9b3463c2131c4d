#pragma once

#include <sys/types.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "firmware/core/bounded_queue.hpp"
#include "firmware/core/result.hpp"
#include "sim/world/fault_spec.hpp"

namespace fog::sim {

/// A gateway that a run has started, and what happens to its process: killed, told to end, stopped
/// where it stands. It ends with this object, and with fogsim itself however that ends.
/// Threads: fault() any; its own `fog-sim-gw` starts the process and waits for it.
class GatewayProcess {
public:
    /// `words` is the command line, `log` takes what it prints.
    GatewayProcess(std::vector<std::string> words, std::filesystem::path log);
    ~GatewayProcess();
    GatewayProcess(const GatewayProcess&) = delete;
    GatewayProcess& operator=(const GatewayProcess&) = delete;

    /// kill9 and term end it for as long as the fault lasts, restart at once begins it again.
    void fault(const FaultSpec& fault, bool begins);
    /// 0 while it does not run.
    pid_t pid() const { return pid_.load(); }
    std::uint64_t starts() const { return starts_.load(); }

private:
    struct Step {
        FaultKind kind;
        bool begins;
    };
    void run();
    void take(const Step& step);
    void start();
    void end(int signal);
    void look();

    std::vector<std::string> words_;
    std::filesystem::path log_;
    BoundedQueue<Step> steps_;
    unsigned down_ = 0;  // faults that keep it from running
    std::atomic<pid_t> pid_{0};
    std::atomic<std::uint64_t> starts_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace fog::sim
