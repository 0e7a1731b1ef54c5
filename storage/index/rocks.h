// What the index room needs of RocksDB beside a database: options, the order and prefixes of keys,
// errors, counters, and a worker pool of its own for calls that take seconds (flush, compaction,
// reading files for a checkpoint). Internal to the room: the only headers with RocksDB in them are
// this one and index_impl.h. Threads: stated at each. Lifetime: values and shared owners.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/iterator.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/threadpool.h>

#include "storage/base/executor.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/index/index.h"

namespace taicang {

/// The simulated hub's file systems. wipe() starts a new one; an index that is still open on the
/// old one keeps that.
struct index_media::state {
    std::shared_ptr<rocksdb::Env> files;
};

namespace rocks {

inline constexpr std::string_view meta_applied = "applied";
inline constexpr std::string_view meta_identity = "identity";
inline constexpr std::string_view meta_layout = "layout";
/// Layout of keys and families as a whole; rows have versions of their own.
inline constexpr std::uint64_t layout_version = 1;

inline rocksdb::Slice slice(std::string_view text) {
    return {text.data(), text.size()};
}
inline std::string_view view(const rocksdb::Slice& text) {
    return {text.data(), text.size()};
}

/// The applied LSN that the files hold, without memtables; 0 when they do not tell. Any thread.
lsn persisted_position(rocksdb::DB& db);

/// Follows which LSN the files hold. Any thread: flushed() is asked by the executor while RocksDB's
/// flush threads raise it.
class flush_watch final : public rocksdb::EventListener {
  public:
    void raise(lsn position);
    [[nodiscard]] lsn flushed() const;
    void OnFlushCompleted(rocksdb::DB* db, const rocksdb::FlushJobInfo& info) override;

  private:
    std::atomic<std::uint64_t> flushed_{0};
};

/// The file system that `options` mean. Any thread.
std::shared_ptr<rocksdb::Env> file_system(const index_options& options);
rocksdb::Options make_options(const index_options& options, rocksdb::Env* files,
                              std::shared_ptr<flush_watch> watch);

/// The error of a failed call, `doing` said first ("opening", "reading"). Any thread.
error to_error(const rocksdb::Status& status, std::string_view doing, const std::string& directory);
/// The same for a failed open: what a restore mends is errc::index_lost.
error to_open_error(const rocksdb::Status& status, const std::string& directory);

/// Removes the files that have RocksDB's names from a directory that exists, and the directory when
/// it is empty then: a wrong directory costs nobody anything else. Fails while another process has
/// the database open.
rocksdb::Status clear_database(rocksdb::Env& files, const std::string& directory);

/// True when `prefix` is a whole key prefix that filters know.
bool is_filtered_prefix(std::string_view prefix);

/// A few threads for RocksDB calls that take seconds, so that a long compaction never stands before
/// a read. Lifetime: its destruction waits for what runs. submit(): any thread.
class slow_pool final : public worker_pool {
  public:
    slow_pool();
    ~slow_pool() override;
    void submit(work w) override;

  private:
    static constexpr int threads = 3;  // a flush or a stalled write need not wait for a compaction
    std::unique_ptr<rocksdb::ThreadPool> pool_;
};

struct counters {
    std::atomic<std::uint64_t> seeks{0}, nexts{0}, gets{0}, pool_reads{0};
    std::atomic<std::uint64_t> block_reads{0}, blocks{0}, deleted_skipped{0};
};

/// Adds what the calling thread read during the scope's life.
class count_scope {
  public:
    explicit count_scope(counters& into);
    ~count_scope();
    count_scope(const count_scope&) = delete;
    count_scope& operator=(const count_scope&) = delete;

  private:
    struct seen {
        std::uint64_t block_reads = 0, blocks = 0, deleted = 0;
    };
    static seen now();
    counters& into_;
    seen before_;
};

/// index_cursor over a RocksDB iterator; one thread at a time.
class cursor final : public index_cursor {
  public:
    cursor(std::unique_ptr<rocksdb::Iterator> rows, counters& count, const std::string& directory)
        : rows_(std::move(rows)), count_(count), directory_(directory) {}
    void seek(std::string_view key) override;
    void next() override;
    [[nodiscard]] bool valid() const override { return rows_->Valid(); }
    [[nodiscard]] std::string_view key() const override { return view(rows_->key()); }
    [[nodiscard]] std::string_view value() const override { return view(rows_->value()); }
    [[nodiscard]] result<void> status() const override;

  private:
    std::unique_ptr<rocksdb::Iterator> rows_;
    counters& count_;
    const std::string& directory_;
};

}  // namespace rocks
}  // namespace taicang
