#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/clock.hpp"

namespace fog {

/// What a caller may do (push specification section 13, ops section 7).
namespace scope {
inline constexpr std::uint32_t kReadLive = 1U << 0U;
inline constexpr std::uint32_t kReadHistory = 1U << 1U;
inline constexpr std::uint32_t kAckAlarms = 1U << 2U;
inline constexpr std::uint32_t kPublishApp = 1U << 3U;
inline constexpr std::uint32_t kPublishAlarm = 1U << 4U;
inline constexpr std::uint32_t kSendCommands = 1U << 5U;
inline constexpr std::uint32_t kReadPresence = 1U << 6U;
inline constexpr std::uint32_t kIngest = 1U << 7U;
inline constexpr std::uint32_t kWriteRules = 1U << 8U;
inline constexpr std::uint32_t kWriteDevices = 1U << 9U;
inline constexpr std::uint32_t kWriteUplinks = 1U << 10U;
inline constexpr std::uint32_t kAdmin = 1U << 11U;
inline constexpr std::uint32_t kAll = (1U << 12U) - 1;
}  // namespace scope
std::string_view scope_name(std::uint32_t bit);  // "read:live"
std::uint32_t scope_bit(std::string_view name);  // 0 = unknown

/// Who makes a request.
struct Principal {
    std::string name;  // "admin", "token …ab12"; empty = nobody
    std::uint32_t scopes = 0;
    std::vector<std::string> patterns;  // channels it may subscribe; "#" = all
    std::optional<WallTime> expires;
    std::uint64_t credential = 0;  // for revocation: id of the token or session
    bool by_cookie = false;        // then non-GET needs X-Fogline and Origin must match
    bool known() const { return !name.empty(); }
    bool may(std::uint32_t scope_bits) const { return (scopes & scope_bits) == scope_bits; }
};

/// What came with a request.
struct Credentials {
    std::string_view bearer;  // of Authorization, or access_token of the query
    std::string_view cookie;  // the whole Cookie header
};

/// Turns credentials into a principal. Thread: fog-io. Blocks: never (hashes are looked up in
/// memory).
class Authenticator {
public:
    virtual ~Authenticator() = default;
    enum class Why : std::uint8_t { ok, none, unknown, expired };
    virtual Why check(const Credentials& credentials, Principal& out) = 0;
    /// Whether a credential accepted earlier still holds (open streams ask this at least once a
    /// second).
    virtual bool still_valid(const Principal& principal) = 0;
    /// Whether an admin passphrase was set; until then only the claim page, its API and /livez
    /// answer.
    virtual bool claimed() const = 0;
};

}  // namespace fog
