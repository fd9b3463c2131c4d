#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "firmware/core/node.hpp"
#include "firmware/core/record_json.hpp"
#include "firmware/core/records.hpp"

namespace fog {

struct Acked {};
struct Retry {
    std::chrono::milliseconds after{0};
    std::string why;
};
struct Refused {
    std::string why;  // why this record can never be taken as it is
};
using Verdict = std::variant<Acked, Retry, Refused>;

/// A record about to be sent; `hist` marks catch-up after an outage.
struct Outgoing {
    const Record* record = nullptr;
    bool hist = false;
};

/// Delivers to one cloud end. Knows nothing of cursors, retry or pacing: the pump does that.
/// Thread: this sink's own (fog-up-<sink>). Blocks: until `deadline`, not longer.
class Sink {
public:
    virtual ~Sink() = default;
    /// Permanent faults (credentials, certificate) are Errc::denied or bad_config, others retried.
    virtual Result<void> connect(MonoTime deadline) = 0;
    /// One verdict per record, in order. No answer in time is Retry: still owed.
    virtual std::vector<Verdict> send(std::span<const Outgoing> batch, MonoTime deadline) = 0;
    /// Whether the connection is known to be down (noticed between batches). Any time.
    virtual bool connected() const = 0;
    virtual void close() = 0;
};

struct SinkInfo {
    std::string_view name;
    std::string_view summary;
    std::string_view schema;
    std::unique_ptr<Sink> (*make)(std::string_view id, ConfigView& config,
                                  const RecordContext& context) = nullptr;
};

/// Every sink type built in, by name. The table is generated from the folders.
std::span<const SinkInfo* const> all_sinks();

}  // namespace fog
