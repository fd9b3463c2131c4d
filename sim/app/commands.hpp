#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firmware/core/result.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {

/// What fogsim's process ends with.
enum class Exit : int { ok = 0, expectation_failed = 1, bad_scenario = 2, environment = 3 };

struct RunCommand {
    std::string scenario;
    std::optional<std::uint64_t> seed;
    std::vector<std::string> set;  // name=value
    std::filesystem::path out = "fogsim-out";
    std::filesystem::path run_dir;  // empty: <out>/run
    std::string until;              // a duration, empty: to the end
    std::string mqtt_url;
    std::string http_url, http_token;
    std::string gateway_program;            // started and ended with the run; empty = none
    std::vector<std::string> gateway_args;  // its output goes to <out>/gateway.log
    std::filesystem::path control;          // empty: <out>/control.sock
    double speed = 1;
    bool json = false;
    bool quiet = false;
    bool real_time = false;       // --real, the default
    bool in_one_process = false;  // --virtual
};
Exit run_command(const RunCommand& command);
/// World and gateway in this process, on a clock that jumps.
Exit virtual_command(const RunCommand& command);
Result<ScenarioOptions> options_of(const std::vector<std::string>& set,
                                   std::optional<std::uint64_t> seed);

struct CtlCommand {
    std::filesystem::path control = "fogsim-out/control.sock";
    std::string what;  // "status", "fault add", "fault clear", "set", "pause", "resume", "stop"
    std::string on, kind, lasts, id, input, value;
    std::vector<std::string> with;  // name=value, parameters of a fault
    bool json = false;
};
Exit ctl_command(const CtlCommand& command);

struct ScenarioCommand {
    std::vector<std::string> scenarios;
    std::vector<std::string> set;
    bool json = false;
};
Exit describe_command(const ScenarioCommand& command);
Exit validate_command(const ScenarioCommand& command);
Exit list_command(bool json);

struct CheckCommand {
    std::filesystem::path folder;
    std::vector<std::filesystem::path> gateway_ledgers;
    bool json = false;
};
Exit check_command(const CheckCommand& command);

struct FarCommand {
    std::string url;
    std::vector<std::string> topics{"#"};
    std::filesystem::path out;
    std::string sink = "cloud";
    std::string client_id = "fogsim-far";
    std::string user, password;
    std::string listen;               // instead of url: "1884" or "127.0.0.1:1884"
    std::vector<std::string> faults;  // "late_ack,by=200 ms,probability=0.5"
    std::uint64_t seed = 1;
    bool json = false;
};
/// Subscribes at a real broker, or with `listen` is the broker.
Exit far_mqtt_command(const FarCommand& command);
Exit far_http_command(const FarCommand& command);

struct RecordCommand {
    std::string gateway;  // URL, or unix:/run/fogline/control.sock
    std::string token;    // empty: $FOGLINE_TOKEN
    std::string last = "10 min";
    std::string lead = "2 min";  // before it, so that rules are warm
    std::filesystem::path out = "case.fog";
    bool no_names = false;
    bool json = false;
};
/// Pulls what a running gateway took in, and what came of it, into a file.
Exit record_command(const RecordCommand& command);

struct ReplayCommand {
    std::filesystem::path file;
    std::filesystem::path rules;  // empty: those of the recording
    std::string gateway, token;   // a running one instead, with rules of its own
    std::string tolerance = "2 s";
    bool json = false;
};
/// Hands a recording to a gateway; Exit::expectation_failed: other alarms.
Exit replay_command(const ReplayCommand& command);

/// An error on stderr, with its hint; the exit code that fits it.
Exit fail(const Error& error);

/// SIGINT and SIGTERM call `stop` (from a thread that waits for them) until this object is gone.
/// Made before any other thread, so that all of them inherit the blocked signals.
class StopSignals {
public:
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    void on_stop(std::function<void()> stop);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fog::sim
