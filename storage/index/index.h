// The index: rows in RocksDB, a consumer of the journal that can always be rebuilt from a
// checkpoint and the journal. Threads: the shard's executor; calls that may block go to
// env.index_reads inside, and batches of many rows are written by a thread of the index. Lifetime:
// borrows env; stop() first. Invariants: the applied LSN is in the same atomic batch as the rows;
// the index never leads the durable journal (only durable records are applied); no WAL: after a
// crash the journal replays from applied+1.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/limits.h"
#include "storage/base/result.h"
#include "storage/base/task.h"
#include "storage/index/effects.h"
#include "storage/io/environment.h"

namespace taicang {

struct index_options {
    std::string directory;
    bool in_memory =
        false;  ///< simulation: RocksDB on an in-memory file system kept by index_media
    class index_media* media = nullptr;
    std::size_t block_cache_bytes = 64U << 20;
    std::size_t memtable_bytes = 32U << 20;
    std::uint64_t tidy_rows_min = limits::index_tidy_rows_min;
    std::uint64_t tidy_step_bytes = limits::index_tidy_step_bytes;
    bool read_only = false;
    std::string
        identity;  ///< whose index this is (the hub's uuid); another one's is errc::index_lost
};

/// The in-memory file system of a simulated hub's index; outlives crashes of the hub.
class index_media {
  public:
    index_media();
    ~index_media();
    index_media(const index_media&) = delete;
    index_media& operator=(const index_media&) = delete;
    /// Loses everything (the index directory was removed).
    void wipe();

    struct state;
    std::unique_ptr<state> state_;
};

struct index_figures {
    lsn applied, flushed;
    std::uint64_t seeks = 0, nexts = 0, gets = 0;
    std::uint64_t gets_from_pool = 0;   ///< gets and seeks that missed the block cache
    std::uint64_t block_reads = 0;      ///< blocks of any kind read from files
    std::uint64_t blocks = 0;           ///< blocks of rows looked at, cached or not
    std::uint64_t deleted_skipped = 0;  ///< deleted rows that reads had to pass over
    std::uint64_t deleted_rows = 0;     ///< since they were last tidied away, in scanned families
    std::uint64_t level0_files = 0;     ///< sorted runs beside the levels
    std::uint64_t bytes_on_disk = 0, rows_estimated = 0;
};

struct index_entry {
    std::string key;
    std::string value;
};

/// A consistent cursor over rows: sees the index as of its creation. Bounded life: destroy it with
/// the request.
class index_cursor {
  public:
    index_cursor() = default;
    index_cursor(const index_cursor&) = delete;
    index_cursor& operator=(const index_cursor&) = delete;
    virtual ~index_cursor() = default;
    // Plain calls that may read blocks: use them from a function given to index::with_cursor (it
    // runs on the pool when blocks are not cached).
    virtual void seek(std::string_view key) = 0;
    virtual void next() = 0;
    [[nodiscard]] virtual bool valid() const = 0;
    [[nodiscard]] virtual std::string_view key() const = 0;
    [[nodiscard]] virtual std::string_view value() const = 0;
    /// Not ok when a block could not be read.
    [[nodiscard]] virtual result<void> status() const = 0;
};

class index {
  public:
    index() = default;
    index(const index&) = delete;
    index& operator=(const index&) = delete;
    virtual ~index() = default;

    /// errc::index_lost when the directory is missing, empty or cannot be opened (then restore,
    /// checkpoint.h).
    static task<result<std::unique_ptr<index>>> open(environment& env, index_options options);
    /// A new, empty index at LSN 0 (of a new hub). Removes what is there.
    static task<result<std::unique_ptr<index>>> create(environment& env, index_options options);
    /// Waits for calls in flight and closes. Flushes nothing: flush() first makes the next start
    /// short.
    virtual task<void> stop() = 0;

    /// Applies the rows of records up to and including `up_to`, atomically. One at a time; `up_to`
    /// beyond applied(). Reads meanwhile see the index as it was or as it will be, and never go
    /// back; reads after it see the rows.
    virtual task<result<void>> apply(std::vector<row_op> rows, lsn up_to) = 0;
    virtual task<result<std::optional<std::string>>> get(std::string key) = 0;
    /// The rows of many keys, in the order of the keys, by one trip to the pool.
    virtual task<result<std::vector<std::optional<std::string>>>> get_many(
        std::vector<std::string> keys) = 0;
    /// The first row that begins with `prefix`. Cheap when there is none and `prefix` is whole:
    /// bucket_prefix(name), version_prefix(), upload_prefix(), part_prefix().
    virtual task<result<std::optional<index_entry>>> first_with_prefix(std::string prefix) = 0;
    /// Runs `body` with a fresh cursor, on the pool; the cursor sees the index as it is when this
    /// is called. `body` must not touch executor state. Its error, else the cursor's own.
    virtual task<result<void>> with_cursor(unique_function<result<void>(index_cursor&)> body) = 0;

    [[nodiscard]] virtual lsn applied() const = 0;
    /// Everything up to here survives a crash.
    [[nodiscard]] virtual lsn flushed() const = 0;
    /// Flushes memtables, atomically over all rows; flushed() == applied() at the time of the call
    /// or later.
    virtual task<result<void>> flush() = 0;
    /// Drops deleted rows in a key range for good (an empty bound: no bound). May take long;
    /// errc::cancelled at stop().
    virtual task<result<void>> compact_range(std::string from, std::string to) = 0;
    /// One piece of a compaction where many rows were deleted close to each other; false when there
    /// is no such place. Takes seconds; one at a time.
    virtual task<result<bool>> tidy() = 0;
    /// Merges what was flushed lately into the levels, so that a seek looks in fewer places; false
    /// when it is little, or little beside what it would be merged with. Takes seconds.
    virtual task<result<bool>> merge_recent() = 0;
    [[nodiscard]] virtual index_figures figures() const = 0;
};

/// The row of `key` in `bucket` as of `view` (the newest row at or below it; head: the greatest
/// LSN), tombstones given as they are. Through a cursor; for views older than head.
result<std::optional<std::pair<lsn, version_row>>> version_at(index_cursor& cursor,
                                                              bucket_id bucket,
                                                              std::string_view key, lsn view);

}  // namespace taicang
