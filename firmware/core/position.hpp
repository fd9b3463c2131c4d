#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/core/ids.hpp"

namespace fog {

/// Where a reader stands: everything up to `seq` of the log `epoch` was handed over.
/// Text form `<epoch>.<seq>`, the epoch in 16 hex digits, opaque to clients.
struct Position {
    std::uint64_t epoch = 0;  // random per log
    Seq seq;
    auto operator<=>(const Position&) const = default;

    std::string text() const;
    static std::optional<Position> parse(std::string_view text);
};

}  // namespace fog
