// Shared subscriptions: one member of the group gets a message, and another one if that one goes.
#include <algorithm>
#include <utility>

#include "firmware/mqtt/broker.hpp"
#include "firmware/mqtt/client.hpp"

namespace fog::mqtt {

void Broker::join(Subscription& subscription, std::string_view key, std::string_view filter) {
    auto found = groups_.find(key);
    if (found == groups_.end()) {
        auto made = std::make_shared<Group>();
        made->key = key;
        made->filter.filter = filter;
        made->filter.group = made;  // until its last member goes
        found = groups_.emplace(made->key, made).first;
        subscribe(made->filter);
    }
    subscription.group = found->second;
    found->second->members.push_back(&subscription);
    ++members_;
    stats_.groups.set(static_cast<std::int64_t>(groups_.size()));
}

void Broker::leave_group(Subscription& subscription) {
    const auto group = std::exchange(subscription.group, nullptr);
    --members_;
    std::erase(group->members, &subscription);
    if (!group->members.empty()) return;
    const auto own = std::exchange(group->filter.group, nullptr);
    unsubscribe(group->filter);
    groups_.erase(group->key);
    stats_.groups.set(static_cast<std::int64_t>(groups_.size()));
}

void Broker::share(const std::shared_ptr<Group>& of, const MessagePtr& message, bool again) {
    if (quiet_) return;
    // It may have been made anew since its last member went.
    const auto present = of->members.empty() ? groups_.find(of->key) : groups_.end();
    const std::shared_ptr<Group> group = present == groups_.end() ? of : present->second;
    const auto& members = group->members;
    // Who has room in its window, in turn; if nobody has, whoever has least to do.
    std::size_t chosen = members.size(), least = SIZE_MAX;
    for (std::size_t i = 0; i < members.size(); ++i) {
        const std::size_t at = (group->next + i) % members.size();
        const Client& client = *members[at]->session->client;
        if (!client.connected()) continue;  // on its way out
        if (!client.has_window() && client.load() >= least) continue;
        chosen = at;
        least = client.load();
        if (client.has_window()) break;
    }
    if (chosen == members.size()) return stats_.dropped("group-gone");
    group->next = chosen + 1;
    const Subscription& one = *members[chosen];
    Delivery how;
    how.qos = std::min(one.qos, message->qos());
    how.retain = one.as_published && message->retain();
    if (one.identifier != 0) how.identifiers = {&one.identifier, 1};
    if (again) stats_.passed_on.add();
    one.session->client->deliver_shared(message, how, group, again);
}

}  // namespace fog::mqtt
