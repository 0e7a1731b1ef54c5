// How a run's data lies in its chunks: row by row over k units. Pure arithmetic shared by writer
// and reader. Threads: values, any thread. Lifetime: none. Invariant: data_blocks() <=
// limits::run_data_blocks_max, so one header block covers every chunk.
#pragma once

#include <algorithm>
#include <cstdint>

#include "storage/base/limits.h"
#include "storage/device/device_set.h"

namespace taicang {

struct run_layout {
    unsigned k = 1;
    std::uint32_t unit_bytes = limits::block_bytes;  ///< multiple of a block
    std::uint32_t rows = 1;
    std::uint32_t length = 0;  ///< data bytes; the rest of the rows is zero

    [[nodiscard]] std::uint32_t unit_blocks() const noexcept {
        return unit_bytes / static_cast<std::uint32_t>(limits::block_bytes);
    }
    /// Of one chunk, without its header.
    [[nodiscard]] std::uint32_t data_blocks() const noexcept { return rows * unit_blocks(); }
    [[nodiscard]] std::uint32_t blocks_per_chunk() const noexcept { return data_blocks() + 1; }
};

/// Data blocks that a run may have so that one chunk can take all of them (k = 1); small extents
/// hold less than a table.
std::uint32_t run_blocks_max(std::uint64_t extent_bytes) noexcept;
/// The full unit of a tier under k; smaller than the tier's own where k of those would exceed
/// `blocks_max`.
std::uint32_t full_unit_bytes(tier_id tier, unsigned k, std::uint32_t blocks_max) noexcept;
/// Most data of one run: whole rows of full units within `blocks_max`.
std::uint32_t run_data_bytes_max(tier_id tier, unsigned k, std::uint32_t blocks_max) noexcept;
/// Cuts `length` bytes. `packed_unit` 0: the unit is chosen so that little more than k blocks a row
/// are padding; else it is kept, except that data of less than one unit take a unit just large
/// enough.
run_layout plan_run(tier_id tier, unsigned k, std::uint32_t length,
                    std::uint32_t packed_unit) noexcept;

/// Blocks [low, high) of a chunk's data (0: the block after the header).
struct block_range {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    [[nodiscard]] bool empty() const noexcept { return low >= high; }
    [[nodiscard]] std::uint32_t count() const noexcept { return empty() ? 0 : high - low; }
    bool operator==(const block_range&) const = default;
};

/// Maps bytes [first, last) of a run's data to its k data chunks.
class run_span {
  public:
    run_span(unsigned k, std::uint32_t unit_bytes, std::uint64_t first, std::uint64_t last) noexcept
        : k_(k), unit_(unit_bytes), first_(first), last_(last) {}

    /// Blocks of data chunk `column` that hold bytes of the span; empty when none.
    [[nodiscard]] block_range blocks_of(unsigned column) const noexcept;
    /// Smallest range that contains the blocks of every column.
    [[nodiscard]] block_range blocks_of_all() const noexcept;
    [[nodiscard]] bool in_one_unit() const noexcept {
        return first_ / unit_ == (last_ - 1) / unit_;
    }
    [[nodiscard]] unsigned first_column() const noexcept {
        return static_cast<unsigned>(first_ / unit_ % k_);
    }
    /// Calls f(column, byte within the chunk's data, byte within the span, count) for each stretch,
    /// in order of the data.
    template <class F>
    void each_stretch(F&& f) const {
        for (std::uint64_t x = first_; x < last_;) {
            const std::uint64_t in_unit = x % unit_;
            const std::uint64_t count = std::min(unit_ - in_unit, last_ - x);
            const std::uint64_t unit_number = x / unit_;
            f(static_cast<unsigned>(unit_number % k_), unit_number / k_ * unit_ + in_unit,
              x - first_, count);
            x += count;
        }
    }

  private:
    std::uint64_t k_;
    std::uint64_t unit_;
    std::uint64_t first_;
    std::uint64_t last_;
};

}  // namespace taicang
