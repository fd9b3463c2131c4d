// What happens to a client that does not read as fast as records come.
#include <algorithm>
#include <utility>

#include "firmware/push/client.hpp"

namespace fog {

namespace {

std::size_t index(PushClass cls) {
    return static_cast<std::size_t>(cls);
}

}  // namespace

void Client::slow(bool is) {
    if (is == slow_) return;
    slow_ = is;
    hub_.metrics().slow_clients.add(is ? 1 : -1);
}

/// What the slow policy does with one more sample; true = queue it after all.
bool Client::apply_slow(const FramePtr& frame, std::uint32_t n, std::uint64_t low,
                        SlowPolicy policy) {
    slow(true);
    switch (policy) {
        case SlowPolicy::conflate: {
            if (!newest_) start_conflating();
            if (newest_->put(frame, n, low)) {
                ++conflated_;
                hub_.metrics().conflated.add();
            }
            hub_.dirty(*this);
            const Limits& limits = hub_.parts().limits;
            // A map entry weighs about as much as the frame it keeps alive.
            if (queued_ + newest_->size() * 256 > limits.client_queue_bytes * 4)
                fall_behind("series");
            return false;
        }
        case SlowPolicy::drop_oldest:
            drop_oldest();
            return true;
        case SlowPolicy::catch_up:
            fall_behind("catch-up");
            return false;
        case SlowPolicy::close:
            end(4408, "slow");
            return false;
    }
    return true;
}

void Client::start_conflating() {
    newest_ = std::make_unique<NewestPerSeries>();
    queues_[index(PushClass::live)].remove_if([this](Entry& entry) {
        if (!entry.frame || !entry.frame->conflatable()) return false;
        queued_ -= entry.weight();
        if (newest_->put(entry.frame, entry.n, entry.frame->seq().value)) {
            ++conflated_;
            hub_.metrics().conflated.add();
        }
        return true;
    });
}

void Client::drop_oldest() {
    const Limits& limits = hub_.parts().limits;
    const std::size_t goal = (limits.client_queue_bytes - limits.client_queue_reserved) / 2;
    std::uint64_t gone = 0;
    queues_[index(PushClass::live)].remove_if([&](Entry& entry) {
        if (queued_ <= goal || !entry.frame || !entry.frame->conflatable()) return false;
        queued_ -= entry.weight();
        if (dropped_ == 0) dropped_from_ = entry.frame->seq().value - 1;
        dropped_to_ = std::max(dropped_to_, entry.frame->seq().value);
        ++dropped_;
        ++gone;
        return true;
    });
    lost_ += gone;
    if (gone != 0) hub_.metrics().dropped("drop-oldest", gone);
}

/// The queue was filled with things that may not be lost: it is given up, and the client reads what
/// it is owed from the ring or the log, from the last position it was sent.
void Client::fall_behind(std::string_view why) {
    slow(true);
    hub_.metrics().fell_behind(why);
    for (auto& queue : queues_)
        queue.remove_if([this](Entry& entry) {
            if (!entry.frame) return false;
            queued_ -= entry.weight();
            return true;
        });
    newest_.reset();
    for (auto& sub : subs_) {
        if (sub->shaper) sub->shaper->clear();
        if (sub->catching && !sub->catching->located) continue;
        if (!sub->catching) {
            sub->catching = std::make_unique<Catching>();
            sub->catching->located = sub->catching->announced = sub->catching->by_policy = true;
            sub->catching->origin = Seq{last_pos_};
            sub->catching->cursor = Seq{last_pos_};
        }
        Catching& state = *sub->catching;
        state.cursor = subs_.size() == 1 ? Seq{last_pos_} : std::min(state.origin, Seq{last_pos_});
        if (std::exchange(state.snapshot, {}).empty()) continue;
        state.snapshot_after = true;  // it starts anew, at the head of then
    }
    hub_.dirty(*this);
}

void Client::tell_dropped() {
    if (dropped_ == 0) return;
    const std::uint64_t epoch = hub_.head().epoch;
    const Position from{epoch, Seq{dropped_from_}};
    const Position to{epoch, Seq{dropped_to_}};
    const auto missed = dropped_;
    dropped_ = dropped_to_ = 0;
    if (subs_.empty()) return;
    send_gap(*subs_.front(), from, to, "slow-client", missed, true);
    // Right in the end: the last values of everything it listens to.
    for (auto& sub : subs_) {
        if (!sub->live()) continue;
        sub->catching = std::make_unique<Catching>();
        sub->catching->located = sub->catching->announced = sub->catching->by_policy = true;
        sub->catching->origin = sub->catching->cursor = hub_.head().seq;
        sub->catching->snapshot_after = true;
    }
}

}  // namespace fog
