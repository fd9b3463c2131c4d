#include "sim/links/byte_faults.hpp"

#include <algorithm>

#include "sim/world/random.hpp"

namespace fog::sim {
namespace {

using K = FaultKind;

bool ends_frames(std::byte b) {
    return b == std::byte{0} || b == std::byte{'\n'} || b == std::byte{'\r'};
}

}  // namespace

void ByteFaults::set(const FaultSpec& fault, bool on, MonoTime now) {
    const auto same = [&fault](const FaultSpec& each) { return each.id == fault.id; };
    active_.erase(std::remove_if(active_.begin(), active_.end(), same), active_.end());
    if (on) {
        active_.push_back(fault);
        return;
    }
    // What waited for a frame to come waits no longer.
    if (!late_.empty()) push(std::exchange(late_, {}), now);
    if (!joined_.empty()) push(std::exchange(joined_, {}), now);
}

std::uint64_t ByteFaults::draw(FaultKind kind) {
    const RandomStream stream(seed_, entity_, to_text(kind));
    return stream.bits(drawn_[kind]++);
}

const FaultSpec* ByteFaults::strikes(FaultKind kind, std::vector<FaultKind>& struck) {
    for (const FaultSpec& fault : active_) {
        if (fault.kind != kind) continue;
        const double share = static_cast<double>(draw(kind) >> 11U) * 0x1p-53;
        if (share >= fault.probability) continue;
        struck.push_back(kind);
        return &fault;
    }
    return nullptr;
}

Bytes ByteFaults::spoiled(std::span<const std::byte> frame, std::vector<FaultKind>& struck) {
    Bytes out(frame.begin(), frame.end());
    if (strikes(K::truncate, struck) != nullptr) out.resize(draw(K::truncate) % out.size());
    if (!out.empty() && strikes(K::bit_flip, struck) != nullptr) {
        const std::uint64_t at = draw(K::bit_flip) % (out.size() * 8);
        out[at / 8] ^= static_cast<std::byte>(1U << (at % 8));
    }
    if (strikes(K::bad_crc, struck) != nullptr) {
        // The check value stands before what ends a frame; it must not become an end itself.
        auto last = std::find_if_not(out.rbegin(), out.rend(), ends_frames);
        if (last != out.rend()) {
            const std::byte changed = *last ^ std::byte{0x01};
            *last = ends_frames(changed) ? *last ^ std::byte{0x02} : changed;
        }
    }
    if (strikes(K::baud_mismatch, struck) != nullptr) {
        for (std::byte& one : out) {
            one ^= static_cast<std::byte>(1 + draw(K::baud_mismatch) % 255);
        }
    }
    return out;
}

std::vector<FaultKind> ByteFaults::take(std::span<const std::byte> frame, MonoTime now) {
    std::vector<FaultKind> struck;
    if (frame.empty() || strikes(K::drop, struck) != nullptr) return struck;
    Bytes bytes = spoiled(frame, struck);
    if (bytes.empty()) return struck;
    if (late_.empty() && strikes(K::reorder, struck) != nullptr) {
        late_ = std::move(bytes);
        return struck;
    }
    if (joined_.empty() && strikes(K::merge, struck) != nullptr) {
        joined_ = std::move(bytes);
        return struck;
    }
    if (!joined_.empty()) {
        bytes.insert(bytes.begin(), joined_.begin(), joined_.end());
        joined_.clear();
    }
    const bool twice = strikes(K::duplicate, struck) != nullptr;
    if (twice) emit(bytes, now, struck);
    emit(std::move(bytes), now, struck);
    if (!late_.empty()) emit(std::exchange(late_, {}), now, struck);
    return struck;
}

void ByteFaults::emit(Bytes frame, MonoTime now, std::vector<FaultKind>& struck) {
    MonoTime at = now;
    if (const FaultSpec* fault = strikes(K::delay, struck)) at += fault->by;
    if (const FaultSpec* fault = strikes(K::jitter, struck)) {
        const double share = static_cast<double>(draw(K::jitter) >> 11U) * 0x1p-53;
        at += SimTime{static_cast<std::int64_t>(static_cast<double>(fault->by.count()) * share)};
    }
    const FaultSpec* fault = frame.size() > 1 ? strikes(K::split, struck) : nullptr;
    if (fault == nullptr) return push(std::move(frame), at);
    const auto half = static_cast<std::ptrdiff_t>(1 + draw(K::split) % (frame.size() - 1));
    push(Bytes(frame.begin(), frame.begin() + half), at);
    push(Bytes(frame.begin() + half, frame.end()), at + fault->by);
}

/// A cable keeps the order of what is on it.
void ByteFaults::push(Bytes bytes, MonoTime at) {
    last_ = std::max(last_, at);
    pieces_.push_back({last_, std::move(bytes)});
}

std::optional<Bytes> ByteFaults::release(MonoTime now) {
    if (pieces_.empty() || pieces_.front().at > now) return std::nullopt;
    Bytes out = std::move(pieces_.front().bytes);
    pieces_.pop_front();
    return out;
}

std::optional<MonoTime> ByteFaults::next() const {
    if (pieces_.empty()) return std::nullopt;
    return pieces_.front().at;
}

void ByteFaults::clear() {
    pieces_.clear();
    late_.clear();
    joined_.clear();
}

}  // namespace fog::sim
