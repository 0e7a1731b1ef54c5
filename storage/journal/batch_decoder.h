// The pure decoder of batches: bytes in, header, records and the reason for refusal out. Recovery,
// readers, `inspect journal` and the fuzz target all stand on it. Any thread. Records found borrow
// the bytes given. No coroutines, no I/O.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/ids.h"
#include "storage/journal/batch_format.h"
#include "storage/journal/record.h"

namespace taicang {

struct batch_header {
    segment_id segment;
    ensemble_epoch epoch;
    std::uint64_t offset = 0;
    std::uint64_t sequence = 0;
    lsn first;
    lsn last_acknowledged;
    std::uint32_t record_count = 0;
    std::uint32_t length = 0;  ///< header and records
    std::uint32_t body_crc = 0;
    sha256_digest chain_before{};
    sha256_digest chain_after{};

    [[nodiscard]] lsn last() const noexcept { return lsn(first.value + record_count - 1); }
    /// Bytes taken in the segment.
    [[nodiscard]] std::uint64_t padded_length() const noexcept {
        return round_up(length, journal_format::batch_alignment);
    }
};

/// Why bytes are not a batch.
enum class batch_fault : std::uint8_t {
    none,
    no_batch,    ///< no magic: nothing was written here, or something else
    header_crc,  ///< a torn or rotten header
    version,     ///< a whole header of a version that this build does not know
    misplaced,   ///< a whole batch of another segment, epoch or offset
    structure,   ///< fields that contradict each other
    truncated,   ///< the bytes end before the batch does
    body_crc,    ///< torn or rotten records
    record,      ///< a record that does not parse, or whose LSN is not the next
    chain,       ///< record headers that do not hash to chain_after
    digest,      ///< a body or payload that does not match its record's digest
};
std::string_view batch_fault_name(batch_fault fault) noexcept;

/// Where a batch is expected; the CRC of its records is seeded with it.
struct batch_position {
    segment_id segment;
    ensemble_epoch epoch;
    std::uint64_t offset = 0;
};

struct record_view {
    record_header header;
    std::uint32_t offset = 0;  ///< of the record's header in the batch
    bytes_view body;
    bytes_view payload;
};

/// What decode_batch looks at beyond structure.
struct batch_checks {
    bool crc = true;
    bool chain = true;
    bool body_digests = false;
    bool payload_digests = false;
};

/// Reads and checks a header alone; `from` has at least batch_header_bytes.
[[nodiscard]] batch_fault decode_batch_header(bytes_view from, const batch_position& expected,
                                              batch_header& header) noexcept;

/// Checks a whole batch whose header was decoded; `batch` has at least header.length bytes. Gives
/// its records when `records` is not null.
[[nodiscard]] batch_fault decode_batch(bytes_view batch, const batch_header& header,
                                       const batch_checks& checks,
                                       std::vector<record_view>* records);

/// Writes a header with its CRC; `into` has batch_header_bytes.
void encode_batch_header(const batch_header& header, std::byte* into) noexcept;
/// CRC32C of the records of a batch, seeded with its place.
[[nodiscard]] std::uint32_t batch_body_crc(const batch_position& place,
                                           bytes_view records) noexcept;

}  // namespace taicang
