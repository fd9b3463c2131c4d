#include "rules/engine/state_pack.hpp"

#include <algorithm>
#include <string>

namespace fog {

using std::chrono::nanoseconds;

void save_value(Packer& state, const Value& value) {
    state.u8(static_cast<std::uint8_t>(value.index()));
    if (const auto* number = std::get_if<double>(&value)) state.fixed(*number);
    if (const auto* whole = std::get_if<std::int64_t>(&value)) state.zigzag(*whole);
    if (const auto* truth = std::get_if<bool>(&value)) state.u8(*truth ? 1 : 0);
    if (const auto* text = std::get_if<std::string>(&value)) state.text(*text);
}

Value load_value(Unpacker& state) {
    switch (state.u8()) {
        case 1:
            return state.fixed<double>();
        case 2:
            return state.zigzag();
        case 3:
            return state.u8() != 0;
        case 4:
            return std::string(state.text());
        default:
            return {};
    }
}

void save_slot(Packer& state, const Slot& slot) {
    state.u8(static_cast<std::uint8_t>((slot.seen ? 1U : 0U) | (slot.known ? 2U : 0U)));
    state.varint(slot.quality.bits);
    if (!slot.seen) return;
    save_value(state, slot.value);
    state.zigzag(slot.time.time_since_epoch().count());
    state.zigzag(slot.source_time.time_since_epoch().count());
}

void load_slot(Unpacker& state, Slot& slot) {
    const unsigned bits = state.u8();
    slot = {};
    slot.seen = (bits & 1U) != 0;
    slot.known = (bits & 2U) != 0;
    slot.quality.bits = static_cast<std::uint16_t>(state.varint());
    if (!slot.seen) return;
    slot.value = load_value(state);
    slot.time = MonoTime{nanoseconds{state.zigzag()}};
    slot.source_time = WallTime{nanoseconds{state.zigzag()}};
}

void save_verdict(Packer& state, const Verdict3& verdict) {
    state.u8(static_cast<std::uint8_t>(verdict.truth));
    state.u8(static_cast<std::uint8_t>(verdict.level));
    state.fixed(verdict.limit);
    state.zigzag(verdict.since.time_since_epoch().count());
}

void load_verdict(Unpacker& state, Verdict3& verdict) {
    verdict.truth = static_cast<Truth>(std::min<unsigned>(state.u8(), 2));
    verdict.level = static_cast<Level>(std::min<unsigned>(state.u8(), 5));
    verdict.limit = state.fixed<double>();
    verdict.since = MonoTime{nanoseconds{state.zigzag()}};
}

}  // namespace fog
