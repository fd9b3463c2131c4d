#include "firmware/pipeline/presence.hpp"

#include <algorithm>
#include <cmath>

namespace fog {
namespace {

constexpr double kStale = 2;  // times the usual interval
constexpr double kSilent = 3;
constexpr double kSilentLeast = 5;     // seconds
constexpr double kUnknownAfter = 600;  // for a device whose interval is not known
constexpr double kBadShare = 0.2;
constexpr double kStartGrace = 60;  // after the start, for such a device
constexpr std::uint16_t kFewValues = 10;
constexpr std::uint32_t kHalfWindow = 150;

bool heard_since_start(const PresenceFacts& facts) {
    return facts.age >= 0 && facts.age <= facts.up;
}

}  // namespace

std::string_view to_text(Presence presence) {
    switch (presence) {
        case Presence::unknown:
            return "unknown";
        case Presence::online:
            return "online";
        case Presence::stale:
            return "stale";
        case Presence::silent:
            return "silent";
        case Presence::degraded:
            return "degraded";
    }
    return "unknown";
}

Presence judge(const PresenceFacts& facts) {
    if (facts.link_fault != nullptr) return facts.broker ? Presence::unknown : Presence::silent;
    if (!heard_since_start(facts)) {
        const double grace = facts.interval > 0 ? kStale * facts.interval : kStartGrace;
        if (facts.up <= grace) return Presence::unknown;
        if (facts.age < 0) return Presence::silent;
    }
    if (facts.interval <= 0)
        return facts.age <= kUnknownAfter ? Presence::online : Presence::unknown;
    if (facts.age > kSilent * facts.interval && facts.age >= kSilentLeast) return Presence::silent;
    if (facts.age > kStale * facts.interval) return Presence::stale;
    return facts.bad_share > kBadShare ? Presence::degraded : Presence::online;
}

std::string spoken(double seconds) {
    struct Unit {
        double seconds;
        std::string_view name;
    };
    static constexpr std::array<Unit, 3> kUnits = {{{86400, " d"}, {3600, " h"}, {60, " min"}}};
    for (const Unit& unit : kUnits)
        if (seconds >= 2 * unit.seconds)
            return std::to_string(std::llround(seconds / unit.seconds)).append(unit.name);
    return std::to_string(std::llround(std::max(seconds, 0.0))) + " s";
}

std::string reason_of(Presence presence, const PresenceFacts& facts) {
    if (facts.link_fault != nullptr) return *facts.link_fault;
    const std::string ago = spoken(facts.age) + " ago";
    switch (presence) {
        case Presence::online:
            return "data " + ago;
        case Presence::degraded:
            return std::to_string(std::lround(facts.bad_share * 100)) + " % bad values";
        case Presence::stale:
        case Presence::silent:
            if (facts.age < 0) return "nothing heard since the machine started";
            if (facts.interval <= 0) return "last data " + ago;
            return "usually every " + spoken(facts.interval) + ", " + ago;
        case Presence::unknown:
            if (!heard_since_start(facts)) return "gateway started " + spoken(facts.up) + " ago";
            return "interval not known yet, last data " + ago;
    }
    return {};
}

void Rhythm::add(double gap_seconds) {
    gaps_[at_] = static_cast<float>(gap_seconds);
    at_ = static_cast<std::uint8_t>((at_ + 1U) % gaps_.size());
    if (count_ < gaps_.size()) ++count_;
    fresh_ = true;
}

double Rhythm::interval_s() {
    if (fresh_ && count_ >= kLeast) {
        auto sorted = gaps_;
        const auto middle = sorted.begin() + count_ / 2;
        std::nth_element(sorted.begin(), middle, sorted.begin() + count_);
        median_ = std::max(1.0F, *middle);
        fresh_ = false;
    }
    return median_;
}

double BadShare::share(std::uint32_t second) {
    if (second - turned_ >= kHalfWindow) {
        before_ = second - turned_ < 2 * kHalfWindow ? now_ : Half{};
        now_ = {};
        turned_ = second;
    }
    const unsigned all = 0U + now_.all + before_.all;
    return all < kFewValues ? 0 : (0.0 + now_.bad + before_.bad) / all;
}

void Spark::add(float value, std::uint32_t second) {
    if (size_ != 0 && second == second_) {
        values_[(at_ + kValues - 1) % kValues] = value;
        return;
    }
    second_ = second;
    values_[at_] = value;
    at_ = static_cast<std::uint8_t>((at_ + 1U) % kValues);
    if (size_ < kValues) ++size_;
}

}  // namespace fog
