// The journal of a shard: a totally ordered, hash-chained log of records on ensembles of m+1
// devices, with group commit. Threads: the shard's executor. Lifetime: borrows env and devices;
// stop() before destruction. Crash order (commit): batch written on every ensemble member -> each
// write completed -> flush on every member, issued after -> durable callback. A member that fails:
// fenced; segment sealed at the last acknowledged batch and the next one opened on m+1 healthy
// devices, both durable in the root (with the fencing) -> unacknowledged batches rewritten there
// unchanged -> only then acknowledged. Crash order (free): release_below() -> root without the
// segment durable -> extents removed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/device/device_set.h"
#include "storage/io/environment.h"
#include "storage/journal/record.h"

namespace taicang {

struct journal_options {
    tier_id tier = tier_id::nvme;
    unsigned ensemble_parity = 2;  ///< m: the largest of all tiers; ensembles have m+1 members
    std::uint64_t bytes_max = 1ULL << 30;  ///< cap of retained segments (logical, one copy)
    unsigned segments_prepared =
        2;  ///< opened ahead, so that a root write is off the commit's path
    bool accept_loss = false;
    bool read_only = false;   ///< recovers in memory, writes nothing (inspect, fsck)
    bool verify_all = false;  ///< also reads every sealed segment at open (fsck)
};

struct journal_figures {
    lsn first_retained, last_appended, last_durable;
    ensemble_epoch epoch;
    std::uint64_t segments = 0;
    std::uint64_t bytes_retained = 0;
    std::uint64_t bytes_max = 0;
    std::uint64_t bytes_appended = 0;  ///< records with headers and padding, one copy, since open()
    std::uint64_t commits = 0;
    nanoseconds commits_took = 0;  ///< from taking a batch to its being durable, summed
    std::uint64_t records = 0;
    std::vector<std::string> ensemble;  ///< device uuids of the open segment
    std::uint64_t segments_prepared = 0;
    std::uint64_t segments_degraded =
        0;  ///< full segments with a copy on a device that is not active
    std::uint64_t copies_restored = 0;  ///< since open
    std::string failure;                ///< why nothing can be appended; empty when it can
};

class journal {
  public:
    journal() = default;
    journal(const journal&) = delete;
    journal& operator=(const journal&) = delete;
    virtual ~journal() = default;

    /// Recovers: merges the copies of every segment batch by batch, refuses damage
    /// (errc::journal_damaged), makes the merged chain durable on m+1 and opens the next
    /// ensemble_epoch. The records are then read with read_from().
    static task<result<std::unique_ptr<journal>>> open(environment& env, device_set& devices,
                                                       journal_options options);
    /// Commits what is queued and closes. Records not durable by then fail with errc::stopped.
    virtual task<void> stop() = 0;

    /// Waits until a record of this many body+payload bytes may be appended; errc::journal_full
    /// when the cap is reached (the caller may wait for packing and ask again), errc::stripe_narrow
    /// with fewer than m+1 devices, errc::stopped. Jobs may use a reserve (one segment), so that
    /// packing and freeing go on when clients have to wait. errc::invalid_argument when the record
    /// would not fit a segment. A long backlog is waited for, space never is.
    virtual task<result<void>> admit(std::uint64_t bytes,
                                     record_kind kind = record_kind::mutation) = 0;
    /// Queues a record and gives its LSN: the next one, without gaps. Commit happens behind, in
    /// order.
    virtual lsn append(record_draft draft) = 0;
    /// Called on the executor, in LSN order, when everything up to `last` is durable. One consumer:
    /// the sequencer.
    virtual void on_durable(std::function<void(lsn last)> consumer) = 0;
    /// Called once when the journal can never commit again (errc::quorum_lost, ...): pending
    /// records are unknown.
    virtual void on_failure(std::function<void(const error&)> consumer) = 0;

    /// The next records from `from` on, up to about `bytes_max` bytes (at least one), only durable
    /// ones; empty at the end. Verified against chain and digests. `with_payload` false reads
    /// headers and bodies only.
    virtual task<result<std::vector<journal_record>>> read_from(lsn from, std::size_t bytes_max,
                                                                bool with_payload) = 0;
    /// Bytes [offset, offset+into.size()) of the payload of a durable record, checked against a CRC
    /// of the range's enclosing blocks or the whole payload; tries every copy before errc::corrupt.
    /// errc::not_found once released.
    virtual task<result<void>> read_payload(lsn position, std::uint64_t offset,
                                            bytes_span into) = 0;
    /// Segments that hold only records below `bound` may be recycled. Monotonic. Reads in flight
    /// keep theirs.
    virtual void release_below(lsn bound) = 0;

    [[nodiscard]] virtual lsn last_appended() const = 0;
    [[nodiscard]] virtual lsn last_durable() const = 0;
    [[nodiscard]] virtual lsn first_retained() const = 0;
    /// Fraction 0..1 of the cap in use; packing hurries above one half.
    [[nodiscard]] virtual double fill() const = 0;
    [[nodiscard]] virtual journal_figures figures() const = 0;
    /// Extents in use, as (device, name), for orphan removal and fsck.
    [[nodiscard]] virtual std::vector<std::pair<uuid, extent_name>> extents() const = 0;
};

}  // namespace taicang
