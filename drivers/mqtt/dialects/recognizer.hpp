#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "drivers/dialect.hpp"

namespace fog {

/// Which dialect read a message, and why; or why none did.
struct Recognized {
    std::string_view dialect;  // "" = none
    Claim claim = Claim::none;
    std::string_view reason;  // one sentence; valid as long as the recognizer
    std::string_view runner_up{};
};

struct RecognizerCounts {
    std::uint64_t decoded = 0;        // messages that gave at least one reading
    std::uint64_t cache_hits = 0;     // topics known
    std::uint64_t cache_dropped = 0;  // decisions forgotten: payload changed, or room was needed
    std::uint64_t unrecognized = 0;   // no dialect claims them; told as raw
    std::uint64_t undecodable = 0;    // claimed, but raw came out
    std::uint64_t left_out = 0;       // parts of messages that made no reading
    std::uint64_t not_ingested = 0;   // $SYS, fogline, commands, logs
    std::uint64_t empty = 0;          // retained messages being cleared
    std::uint64_t topic_refused = 0;  // topic too long or too deep: neither read nor kept
    std::uint64_t too_large = 0;      // payload over the limit; told as raw, its head kept
};

/// Asks every dialect who reads a message; the highest claim wins, ties by name. The decision is
/// kept per topic (LRU of Limits::topic_cache) and dropped when its dialect stops claiming, or
/// gives nothing but raw.
/// Thread: its owner's (fog-pipe). Blocks: never.
class Recognizer {
public:
    explicit Recognizer(const Limits& limits,
                        std::span<const DialectInfo* const> dialects = all_dialects());

    /// Decodes with the winner. Readings, raw entries and what was left out go to `out`; a message
    /// nobody reads becomes a raw entry with the reason.
    Recognized decode(const Message& message, Emit& out);

    const RecognizerCounts& counts() const { return counts_; }
    std::size_t cached() const { return order_.size(); }

private:
    struct Decision {
        std::string topic;
        std::size_t dialect = 0;
        Claim claim = Claim::none;
        std::string_view reason, runner_up;
    };
    using Order = std::list<Decision>;  // most recently used first
    struct Entry {
        std::string_view name;
        std::unique_ptr<Dialect> dialect;
    };

    bool decide(const Message& message, Decision& out) const;
    const Decision* cached_decision(const Message& message);
    void remember(Decision decision);
    void forget(std::string_view topic);

    Limits limits_;
    std::vector<Entry> dialects_;
    Order order_;
    std::unordered_map<std::string_view, Order::iterator> by_topic_;  // keys live in order_
    RecognizerCounts counts_;
};

}  // namespace fog
