// The index over one RocksDB. Internal to the room: the checkpoint store needs the database behind
// an index. Threads: the shard's executor; what runs on a pool touches the database, the counters
// and its own locals only. Lifetime: borrows env; stop() ends it, or destruction when nothing is in
// flight (a crash in simulation).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/async.h"
#include "storage/index/deleted_ranges.h"
#include "storage/index/index.h"
#include "storage/index/rocks.h"
#include "storage/io/reactor.h"

namespace taicang {

namespace rocks {

/// Keeps a gate entered for a scope; false when the gate is closed.
class hold {
  public:
    explicit hold(gate& where) : where_(where.try_enter() ? &where : nullptr) {}
    ~hold() {
        if (where_ != nullptr) where_->leave();
    }
    hold(const hold&) = delete;
    hold& operator=(const hold&) = delete;
    explicit operator bool() const { return where_ != nullptr; }

  private:
    gate* where_;
};

}  // namespace rocks

class rocks_index final : public index {
  public:
    rocks_index(environment& env, index_options options);
    ~rocks_index() override;

    /// Opens the database that is there, or makes an empty one.
    task<result<void>> start(bool create);

    task<void> stop() override;
    task<result<void>> apply(std::vector<row_op> rows, lsn up_to) override;
    task<result<std::optional<std::string>>> get(std::string key) override;
    task<result<std::vector<std::optional<std::string>>>> get_many(
        std::vector<std::string> keys) override;
    task<result<std::optional<index_entry>>> first_with_prefix(std::string prefix) override;
    task<result<void>> with_cursor(unique_function<result<void>(index_cursor&)> body) override;
    [[nodiscard]] lsn applied() const override { return applied_; }
    [[nodiscard]] lsn flushed() const override { return watch_->flushed(); }
    task<result<void>> flush() override;
    task<result<void>> compact_range(std::string from, std::string to) override;
    task<result<bool>> tidy() override;
    task<result<bool>> merge_recent() override;
    [[nodiscard]] index_figures figures() const override;

    /// Opens what is there, checks that it is an index of this hub, and gives its applied LSN.
    /// Blocks.
    static result<lsn> applied_of(const index_options& options);

    // For the checkpoint store.
    [[nodiscard]] rocksdb::DB& database() { return *db_; }
    [[nodiscard]] rocksdb::Env& files() { return *files_; }
    [[nodiscard]] const index_options& options() const { return options_; }
    /// Where calls that take seconds run.
    [[nodiscard]] worker_pool& slow_pool();
    /// Held by whoever uses the database across a suspension; stop() waits for it.
    [[nodiscard]] gate& in_use() { return gate_; }

  private:
    rocksdb::Status flush_once();
    struct opened {
        std::unique_ptr<rocksdb::DB> db;
        lsn applied;
    };
    static result<opened> open_database(const index_options& options, rocksdb::Options settings,
                                        bool create);
    [[nodiscard]] error stopped() const;
    /// In simulation every so many reads go by the pool, so that both ways are walked; which ones
    /// follows from the run.
    [[nodiscard]] bool must_go_by_pool();
    result<std::vector<std::optional<std::string>>> read_rows(const std::vector<std::string>& keys);
    result<std::optional<std::string>> read_row(const std::string& key, bool cached_only,
                                                bool& missed);
    /// The first row under `prefix`. `through`: null, or a place for an iterator that further calls
    /// may share as long as the index does not change; only whole prefixes use it.
    result<std::optional<index_entry>> read_first(const std::string& prefix, bool cached_only,
                                                  bool& missed,
                                                  std::unique_ptr<rocksdb::Iterator>* through);
    [[nodiscard]] rocksdb::ReadOptions reading(bool cached_only) const;
    void keep_rows_now_fresh();
    rocksdb::Status write(const std::vector<row_op>& rows, lsn up_to, rocksdb::WriteBatch& batch);
    task<rocksdb::Status> write_stalled(rocksdb::WriteBatch& batch, rocksdb::Status refused);
    /// In simulation every so many batches go by the pool, whatever their size.
    [[nodiscard]] worker_pool* writer_of(std::size_t rows);

    environment& env_;
    index_options options_;
    std::shared_ptr<rocksdb::Env> files_;
    std::unique_ptr<rocks::slow_pool> slow_pool_;  ///< none in simulation
    std::unique_ptr<worker_pool> apply_thread_;    ///< none in simulation
    std::shared_ptr<rocks::flush_watch> watch_;
    std::unique_ptr<rocksdb::DB> db_;
    /// What looks up single keys shares one iterator until the index changes: making one costs more
    /// than moving it. It pins memtables and files, so flushes and compactions drop it too.
    std::unique_ptr<rocksdb::Iterator> rows_now_;
    rocksdb::SequenceNumber rows_now_at_ = 0;  ///< what it sees
    lsn applied_;
    bool applying_ = false;
    std::uint64_t reads_ = 0;
    std::uint64_t applies_ = 0;
    rocks::counters count_;
    deleted_ranges deleted_;
    std::vector<deleted_ranges::range> tidying_;  ///< what is left of the compactions chosen last
    async_mutex compacting_;
    gate gate_;
};

}  // namespace taicang
