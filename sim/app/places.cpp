#include "sim/app/places.hpp"

namespace fog::sim {

Result<std::uint16_t> Places::open_far(const FarSpec& spec, std::uint64_t seed,
                                       const std::filesystem::path& out) {
    const auto file = out / ("far-" + spec.id + ".jsonl");
    std::error_code ec;
    std::filesystem::remove(file, ec);  // of an earlier run
    auto recorder = FarRecorder::open(file, spec.id);
    if (!recorder) return std::move(recorder).error();
    auto& kept = recorders_[spec.id];
    kept = std::make_unique<FarRecorder>(std::move(*recorder));
    const auto start = [&](auto far) {
        auto port = far->start("127.0.0.1", spec.port);
        if (port) fars_[spec.id] = std::move(far);
        return port;
    };
    if (spec.http) return start(std::make_unique<FarHttp>(*kept, seed, spec.id));
    return start(std::make_unique<FarBroker>(*kept, seed, spec.id));
}

Result<std::unique_ptr<Places>> Places::open(const Scenario& scenario,
                                             const std::filesystem::path& out,
                                             std::ostream& words) {
    std::unique_ptr<Places> places(new Places);
    const auto say = [&words](const std::string& what, std::uint16_t port) {
        words << "fogsim: " << what << " listens on 127.0.0.1:" << port << std::endl;
    };
    for (const ProxySpec& proxy : scenario.proxies) {
        auto port = places->proxies_.add(proxy.id, proxy.port, proxy.to);
        if (!port) return std::move(port).error();
        say("tcp/" + proxy.id, *port);
    }
    for (const FarSpec& far : scenario.fars) {
        auto port = places->open_far(far, scenario.seed, out);
        if (!port) return std::move(port.error()).in("far/" + far.id);
        say("far/" + far.id, *port);
    }
    places->proxies_.start();
    return places;
}

void Places::add_gateway(std::vector<std::string> words, const std::filesystem::path& log) {
    gateway_ = std::make_unique<GatewayProcess>(std::move(words), log);
}

void Places::fault(const FaultSpec& fault, bool begins) {
    if (info(fault.kind).place == FaultPlace::gateway) {
        if (gateway_) gateway_->fault(fault, begins);
        return;
    }
    if (info(fault.kind).place == FaultPlace::tcp) return proxies_.set(fault, begins);
    const auto far = fars_.find(fault.target);
    if (far != fars_.end()) far->second->set(fault, begins);
}

}  // namespace fog::sim
