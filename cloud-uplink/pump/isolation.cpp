#include "cloud-uplink/pump/isolation.hpp"

#include <algorithm>

namespace fog {

std::size_t Isolation::limit() const {
    switch (phase_) {
        case Phase::open:
            return 0;
        case Phase::halving:
            return limit_;
        case Phase::aside:
        case Phase::last_chance:
            return 1;
    }
    return 0;
}

std::optional<Seq> Isolation::aside() const {
    return phase_ == Phase::aside ? std::optional(suspect_) : std::nullopt;
}

void Isolation::refused_whole(std::size_t records) {
    if (phase_ != Phase::open && phase_ != Phase::halving) return;
    phase_ = Phase::halving;
    limit_ = std::max<std::size_t>(1, records / 2);
}

std::optional<Seq> Isolation::broke(Seq front, std::size_t unanswered) {
    const bool same = front == suspect_;
    if (phase_ == Phase::aside || phase_ == Phase::last_chance) {
        if (!same) {  // without the suspect it breaks too: the record is not the reason
            *this = Isolation();
            return std::nullopt;
        }
        ++breaks_;
        if (phase_ == Phase::aside) return std::nullopt;  // nothing else was there to send
        phase_ = Phase::open;
        return front;
    }
    if (!same) breaks_ = 0;
    suspect_ = front;
    ++breaks_;
    if (phase_ == Phase::open && breaks_ < kSuspicious) return std::nullopt;
    if (unanswered == 1 && breaks_ >= kSuspicious) {
        phase_ = Phase::aside;
        return std::nullopt;
    }
    const std::size_t size = phase_ == Phase::open ? unanswered : std::min(limit_, unanswered);
    phase_ = Phase::halving;
    limit_ = std::max<std::size_t>(1, size / 2);
    return std::nullopt;
}

void Isolation::passed(std::span<const Seq> records) {
    if (records.empty()) return;
    const bool suspect = std::find(records.begin(), records.end(), suspect_) != records.end();
    if (suspect) {
        suspect_ = {};
        breaks_ = 0;
        if (phase_ == Phase::aside || phase_ == Phase::last_chance) phase_ = Phase::open;
    }
    if (phase_ == Phase::aside) phase_ = Phase::last_chance;
    if (phase_ != Phase::halving) return;
    limit_ *= 2;
    if (limit_ >= kLarge) phase_ = Phase::open;
}

}  // namespace fog
