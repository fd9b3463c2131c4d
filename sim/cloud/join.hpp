#pragma once

#include "sim/cloud/check.hpp"

namespace fog::sim {

/// Lays what was sent beside what arrived: figures of each device and of all, latencies, the first
/// offenders. Says nothing of the gateway's books, of alarms, or of what was expected. Pure.
CheckReport join(const RunFacts& run, const FarFacts& far);

}  // namespace fog::sim
