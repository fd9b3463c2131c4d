#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "firmware/core/crc32c.hpp"
#include "firmware/core/pack.hpp"
#include "firmware/store/block.hpp"
#include "firmware/store/log_state.hpp"

using namespace fog;

// Decodes the bytes as they are and with a right checksum put behind them, and demands that what
// decodes encodes to something equal.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    (void)decode_block(bytes);
    (void)unpack_state(bytes);
    Bytes sealed(bytes.begin(), bytes.end());
    Packer(sealed).fixed(crc32c(bytes));
    Record record;
    record.body = Event{};
    (void)decode_event(sealed, record);
    const auto block = decode_block(sealed);
    if (!block) return 0;
    if (!block->records.empty()) {
        const PointId point = block->records.front().sample().point;
        const auto some = decode_block(sealed, point);
        if (!some || some->records.empty() || some->records.size() > block->records.size())
            std::abort();
    }
    std::vector<const Record*> records;
    for (const Record& one : block->records) records.push_back(&one);
    Bytes again;
    encode_block(block->lane, records, block->head, again);
    const auto twice = decode_block(again);
    if (!twice || twice->records.size() != block->records.size()) std::abort();
    for (std::size_t i = 0; i < records.size(); ++i)
        if (twice->records[i].seq != block->records[i].seq ||
            twice->records[i].sample().received != block->records[i].sample().received)
            std::abort();
    return 0;
}
