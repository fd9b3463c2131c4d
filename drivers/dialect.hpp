#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "drivers/codec.hpp"
#include "firmware/core/limits.hpp"

namespace fog {

enum class Claim : std::uint8_t { none, weak, possible, likely, strong, certain };
struct Claimed {
    Claim claim = Claim::none;
    std::string_view reason;  // one sentence, shown to people
};

struct Message {
    std::string_view topic;
    std::span<const std::byte> payload;
    bool retained = false;
    WallTime received;  // for plausibility of device times only; epoch = clock not trusted
};

/// What the registry learned from announcements; empty until a dialect announces.
struct Context {};

/// Recognises and reads one kind of MQTT topic + payload. Pure, like a codec. Thread: fog-pipe.
class Dialect {
public:
    virtual ~Dialect() = default;
    virtual Claimed claim(std::string_view topic, std::span<const std::byte> head) const = 0;
    virtual void decode(const Message& message, const Context& context, Emit& out) const = 0;
    virtual Result<std::pair<std::string, Bytes>> encode(const Command& command) const = 0;
};

struct DialectInfo {
    std::string_view name;
    std::string_view summary;
    std::string_view schema;
    std::unique_ptr<Dialect> (*make)(const Limits& limits) = nullptr;
};

/// Every dialect built in, by name. The table is generated from the folders.
std::span<const DialectInfo* const> all_dialects();

}  // namespace fog
