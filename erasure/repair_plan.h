// How to recompute chosen chunks of a stripe from k others: which to read, and the matrix.
//
// Threads: immutable; one plan may be applied by any number of threads at once.
// Lifetime: independent of the code that made it; held by shared_ptr<const repair_plan>.
// Invariant: sources() has exactly k chunks and shares none with outputs(); both ascend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "erasure/coding_table.h"
#include "erasure/limits.h"
#include "erasure/result.h"

namespace taicang::erasure {

class repair_plan {
  public:
    // Made by reed_solomon::plan_repair.
    repair_plan(std::vector<uint8_t> sources, std::vector<uint8_t> outputs,
                std::span<const uint8_t> matrix);

    // Chunk indices, in the order in which apply() takes their buffers.
    std::span<const uint8_t> sources() const { return sources_; }
    std::span<const uint8_t> outputs() const { return outputs_; }
    chunk_mask source_mask() const;
    chunk_mask output_mask() const;

    // Recomputes `length` bytes of every output from the same range of every source. The range may
    // be any part of the chunks, as long as it is the same part of all. Errors: chunk_count,
    // null_chunk.
    result<void> apply(std::span<const std::byte* const> sources,
                       std::span<std::byte* const> outputs, size_t length) const;

  private:
    std::vector<uint8_t> sources_;
    std::vector<uint8_t> outputs_;
    coding_table table_;
};

}  // namespace taicang::erasure
