// RS(k,m): k data chunks, m parity chunks, any k of the k+m give all others back.
//
// Threads: immutable; share one instance between all threads.
// Lifetime: shared_ptr<const reed_solomon>; create() hands out one instance a (k,m), kept for good
//   (at most 528 pairs, a few KiB each).
// Invariant: the matrix is the identity above a Cauchy matrix, coefficient (r,c) = 1 / (r xor c)
//   over GF(2^8) with polynomial 0x11d, r counted from k. It is part of the on-disk format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "erasure/coding_table.h"
#include "erasure/limits.h"
#include "erasure/repair_plan.h"
#include "erasure/result.h"

namespace taicang::erasure {

class reed_solomon {
  public:
    // 1 <= k, 0 <= m, k + m <= 32. m = 0 is the code `plain`: it stores and cannot repair.
    // Errors: invalid_code.
    static result<std::shared_ptr<const reed_solomon>> create(size_t k, size_t m);

    size_t k() const { return k_; }
    size_t m() const { return m_; }
    size_t n() const { return k_ + m_; }
    chunk_mask all_chunks() const;

    // Computes all m parity chunks from all k data chunks, `length` bytes each. Any alignment, any
    // length; a short last row is coded as if it were padded with zeros by the caller.
    // Errors: chunk_count, null_chunk.
    result<void> encode(std::span<const std::byte* const> data, std::span<std::byte* const> parity,
                        size_t length) const;

    // Plans the recomputation of every chunk in `wanted`, data or parity, from k of `present`.
    // A chunk that is both present and wanted is recomputed from the others, not read: so a doubted
    // chunk is checked. Of more than k candidates the lowest indices are read, data first: callers
    // who prefer some devices leave the others out of `present`.
    // Errors: chunk_index, nothing_wanted, not_recoverable.
    result<std::shared_ptr<const repair_plan>> plan_repair(chunk_mask present,
                                                           chunk_mask wanted) const;

  private:
    reed_solomon(size_t k, size_t m, std::vector<uint8_t> matrix);

    size_t k_;
    size_t m_;
    std::vector<uint8_t> matrix_;  // n x k, row-major
    coding_table parity_table_;
};

}  // namespace taicang::erasure
