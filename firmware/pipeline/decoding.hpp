#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drivers/mqtt/dialects/recognizer.hpp"
#include "firmware/core/admission.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/metrics.hpp"
#include "firmware/core/reading.hpp"
#include "firmware/io/ingest_ring.hpp"

namespace fog {

/// What one ring entry decoded to.
struct Collector final : Emit {
    struct Raw {
        std::string bytes;
        std::string why;
    };
    std::vector<Reading> readings;
    std::vector<Raw> raws;
    std::vector<std::pair<std::uint32_t, std::string>> rejected;
    std::string refused;  // the whole entry was not understood
    std::string_view dialect;
    std::string_view why;  // that dialect
    std::string_view runner_up;
    NewKind kind = NewKind::announced;

    void clear();
    void reading(Reading one) override;
    void raw(std::span<const std::byte> bytes, std::string_view why) override;
};

/// Ring entries to readings: dialects for messages, the pack for drivers, bodies for HTTP.
/// Thread: fog-pipe. Blocks: never. Undecodable input becomes a raw entry with a reason.
class Decoding {
public:
    Decoding(const Limits& limits, Metrics& metrics);
    /// `wall`: of `item.received`, epoch if the clock is not trusted.
    void decode(const IngestItem& item, WallTime wall, Collector& out);

private:
    void decode_message(const IngestItem& item, WallTime wall, Collector& out);
    void decode_http(const IngestItem& item, WallTime wall, Collector& out);

    const Limits& limits_;
    Recognizer recognizer_;
    Counter& mqtt_;
    Counter& serial_;
    Counter& http_;
    Counter& undecodable_;
};

}  // namespace fog
