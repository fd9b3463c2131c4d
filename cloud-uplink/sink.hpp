#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "firmware/core/limits.hpp"
#include "firmware/core/metrics.hpp"
#include "firmware/core/node.hpp"
#include "firmware/core/record_json.hpp"
#include "firmware/core/records.hpp"

namespace fog {

struct Acked {};
/// Still owed. `after` zero: no answer, the pump closes and connects anew. Above zero: the far side
/// is there and asked to wait that long; the pump sends again over the same connection.
struct Retry {
    std::chrono::milliseconds after{0};
    std::string why;
};
/// The far side said it can never take this record as it is. Believed at once when other records
/// of the same send fared differently, or when it was sent alone; a send of several that is
/// refused whole is bisected by the pump first.
struct Refused {
    std::string why;
};
using Verdict = std::variant<Acked, Retry, Refused>;

using StepWords = std::function<void(std::string_view step)>;

/// A record about to be sent; `hist` marks catch-up after an outage.
struct Outgoing {
    const Record* record = nullptr;
    bool hist = false;
};

/// Delivers to one cloud end. Knows nothing of cursors, retry or pacing: the pump does that.
/// Thread: this sink's own (fog-up-<sink>), but for interrupt(). Blocks: until `deadline`, not
/// longer.
class Sink {
public:
    virtual ~Sink() = default;
    /// Permanent faults (credentials, certificate) are Errc::denied or bad_config, others retried.
    /// `step` is told what is under way, for people: "resolving broker.example", "login".
    virtual Result<void> connect(MonoTime deadline, const StepWords& step) = 0;
    /// One verdict per record, in order. No answer in time is Retry: still owed. What was not even
    /// handed over is Retry with `after` above zero.
    virtual std::vector<Verdict> send(std::span<const Outgoing> batch, MonoTime deadline) = 0;
    /// Whether the connection is known to be up (false also when lost between batches).
    virtual bool connected() const = 0;
    virtual void close() = 0;
    /// Makes a connect() or send() return soon, one under way and later ones, until close(). Any
    /// thread.
    virtual void interrupt() {}
};

/// What a sink is given besides its settings. Lent for the call of make; what it refers to outlives
/// the sink.
struct SinkSite {
    RecordContext records;
    const Limits& limits;
    Metrics& metrics;
};

struct SinkInfo {
    std::string_view name;
    std::string_view summary;
    std::string_view schema;
    /// Reads its keys from `config`, where faults go too. Opens nothing; null only with faults.
    std::unique_ptr<Sink> (*make)(std::string_view id, ConfigView& config,
                                  const SinkSite& site) = nullptr;
};

/// Every sink type built in, by name. The table is generated from the folders.
std::span<const SinkInfo* const> all_sinks();

}  // namespace fog
