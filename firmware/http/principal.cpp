#include "firmware/http/principal.hpp"

#include <array>
#include <utility>

namespace fog {

namespace {

constexpr std::array<std::pair<std::uint32_t, std::string_view>, 12> kScopes = {{
    {scope::kReadLive, "read:live"},
    {scope::kReadHistory, "read:history"},
    {scope::kAckAlarms, "ack:alarms"},
    {scope::kPublishApp, "publish:app"},
    {scope::kPublishAlarm, "publish:alarm"},
    {scope::kSendCommands, "send:commands"},
    {scope::kReadPresence, "read:presence"},
    {scope::kIngest, "ingest"},
    {scope::kWriteRules, "write:rules"},
    {scope::kWriteDevices, "write:devices"},
    {scope::kWriteUplinks, "write:uplinks"},
    {scope::kAdmin, "admin"},
}};

}  // namespace

std::string_view scope_name(std::uint32_t bit) {
    for (const auto& [known, name] : kScopes)
        if (known == bit) return name;
    return {};
}

std::uint32_t scope_bit(std::string_view name) {
    for (const auto& [bit, known] : kScopes)
        if (known == name) return bit;
    return 0;
}

}  // namespace fog
