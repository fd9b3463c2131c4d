#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/ids.hpp"
#include "firmware/core/limits.hpp"

namespace fog {

/// What a device said last, for people: the head of its payload and who read it, why.
struct LastMessage {
    std::uint32_t device = 0;  // index in the registry
    std::string source;
    std::string topic;
    std::string payload;    // cut to Limits::message_bytes
    std::size_t bytes = 0;  // of the whole payload; 0: a driver reads it, there are no bytes
    MonoTime received{};
    std::string_view dialect;  // names of the program live for ever
    std::string why;
    std::string_view runner_up;
    std::vector<PointId> points;  // that it became
};

/// The last message of the devices that spoke most recently. Thread: fog-pipe. Blocks: never.
/// Bounded: Limits::messages_kept times Limits::message_bytes and names.
class LastMessages {
public:
    explicit LastMessages(const Limits& limits) : limits_(limits) {}

    /// `said` has no device, payload and points yet.
    struct Heard {
        std::string_view source, topic;
        std::span<const std::byte> payload;
        MonoTime received{};
        std::string_view dialect, why, runner_up;
    };
    void note(std::uint32_t device, const Heard& said, std::span<const PointId> points);
    const LastMessage* find(std::uint32_t device) const;
    std::size_t size() const { return by_device_.size(); }

private:
    const Limits& limits_;
    std::list<LastMessage> order_;  // newest first
    std::unordered_map<std::uint32_t, std::list<LastMessage>::iterator> by_device_;
};

}  // namespace fog
