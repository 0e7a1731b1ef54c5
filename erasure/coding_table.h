// The kernel of encode and repair: a matrix over GF(2^8), expanded for ISA-L, times chunks.
//
// Threads: immutable once built; any number of threads may apply one at the same time.
// Lifetime: owns its tables; never keeps a caller's pointer.
// Invariant: tables_ has 32 bytes for each of rows x columns coefficients.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "erasure/result.h"

namespace taicang::erasure {

class coding_table {
  public:
    // `matrix` is row-major, rows x columns coefficients; columns are inputs, rows are outputs.
    coding_table(size_t rows, size_t columns, std::span<const uint8_t> matrix);

    size_t rows() const { return rows_; }
    size_t columns() const { return columns_; }

    // outputs[r][b] = sum over c of matrix[r][c] * inputs[c][b] for every byte b below `length`.
    // Any alignment, any length. Outputs may not overlap inputs or each other.
    result<void> apply(std::span<const std::byte* const> inputs,
                       std::span<std::byte* const> outputs, size_t length) const;

  private:
    size_t rows_;
    size_t columns_;
    size_t sub_block_bytes_;
    std::vector<uint8_t> tables_;
};

}  // namespace taicang::erasure
