#include "drivers/mqtt/dialects/recognizer.hpp"

#include <algorithm>
#include <utility>

#include "drivers/mqtt/dialects/topics.hpp"

namespace fog {
namespace {

constexpr std::size_t kHeadBytes = 256;

std::span<const std::byte> head_of(const Message& message) {
    return message.payload.first(std::min(message.payload.size(), kHeadBytes));
}

/// Hands everything on and counts what passes.
class Watched final : public Emit {
public:
    explicit Watched(Emit& out) : out_(out) {}
    std::size_t readings = 0, raws = 0, left = 0;

    void reading(Reading one) override {
        ++readings;
        out_.reading(std::move(one));
    }
    void raw(std::span<const std::byte> bytes, std::string_view why) override {
        ++raws;
        out_.raw(bytes, why);
    }
    void left_out(std::string_view what) override {
        ++left;
        out_.left_out(what);
    }
    void presence(std::string_view device_key, bool online, std::string_view why) override {
        ++readings;
        out_.presence(device_key, online, why);
    }

private:
    Emit& out_;
};

}  // namespace

Recognizer::Recognizer(const Limits& limits, std::span<const DialectInfo* const> dialects)
    : limits_(limits) {
    for (const auto* info : dialects) dialects_.push_back({info->name, info->make(limits)});
    std::sort(dialects_.begin(), dialects_.end(),
              [](const Entry& a, const Entry& b) { return a.name < b.name; });
}

Recognized Recognizer::decode(const Message& message, Emit& out) {
    const auto levels = std::count(message.topic.begin(), message.topic.end(), '/') + 1;
    if (message.topic.size() > limits_.topic_bytes ||
        static_cast<std::size_t>(levels) > limits_.topic_levels) {
        ++counts_.topic_refused;
        return {.dialect = {}, .reason = "The topic is too long or has too many levels."};
    }
    if (never_ingested(message.topic)) {
        ++counts_.not_ingested;
        return {.dialect = {}, .reason = "The topic is one of commands, logs or our own."};
    }
    if (message.payload.empty()) {
        ++counts_.empty;
        return {.dialect = {}, .reason = "The payload is empty."};
    }
    if (message.payload.size() > limits_.payload_bytes) {
        ++counts_.too_large;
        out.raw(message.payload.first(std::min(message.payload.size(), limits_.raw_bytes)),
                "the payload is larger than the limit");
        return {.dialect = {}, .reason = "The payload is larger than the limit."};
    }
    const Decision* decision = cached_decision(message);
    Decision fresh;
    if (decision == nullptr) {
        if (!decide(message, fresh)) {
            ++counts_.unrecognized;
            out.raw(message.payload, "neither JSON nor a short printable value");
            return {.dialect = {}, .reason = "No dialect knows this payload."};
        }
        decision = &fresh;
    }
    const auto& winner = dialects_[decision->dialect];
    const Recognized result{winner.name, decision->claim, decision->reason, decision->runner_up};
    Watched watched(out);
    winner.dialect->decode(message, Context{}, watched);
    counts_.left_out += watched.left;
    if (watched.readings > 0) ++counts_.decoded;
    if (watched.readings == 0 && watched.raws > 0) {
        ++counts_.undecodable;
        forget(message.topic);
    } else if (decision == &fresh) {
        remember(std::move(fresh));
    }
    return result;
}

bool Recognizer::decide(const Message& message, Decision& out) const {
    const auto head = head_of(message);
    for (std::size_t i = 0; i < dialects_.size(); ++i) {
        const auto claimed = dialects_[i].dialect->claim(message.topic, head);
        if (claimed.claim <= out.claim) continue;
        if (out.claim != Claim::none) out.runner_up = dialects_[out.dialect].name;
        out.claim = claimed.claim;
        out.reason = claimed.reason;
        out.dialect = i;
    }
    if (out.claim == Claim::none) return false;
    out.topic = message.topic;
    return true;
}

const Recognizer::Decision* Recognizer::cached_decision(const Message& message) {
    const auto found = by_topic_.find(message.topic);
    if (found == by_topic_.end()) return nullptr;
    const auto& decision = *found->second;
    const auto claimed =
        dialects_[decision.dialect].dialect->claim(message.topic, head_of(message));
    if (claimed.claim < decision.claim) {
        forget(message.topic);
        return nullptr;
    }
    ++counts_.cache_hits;
    order_.splice(order_.begin(), order_, found->second);
    return &order_.front();
}

void Recognizer::remember(Decision decision) {
    if (order_.size() >= limits_.topic_cache && !order_.empty()) {
        by_topic_.erase(order_.back().topic);
        order_.pop_back();
        ++counts_.cache_dropped;
    }
    order_.push_front(std::move(decision));
    by_topic_[order_.front().topic] = order_.begin();
}

void Recognizer::forget(std::string_view topic) {
    const auto found = by_topic_.find(topic);
    if (found == by_topic_.end()) return;
    const auto place = found->second;
    by_topic_.erase(found);
    order_.erase(place);
    ++counts_.cache_dropped;
}

}  // namespace fog
