// Where rows were deleted: a histogram over keys, bounded whatever is deleted. It only steers
// compactions, so it may be coarse and is not kept over a restart.
// Threads: the shard's executor. Lifetime: a value. Invariant: ranges are in key order and
// disjoint.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/index/effects.h"

namespace taicang {

class deleted_ranges {
  public:
    struct range {
        std::string from, to;  ///< both belong to it
        std::uint64_t rows = 0;
    };

    /// Counts the deletions of a batch in families that are scanned; what is read by whole keys
    /// only costs nothing once it is gone.
    void note(const std::vector<row_op>& batch);
    void add(std::string_view key);
    /// Drops what is counted in ranges that lie wholly within.
    void forget(std::string_view from, std::string_view to);
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
    /// In key order; at most 2 * limits::index_deleted_ranges_max.
    [[nodiscard]] std::vector<range> list() const;

  private:
    struct last_and_rows {
        std::string to;
        std::uint64_t rows = 0;
    };
    void coarsen();
    std::map<std::string, last_and_rows, std::less<>> ranges_;  // by first key
    std::uint64_t rows_ = 0;
};

}  // namespace taicang
