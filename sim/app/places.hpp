#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <ostream>
#include <string>

#include "sim/app/gateway_process.hpp"
#include "sim/cloud/far_broker.hpp"
#include "sim/cloud/far_http.hpp"
#include "sim/links/tcp_proxy.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {

/// What a run has around its devices: TCP proxies and far sides of the scenario, and perhaps a
/// gateway, each with its faults. Threads: fault() any; they run on threads of their own until this
/// object is gone.
class Places {
public:
    /// Opens and starts all; says on `words` where each listens. Far sides write
    /// `<out>/far-<id>.jsonl`. Errc: busy (a port), bad_config, storage_error.
    static Result<std::unique_ptr<Places>> open(const Scenario& scenario,
                                                const std::filesystem::path& out,
                                                std::ostream& words);
    void fault(const FaultSpec& fault, bool begins);
    /// What the run has started as its gateway, from now on told of its faults.
    void add_gateway(std::vector<std::string> words, const std::filesystem::path& log);

private:
    Places() = default;
    Result<std::uint16_t> open_far(const FarSpec& spec, std::uint64_t seed,
                                   const std::filesystem::path& out);

    TcpProxies proxies_;
    std::map<std::string, std::unique_ptr<FarRecorder>> recorders_;
    std::map<std::string, std::unique_ptr<FarSide>> fars_;  // gone before their recorders
    std::unique_ptr<GatewayProcess> gateway_;
};

}  // namespace fog::sim
