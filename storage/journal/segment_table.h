// Finds a record in its segment: where each batch begins, and where each payload lies with its CRC.
// Threads: the shard's executor. Lifetime: belongs to its segment; dropped and built again by
// reading when limits::journal_tables_bytes_max is passed. Invariants: LSNs are dense, batches lie
// in order without overlap.
#pragma once

#include <cstdint>
#include <vector>

#include "storage/base/ids.h"
#include "storage/journal/batch_decoder.h"

namespace taicang {

struct payload_place {
    std::uint32_t offset =
        0;  ///< in the batch (in a batch's own list) or in the segment (in a table)
    std::uint32_t length = 0;
    std::uint32_t crc = 0;  ///< CRC32C of the payload
};

struct batch_place {
    lsn first;
    std::uint32_t offset = 0;  ///< in the segment
    std::uint32_t length = 0;  ///< padded
};

/// Payloads of a decoded batch, with their CRCs computed anew; offsets count from the batch's
/// start.
std::vector<payload_place> payload_places(bytes_view batch,
                                          const std::vector<record_view>& records);

class segment_table {
  public:
    /// Adds the next batch; `payloads` count from the batch's start.
    void add(const batch_place& batch, const std::vector<payload_place>& payloads);

    [[nodiscard]] bool holds(lsn position) const noexcept {
        return !payloads_.empty() && position >= batches_.front().first &&
               position.value - batches_.front().first.value < payloads_.size();
    }
    /// Of a record that it holds; the offset counts in the segment.
    [[nodiscard]] const payload_place& payload_of(lsn position) const;
    [[nodiscard]] const batch_place& batch_of(lsn position) const;
    [[nodiscard]] std::size_t bytes() const noexcept {
        return batches_.capacity() * sizeof(batch_place) +
               payloads_.capacity() * sizeof(payload_place);
    }

  private:
    std::vector<batch_place> batches_;
    std::vector<payload_place> payloads_;  ///< one a record, from the first batch's first LSN on
};

}  // namespace taicang
