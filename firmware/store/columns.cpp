#include "firmware/store/columns.hpp"

#include <algorithm>
#include <bit>
#include <span>

namespace fog {
namespace {

constexpr std::size_t kChunk = 128;  // values that share a minimum and a width
constexpr std::uint8_t kDelta = 1;   // bit 0 of the form
constexpr std::uint8_t kPacked = 2;  // bit 1; otherwise runs

using Values = std::vector<std::uint64_t>;
using View = std::span<const std::uint64_t>;

std::size_t varint_size(std::uint64_t value) {
    return (static_cast<std::size_t>(std::bit_width(value | 1U)) + 6U) / 7U;
}
std::uint64_t zigzag(std::uint64_t value) {
    return (value << 1U) ^ (0U - (value >> 63U));
}
std::uint64_t unzigzag(std::uint64_t value) {
    return (value >> 1U) ^ (0U - (value & 1U));
}

struct Frame {
    std::uint64_t lowest;
    unsigned width;
};
Frame frame_of(View chunk) {
    auto lowest = static_cast<std::int64_t>(chunk[0]);
    auto highest = lowest;
    for (const auto value : chunk) {
        lowest = std::min(lowest, static_cast<std::int64_t>(value));
        highest = std::max(highest, static_cast<std::int64_t>(value));
    }
    const auto low = static_cast<std::uint64_t>(lowest);
    return {low, static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(highest) - low))};
}

std::size_t packed_size(View values) {
    std::size_t size = 0;
    for (std::size_t at = 0; at < values.size(); at += kChunk) {
        const auto chunk = values.subspan(at, std::min(kChunk, values.size() - at));
        const auto frame = frame_of(chunk);
        size += varint_size(zigzag(frame.lowest)) + 1 + (chunk.size() * frame.width + 7) / 8;
    }
    return size;
}

void put_bits(Packer& out, View chunk, const Frame& frame) {
    std::uint64_t word = 0;
    unsigned filled = 0;  // bits of `word` in use, below 8 between values
    for (const auto value : chunk) {
        const std::uint64_t offset = value - frame.lowest;
        for (unsigned done = 0; done < frame.width;) {
            const unsigned step = std::min(frame.width - done, 56U);
            word |= ((offset >> done) & ((1ULL << step) - 1)) << filled;
            filled += step;
            done += step;
            for (; filled >= 8; filled -= 8, word >>= 8U)
                out.u8(static_cast<std::uint8_t>(word & 0xFFU));
        }
    }
    if (filled > 0) out.u8(static_cast<std::uint8_t>(word));
}

void put_packed(Packer& out, View values) {
    for (std::size_t at = 0; at < values.size(); at += kChunk) {
        const auto chunk = values.subspan(at, std::min(kChunk, values.size() - at));
        const auto frame = frame_of(chunk);
        out.varint(zigzag(frame.lowest));
        out.u8(static_cast<std::uint8_t>(frame.width));
        put_bits(out, chunk, frame);
    }
}

void get_bits(std::span<const std::byte> bytes, std::size_t count, const Frame& frame,
              Values& values) {
    std::uint64_t word = 0;
    unsigned filled = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t offset = 0;
        for (unsigned done = 0; done < frame.width;) {
            const unsigned step = std::min(frame.width - done, 56U);
            for (; filled < step; filled += 8)
                word |= static_cast<std::uint64_t>(bytes[at++]) << filled;
            offset |= (word & ((1ULL << step) - 1)) << done;
            word >>= step;
            filled -= step;
            done += step;
        }
        values.push_back(frame.lowest + offset);
    }
}

bool get_packed(Unpacker& in, std::size_t count, Values& values) {
    for (std::size_t at = 0; at < count; at += kChunk) {
        const std::size_t here = std::min(kChunk, count - at);
        const std::uint64_t lowest = unzigzag(in.varint());
        const unsigned width = in.u8();
        if (width > 64) return false;
        const auto bytes = in.raw((here * width + 7) / 8);
        if (!in.ok()) return false;
        get_bits(bytes, here, {lowest, width}, values);
    }
    return in.ok();
}

template <class Each>
void for_runs(View values, Each each) {
    for (std::size_t at = 0; at < values.size();) {
        std::size_t end = at + 1;
        while (end < values.size() && values[end] == values[at]) ++end;
        each(end - at, values[at]);
        at = end;
    }
}

