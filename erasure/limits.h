// Limits of the codes, each with its reason.
//
// Threads: constants. Lifetime: none. Invariant: chunk indices of one code fit a chunk_mask.
#pragma once

#include <cstddef>
#include <cstdint>

namespace taicang::erasure {

// One bit a chunk, bit i for chunk i: data chunks are 0..k-1, parity chunks k..k+m-1.
using chunk_mask = uint32_t;

// k + m of one code. A chunk_mask holds them; wider stripes would make every rebuild read too much.
inline constexpr size_t chunks_max = 32;

// Coding walks all chunks in sub-blocks of this many bytes a chunk, so that what one pass of the
// kernels has read is still in cache for the next pass (measured: docs/erasure.md).
inline constexpr size_t sub_block_bytes_min = size_t{16} << 10;
inline constexpr size_t sub_block_bytes_max = size_t{64} << 10;
// All chunks of one sub-block together stay below this, half of a small L2 cache.
inline constexpr size_t sub_block_working_set_bytes = size_t{512} << 10;

// Repair plans kept by one plan_cache. A device set that lost two of twelve devices needs some
// dozens; the largest plan is 32 KiB of tables.
inline constexpr size_t cached_plans_max = 256;

}  // namespace taicang::erasure
