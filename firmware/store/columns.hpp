#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "firmware/core/pack.hpp"

namespace fog {

/// Columns of integers in the smallest of four forms: as they are or as differences, each as runs
/// or as chunks of bits above their minimum. Any 64-bit values; arithmetic wraps. No I/O.
void put_column(Packer& out, const std::vector<std::uint64_t>& values);
/// Reads exactly `count` values; false (and an unusable `in`) if the bytes are not such a column.
bool get_column(Unpacker& in, std::size_t count, std::vector<std::uint64_t>& values);

/// The values at these places only, ascending and below `count`; goes past the column as get_column
/// does, but may not notice all that is wrong with it.
bool pick_column(Unpacker& in, std::size_t count, std::span<const std::size_t> places,
                 std::vector<std::uint64_t>& values);

}  // namespace fog
