#pragma once

#include <string>

#include "sim/app/replay_run.hpp"

namespace fog::sim {

/// Where a recording is replayed to.
struct ReplayTarget {
    std::string gateway;  // URL, or unix:/run/fogline/control.sock
    std::string token;    // scopes ingest, ack:alarms, read:live, read:history
};
/// Hands the samples of a case, and what people did to its alarms, to a running gateway over HTTP,
/// in the same order and at the same distance, and reads from its log what came of it. Its rules
/// judge, its clock stamps; that it should have nothing else to do is the caller's business.
/// Thread: the caller's. Blocks: as long as the recording lasted. Fails: as HttpClient; refused.
Result<ReplayResult> replay_gateway(const Case& recorded, const CaseTime& time,
                                    const ReplayTarget& target);

}  // namespace fog::sim
