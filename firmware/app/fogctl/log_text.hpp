#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "firmware/core/records.hpp"
#include "firmware/core/result.hpp"

namespace fog {

/// A record of a log for people: number, lane, boot.second it was received, whose, value, quality.
std::string record_text(const Record& record, std::string_view device, std::string_view point);
/// The same as one line of JSON; times are nanoseconds.
std::string record_json(const Record& record, std::string_view device, std::string_view point);

/// summarize_log() as JSON. Fails as it does.
Result<std::string> log_summary_json(const std::filesystem::path& folder);

}  // namespace fog
