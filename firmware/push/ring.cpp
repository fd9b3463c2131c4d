#include "firmware/push/ring.hpp"

#include <algorithm>

namespace fog {

std::size_t FrameRing::after(Seq seq) const {
    const auto found =
        std::upper_bound(frames_.begin(), frames_.end(), seq,
                         [](Seq wanted, const FramePtr& frame) { return wanted < frame->seq(); });
    return static_cast<std::size_t>(found - frames_.begin());
}

}  // namespace fog
