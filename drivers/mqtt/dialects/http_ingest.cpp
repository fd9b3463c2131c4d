#include "drivers/mqtt/dialects/http_ingest.hpp"

#include <algorithm>
#include <cctype>

#include "drivers/mqtt/dialects/json_records.hpp"
#include "firmware/core/records.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

enum class Body : std::uint8_t { json, text, either };

Result<Body> body_kind(std::string_view content_type) {
    std::string type(trim(content_type.substr(0, content_type.find(';'))));
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (type.empty() || type == "application/octet-stream") return Body::either;
    // What curl -d sends when nothing is said.
    if (type == "application/x-www-form-urlencoded") return Body::either;
    if (type == "text/plain") return Body::text;
    if (type == "application/json") return Body::json;
    return Error{Errc::bad_request, "content type '" + type + "' is not understood",
                 "application/json, or text/plain with one number"};
}

Result<void> check_device(std::string_view device, const Limits& limits) {
    if (!trim(device).empty() && device.size() <= limits.name_bytes && valid_utf8(device))
        return {};
    return Error{
        Errc::bad_request,
        "the device name must be 1 to " + std::to_string(limits.name_bytes) + " bytes of UTF-8",
        {}};
}

/// Old times are history; future ones (and those before 1970) are a wrong clock, so the time of
/// receipt counts.
void apply_ingest_time(Reading& reading, std::optional<WallTime> time, WallTime now) {
    if (!time) return;
    if (!believable(*time) || (now != WallTime{} && *time - now > kTimeTolerance)) {
        reading.quality = worse(reading.quality, Quality::uncertain(Reason::time_estimated));
        return;
    }
    reading.source_time = *time;
    if (now != WallTime{} && now - *time > kTimeTolerance) reading.flags |= flag::kHistoric;
}

struct Target {
    std::string key, name;
    WallTime now;
};

Reading make_reading(const Target& to, JsonPoint point, std::optional<WallTime> time) {
    Reading reading;
    reading.device_key = to.key;
    reading.device_name = to.name;
    reading.point = std::move(point.name);
    reading.value = std::move(point.value.value);
    reading.quality = point.value.quality;
    apply_unit(reading, point.unit);
    apply_ingest_time(reading, time, to.now);
    return reading;
}

/// Why a record is not taken; empty if it is.
std::string refusal(const JsonRecord& record) {
    if (!record.problem.empty()) return record.problem;
    if (record.bad_time) return "the time is neither an epoch nor ISO 8601 with a zone";
    for (const auto& what : record.left_out)
        if (what.starts_with("more than") || what.starts_with("nested deeper")) return what;
    if (record.points.empty())
        return record.left_out.empty() ? "no named values" : record.left_out.front();
    return {};
}

Result<IngestReport> read_json(const Target& to, std::span<const std::byte> body,
                               const Limits& limits, Emit& out) {
    IngestReport report;
    JsonReader reader(limits);
    const auto done = reader.read(body, [&](std::size_t index, JsonRecord& record) {
        if (auto why = refusal(record); !why.empty()) {
            report.rejected.emplace_back(static_cast<std::uint32_t>(index), std::move(why));
            return;
        }
        ++report.accepted;
        for (auto& point : record.points) {
            out.reading(make_reading(to, std::move(point), record.time));
            ++report.readings;
        }
        for (const auto& what : record.left_out) out.left_out(what);
    });
    if (!done) return done.error();
    return report;
}

Result<IngestReport> read_number(const Target& to, std::string_view text, Emit& out) {
    auto value = value_of_text(text, 0);
    if (std::holds_alternative<std::string>(value.value) || text.empty())
        return Error{Errc::bad_frame, "the body is not a number", "send JSON, or one plain number"};
    out.reading(make_reading(to, {"value", std::move(value), {}}, std::nullopt));
    IngestReport report;
    report.accepted = report.readings = 1;
    return report;
}

}  // namespace

Result<IngestReport> decode_ingest(std::string_view device, std::string_view content_type,
                                   std::span<const std::byte> body, WallTime now,
                                   const Limits& limits, Emit& out) {
    if (auto ok = check_device(device, limits); !ok) return std::move(ok).error();
    const auto kind = body_kind(content_type);
    if (!kind) return kind.error();
    const Target to{"http:" + std::string(device), std::string(device), now};
    const auto text = trim(as_text(body));
    const bool looks_json = text.starts_with('{') || text.starts_with('[');
    if (*kind == Body::json && !looks_json && !text.empty()) {
        // A bare number is JSON too.
        if (auto number = read_number(to, text, out)) return number;
        return read_json(to, body, limits, out);
    }
    if (*kind == Body::text || !looks_json) return read_number(to, text, out);
    return read_json(to, body, limits, out);
}

}  // namespace fog
