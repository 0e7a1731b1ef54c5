// Restoring. Crash order: files written and synced in DIR.tmp -> DIR.tmp synced, opened once to see
// that it is an index of this hub -> DIR cleared -> DIR.tmp renamed to DIR -> the parent directory
// synced. A crash before the rename leaves no CURRENT in DIR, which opens as index_lost: the next
// start restores again.
#include <algorithm>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/index/checkpoint_impl.h"

namespace taicang {
namespace {

using rocksdb::Status;

std::string parent_of(const std::string& directory) {
    const std::size_t slash = directory.find_last_of('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : directory.substr(0, slash);
}

Status sync_directory(rocksdb::Env& files, const std::string& directory) {
    std::unique_ptr<rocksdb::Directory> opened;
    Status status = files.NewDirectory(directory, &opened);
    if (status.ok()) status = opened->Fsync();
    if (status.ok()) status = opened->Close();
    return status;
}

/// Removes a directory of plain files, if it is there.
Status remove_directory(rocksdb::Env& files, const std::string& directory) {
    std::vector<std::string> names;
    if (files.FileExists(directory).IsNotFound()) return Status::OK();
    Status status = files.GetChildren(directory, &names);
    for (const std::string& name : names) {
        if (name == "." || name == "..") continue;
        if (status.ok()) status = files.DeleteFile(directory + "/" + name);
    }
    if (status.ok()) status = files.DeleteDir(directory);
    return status;
}

result<void> begin(rocksdb::Env& files, const std::string& temporary) {
    Status status = remove_directory(files, temporary);
    if (status.ok()) status = files.CreateDir(temporary);
    if (!status.ok()) return rocks::to_error(status, "making", temporary);
    return ok();
}

/// Opens what was written, read-only: the manifest may be right and the rows another hub's, or
/// older than promised.
result<void> inspect(const index_options& options, const std::string& temporary, lsn applied) {
    index_options looked = options;
    looked.directory = temporary;
    looked.read_only = true;
    TC_TRY_ASSIGN(found, rocks_index::applied_of(looked));
    if (found < applied) {
        return error(errc::corrupt, "the restored index is at LSN " + std::to_string(found.value) +
                                        ", its manifest says " + std::to_string(applied.value));
    }
    return ok();
}

result<void> put_in_place(rocksdb::Env& files, const index_options& options,
                          const std::string& temporary) {
    Status status = sync_directory(files, temporary);
    if (status.ok()) status = files.CreateDirIfMissing(options.directory);
    // Removes RocksDB's files only, CURRENT among them; refuses while another process has the index
    // open.
    if (status.ok()) status = rocks::clear_database(files, options.directory);
    if (status.ok() && files.FileExists(options.directory).ok()) {
        status = files.DeleteDir(options.directory);
        if (!status.ok()) {
            return error(errc::already_exists,
                         "index: " + options.directory + " holds files that are not the index's: " +
                             status.ToString() + "; move them elsewhere and start again");
        }
    }
    if (status.ok()) status = files.RenameFile(temporary, options.directory);
    if (status.ok()) status = sync_directory(files, parent_of(options.directory));
    if (!status.ok()) return rocks::to_error(status, "restoring", options.directory);
    return ok();
}

/// A file of the restored index, written from front to back on a pool.
class target_file {
  public:
    target_file(rocksdb::Env& files, std::string path) : files_(files), path_(std::move(path)) {}

    result<void> append(bytes_view bytes) {
        Status status;
        if (!file_) status = files_.NewWritableFile(path_, &file_, rocksdb::EnvOptions());
        if (status.ok()) status = file_->Append(rocks::slice(as_text(bytes)));
        return checked(status);
    }
    /// Call once, after at least one append.
    result<void> finish() {
        Status status = file_->Sync();
        if (status.ok()) status = file_->Close();
        return checked(status);
    }

  private:
    result<void> checked(const Status& status) const {
        if (!status.ok()) return rocks::to_error(status, "writing", path_);
        return ok();
    }
    rocksdb::Env& files_;
    std::string path_;
    std::unique_ptr<rocksdb::WritableFile> file_;
};

}  // namespace

task<result<checkpoint_info>> checkpoint_keeper::restore(index_options options) {
    const auto turn = co_await turn_.lock();
    const std::shared_ptr<rocksdb::Env> files = rocks::file_system(options);
    std::unique_ptr<rocks::slow_pool> own_pool;
    if (!options.in_memory) own_pool = std::make_unique<rocks::slow_pool>();
    worker_pool& pool = options.in_memory ? env_.index_reads : *own_pool;
    if (kept_.empty()) {
        co_return error(errc::not_found,
                        "no checkpoint of the index was taken yet: it has to be rebuilt from the "
                        "whole journal");
    }
    std::string reasons;
    for (kept_checkpoint& one : kept_) {
        if (one.damage.empty()) {
            auto restored = co_await restore_one(one, options, pool);
            if (restored) co_return one.root.info;
            // Only what is wrong with the checkpoint speaks against it; a full or failing index
            // disk does not.
            const errc code = restored.error().code;
            if (code != errc::corrupt && code != errc::stripe_unreadable &&
                code != errc::index_lost && code != errc::not_found) {
                co_return std::move(restored).error();
            }
            one.damage = restored.error().message;
        }
        TC_MARK("checkpoint.older_tried");
        log_event(log_level::error, "checkpoint_damaged")
            .with("number", one.root.info.number)
            .with("reason", one.damage);
        reasons += "; checkpoint " + std::to_string(one.root.info.number) + ": " + one.damage;
    }
    co_return error(errc::corrupt, "index: none of the " + std::to_string(kept_.size()) +
                                       " kept checkpoints can be restored" + reasons +
                                       ". Put missing devices back and start again");
}

task<result<void>> checkpoint_keeper::restore_one(const kept_checkpoint& from,
                                                  const index_options& options, worker_pool& pool) {
    const std::shared_ptr<rocksdb::Env> files = rocks::file_system(options);
    const std::string temporary = options.directory + ".tmp";
    auto beginning = [&] { return begin(*files, temporary); };
    TC_CO_TRY(co_await offload(pool, std::move(beginning)));
    for (const checkpoint_file& file : from.manifest.files) {
        std::string path = temporary + "/" + file.name;
        TC_CO_TRY(co_await restore_file(file, std::move(path), *files, pool));
    }
    auto finishing = [&]() -> result<void> {
        TC_TRY(inspect(options, temporary, from.root.info.applied));
        return put_in_place(*files, options, temporary);
    };
    TC_CO_TRY(co_await offload(pool, std::move(finishing)));
    co_return ok();
}

task<result<void>> checkpoint_keeper::restore_file(const checkpoint_file& file, std::string path,
                                                   rocksdb::Env& files, worker_pool& pool) {
    target_file target(files, path);
    std::uint32_t crc = 0;
    if (file.pieces.empty()) {
        crc = crc32c(as_bytes(file.inlined));
        auto writing = [&] { return target.append(as_bytes(file.inlined)); };
        TC_CO_TRY(co_await offload(pool, std::move(writing)));
    }
    for (const piece& where : file.pieces) {
        auto lease =
            co_await env_.budget.acquire(where.length, limits::checkpoint_memory_patience_ns);
        if (!lease) co_return std::move(lease).error();
        buffer bytes = env_.buffers.allocate(where.length);
        auto read = co_await stripes_.read(where, 0, bytes.span());
        if (!read) co_return read.error().with_context("reading " + file.name);
        crc = crc32c(bytes.view(), crc);
        auto writing = [&] { return target.append(bytes.view()); };
        TC_CO_TRY(co_await offload(pool, std::move(writing)));
    }
    if (crc != file.crc) {
        co_return error(errc::corrupt, file.name + " does not match its checksum in the manifest");
    }
    auto finishing = [&] { return target.finish(); };
    TC_CO_TRY(co_await offload(pool, std::move(finishing)));
    co_return ok();
}

}  // namespace taicang
