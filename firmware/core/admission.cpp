#include "firmware/core/admission.hpp"

namespace fog {
namespace {

constexpr std::array<std::string_view, 3> kAdmissions = {"active", "provisional", "ignored"};
constexpr std::array<std::string_view, kNewKinds> kKinds = {"announced", "structured", "generic"};
constexpr std::array<std::string_view, 3> kPolicies = {"auto", "ask", "ignore"};

}  // namespace

std::string_view to_text(Admission admission) {
    return kAdmissions[static_cast<std::size_t>(admission)];
}

std::string_view to_text(NewKind kind) {
    return kKinds[static_cast<std::size_t>(kind)];
}

std::string_view to_text(NewPolicy policy) {
    return kPolicies[static_cast<std::size_t>(policy)];
}

std::optional<NewPolicy> new_policy(std::string_view word) {
    for (std::size_t i = 0; i < kPolicies.size(); ++i)
        if (kPolicies[i] == word) return static_cast<NewPolicy>(i);
    return std::nullopt;
}

}  // namespace fog
