#include "firmware/store/seq_source.hpp"

namespace fog {

std::optional<Seq> SeqSource::take(std::uint64_t count) {
    const std::uint64_t first = next_.load(std::memory_order_relaxed);
    if (first + count > end_.load(std::memory_order_acquire) + kOverrun) return std::nullopt;
    next_.store(first + count, std::memory_order_release);
    return Seq{first};
}

void SeqSource::start(Seq first, Seq end) {
    next_.store(first.value, std::memory_order_release);
    end_.store(end.value, std::memory_order_release);
}

std::optional<Seq> SeqSource::wanted_end() const {
    const std::uint64_t next = next_.load(std::memory_order_acquire);
    const std::uint64_t end = end_.load(std::memory_order_acquire);
    if (end >= next + kBlock) return std::nullopt;
    const std::uint64_t blocks = (next + kAhead - end + kBlock - 1) / kBlock;
    return Seq{end + blocks * kBlock};
}

}  // namespace fog
