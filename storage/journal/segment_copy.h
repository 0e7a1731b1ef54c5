// Restores lost copies: a full segment whose member's device is gone is read from the copies left,
// verified, and written to a fresh extent on a healthy device. Threads: the shard's executor.
// Lifetime: borrows io; the caller keeps the segment pinned. Crash order: new extent created and
// durable -> all batches written there -> flushed -> the caller's root names it -> the old extent
// is removed. A crash in between leaves an orphan, which open() sweeps.
#pragma once

#include <vector>

#include "storage/base/executor.h"
#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/journal/segment_io.h"

namespace taicang {

struct restored_copies {
    std::vector<segment_member> members;   ///< of the segment from now on
    std::vector<segment_member> replaced;  ///< no longer part of it
};

/// Gives the member list with every lost one replaced. `pause` is slept after each window copied
/// (0: never). errc::stripe_narrow, no_space, journal_damaged when no copy left verifies.
task<result<restored_copies>> restore_copies(segment_io& io, segment_ptr from,
                                             std::vector<device_load> loads, nanoseconds pause);

/// The sentence for a segment none of whose copies verifies at `offset`.
[[nodiscard]] error segment_unreadable(device_set& devices, const segment& from,
                                       std::uint64_t offset, lsn wanted, std::string_view found);

}  // namespace taicang
