#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/reading.hpp"
#include "sim/world/fault_spec.hpp"

namespace fog::sim {

/// What a bad cable makes of frames on their way from a device: a function of the frames, the
/// faults that hold and the seed. A frame is what the device says in one go.
/// Thread: one. Pure but for what it keeps.
class ByteFaults {
public:
    ByteFaults(std::uint64_t seed, std::string entity) : seed_(seed), entity_(std::move(entity)) {}

    /// Begins or ends a fault; others than those of byte links are no business of this.
    void set(const FaultSpec& fault, bool on, MonoTime now);
    /// A frame said at `now`; the kinds that struck it.
    std::vector<FaultKind> take(std::span<const std::byte> frame, MonoTime now);
    /// The next piece due by `now`: written in one go. Nothing if none is.
    std::optional<Bytes> release(MonoTime now);
    std::optional<MonoTime> next() const;
    bool idle() const { return pieces_.empty() && late_.empty() && joined_.empty(); }
    /// The cable is out: what was on it is gone.
    void clear();

private:
    struct Piece {
        MonoTime at;
        Bytes bytes;
    };
    const FaultSpec* strikes(FaultKind kind, std::vector<FaultKind>& struck);
    std::uint64_t draw(FaultKind kind);
    Bytes spoiled(std::span<const std::byte> frame, std::vector<FaultKind>& struck);
    void emit(Bytes frame, MonoTime now, std::vector<FaultKind>& struck);
    void push(Bytes bytes, MonoTime at);

    std::uint64_t seed_;
    std::string entity_;
    std::vector<FaultSpec> active_;
    std::map<FaultKind, std::uint64_t> drawn_;
    std::deque<Piece> pieces_;  // by time
    Bytes late_;                // reorder: waits for the next frame
    Bytes joined_;              // merge: likewise
    MonoTime last_{};
};

}  // namespace fog::sim
