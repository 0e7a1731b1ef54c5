// Takes index checkpoints, often enough that the journal can be recycled, and tells how far journal
// retention may go. Threads: the shard's executor. Lifetime: borrows all it is given.
#pragma once

#include "storage/base/job.h"
#include "storage/index/checkpoint.h"
#include "storage/index/index.h"
#include "storage/journal/journal.h"
#include "storage/upkeep/packing.h"

namespace taicang {

class checkpoint_job final : public job {
  public:
    checkpoint_job(environment& env, journal& log, index& rows, checkpoint_store& store,
                   packing_job& packing);

    [[nodiscard]] std::string_view name() const override { return "checkpoint"; }
    task<result<job_state>> step() override;
    [[nodiscard]] job_progress progress() const override;
    /// Takes one now.
    task<result<checkpoint_info>> take();

  private:
    void release_journal();
    [[nodiscard]] bool due() const;

    environment& env_;
    journal& log_;
    index& rows_;
    checkpoint_store& store_;
    packing_job& packing_;
    std::uint64_t bytes_at_last_ = 0;
    lsn lsn_at_last_;
    nanoseconds time_of_last_ = 0;
    std::uint64_t taken_ = 0;
};

}  // namespace taicang
