// Index tidying: when many rows were deleted, has the index drop them for good where they lie
// close, and merges what was flushed lately, so that a listing costs what it shows. What reclaim is
// to bytes this is to rows; a job of its own, since a compaction takes longer than reclaim may
// wait. Threads: the shard's executor. Lifetime: borrows the index.
#pragma once

#include <cstdint>

#include "storage/base/job.h"
#include "storage/index/index.h"

namespace taicang {

class index_tidy_job final : public job {
  public:
    /// `rows_min`: fewer deleted rows than this are left to RocksDB's own compactions.
    index_tidy_job(index& rows, std::uint64_t rows_min) : rows_(rows), rows_min_(rows_min) {}

    [[nodiscard]] std::string_view name() const override { return "index_tidy"; }
    task<result<job_state>> step() override;
    [[nodiscard]] job_progress progress() const override;
    /// Tidies all that is worth it, deletions going on or not; for tests and bench.
    task<result<void>> drain();

  private:
    [[nodiscard]] bool due(std::uint64_t deleted);
    [[nodiscard]] bool merge_due(const index_figures& now);
    task<result<bool>> tidy();
    task<result<bool>> merge();
    index& rows_;
    const std::uint64_t rows_min_;
    std::uint64_t seen_ = 0;  // deleted rows at the last look
    std::uint64_t left_ = 0;  // of them not worth a compaction, when that was last asked
    bool going_ = false;
    lsn flushed_seen_;  // at the last look
    lsn merge_asked_;   // what was flushed when a merge was last not worth it
    std::uint64_t compactions_ = 0;
};

}  // namespace taicang
