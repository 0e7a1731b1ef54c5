// The sequencer of the shard: decides every change against index and pending overlay, turns it into
// a record of effects, and answers when the record is durable and applied. The only writer of
// journal and index. Threads: the shard's executor. Lifetime: borrows env, journal, index, stripes.
// Order: decide (synchronously after its reads were validated) -> journal.append -> overlay holds
// the rows -> durable -> index.apply -> overlay lets go -> waiters resume. A decision reads overlay
// before index, so it always sees every earlier decision; reads that suspend are done first, and
// decisions that conflict on a key are serialised by key locks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/base/async.h"
#include "storage/index/effects.h"
#include "storage/index/index.h"
#include "storage/journal/journal.h"
#include "storage/object/key_locks.h"
#include "storage/stripe/stripe_store.h"

namespace taicang {

/// The bytes of a small object that travel in the record.
struct inline_payload {
    bytes_view bytes;
    sha256_digest digest{};
    std::shared_ptr<void> owner;
};

/// A change, decided. `payload` is what a blob_put with a journal_place of LSN 0 refers to (the
/// record's own LSN is put in).
struct decision {
    std::vector<any_effect> effects;
    inline_payload payload;
    /// Must still be alive when the record is appended, else errc::bucket_not_found: checked in the
    /// same turn as the append, so no deletion of the bucket can come between.
    std::optional<bucket_id> bucket;
    record_kind kind = record_kind::mutation;
    /// Gives space back: may use the room of the journal that is kept for jobs.
    bool frees = false;
};

class sequencer : public group_log {
  public:
    static std::unique_ptr<sequencer> make(environment& env, journal& log, index& rows,
                                           stripe_store& stripes, shard_term term, hub_id hub);
    /// Loads buckets and live bytes of groups from the index; once, after recovery.
    virtual task<result<void>> load() = 0;

    /// Locks names (key_locks.h: classes in order keys < uploads < blobs); waits for holders.
    virtual task<name_lock> lock(std::vector<std::string> names) = 0;
    /// A row as every decision so far leaves it (overlay, then index). `pending`: the LSN that an
    /// answer resting on this row must wait for; 0 when applied.
    struct seen_row {
        std::optional<std::string> value;
        lsn pending;
    };
    virtual task<result<seen_row>> row(std::string key) = 0;
    /// Many rows at once, likewise; none of them may be changed by others until this returns (their
    /// names are locked), or the answer is only a hint.
    virtual task<result<std::vector<std::optional<std::string>>>> rows(
        std::vector<std::string> keys) = 0;
    /// The newest version row of a key, likewise.
    struct seen_version {
        std::optional<version_row> version;  ///< empty: none (a tombstone counts as none)
        lsn position;
        lsn pending;
    };
    virtual task<result<seen_version>> current_version(bucket_id bucket, std::string key) = 0;
    /// Buckets are few (limits::buckets_max): all of them are kept in memory as decided.
    struct seen_bucket {
        std::optional<bucket_row> row;  ///< empty: none
        lsn made_at;
        lsn pending;
    };
    [[nodiscard]] virtual seen_bucket bucket(std::string_view name) const = 0;
    [[nodiscard]] virtual std::vector<bucket_row> buckets() const = 0;
    [[nodiscard]] virtual std::size_t bucket_count() const = 0;
    /// The id alone, without copying a row: what nearly every request begins with.
    struct seen_bucket_id {
        std::optional<bucket_id> id;  ///< empty: none
        lsn pending;
    };
    [[nodiscard]] virtual seen_bucket_id find_bucket(std::string_view name) const = 0;
    /// Position of the newest change of any bucket: an answer about all of them rests on it.
    [[nodiscard]] virtual lsn buckets_changed() const = 0;
    /// Closes a bucket to new decisions while its emptiness is looked at: decisions for it wait
    /// until reopened or gone.
    virtual task<void> close_bucket(bucket_id bucket) = 0;
    /// A closed bucket is about to go: decisions for it that wait, and new ones, are refused with
    /// errc::conflict, so that they let go of their locks.
    virtual void end_bucket(bucket_id bucket) = 0;
    virtual void reopen_bucket(bucket_id bucket) = 0;
    /// True when a closed bucket has no object version, pending ones included; uploads in progress
    /// do not count.
    virtual task<result<bool>> bucket_is_empty(bucket_id bucket) = 0;

    /// Appends the decision's record (call with the locks held, after the last suspending read) and
    /// waits until it is durable and applied. errc::outcome_unknown when the journal failed
    /// meanwhile; errc::journal_full before anything.
    virtual task<result<lsn>> commit(decision change) = 0;
    /// The same; lets go of the locks as soon as the record is appended, since whoever decides next
    /// finds it in the overlay. Decisions on one key so share a group commit.
    virtual task<result<lsn>> commit(decision change, name_lock held) = 0;
    /// Waits until a pending LSN is durable and applied, for refusals that rest on it.
    virtual task<result<void>> settled(lsn position) = 0;

    [[nodiscard]] virtual blob_id next_blob_id() = 0;
    [[nodiscard]] virtual bucket_id next_bucket_id() = 0;
    [[nodiscard]] virtual hybrid_clock now() = 0;

    /// Views older than head that must stay readable; nothing a pin needs is purged.
    virtual void pin_view(lsn view) = 0;
    virtual void unpin_view(lsn view) = 0;
    [[nodiscard]] virtual lsn min_pinned() const = 0;  ///< greatest LSN when nothing is pinned
    /// True while superseded rows must stay for a view, or some that did are not purged yet: then a
    /// row is retired, not purged, and a key ends with a tombstone, which hides what is below.
    [[nodiscard]] virtual bool keeps_superseded() const = 0;
    /// Live bytes of a group as all decisions so far leave it.
    [[nodiscard]] virtual std::int64_t live_bytes(group_id group) const = 0;
    [[nodiscard]] virtual lsn applied() const = 0;
    /// Why nothing is decided any more, until the next start: the journal failed, or what it holds
    /// durably could not be applied to the index. Empty while decisions are taken.
    [[nodiscard]] virtual std::string failure() const = 0;
    virtual task<void> stop() = 0;
};

}  // namespace taicang
