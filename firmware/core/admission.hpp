#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fog {

/// Whether a device that appeared by itself is let in. A provisional one is recorded and pushed,
/// but judged by no rule and owed to no sink until somebody keeps it; an ignored one is not
/// recorded.
enum class Admission : std::uint8_t { active, provisional, ignored };
std::string_view to_text(Admission admission);

/// How sure it was what a new device is: announced (by itself, by a driver's or a token's
/// configuration), structured (a known family), generic (any JSON or bare value).
enum class NewKind : std::uint8_t { announced, structured, generic };
inline constexpr std::size_t kNewKinds = 3;
std::string_view to_text(NewKind kind);

enum class NewPolicy : std::uint8_t { automatic, ask, ignore };
std::string_view to_text(NewPolicy policy);  // "auto", "ask", "ignore"
std::optional<NewPolicy> new_policy(std::string_view word);

/// What happens to new devices, by NewKind. The default lets everything in.
using NewPolicies = std::array<NewPolicy, kNewKinds>;

}  // namespace fog
