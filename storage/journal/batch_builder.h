// A batch that gathers records in memory: headers encoded and chained, bodies and payloads copied
// once, into a page-aligned buffer that goes to the disks as it is. Threads: the shard's executor.
// Lifetime: gathering -> placed (may be placed again in another segment after an ensemble change:
// records and chain stay, only the header and the seeded CRC change) -> durable, then read-only.
#pragma once

#include <cstdint>
#include <vector>

#include "storage/base/buffer.h"
#include "storage/journal/batch_decoder.h"
#include "storage/journal/record.h"
#include "storage/journal/segment_table.h"

namespace taicang {

/// Bytes a record takes in a batch.
[[nodiscard]] constexpr std::uint64_t encoded_record_bytes(
    std::uint64_t body_and_payload) noexcept {
    return journal_format::record_header_bytes + body_and_payload;
}

class batch_builder {
  public:
    /// `capacity_hint`: what the last batches took; grown as needed.
    batch_builder(buffer_pool& pool, std::size_t capacity_hint, lsn first,
                  const sha256_digest& chain);

    /// Adds the next record and gives back the chain after it. Digests are computed where the draft
    /// lacks them.
    const sha256_digest& add(const record_draft& draft, shard_id shard);

    /// Fixes the batch to a place: header, CRCs, zero padding.
    void place(const batch_position& position, std::uint64_t sequence, lsn last_acknowledged);

    [[nodiscard]] lsn first() const noexcept { return header_.first; }
    [[nodiscard]] lsn last() const noexcept { return header_.last(); }
    [[nodiscard]] std::uint32_t record_count() const noexcept { return header_.record_count; }
    [[nodiscard]] std::uint64_t length() const noexcept { return header_.length; }
    [[nodiscard]] std::uint64_t padded_length() const noexcept { return header_.padded_length(); }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return bytes_.capacity(); }
    [[nodiscard]] const batch_header& header() const noexcept { return header_; }
    [[nodiscard]] const std::vector<payload_place>& payloads() const noexcept { return payloads_; }
    /// The padded batch; valid once placed.
    [[nodiscard]] bytes_view view() const noexcept { return bytes_.view(); }

  private:
    void reserve(std::uint64_t length);

    buffer_pool* pool_;
    buffer bytes_;
    batch_header header_;
    std::vector<payload_place> payloads_;
};

}  // namespace taicang
