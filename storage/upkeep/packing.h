// Packing: a consumer of the journal that moves the bytes of small objects from records into
// stripes, many to a run, so that journal segments can be recycled. Its cursor is the journal's
// position up to which nothing is left to move. Threads: the shard's executor. Lifetime: borrows
// all it is given. It packs full runs only, until the journal is half full: then whatever is there.
#pragma once

#include <array>
#include <vector>

#include "storage/base/job.h"
#include "storage/journal/journal.h"
#include "storage/upkeep/relocator.h"

namespace taicang {

class packing_job final : public job {
  public:
    packing_job(journal& log, sequencer& decisions, stripe_store& stripes, relocator& mover);

    [[nodiscard]] std::string_view name() const override { return "packing"; }
    task<result<job_state>> step() override;
    [[nodiscard]] job_progress progress() const override;
    /// Records below this hold no bytes that a live blob rests on.
    [[nodiscard]] lsn bound() const;
    /// Packs all there is, full runs or not; for a clean shutdown, checkpoints of tests and
    /// `drain`.
    task<result<void>> drain();

  private:
    task<result<bool>> scan();
    task<result<void>> pack(tier_id tier);
    result<void> gather(journal_record record);

    journal& log_;
    sequencer& decisions_;
    stripe_store& stripes_;
    relocator& mover_;
    lsn scanned_;  // everything up to here was looked at
    lsn seen_last_;
    struct waiting {
        std::vector<packed_item> items;
        std::size_t bytes = 0;
    };
    std::array<waiting, tier_count> waiting_;
};

}  // namespace taicang
