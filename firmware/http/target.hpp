#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fog {

/// Percent-decoding; nothing for a broken escape. `plus` turns '+' into a space (form fields).
std::optional<std::string> percent_decode(std::string_view text, bool plus);

/// Names and values of a query, decoded, in order; nothing for a broken escape. Names are always
/// form-decoded, values if `plus`.
using QueryList = std::vector<std::pair<std::string, std::string>>;
std::optional<QueryList> parse_query(std::string_view query, bool plus = true);

/// Path (decoded segment by segment; "%2F" stays distinguishable as text "%2F") and raw query.
struct Target {
    std::string path;
    std::string_view raw_path;
    std::string_view raw_query;
};
/// Nothing unless it is an origin-form target: "/…", valid escapes, UTF-8, no control character.
std::optional<Target> parse_target(std::string_view target);

/// Whether a Host header names this box: IP literal, localhost, the gateway or one allowed.
bool host_allowed(std::string_view host, std::string_view gateway,
                  const std::vector<std::string>& allowed);
/// Whether an Origin header is the box itself (scheme://Host) or listed.
bool origin_allowed(std::string_view origin, std::string_view host,
                    const std::vector<std::string>& allowed);

}  // namespace fog
