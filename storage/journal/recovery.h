// Recovery: from the segment map in the root to the one chain that is the journal.
// Sealed segments end where the map says; live ones are read batch by batch from every reachable
// copy, the copies are made equal, and the end of the log is decided: a gap at or below the highest
// acknowledged LSN seen is damage, a gap above it is the unacknowledged tail. Threads: the shard's
// executor. Lifetime: one run inside journal::open. Crash order: copies made equal and flushed,
// lost ones restored -> (engine) root with the seals and the next ensemble_epoch -> first new
// batch. Crashing anywhere in between repeats the same recovery with the same outcome.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/journal/segment_copy.h"
#include "storage/journal/segment_io.h"
#include "storage/journal/segment_map.h"
#include "storage/journal/segment_walker.h"

namespace taicang {

struct recovered_journal {
    std::deque<segment_ptr> segments;  ///< full, in order, none empty
    lsn next{1};                       ///< LSN of the next record
    sha256_digest chain{};
    ensemble_epoch epoch;  ///< the highest opened so far
    segment_id next_segment{1};
    std::vector<segment_member> garbage;  ///< extents that no segment uses any more
    bool writable = false;                ///< everything live is durable on m+1
    std::optional<error> refusal;         ///< why it is not
};

struct recovery_options {
    bool accept_loss = false;
    bool read_only = false;   ///< writes nothing
    bool verify_all = false;  ///< reads sealed segments too
};

class recovery {
  public:
    recovery(segment_io& io, segment_map map, recovery_options options);
    /// errc::journal_damaged, version_unsupported, or what a disk said.
    task<result<recovered_journal>> run();

  private:
    enum class walk_end : std::uint8_t { complete, gap };

    task<result<void>> take_sealed(segment_entry entry);
    task<result<void>> take_live(std::size_t index);
    task<result<walk_end>> walk(segment_ptr into, std::uint64_t end, bool build_table);
    task<bool> mend(segment_ptr held, const walked_batch& batch);
    task<result<bool>> continues_in(std::size_t index);
    task<result<void>> decide_end(std::size_t index);
    task<result<void>> make_durable();
    task<result<restored_copies>> restore(segment_ptr held);
    task<result<void>> forget_dropped();
    void truncate_at(const segment_entry& entry, const error& why);
    void keep(segment_ptr held);
    void discard(const std::vector<segment_member>& members);

    segment_io& io_;
    segment_map map_;
    recovery_options options_;
    recovered_journal out_;
    std::vector<segment_member> dropped_;  ///< of map entries that the journal goes on without
    std::vector<segment_ptr> walked_;      ///< live ones that hold records: to be made durable
    lsn last_acknowledged_;                ///< highest seen in any whole header
    bool ended_ = false;                   ///< the log's end is known: what follows is dropped
    std::string end_reason_;
    std::uint64_t tables_bytes_ = 0;
};

}  // namespace taicang