std::size_t runs_size(View values, std::size_t give_up) {
    std::size_t size = 0;
    for (std::size_t at = 0; at < values.size() && size < give_up;) {
        std::size_t end = at + 1;
        while (end < values.size() && values[end] == values[at]) ++end;
        size += varint_size(end - at) + varint_size(zigzag(values[at]));
        at = end;
    }
    return size;
}

bool get_runs(Unpacker& in, std::size_t count, Values& values) {
    for (std::size_t have = 0; have < count;) {
        const std::uint64_t run = in.varint();
        const std::uint64_t value = unzigzag(in.varint());
        if (!in.ok() || run == 0 || run > count - have) return false;
        values.insert(values.end(), run, value);
        have += run;
    }
    return in.ok();
}

/// Values at some places of a run of equal ones or of equal differences.
template <class Each>
bool walk_runs(Unpacker& in, std::size_t count, bool deltas, Each each) {
    std::uint64_t last = 0;
    for (std::size_t have = 0; have < count;) {
        const std::uint64_t run = in.varint();
        const std::uint64_t value = unzigzag(in.varint());
        if (!in.ok() || run == 0 || run > count - have) return false;
        const std::uint64_t step = deltas ? value : 0;
        each(have, run, deltas ? last + value : value, step);
        last += step * run;
        have += run;
    }
    return in.ok();
}

/// Chunks without a wanted place are passed over.
bool pick_packed(Unpacker& in, std::size_t count, std::span<const std::size_t> places,
                 Values& out) {
    Values chunk;
    auto place = places.begin();
    for (std::size_t at = 0; at < count; at += kChunk) {
        const std::size_t here = std::min(kChunk, count - at);
        const std::uint64_t lowest = unzigzag(in.varint());
        const unsigned width = in.u8();
        if (width > 64) return false;
        const auto bytes = in.raw((here * width + 7) / 8);
        if (!in.ok()) return false;
        if (place == places.end() || *place >= at + here) continue;
        chunk.clear();
        get_bits(bytes, here, {lowest, width}, chunk);
        for (; place != places.end() && *place < at + here; ++place)
            out.push_back(chunk[*place - at]);
    }
    return in.ok();
}

}  // namespace

bool pick_column(Unpacker& in, std::size_t count, std::span<const std::size_t> places,
                 Values& values) {
    values.clear();
    if (count == 0) return true;
    Unpacker again = in;
    const std::uint8_t form = in.u8();
    if (!in.ok() || form > (kPacked | kDelta)) return false;
    const bool deltas = (form & kDelta) != 0;
    if ((form & kPacked) == 0) {
        auto place = places.begin();
        return walk_runs(
            in, count, deltas,
            [&](std::size_t at, std::size_t run, std::uint64_t first, std::uint64_t step) {
                for (; place != places.end() && *place < at + run; ++place)
                    values.push_back(first + step * (*place - at));
            });
    }
    if (!deltas || places.empty()) return pick_packed(in, count, places, values);
    Values all;
    if (!get_column(again, count, all)) return false;
    in = again;
    for (const auto place : places) values.push_back(all[place]);
    return true;
}

void put_column(Packer& out, const Values& values) {
    if (values.empty()) return;
    Values deltas(values.size());
    std::uint64_t last = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        deltas[i] = values[i] - last;
        last = values[i];
    }
    std::size_t best = packed_size(values);
    std::uint8_t form = kPacked;
    const auto consider = [&](std::size_t size, std::uint8_t other) {
        if (size >= best) return;
        best = size;
        form = other;
    };
    consider(packed_size(deltas), kPacked | kDelta);
    consider(runs_size(values, best), 0);
    consider(runs_size(deltas, best), kDelta);
    out.u8(form);
    const View chosen = (form & kDelta) != 0 ? View(deltas) : View(values);
    if ((form & kPacked) != 0) return put_packed(out, chosen);
    for_runs(chosen, [&](std::size_t run, std::uint64_t value) {
        out.varint(run);
        out.varint(zigzag(value));
    });
}

bool get_column(Unpacker& in, std::size_t count, Values& values) {
    values.clear();
    if (count == 0) return true;
    const std::uint8_t form = in.u8();
    if (!in.ok() || form > (kPacked | kDelta)) return false;
    values.reserve(count);
    const bool ok =
        (form & kPacked) != 0 ? get_packed(in, count, values) : get_runs(in, count, values);
    if (!ok) return false;
    if ((form & kDelta) == 0) return true;
    std::uint64_t last = 0;
    for (auto& value : values) last = value += last;
    return true;
}

}  // namespace fog
