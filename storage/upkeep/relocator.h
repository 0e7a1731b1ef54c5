// Moves blobs to new places: the one way that bytes of small objects get from the journal into
// stripes, and that live bytes leave a group that is mostly dead. A move is journaled, atomic to
// readers, and never raises a dropped blob: the row is read again under the blob's lock before the
// record that changes it. Threads: the shard's executor. Lifetime: borrows all it is given. Crash
// order: run written and durable -> record with the new rows durable -> old place dead (journal
// segment released, or group's live bytes lowered). A crash before the record leaves dead bytes in
// the new group, nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/object/sequencer.h"
#include "storage/stripe/stripe_store.h"

namespace taicang {

/// A small blob with its bytes, as found at its present place.
struct packed_item {
    blob_id blob;
    lsn found_at;       ///< the journal record it was found in; 0 when it comes from a group
    group_id found_in;  ///< the group it comes from; 0 when from the journal
    std::string bytes;
};

struct relocation_figures {
    std::uint64_t blobs = 0;
    std::uint64_t bytes = 0;
    std::uint64_t runs = 0;
};

class relocator {
  public:
    relocator(environment& env, sequencer& decisions, stripe_store& stripes)
        : env_(env), decisions_(decisions), stripes_(stripes) {}

    /// Packs as many of the items as one run takes and commits; returns how many items, from the
    /// first, are settled (moved, or found dead or already moved).
    task<result<std::size_t>> pack(tier_id tier, std::vector<packed_item>& items);

    /// Rewrites the pieces of a large blob that lie in `from` to other groups.
    task<result<void>> move_pieces(blob_id blob, group_id from);

    [[nodiscard]] const relocation_figures& figures() const noexcept { return figures_; }

  private:
    struct packing;
    /// Which of the items that `which` picks still have their bytes where they were found: their
    /// rows, in the order of `which`.
    task<result<std::vector<std::optional<blob_row>>>> alive(const std::vector<packed_item>& items,
                                                             std::vector<std::size_t> which);
    task<result<std::size_t>> choose(const std::vector<packed_item>& items, std::uint32_t bytes_max,
                                     packing& into);
    task<result<void>> commit_packed(std::vector<packed_item>& items, const packing& plan);
    environment& env_;
    sequencer& decisions_;
    stripe_store& stripes_;
    relocation_figures figures_;
};

}  // namespace taicang
