// The header block of a run, format version 1 (docs/formats/stripe.md): who the run belongs to, how
// it is cut, and a CRC32C of every 4 KiB block of this chunk's part. Pure: encodes, decodes,
// judges; no I/O. Threads: values and free functions, any thread. Lifetime: header_view borrows its
// block. Invariant: every checksum is seeded with (group, life, chunk index, block of the chunk),
// so bytes of another group, another life of the extent, another chunk or another place never
// verify.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/base/ids.h"
#include "storage/base/limits.h"
#include "storage/base/result.h"

namespace taicang::run_format {

inline constexpr std::size_t block_bytes = limits::block_bytes;
/// "TCSTRIPE" in file order.
inline constexpr std::uint64_t magic = 0x4550'4952'5453'4354;
inline constexpr std::uint16_t version = 1;
inline constexpr std::uint16_t flag_packed = 1;
inline constexpr std::uint16_t flags_known = flag_packed;

// Offsets within the header block; little-endian.
inline constexpr std::size_t magic_at = 0;          // u64
inline constexpr std::size_t version_at = 8;        // u16
inline constexpr std::size_t flags_at = 10;         // u16
inline constexpr std::size_t header_crc_at = 12;    // u32, over the block with this field zero
inline constexpr std::size_t group_at = 16;         // u64
inline constexpr std::size_t life_at = 24;          // u64
inline constexpr std::size_t run_block_at = 32;     // u32
inline constexpr std::size_t chunk_at = 36;         // u8
inline constexpr std::size_t k_at = 37;             // u8
inline constexpr std::size_t m_at = 38;             // u8, then one zero byte
inline constexpr std::size_t unit_blocks_at = 40;   // u16
inline constexpr std::size_t rows_at = 42;          // u16
inline constexpr std::size_t data_length_at = 44;   // u32
inline constexpr std::size_t owner_blob_at = 48;    // u64
inline constexpr std::size_t owner_offset_at = 56;  // u64
inline constexpr std::size_t packed_unit_at = 64;   // u32
inline constexpr std::size_t reserved_at = 68;      // zero up to the table
inline constexpr std::size_t table_at = 256;        // u32 a block, zero beyond the run's blocks
inline constexpr std::size_t table_entries = limits::run_data_blocks_max;

static_assert(table_at + table_entries * sizeof(std::uint32_t) == block_bytes);
static_assert(packed_unit_at + sizeof(std::uint32_t) == reserved_at && reserved_at < table_at);
static_assert(group_at % 8 == 0 && life_at % 8 == 0 && owner_blob_at % 8 == 0 && table_at % 8 == 0);

/// The fields of a header; all chunks of a run share them but for chunk and life.
struct run_header {
    group_id group;
    generation life;
    std::uint32_t run_block = 0;
    std::uint8_t chunk = 0;
    std::uint8_t k = 0;
    std::uint8_t m = 0;
    std::uint16_t unit_blocks = 0;
    std::uint16_t rows = 0;
    std::uint32_t data_length = 0;
    blob_id owner_blob;
    std::uint64_t owner_offset = 0;
    bool packed = false;
    std::uint32_t packed_unit = 0;

    /// Data blocks of one chunk, without the header.
    [[nodiscard]] std::uint32_t data_blocks() const noexcept {
        return std::uint32_t{unit_blocks} * rows;
    }
    bool operator==(const run_header&) const = default;
};

/// Seeds the checksums of one chunk's blocks.
class block_seeds {
  public:
    block_seeds(group_id group, generation life, unsigned chunk) noexcept;
    /// `block`: of the chunk, counted from the extent's start.
    [[nodiscard]] std::uint32_t of(std::uint32_t block) const noexcept;

  private:
    std::uint32_t prefix_;
};

/// Writes everything but the table into the block, whose table the caller has filled; then sums it.
void encode_header(const run_header& header, bytes_span block);
inline void store_block_crc(bytes_span block, std::size_t index, std::uint32_t crc) noexcept {
    TC_ASSERT(index < table_entries);
    store_le(block.data() + table_at + index * sizeof(std::uint32_t), crc);
}
[[nodiscard]] inline std::uint32_t load_block_crc(bytes_view block, std::size_t index) noexcept {
    TC_ASSERT(index < table_entries);
    return load_le<std::uint32_t>(block.data() + table_at + index * sizeof(std::uint32_t));
}

/// Reads any 4 KiB. errc::corrupt when it is no header or does not verify against what it says of
/// itself, errc::version_unsupported when a newer build wrote it. Whether it is the *expected*
/// header is for the caller to say.
result<run_header> decode_header(bytes_view block);

/// CRC32C of `a` followed by one block, from the CRC of `a` and the block's CRC that was begun with
/// `seed`: so the CRC of long data falls out of the block checksums without another pass.
[[nodiscard]] std::uint32_t append_block_crc(std::uint32_t crc_of_a, std::uint32_t seeded_block_crc,
                                             std::uint32_t seed) noexcept;

}  // namespace taicang::run_format
