#pragma once

#include <chrono>

#include "firmware/core/clock.hpp"
#include "firmware/core/pack.hpp"

namespace fog {

/// One yes/no that must be asked for without a break before it changes: `for` on the way in,
/// `keep_for` on the way out. A plain value; rule time comes in. Used by conditions.
struct Latch {
    bool active = false;
    bool pending = false;  // on its way to the other state
    MonoTime since;        // pending: from when; else when the present state began to hold

    /// `toggle`: the samples ask for the other state now. True when the state changed.
    bool step(bool toggle, MonoTime now, std::chrono::nanoseconds need) {
        if (!toggle) {
            give_up();
            return false;
        }
        if (!pending) {
            pending = true;
            before_ = since;
            since = now;
        }
        if (now < since) since = now;  // time began anew (another boot)
        if (now - since < need) return false;
        active = !active;
        pending = false;
        return true;
    }
    /// Unknown: what was pending starts over.
    void give_up() {
        if (pending) since = before_;
        pending = false;
    }

    /// When the present state began to hold, pending change or not.
    MonoTime held_since() const { return pending ? before_ : since; }

    void save(Packer& state) const {
        state.u8(static_cast<std::uint8_t>((active ? 1U : 0U) | (pending ? 2U : 0U)));
        state.zigzag(since.time_since_epoch().count());
        state.zigzag(before_.time_since_epoch().count());
    }
    bool load(Unpacker& state) {
        const unsigned bits = state.u8();
        active = (bits & 1U) != 0;
        pending = (bits & 2U) != 0;
        since = MonoTime{std::chrono::nanoseconds{state.zigzag()}};
        before_ = MonoTime{std::chrono::nanoseconds{state.zigzag()}};
        return state.ok() && bits < 4;
    }

private:
    MonoTime before_;  // `since` of the present state while a change is pending
};

}  // namespace fog
