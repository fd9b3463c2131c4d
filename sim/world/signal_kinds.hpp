#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/world/signal.hpp"

namespace fog::sim {

/// What the kinds of signal_kinds.cpp are made with.
struct SignalSite {
    const SignalContext& context;
    const std::string& path;  // tells nested signals of one point apart
    std::vector<Fault>& faults;
    /// Reads a signal inside this one.
    std::function<std::unique_ptr<Signal>(const Node& node, const std::string& name)> nested;
};

/// daily, markov, poisson, trace, plant, product, clip, lag, expr. Null after a fault.
std::unique_ptr<Signal> make_further_signal(const std::string& kind, ConfigView& view,
                                            const SignalSite& site);

}  // namespace fog::sim
