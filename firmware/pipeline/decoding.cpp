#include "firmware/pipeline/decoding.hpp"

#include <algorithm>

#include "drivers/mqtt/dialects/http_ingest.hpp"
#include "firmware/core/reading_pack.hpp"

namespace fog {

void Collector::clear() {
    readings.clear();
    raws.clear();
    rejected.clear();
    refused.clear();
    dialect = why = runner_up = {};
    kind = NewKind::announced;
}

void Collector::reading(Reading one) {
    readings.push_back(std::move(one));
}

void Collector::raw(std::span<const std::byte> bytes, std::string_view why) {
    raws.push_back({std::string(as_text(bytes.first(std::min<std::size_t>(bytes.size(), 4096)))),
                    std::string(why)});
}

namespace {

NewKind kind_of(Claim claim) {
    switch (claim) {
        case Claim::certain:
            return NewKind::announced;
        case Claim::strong:
        case Claim::likely:
            return NewKind::structured;
        case Claim::possible:
        case Claim::weak:
        case Claim::none:
            return NewKind::generic;
    }
    return NewKind::generic;
}

}  // namespace

Decoding::Decoding(const Limits& limits, Metrics& metrics)
    : limits_(limits),
      recognizer_(limits),
      mqtt_(
          metrics.counter("fogline_ingest_messages_total", "source=\"mqtt\"", "messages taken in")),
      serial_(metrics.counter("fogline_ingest_messages_total", "source=\"serial\"")),
      http_(metrics.counter("fogline_ingest_messages_total", "source=\"http\"")),
      undecodable_(metrics.counter("fogline_ingest_rejected_total", "reason=\"undecodable\"",
                                   "messages not taken, by reason")) {}

void Decoding::decode(const IngestItem& item, WallTime wall, Collector& out) {
    switch (item.kind) {
        case IngestKind::message:
            decode_message(item, wall, out);
            break;
        case IngestKind::http:
            decode_http(item, wall, out);
            break;
        case IngestKind::readings: {
            serial_.add();
            out.dialect = "driver";
            out.why = "The driver of its port reads it; there is no message to show.";
            auto readings = unpack_readings(item.payload);
            if (readings)
                out.readings = std::move(*readings);
            else
                out.raw(item.payload, readings.error().what);
            break;
        }
        case IngestKind::state:
            break;  // nothing to decode
    }
    if (!out.raws.empty() || !out.refused.empty()) undecodable_.add();
}

void Decoding::decode_message(const IngestItem& item, WallTime wall, Collector& out) {
    mqtt_.add();
    const Message message{item.topic, item.payload, item.retained, wall};
    const Recognized recognized = recognizer_.decode(message, out);
    out.dialect = recognized.dialect;
    out.why = recognized.reason;
    out.runner_up = recognized.runner_up;
    out.kind = kind_of(recognized.claim);
}

void Decoding::decode_http(const IngestItem& item, WallTime wall, Collector& out) {
    http_.add();
    out.dialect = "http";
    out.why = "It was posted to the ingest endpoint.";
    auto report = decode_ingest(item.topic, {}, item.payload, wall, limits_, out);
    if (report)
        out.rejected = std::move(report->rejected);
    else
        out.refused = report.error().what;
}

}  // namespace fog
