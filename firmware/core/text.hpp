#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "firmware/core/clock.hpp"
#include "firmware/core/result.hpp"

namespace fog {

// --- UTF-8 and names
bool valid_utf8(std::string_view text);
/// The text with every invalid byte replaced by U+FFFD.
std::string repair_utf8(std::string_view text);
/// Device id: [a-z0-9-], at most 64, other characters become '-', camelCase is not split.
std::string device_slug(std::string_view name);
/// Point id: [a-z0-9_.], at most 64, camelCase becomes snake_case.
std::string point_slug(std::string_view name);
/// The nearest of `known` within a third of its length (at least 1 edit), for "did you mean".
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> known);

/// Whether `text` matches a glob: `*` any run of characters, `?` one. No brackets, no escapes.
bool glob_matches(std::string_view glob, std::string_view text);

// --- numbers, no locale, whole text must match
std::optional<double> parse_double(std::string_view text);
std::optional<std::int64_t> parse_int(std::string_view text);
/// Shortest text that reads back as the same double; "null" for NaN and infinities.
void append_double(std::string& out, double value);
void append_int(std::string& out, std::int64_t value);
void append_uint(std::string& out, std::uint64_t value);

// --- JSON text
/// The text as a JSON string with quotes; invalid UTF-8 is repaired.
void append_json_string(std::string& out, std::string_view text);

// --- time
/// RFC 3339 UTC with milliseconds: 2026-11-21T16:40:00.123Z.
void append_rfc3339(std::string& out, WallTime time);
std::string to_rfc3339(WallTime time);
/// RFC 3339 with a zone ('Z' or offset), 'T' or space, up to nanoseconds; no zone = nullopt.
std::optional<WallTime> parse_rfc3339(std::string_view text);

// --- configuration quantities: "10 min", "250ms", "64 KiB"; a bare number is an error
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);
Result<std::uint64_t> parse_size(std::string_view text);
std::string duration_text(std::chrono::nanoseconds duration);

std::string hex(std::span<const std::byte> bytes);
/// RFC 4648 with padding.
void append_base64(std::string& out, std::string_view bytes);
std::string_view trim(std::string_view text);

}  // namespace fog
