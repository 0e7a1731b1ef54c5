// The checkpoint store. Internal to the room; its parts: checkpoint.cc (opening, what is kept),
// checkpoint_take.cc, checkpoint_restore.cc. Threads: the shard's executor; files of RocksDB are
// read and written on a pool. Lifetime: borrows env, devices, stripes. One take or restore at a
// time.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include <rocksdb/env.h>

#include "storage/base/async.h"
#include "storage/index/checkpoint.h"
#include "storage/index/checkpoint_format.h"
#include "storage/index/index_impl.h"

namespace taicang {

class checkpoint_keeper final : public checkpoint_store {
  public:
    checkpoint_keeper(environment& env, device_set& devices, stripe_store& stripes)
        : env_(env), devices_(devices), stripes_(stripes) {}

    task<result<void>> load();
    [[nodiscard]] std::vector<checkpoint_info> kept() const override;
    task<result<checkpoint_info>> restore(index_options options) override;
    task<result<checkpoint_info>> take(index& source) override;
    [[nodiscard]] lsn covered() const override;

  private:
    struct kept_checkpoint {
        checkpoint_root_entry root;
        checkpoint_manifest manifest;
        std::string damage;  ///< why it cannot be restored; empty: as far as known it can
    };
    /// A file of the running index as RocksDB names it.
    struct live_file {
        std::string name, path;
        std::uint64_t size = 0;
        std::string contents;  ///< instead of the file's own, when not empty
        std::optional<std::uint32_t> crc;
    };
    /// A checkpoint being taken.
    struct taking {
        std::vector<live_file> live;
        checkpoint_manifest manifest;
        std::vector<stripe_store::written> runs;
        std::vector<std::size_t> run_files;  ///< of each run, its file in the manifest
    };
    using group_set = std::set<group_id>;

    [[nodiscard]] tier_id tier() const;
    task<result<std::string>> read_manifest(const checkpoint_root_entry& entry);

    // Taking.
    task<result<checkpoint_info>> take_held(rocks_index& rows);
    static result<std::vector<live_file>> freeze(rocksdb::DB& database);
    task<result<checkpoint_info>> store(rocks_index& rows, taking& now);
    task<result<void>> store_file(rocks_index& rows, taking& now, const live_file& file);
    task<result<void>> store_manifest(const taking& now, checkpoint_root_entry& entry,
                                      std::vector<stripe_store::written>& runs);
    task<result<stripe_store::written>> write_run(bytes_view data, std::uint64_t offset);
    task<result<void>> publish(kept_checkpoint fresh);
    [[nodiscard]] const kept_checkpoint* newest_readable() const;
    [[nodiscard]] group_set groups_to_leave(const std::vector<live_file>& live) const;
    [[nodiscard]] bool is_worn(const group_row& group, std::uint64_t live_bytes) const;
    [[nodiscard]] group_set named_groups() const;
    void release_unnamed(const std::vector<stripe_store::written>& runs);
    result<std::vector<group_row>> rows_of_groups(const group_set& groups) const;

    // Restoring.
    task<result<void>> restore_one(const kept_checkpoint& from, const index_options& options,
                                   worker_pool& pool);
    task<result<void>> restore_file(const checkpoint_file& file, std::string path,
                                    rocksdb::Env& files, worker_pool& pool);

    environment& env_;
    device_set& devices_;
    stripe_store& stripes_;
    std::vector<kept_checkpoint> kept_;  ///< newest first; what the durable root names
    std::vector<kept_checkpoint>
        uncertain_;  ///< a root that failed may name them, until the next one is durable
    async_mutex turn_;
};

}  // namespace taicang
