#include "firmware/pipeline/last_messages.hpp"

#include <algorithm>

#include "firmware/core/reading.hpp"

namespace fog {

void LastMessages::note(std::uint32_t device, const Heard& said, std::span<const PointId> points) {
    const auto found = by_device_.find(device);
    if (found != by_device_.end()) {
        order_.splice(order_.begin(), order_, found->second);
    } else if (order_.size() >= limits_.messages_kept && !order_.empty()) {
        // The one that spoke longest ago gives its place, and its memory.
        by_device_.erase(order_.back().device);
        order_.splice(order_.begin(), order_, std::prev(order_.end()));
        by_device_[device] = order_.begin();
    } else {
        order_.emplace_front();
        by_device_[device] = order_.begin();
    }
    LastMessage& message = order_.front();
    message.device = device;
    if (message.source != said.source) message.source = said.source;
    if (message.topic != said.topic) message.topic = said.topic;
    message.payload.assign(
        as_text(said.payload.first(std::min(said.payload.size(), limits_.message_bytes))));
    message.bytes = said.payload.size();
    message.received = said.received;
    message.dialect = said.dialect;
    if (message.why != said.why) message.why = said.why;
    message.runner_up = said.runner_up;
    message.points.assign(points.begin(), points.end());
}

const LastMessage* LastMessages::find(std::uint32_t device) const {
    const auto found = by_device_.find(device);
    return found != by_device_.end() ? &*found->second : nullptr;
}

}  // namespace fog
