#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "firmware/core/ids.hpp"

namespace fog {

/// Finds the one record a target chokes on, so that the rest flows. Two signs lead here: a send of
/// several refused as a whole, and a connection that breaks after the same record three times. In
/// both cases sends are halved from the front until the record stands alone. A record refused alone
/// is refused (the pump's business). One that only breaks the connection is set aside; if others
/// pass meanwhile it is tried once more and convicted when the connection breaks again. Others that
/// break it too are set aside as well, but when they become many, it is the connection. Pure.
class Isolation {
public:
    /// Most records the next send may hold; 0 = no limit.
    std::size_t limit() const;
    /// The records to leave out of the next send, if any other waits.
    std::span<const Seq> aside() const;

    /// A send of `records` > 1 was refused whole.
    void refused_whole(std::size_t records);
    /// The connection broke during a send; `front` is its first record without an answer, of
    /// `unanswered`. Returns `front` if that convicts it.
    std::optional<Seq> broke(Seq front, std::size_t unanswered);
    /// These were answered for good in one send (acknowledged, or refused by themselves).
    void passed(std::span<const Seq> records);

private:
    enum class Phase : std::uint8_t { open, halving, aside, last_chance };
    static constexpr int kSuspicious = 3;
    static constexpr std::size_t kMost = 8;

    std::optional<Seq> broke_alone(Seq front);
    void cross_off(Seq suspect);

    Phase phase_ = Phase::open;
    std::size_t range_ = 0;  // while halving: the record is among this many
    Seq suspect_;            // before it stands alone
    int breaks_ = 0;
    std::vector<Seq> aside_;  // never more than kMost
};

}  // namespace fog
