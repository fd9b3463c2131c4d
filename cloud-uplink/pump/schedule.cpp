#include "cloud-uplink/pump/schedule.hpp"

#include <algorithm>

namespace fog {

bool Schedule::due(const Share& share, const Waiting& waiting) const {
    const auto bytes = waiting[static_cast<std::size_t>(share.traffic)];
    return bytes != 0 && share.credit >= std::min(bytes, cap_);
}

std::optional<Traffic> Schedule::next(const Waiting& waiting) const {
    for (const Share& share : shares_)
        if (due(share, waiting)) return share.traffic;
    for (std::size_t n = 0; n < kTraffics; ++n)
        if (waiting[n] != 0) return static_cast<Traffic>(n);
    return std::nullopt;
}

void Schedule::sent(Traffic traffic, std::size_t bytes, const Waiting& waiting) {
    for (Share& share : shares_) {
        if (share.traffic == traffic)
            share.credit -= std::min(share.credit, bytes);
        else if (waiting[static_cast<std::size_t>(share.traffic)] != 0)
            share.credit = std::min(cap_, share.credit + bytes / share.per_other);
        else
            share.credit = 0;
    }
}

}  // namespace fog
