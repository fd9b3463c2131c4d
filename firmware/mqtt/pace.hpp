#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace fog::mqtt {

/// Decides whether a commit is asked for at once: it is when no sender that could still publish is
/// likely to do so within the waiting window, so that a device with one message in flight runs at
/// commit speed while many slow ones share commits.
/// A sender is spent when it has as many publishes unacknowledged as it ever had of late.
/// Thread: its owner's.
class Pace {
public:
    struct Sender {
        std::uint32_t pending = 0;                    // publishes unacknowledged
        std::uint32_t rate_now = 0, rate_before = 0;  // publishes in this second and the last
        std::uint32_t most_now = 0, most_before = 0;  // of pending, in two halves of ten seconds
        std::uint32_t counted = 0;                    // its part of the sum
        bool active = false;
    };

    void published(Sender& sender, std::uint32_t receive_maximum) {
        ++sender.pending;
        ++sender.rate_now;
        sender.most_now = std::max(sender.most_now, sender.pending);
        if (!sender.active) {
            sender.active = true;
            active_.push_back(&sender);
        }
        recount(sender, receive_maximum);
    }
    void acknowledged(Sender& sender, std::uint32_t count, std::uint32_t receive_maximum) {
        sender.pending -= std::min(count, sender.pending);
        recount(sender, receive_maximum);
    }
    void gone(Sender& sender) {
        sum_ -= sender.counted;
        sender.counted = 0;
        if (!sender.active) return;
        sender.active = false;
        active_.erase(std::find(active_.begin(), active_.end(), &sender));
    }
    /// Once a second.
    void second(std::uint32_t receive_maximum) {
        const bool half = ++seconds_ % 5 == 0;
        std::size_t kept = 0;
        for (Sender* sender : active_) {
            sender->rate_before = sender->rate_now;
            sender->rate_now = 0;
            if (half) sender->most_before = std::exchange(sender->most_now, sender->pending);
            const bool quiet = sender->rate_before == 0 && sender->pending == 0;
            recount(*sender, receive_maximum);
            if (quiet)
                sender->active = false;
            else
                active_[kept++] = sender;
        }
        active_.resize(kept);
    }
    /// Publishes a second of the senders that may still publish.
    std::uint64_t rate() const { return sum_; }
    /// Whether less than one publish is to be expected within a window of `per_second` to the
    /// second.
    bool worth_waiting(std::uint64_t per_second) const { return sum_ >= per_second; }

private:
    void recount(Sender& sender, std::uint32_t receive_maximum) {
        const auto most = std::max({sender.most_now, sender.most_before, 1U});
        const bool spent = sender.pending >= std::min(most, receive_maximum);
        const auto rate = spent ? 0U : std::max(sender.rate_now, sender.rate_before);
        sum_ = sum_ - sender.counted + rate;
        sender.counted = rate;
    }

    std::vector<Sender*> active_;
    std::uint64_t sum_ = 0;
    unsigned seconds_ = 0;
};

}  // namespace fog::mqtt
