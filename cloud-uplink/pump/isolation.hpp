#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "firmware/core/ids.hpp"

namespace fog {

/// Finds the one record a target chokes on, so that the rest flows. Two signs lead here: a send of
/// several refused as a whole, and a connection that breaks after the same record three times. In
/// both cases sends are halved from the front until the record stands alone. A record refused alone
/// is refused (the pump's business). One that only breaks the connection is set aside; if others
/// pass meanwhile it is tried once more and convicted when the connection breaks again; if others
/// break it too, it is the connection. Pure.
class Isolation {
public:
    /// Most records the next send may hold; 0 = no limit.
    std::size_t limit() const;
    /// The record to leave out of the next send, if any other waits.
    std::optional<Seq> aside() const;

    /// A send of `records` > 1 was refused whole.
    void refused_whole(std::size_t records);
    /// The connection broke during a send; `front` is its first record without an answer, of
    /// `unanswered`. Returns `front` if that convicts it.
    std::optional<Seq> broke(Seq front, std::size_t unanswered);
    /// These were answered for good in one send (acknowledged, or refused by themselves).
    void passed(std::span<const Seq> records);
    /// How often the suspect broke the connection.
    int breaks() const { return breaks_; }

private:
    enum class Phase : std::uint8_t { open, halving, aside, last_chance };
    static constexpr int kSuspicious = 3;
    static constexpr std::size_t kLarge = 512;  // a trial that large needs no limit any more

    Phase phase_ = Phase::open;
    std::size_t limit_ = 0;  // while halving
    Seq suspect_;
    int breaks_ = 0;
};

}  // namespace fog
