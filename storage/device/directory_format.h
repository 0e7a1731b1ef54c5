// Extent directory of a device, format v1 (docs/formats/superblock.md): what stands on each place.
// Values and pure functions; any thread. Free of coroutines and I/O: fuzzers and `inspect` use it.
// Invariants: an entry never straddles a 512-byte sector, so a torn block leaves each entry old or
// new; the checksum is seeded with the device and the place, so an entry that landed elsewhere does
// not verify. All zero does not verify.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"

namespace taicang::device_format {

inline constexpr std::size_t directory_entry_bytes = 128;
inline constexpr std::size_t directory_block_bytes = 4096;
inline constexpr std::size_t directory_entries_per_block =
    directory_block_bytes / directory_entry_bytes;
inline constexpr std::size_t disk_sector_bytes = 512;
inline constexpr std::uint8_t directory_entry_version = 1;
inline constexpr std::uint8_t extent_purpose_max = 3;

static_assert(disk_sector_bytes % directory_entry_bytes == 0, "an entry straddles a sector");
static_assert(directory_block_bytes % disk_sector_bytes == 0);

enum class place_state : std::uint8_t { free = 1, live = 2 };

struct directory_entry {
    place_state state = place_state::free;
    std::uint8_t purpose = 0;  ///< extent_purpose; 0 when free
    bool sealed = false;
    bool written = false;  ///< the place was written to its end, or nearly, and its space kept
    std::uint32_t shard = 0;
    std::uint64_t term = 0;
    std::uint64_t sequence = 0;
    std::uint64_t life = 0;  ///< creates on this place so far; never goes back, kept when freed
    std::uint64_t sealed_length = 0;
    bool operator==(const directory_entry&) const = default;
};

namespace directory_at {
inline constexpr std::size_t crc = 0;  ///< CRC32C of device uuid, place (u64), bytes 4..127
inline constexpr std::size_t version = 4;
inline constexpr std::size_t state = 5;
inline constexpr std::size_t purpose = 6;
inline constexpr std::size_t flags = 7;  ///< bit 0 sealed, bit 1 written
inline constexpr std::size_t shard = 8;
inline constexpr std::size_t term = 16;
inline constexpr std::size_t sequence = 24;
inline constexpr std::size_t life = 32;
inline constexpr std::size_t sealed_length = 40;
inline constexpr std::size_t end = 48;  ///< the rest is zero, for later
}  // namespace directory_at

static_assert(directory_at::term % 8 == 0 && directory_at::sealed_length % 8 == 0);
static_assert(directory_at::end <= directory_entry_bytes);

inline constexpr std::uint8_t directory_flag_sealed = 1;
inline constexpr std::uint8_t directory_flag_written = 2;

/// `into` is directory_entry_bytes long.
void encode_directory_entry(const directory_entry& from, const uuid& device, std::uint64_t place,
                            bytes_span into);
/// errc::corrupt.
result<directory_entry> decode_directory_entry(bytes_view bytes, const uuid& device,
                                               std::uint64_t place);

}  // namespace taicang::device_format
