#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "firmware/core/reading.hpp"
#include "firmware/core/records.hpp"
#include "firmware/core/result.hpp"

namespace fog {

/// The most samples one block may hold; larger counts do not decode.
inline constexpr std::size_t kBlockRecords = 65'536;

/// A decoded block: samples of one lane, ascending by seq, and what the writer put in its head.
struct Block {
    Lane lane = Lane::live;
    Bytes head;
    std::vector<Record> records;
};

/// The ends of a block, read without decoding its columns.
struct BlockSpan {
    Lane lane = Lane::live;
    std::uint64_t count = 0;
    Seq last;
    BootId boot;  // of the last record
    MonoTime received;
};

/// Which samples of a block are wanted; as it stands all of them.
struct BlockWanted {
    std::uint32_t first_point = 0;
    std::uint32_t last_point = UINT32_MAX;
    Seq after;
    Seq upto{UINT64_MAX};
    bool all() const {
        return first_point == 0 && last_point == UINT32_MAX && after.value == 0 &&
               upto.value == UINT64_MAX;
    }
    bool has(std::uint64_t seq, std::uint64_t point) const {
        return seq > after.value && seq <= upto.value && point >= first_point &&
               point <= last_point;
    }
};
/// Is lent each record; may move its value out.
using RecordVisit = std::function<void(Record&)>;

/// Packs samples (at most kBlockRecords, ascending by seq, all of `lane`) behind `head`. Exact:
/// what decodes equals what went in, bit by bit. Format: README.md. No I/O.
void encode_block(Lane lane, std::span<const Record* const> records,
                  std::span<const std::byte> head, Bytes& out);
/// Fails: bad_frame with the reason; accepts any bytes. With `only`, the records are those of this
/// point; a block without any is then not decoded further.
Result<Block> decode_block(std::span<const std::byte> bytes, PointId only = {});
/// Visits the wanted records in order, without keeping any. Fails as decode_block; records visited
/// before a failure are good ones.
Result<void> visit_block(std::span<const std::byte> bytes, const BlockWanted& wanted,
                         const RecordVisit& visit);
/// The numbers of a block's records and whose they are, one entry each.
Result<void> block_index(std::span<const std::byte> bytes, std::vector<std::uint64_t>& seqs,
                         std::vector<std::uint64_t>& points);
Result<BlockSpan> peek_block(std::span<const std::byte> bytes);
/// The head alone; the whole block's checksum is verified.
Result<Bytes> block_head(std::span<const std::byte> bytes);

/// An event's `data` column: everything but seq, lane, kind and channel, which are columns.
void encode_event(const Record& record, Bytes& out);
/// `record` has seq, lane, kind and channel set by the caller. Fails: bad_frame.
Result<void> decode_event(std::span<const std::byte> bytes, Record& record);

/// What a record counts for in `bytes` of the ledger: fixed by its content, near its packed size.
std::uint64_t ledger_bytes(const Record& record);

}  // namespace fog
