#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <variant>

#include "sim/links/engine.hpp"
#include "sim/net/http_request.hpp"
#include "sim/net/stream_loop.hpp"

namespace fog::sim {

/// What a request to the control socket asks for.
struct ControlCall {
    struct Status {};
    struct AddFault {
        FaultSpec fault;
    };
    struct ClearFault {
        std::uint64_t id = 0;
    };
    struct SetInput {
        std::string address;
        double value = 0;
    };
    struct Pause {};
    struct Resume {};
    struct Stop {};
    std::variant<Status, AddFault, ClearFault, SetInput, Pause, Resume, Stop> what;
};
/// Errc: not_found (path), bad_request (method, body; says what is wrong). Pure.
Result<ControlCall> parse_control(const HttpRequest& request, const Scenario& scenario);

/// `{"title","detail","hint"}` with the status that fits the error.
std::string control_problem(const Error& error);

/// The control socket of a run: HTTP over a Unix socket, mode 0600. Its thread `fog-sim-ctl` reads
/// requests; the engine's thread answers them, since it owns what they ask about.
class ControlServer final : private StreamService {
public:
    explicit ControlServer(Engine& engine);
    ~ControlServer() override;
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;
    /// Errc: busy (another run has it), bad_config (too long), unreachable.
    Result<void> start(const std::filesystem::path& path);

private:
    void opened(Stream& stream, std::uint64_t listener) override;
    void heard(Stream& stream) override;
    void closed(Stream& stream) override;
    std::optional<MonoTime> due(MonoTime now) override;
    void answer(std::uint64_t stream, HttpRequest request);

    Engine& engine_;
    StreamLoop loop_;
    std::map<std::uint64_t, bool> waiting_;  // streams whose answer is being made
    std::thread thread_;
};

}  // namespace fog::sim
