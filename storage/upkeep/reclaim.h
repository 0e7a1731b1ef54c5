// Reclaim: gives space back. Three steps: superseded rows that no view needs any more are purged;
// sealed groups without live bytes are freed; live blobs of mostly dead groups are moved so that
// these can be freed. Threads: the shard's executor. Lifetime: borrows all it is given. Crash order
// (free a group): group_drop durable and applied -> extents removed once nobody holds the group. A
// crash in between leaves extents that no row names; the next start removes them.
#pragma once

#include <string>
#include <vector>

#include "storage/base/job.h"
#include "storage/index/index.h"
#include "storage/upkeep/relocator.h"

namespace taicang {

struct reclaim_figures {
    std::uint64_t groups_freed = 0;
    std::uint64_t groups_compacted = 0;
    std::uint64_t rows_purged = 0;
};

class reclaim_job final : public job {
  public:
    reclaim_job(environment& env, index& rows, sequencer& decisions, stripe_store& stripes,
                relocator& mover);

    [[nodiscard]] std::string_view name() const override { return "reclaim"; }
    task<result<job_state>> step() override;
    [[nodiscard]] job_progress progress() const override;
    [[nodiscard]] const reclaim_figures& figures() const noexcept { return figures_; }

  private:
    task<result<bool>> free_groups();
    task<result<bool>> purge_rows();
    task<result<bool>> purge_one(std::string retired_key);
    task<result<bool>> compact_one();
    task<result<void>> compact(group_row group);
    task<result<void>> compact_packed(group_row group, run_description run);
    [[nodiscard]] bool can_be_freed(const group_row& group) const;
    [[nodiscard]] std::optional<group_row> mostly_dead() const;

    environment& env_;
    index& rows_;
    sequencer& decisions_;
    stripe_store& stripes_;
    relocator& mover_;
    reclaim_figures figures_;
    group_id compacted_last_{0};
};

}  // namespace taicang
