#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace fog {

/// A number that cannot be mistaken for another number.
template <class Tag, class Int = std::uint64_t>
struct Id {
    Int value = 0;
    auto operator<=>(const Id&) const = default;
};

using Seq = Id<struct SeqTag>;                       // gateway-wide, never used twice, 0 = none
using PointId = Id<struct PointTag, std::uint32_t>;  // interned device/point, 0 = none
using BootId = Id<struct BootTag, std::uint32_t>;    // counts kernel boots, 0 = unknown

}  // namespace fog

template <class Tag, class Int>
struct std::hash<fog::Id<Tag, Int>> {
    std::size_t operator()(const fog::Id<Tag, Int>& id) const noexcept {
        return std::hash<Int>{}(id.value);
    }
};
