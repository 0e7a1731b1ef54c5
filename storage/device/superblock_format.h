// Superblock of a device, format v1 (docs/formats/superblock.md): who the device is and where its
// parts lie. Values and pure functions; any thread. Free of coroutines and I/O: fuzzers and
// `inspect` use it. Invariants: two copies of 4 KiB; a copy that does not verify is as if it were
// not there; of two that verify, the one with the higher membership_epoch is the present one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"
#include "storage/base/limits.h"
#include "storage/base/result.h"
#include "storage/device/feature_bits.h"

namespace taicang::device_format {

inline constexpr std::size_t block_bytes = 4096;
inline constexpr std::size_t superblock_bytes = block_bytes;
inline constexpr std::array<std::uint64_t, 2> superblock_offsets{0, 64 * limits::kib};
inline constexpr std::string_view superblock_magic{"TAICDEV\x01", 8};
inline constexpr std::uint32_t superblock_version = 1;
inline constexpr std::size_t tiers_max = 4;

/// Members and parity of a tier when the hub was made; members 0: the hub has no such tier.
struct tier_shape {
    std::uint16_t members = 0;
    std::uint8_t parity = 0;
    bool operator==(const tier_shape&) const = default;
};

/// Where the parts of a device lie; all in bytes, multiples of 4 KiB.
struct geometry {
    std::uint64_t extent_bytes = 0;
    std::uint64_t capacity_extents = 0;
    std::uint64_t root_offset = 0;      ///< of slot 0; slot 1 follows
    std::uint64_t root_slot_bytes = 0;  ///< header block and room for the body
    std::uint64_t directory_offset = 0;
    std::uint64_t directory_bytes = 0;
    std::uint64_t extents_offset = 0;  ///< place i lies at extents_offset + i * extent_bytes
    bool operator==(const geometry&) const = default;

    [[nodiscard]] std::uint64_t root_slot_offset(unsigned slot) const noexcept {
        return root_offset + slot * root_slot_bytes;
    }
    [[nodiscard]] std::uint64_t place_offset(std::uint64_t place) const noexcept {
        return extents_offset + place * extent_bytes;
    }
};

struct superblock {
    feature_bits features;
    uuid device;
    uuid hub;
    hub_id hub_number;
    std::uint8_t tier = 0;
    std::uint8_t parity = 0;
    std::uint32_t members_created = 0;  ///< of its tier
    std::uint32_t index_created = 0;    ///< its own number among them
    membership_epoch epoch;
    timestamp_ns created_at = 0;
    geometry parts;
    std::array<tier_shape, tiers_max> tiers{};
    bool operator==(const superblock&) const = default;
};

// Offsets inside a copy. Bytes not named are zero; readers of v1 ignore them.
namespace superblock_at {
inline constexpr std::size_t magic = 0;
inline constexpr std::size_t version = 8;
inline constexpr std::size_t length = 12;
inline constexpr std::size_t compat = 16;
inline constexpr std::size_t ro_compat = 24;
inline constexpr std::size_t incompat = 32;
inline constexpr std::size_t device = 40;
inline constexpr std::size_t hub = 56;
inline constexpr std::size_t hub_number = 72;
inline constexpr std::size_t tier = 74;
inline constexpr std::size_t parity = 75;
inline constexpr std::size_t members_created = 76;
inline constexpr std::size_t index_created = 80;
inline constexpr std::size_t epoch = 88;
inline constexpr std::size_t created_at = 96;
inline constexpr std::size_t extent_bytes = 104;
inline constexpr std::size_t capacity_extents = 112;
inline constexpr std::size_t root_offset = 120;
inline constexpr std::size_t root_slot_bytes = 128;
inline constexpr std::size_t directory_offset = 136;
inline constexpr std::size_t directory_bytes = 144;
inline constexpr std::size_t extents_offset = 152;
inline constexpr std::size_t tiers = 160;  ///< members u16, parity u8, zero u8; four times
inline constexpr std::size_t end = tiers + 4 * tiers_max;
inline constexpr std::size_t crc = superblock_bytes - 4;  ///< CRC32C of all bytes before
}  // namespace superblock_at

static_assert(superblock_magic.size() == superblock_at::version - superblock_at::magic);
static_assert(superblock_at::hub - superblock_at::device == sizeof(uuid::bytes));
static_assert(superblock_at::hub_number - superblock_at::hub == sizeof(uuid::bytes));
static_assert(superblock_at::epoch % 8 == 0 && superblock_at::extents_offset % 8 == 0);
static_assert(superblock_at::end == 176 && superblock_at::end <= superblock_at::crc);
static_assert(superblock_offsets[1] >= superblock_offsets[0] + superblock_bytes);

/// The layout of a device of `capacity_extents` places.
geometry plan_geometry(std::uint64_t extent_bytes, std::uint64_t capacity_extents) noexcept;
/// errc::corrupt when parts overlap, overflow or break a limit.
result<void> check_geometry(const geometry& parts);

/// One copy, superblock_bytes long.
std::string encode_superblock(const superblock& from);
/// errc::corrupt; errc::version_unsupported for a later version. Feature bits are the caller's to
/// judge.
result<superblock> decode_superblock(bytes_view copy);

}  // namespace taicang::device_format
