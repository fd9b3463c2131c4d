#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/ids.hpp"

namespace fog {

/// Names and unit of an interned point; immutable, a change makes a new one.
struct PointInfo {
    PointId id;
    std::string device;   // device id
    std::string point;    // point id
    std::string unit;     // UCUM, "" = none known
    std::string channel;  // "samples/<device>/<point>"
    bool diagnostic = false;
};

/// Point id -> names, for everyone who encodes records. Writer: fog-pipe (and the loader at start).
/// Readers: any thread, wait-free; what find() returned stays valid as long as the directory.
class PointDirectory {
public:
    PointDirectory();
    ~PointDirectory();
    PointDirectory(const PointDirectory&) = delete;
    PointDirectory& operator=(const PointDirectory&) = delete;

    /// Null for an id that was never set.
    const PointInfo* find(PointId id) const {
        const auto chunk = id.value / kChunk;
        if (chunk >= kChunks) return nullptr;
        const auto* slots = chunks_[chunk].load(std::memory_order_acquire);
        return slots ? (*slots)[id.value % kChunk].load(std::memory_order_acquire) : nullptr;
    }
    /// Sets or replaces; `channel` is filled in. False when the id is beyond the directory.
    bool set(PointInfo info);
    /// Highest id ever set; ids are dense from 1.
    std::uint32_t highest() const { return highest_.load(std::memory_order_acquire); }

private:
    static constexpr std::size_t kChunk = 512;
    static constexpr std::size_t kChunks = 256;
    using Slots = std::array<std::atomic<const PointInfo*>, kChunk>;
    std::array<std::atomic<Slots*>, kChunks> chunks_{};
    std::atomic<std::uint32_t> highest_{0};
    std::mutex mutex_;               // writers only
    std::deque<PointInfo> storage_;  // every version ever, so that readers need no lock
};

}  // namespace fog
