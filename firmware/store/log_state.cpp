#include "firmware/store/log_state.hpp"

#include <algorithm>
#include <utility>

#include "firmware/core/pack.hpp"

namespace fog {
namespace {

constexpr std::uint8_t kVersion = 3;
constexpr std::uint8_t kWithoutRaw = 2;  // the last one
constexpr std::size_t kWearBefore = 3;   // causes version 1 had
constexpr std::size_t kMostSinks = 256;  // removed ones keep their account

void put(Packer& out, const Tally& tally) {
    out.varint(tally.n);
    out.varint(tally.bytes);
}
Tally get_tally(Unpacker& in) {
    Tally tally;
    tally.n = in.varint();
    tally.bytes = in.varint();
    return tally;
}

void put(Packer& out, const LaneAccount& lane) {
    put(out, lane.accepted);
    put(out, lane.acknowledged);
    put(out, lane.waiting);
    put(out, lane.dead);
    std::uint64_t used = 0;
    for (std::size_t c = 0; c < kCauses; ++c)
        if (lane.lost[c] != Tally{}) used |= 1ULL << c;
    out.varint(used);
    for (const auto& tally : lane.lost)
        if (tally != Tally{}) put(out, tally);
    out.varint(lane.progress.cursor().value);
    out.varint(lane.progress.ranges().size());
    Seq last = lane.progress.cursor();
    for (const auto& range : lane.progress.ranges()) {
        out.varint(range.from.value - last.value);
        out.varint(range.to.value - range.from.value);
        last = range.to;
    }
}

bool get(Unpacker& in, LaneAccount& lane) {
    lane.accepted = get_tally(in);
    lane.acknowledged = get_tally(in);
    lane.waiting = get_tally(in);
    lane.dead = get_tally(in);
    const std::uint64_t used = in.varint();
    if (used >> kCauses != 0) return false;
    for (std::size_t c = 0; c < kCauses; ++c)
        if (((used >> c) & 1U) != 0) lane.lost[c] = get_tally(in);
    const Seq cursor{in.varint()};
    const std::uint64_t count = in.varint();
    if (!in.ok() || count > Progress::kRanges) return false;
    std::vector<Progress::Range> ranges(count);
    Seq last = cursor;
    for (auto& range : ranges) {
        range.from.value = last.value + in.varint();
        range.to.value = range.from.value + in.varint();
        if (range.from < last || range.to <= range.from) return false;
        last = range.to;
    }
    lane.progress = Progress(cursor, std::move(ranges));
    return in.ok();
}

}  // namespace

std::string_view to_text(LossCause cause) {
    switch (cause) {
        case LossCause::queue:
            return "queue";
        case LossCause::store_unavailable:
            return "store_unavailable";
        case LossCause::evicted:
            return "evicted";
        case LossCause::thinned:
            return "thinned";
        case LossCause::sink_removed:
            return "sink_removed";
        case LossCause::dead_evicted:
            return "dead_evicted";
        case LossCause::discarded:
            return "discarded";
        case LossCause::too_large:
            return "too_large";
        case LossCause::unreadable:
            return "unreadable";
        case LossCause::expired:
            return "expired";
    }
    return "unknown";
}

std::string_view to_text(WearCause cause) {
    switch (cause) {
        case WearCause::commit:
            return "commit";
        case WearCause::checkpoint:
            return "checkpoint";
        case WearCause::other:
            return "other";
        case WearCause::seal:
            return "seal";
    }
    return "unknown";
}

std::uint64_t LaneAccount::shed() const {
    std::uint64_t sum = 0;
    for (const auto& tally : lost) sum += tally.n;
    return sum - expired();
}

SinkAccount* LogState::find(std::string_view id) {
    const auto found = std::find_if(sinks.begin(), sinks.end(),
                                    [&](const SinkAccount& sink) { return sink.id == id; });
    return found == sinks.end() ? nullptr : &*found;
}
const SinkAccount* LogState::find(std::string_view id) const {
    const auto found = std::find_if(sinks.begin(), sinks.end(),
                                    [&](const SinkAccount& sink) { return sink.id == id; });
    return found == sinks.end() ? nullptr : &*found;
}

SinkAccount* LogState::by_bit(std::uint8_t bit) {
    const auto found = std::find_if(sinks.begin(), sinks.end(), [&](const SinkAccount& sink) {
        return sink.use != SinkUse::removed && sink.bit == bit;
    });
    return found == sinks.end() ? nullptr : &*found;
}

std::uint16_t LogState::known_bits() const {
    unsigned bits = 0;
    for (const auto& sink : sinks)
        if (sink.use != SinkUse::removed) bits |= 1U << sink.bit;
    return static_cast<std::uint16_t>(bits);
}

void pack_state(const LogState& state, Bytes& out) {
    Packer pack(out);
    pack.u8(kVersion);
    pack.varint(state.commit_no);
    pack.varint(state.ring_entry);
    pack.varint(state.committed.value);
    pack.varint(state.boot.value);
    pack.zigzag(state.mono.time_since_epoch().count());
    for (const auto n : state.trimmed) pack.varint(n);
    pack.varint(state.wear.size());
    for (const auto n : state.wear) pack.varint(n);
    put(pack, state.raw_evicted);
    pack.varint(state.sinks.size());
    for (const auto& sink : state.sinks) {
        pack.text(sink.id);
        pack.u8(sink.bit);
        pack.u8(static_cast<std::uint8_t>(sink.use));
        for (const auto& lane : sink.lanes) put(pack, lane);
    }
}

Result<LogState> unpack_state(std::span<const std::byte> bytes) {
    const Error bad{Errc::bad_frame, "log: accounts do not decode", {}};
    Unpacker in(bytes);
    const std::uint8_t version = in.u8();
    if (version == 0 || version > kVersion) return bad;
    LogState state;
    state.commit_no = in.varint();
    state.ring_entry = in.varint();
    state.committed.value = in.varint();
    state.boot.value = static_cast<std::uint32_t>(in.varint());
    state.mono = MonoTime{std::chrono::nanoseconds{in.zigzag()}};
    for (auto& n : state.trimmed) n = in.varint();
    const auto causes = version == 1 ? kWearBefore : in.varint();
    if (causes > state.wear.size()) return bad;
    for (std::size_t i = 0; i < causes; ++i) state.wear[i] = in.varint();
    if (version > kWithoutRaw) state.raw_evicted = get_tally(in);
    const std::uint64_t count = in.varint();
    if (!in.ok() || count > kMostSinks) return bad;
    state.sinks.resize(count);
    for (auto& sink : state.sinks) {
        sink.id = in.text();
        sink.bit = in.u8();
        const std::uint8_t use = in.u8();
        if (!in.ok() || sink.bit >= 16 || use > static_cast<std::uint8_t>(SinkUse::removed))
            return bad;
        sink.use = static_cast<SinkUse>(use);
        for (auto& lane : sink.lanes)
            if (!get(in, lane)) return bad;
    }
    if (!in.ok() || !in.empty()) return bad;
    return state;
}

SinkLedger to_ledger(const SinkAccount& sink) {
    SinkLedger ledger;
    ledger.sink = sink.id;
    std::array<std::uint64_t, kCauses> causes{};
    for (std::size_t i = 0; i < kLanes; ++i) {
        const LaneAccount& from = sink.lanes[i];
        LaneLedger& to = ledger.lanes[i];
        to.accepted = from.accepted.n;
        to.acknowledged = from.acknowledged.n;
        to.waiting = from.waiting.n;
        to.waiting_bytes = from.waiting.bytes;
        to.shed = from.shed();
        to.expired = from.expired();
        to.dead = from.dead.n;
        for (std::size_t c = 0; c < kCauses; ++c) causes[c] += from.lost[c].n;
    }
    for (std::size_t c = 0; c < kCauses; ++c)
        if (causes[c] != 0)
            ledger.causes.emplace_back(std::string(to_text(static_cast<LossCause>(c))), causes[c]);
    return ledger;
}

}  // namespace fog
