#include "drivers/nanopb_frame/schema.hpp"

#include <openssl/sha.h>
#include <pb_decode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "drivers/proto/mcu_link.pb.h"
#include "firmware/core/text.hpp"

namespace fog::mcu {

namespace {

bool decode_schema(std::span<const std::byte> bytes, Schema& out) {
    // Some 30 KiB: on the heap, for the moment of decoding.
    const auto message = std::make_unique<fog_mcu_Schema>();
    pb_istream_t in =
        pb_istream_from_buffer(reinterpret_cast<const pb_byte_t*>(bytes.data()), bytes.size());
    if (!pb_decode(&in, fog_mcu_Schema_fields, message.get())) return false;
    for (const fog_mcu_Point& one : std::span(message->points, message->points_count)) {
        if (!std::isfinite(one.scale) || !std::isfinite(one.offset)) return false;
        PointInfo point;
        point.id = one.id;
        point.name = point_slug(one.name);
        point.unit = repair_utf8(one.unit);
        point.scale = one.scale == 0 ? 1 : one.scale;
        point.offset = one.offset;
        point.interval_ms = one.interval_ms;
        point.writable = one.writable;
        if (point.name.empty()) return false;
        out.points.push_back(std::move(point));
    }
    std::ranges::sort(out.points, {}, &PointInfo::id);
    const auto twice = std::ranges::adjacent_find(out.points, {}, &PointInfo::id);
    return twice == out.points.end();
}

}  // namespace

const PointInfo* Schema::find(std::uint32_t id) const {
    const auto at = std::ranges::lower_bound(points, id, {}, &PointInfo::id);
    return at != points.end() && at->id == id ? &*at : nullptr;
}

const PointInfo* Schema::find(std::string_view name) const {
    const auto at = std::ranges::find(points, name, &PointInfo::name);
    return at != points.end() ? &*at : nullptr;
}

std::uint32_t Schema::longest_interval_ms() const {
    std::uint32_t longest = 0;
    for (const PointInfo& point : points) longest = std::max(longest, point.interval_ms);
    return longest;
}

void SchemaAssembly::start(std::uint64_t hash) {
    hash_ = hash;
    total_ = 0;
    bytes_.clear();
}

SchemaAssembly::Step SchemaAssembly::take(std::uint64_t hash, std::uint32_t offset,
                                          std::uint32_t total, std::span<const std::byte> chunk,
                                          Schema& out) {
    if (hash != hash_ || offset != wanted()) return Step::ignored;
    if (offset == 0) total_ = total;
    const bool fits = total == total_ && total <= kMostBytes && chunk.size() <= total - offset &&
                      (!chunk.empty() || total == 0);
    if (!fits) {
        start(hash);
        return Step::broken;
    }
    bytes_.insert(bytes_.end(), chunk.begin(), chunk.end());
    if (bytes_.size() < total_) return Step::more;
    out = {};
    out.hash = hash;
    const bool good = schema_hash(bytes_) == hash && decode_schema(bytes_, out);
    start(hash);
    return good ? Step::done : Step::broken;
}

std::uint64_t schema_hash(std::span<const std::byte> encoded) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(encoded.data()), encoded.size(), digest.data());
    std::uint64_t hash = 0;
    for (std::size_t index = 0; index < 8; ++index)
        hash |= static_cast<std::uint64_t>(digest[index]) << (8U * index);
    return hash;
}

}  // namespace fog::mcu
