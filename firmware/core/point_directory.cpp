#include "firmware/core/point_directory.hpp"

namespace fog {

PointDirectory::PointDirectory() = default;

PointDirectory::~PointDirectory() {
    for (auto& chunk : chunks_) delete chunk.load();
}

bool PointDirectory::set(PointInfo info) {
    const auto chunk = info.id.value / kChunk;
    if (info.id.value == 0 || chunk >= kChunks) return false;
    const std::lock_guard lock(mutex_);
    info.channel = "samples/" + info.device + "/" + info.point;
    const auto id = info.id.value;
    const PointInfo* stored = &storage_.emplace_back(std::move(info));
    auto* slots = chunks_[chunk].load(std::memory_order_acquire);
    if (slots == nullptr) {
        slots = new Slots{};
        chunks_[chunk].store(slots, std::memory_order_release);
    }
    (*slots)[id % kChunk].store(stored, std::memory_order_release);
    if (id > highest_.load()) highest_.store(id, std::memory_order_release);
    return true;
}

}  // namespace fog
