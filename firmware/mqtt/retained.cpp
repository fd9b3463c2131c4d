#include "firmware/mqtt/retained.hpp"

#include "firmware/core/topic.hpp"

namespace fog::mqtt {

bool Retained::takes(const MessagePtr& message) const {
    if (message->payload().empty()) return true;
    const auto found = by_topic_.find(message->topic());
    const std::size_t freed = found != by_topic_.end() ? found->second->bytes() : 0;
    if (found == by_topic_.end() && by_topic_.size() >= limits_.mqtt_retained) return false;
    return bytes_ - freed + message->bytes() <= limits_.mqtt_retained_bytes;
}

bool Retained::set(const MessagePtr& message) {
    if (!takes(message)) return false;
    const auto found = by_topic_.find(message->topic());
    if (found != by_topic_.end()) bytes_ -= found->second->bytes();
    if (message->payload().empty()) {
        if (found != by_topic_.end()) by_topic_.erase(found);
        return true;
    }
    bytes_ += message->bytes();
    if (found != by_topic_.end())
        found->second = message;
    else
        by_topic_.emplace(message->topic(), message);
    return true;
}

std::string Retained::visit(std::string_view filter, const std::string& after, std::size_t most,
                            MonoTime now,
                            const std::function<void(const MessagePtr&)>& each) const {
    const auto shown = [now](const MessagePtr& one) {
        return !one->expires() || *one->expires() > now;
    };
    if (filter.find_first_of("+#") == std::string_view::npos) {
        const auto found = by_topic_.find(filter);
        if (found != by_topic_.end() && shown(found->second)) each(found->second);
        return {};
    }
    for (auto at = by_topic_.upper_bound(after); at != by_topic_.end(); ++at) {
        if (!topic_matches(filter, at->first) || !shown(at->second)) continue;
        each(at->second);
        if (--most == 0) return at->first;
    }
    return {};
}

void Retained::sweep(MonoTime now) {
    for (auto at = by_topic_.begin(); at != by_topic_.end();) {
        if (at->second->expires() && *at->second->expires() <= now) {
            bytes_ -= at->second->bytes();
            at = by_topic_.erase(at);
        } else {
            ++at;
        }
    }
}

}  // namespace fog::mqtt
