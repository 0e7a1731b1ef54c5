// The journal's bytes on disk, version 1: offsets of the batch header and of the record header,
// both little-endian. The page docs/formats/journal.md has the grammar and a worked example;
// tests/golden/journal_batch.hex holds the bytes. Constants only; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "storage/base/limits.h"

namespace taicang::journal_format {

/// "TCJBATCH", read as a little-endian number.
inline constexpr std::uint64_t batch_magic = 0x4843544142'4a4354ULL;
inline constexpr std::uint16_t batch_version = 1;
/// Batches begin at multiples of this, and are padded with zeros to one.
inline constexpr std::size_t batch_alignment = 4096;

/// The header of a batch as it lies on disk. Never read through this type: it names offsets.
struct batch_header_layout {
    std::uint64_t magic;
    std::uint16_t version;
    std::uint16_t reserved_a;
    std::uint32_t record_count;
    std::uint64_t segment;
    std::uint64_t epoch;
    std::uint64_t offset;    ///< of this header in the segment
    std::uint64_t sequence;  ///< batches before it in the segment
    std::uint64_t first_lsn;
    std::uint64_t last_acknowledged;  ///< the highest acknowledged LSN when this header was built
    std::array<std::byte, 32> chain_before;
    std::array<std::byte, 32> chain_after;
    std::uint32_t length;  ///< header and records, without the padding
    std::uint32_t
        body_crc;  ///< CRC32C of [header_bytes, length), seeded with segment, epoch, offset
    std::uint32_t reserved_b;
    std::uint32_t header_crc;  ///< CRC32C of the bytes before it
};
static_assert(sizeof(batch_header_layout) == 144);
static_assert(offsetof(batch_header_layout, version) == 8);
static_assert(offsetof(batch_header_layout, record_count) == 12);
static_assert(offsetof(batch_header_layout, segment) == 16);
static_assert(offsetof(batch_header_layout, epoch) == 24);
static_assert(offsetof(batch_header_layout, offset) == 32);
static_assert(offsetof(batch_header_layout, sequence) == 40);
static_assert(offsetof(batch_header_layout, first_lsn) == 48);
static_assert(offsetof(batch_header_layout, last_acknowledged) == 56);
static_assert(offsetof(batch_header_layout, chain_before) == 64);
static_assert(offsetof(batch_header_layout, chain_after) == 96);
static_assert(offsetof(batch_header_layout, length) == 128);
static_assert(offsetof(batch_header_layout, body_crc) == 132);
static_assert(offsetof(batch_header_layout, header_crc) == 140);
inline constexpr std::size_t batch_header_bytes = sizeof(batch_header_layout);

/// The fixed header of a record; exactly these bytes are chained. Body and payload follow it.
struct record_header_layout {
    std::uint64_t position;
    std::uint64_t clock;
    std::uint64_t set_sequence;
    std::uint32_t shard;
    std::uint32_t set;
    std::uint16_t origin;
    std::uint16_t kind;
    std::uint16_t flags;
    std::uint16_t reserved;
    std::uint32_t body_length;
    std::uint32_t payload_length;
    std::array<std::byte, 32> body_digest;
    std::array<std::byte, 32> payload_digest;
};
static_assert(sizeof(record_header_layout) == 112);
static_assert(offsetof(record_header_layout, set_sequence) == 16);
static_assert(offsetof(record_header_layout, shard) == 24);
static_assert(offsetof(record_header_layout, origin) == 32);
static_assert(offsetof(record_header_layout, reserved) == 38);
static_assert(offsetof(record_header_layout, body_length) == 40);
static_assert(offsetof(record_header_layout, body_digest) == 48);
static_assert(offsetof(record_header_layout, payload_digest) == 80);
inline constexpr std::size_t record_header_bytes = sizeof(record_header_layout);

/// Feature bits of the segment map (root section `journal`); a build refuses bits it does not know.
inline constexpr std::uint32_t known_ro_compat_features = 0;
inline constexpr std::uint32_t known_incompat_features = 0;

static_assert(limits::journal_segment_bytes_max <= UINT32_MAX, "offsets in tables are 32 bits");
static_assert(limits::batch_bytes_max % batch_alignment == 0);

}  // namespace taicang::journal_format
