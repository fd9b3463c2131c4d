#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/reading.hpp"

namespace fog::mcu {

/// One point of a device as its SCHEMA names it.
struct PointInfo {
    std::uint32_t id = 0;
    std::string name;  // a point id (slug)
    std::string unit;
    double scale = 1;
    double offset = 0;
    std::uint32_t interval_ms = 0;
    bool writable = false;
    bool scaled() const { return scale != 1 || offset != 0; }
};

/// The points of a device. A plain value.
struct Schema {
    std::uint64_t hash = 0;
    std::vector<PointInfo> points;  // ascending by id
    const PointInfo* find(std::uint32_t id) const;
    const PointInfo* find(std::string_view name) const;
    std::uint32_t longest_interval_ms() const;
};

/// Puts the parts of a schema together; asks for them in order, so parts never overlap.
class SchemaAssembly {
public:
    static constexpr std::size_t kMostBytes = 24U << 10U;
    /// Starts over for the schema with this hash.
    void start(std::uint64_t hash);
    std::uint64_t hash() const { return hash_; }
    /// Where the next part has to begin.
    std::uint32_t wanted() const { return static_cast<std::uint32_t>(bytes_.size()); }

    enum class Step : std::uint8_t { ignored, more, done, broken };
    /// Takes a part; `done` fills `out`. `broken` (hash, size, content) starts over.
    Step take(std::uint64_t hash, std::uint32_t offset, std::uint32_t total,
              std::span<const std::byte> chunk, Schema& out);

private:
    std::uint64_t hash_ = 0;
    std::uint32_t total_ = 0;
    Bytes bytes_;
};

/// First 8 bytes of SHA-256, little endian.
std::uint64_t schema_hash(std::span<const std::byte> encoded);

}  // namespace fog::mcu
