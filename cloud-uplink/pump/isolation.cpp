#include "cloud-uplink/pump/isolation.hpp"

#include <algorithm>

namespace fog {

std::size_t Isolation::limit() const {
    switch (phase_) {
        case Phase::open:
            return 0;
        case Phase::halving:
            return std::max<std::size_t>(1, range_ / 2);
        case Phase::aside:
        case Phase::last_chance:
            return 1;
    }
    return 0;
}

std::span<const Seq> Isolation::aside() const {
    return phase_ == Phase::aside ? std::span<const Seq>(aside_) : std::span<const Seq>();
}

void Isolation::refused_whole(std::size_t records) {
    if (phase_ != Phase::open && phase_ != Phase::halving) return;
    phase_ = Phase::halving;
    range_ = records;
}

std::optional<Seq> Isolation::broke(Seq front, std::size_t unanswered) {
    if (phase_ == Phase::aside || phase_ == Phase::last_chance) return broke_alone(front);
    if (front != suspect_) breaks_ = 0;
    suspect_ = front;
    ++breaks_;
    if (phase_ == Phase::open && breaks_ < kSuspicious) return std::nullopt;
    if (unanswered == 1 && breaks_ >= kSuspicious) {
        phase_ = Phase::aside;
        aside_ = {front};
        return std::nullopt;
    }
    phase_ = Phase::halving;
    range_ = unanswered;
    return std::nullopt;
}

std::optional<Seq> Isolation::broke_alone(Seq front) {
    const auto found = std::find(aside_.begin(), aside_.end(), front);
    if (phase_ == Phase::aside) {
        if (found != aside_.end()) return std::nullopt;  // nothing else was there to send
        if (aside_.size() < kMost)
            aside_.push_back(front);
        else
            *this = Isolation();  // without the suspects it breaks too: they are not the reason
        return std::nullopt;
    }
    if (found == aside_.end()) {
        *this = Isolation();
        return std::nullopt;
    }
    cross_off(front);
    return front;
}

void Isolation::cross_off(Seq suspect) {
    std::erase(aside_, suspect);
    if (aside_.empty()) *this = Isolation();
}

void Isolation::passed(std::span<const Seq> records) {
    if (records.empty()) return;
    switch (phase_) {
        case Phase::aside:
            phase_ = Phase::last_chance;
            [[fallthrough]];
        case Phase::last_chance:
            for (const Seq seq : records)
                if (std::find(aside_.begin(), aside_.end(), seq) != aside_.end()) cross_off(seq);
            return;
        case Phase::halving:
            range_ -= std::min(range_, records.size());
            if (range_ == 0) phase_ = Phase::open;
            [[fallthrough]];
        case Phase::open:
            if (std::find(records.begin(), records.end(), suspect_) == records.end()) return;
            suspect_ = {};
            breaks_ = 0;
            return;
    }
}

}  // namespace fog
