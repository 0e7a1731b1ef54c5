// Taking a checkpoint. Crash order (made durable): index flushed -> its files frozen -> runs of new
// files written -> make_durable -> manifest written, make_durable -> root names it and the previous
// one, durable on m+1 -> files thawed. (freed): groups that no kept checkpoint names any more are
// released only after that root is durable. A crash in between leaves groups that no root names:
// the next start removes their extents.
#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include <rocksdb/metadata.h>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/index/checkpoint_impl.h"

namespace taicang {
namespace {

error damaged_file(const std::string& path) {
    return error(errc::corrupt,
                 "index file " + path +
                     " is not what RocksDB wrote: its disk changed it. Stop the hub, remove the "
                     "index directory and start again: it is restored from checkpoint and journal");
}

/// A file of the index, opened to be read from front to back on a pool.
class source_file {
  public:
    source_file(rocksdb::Env& files, std::string path) : files_(files), path_(std::move(path)) {}

    result<void> read(std::uint64_t offset, bytes_span into) {
        rocksdb::Status status;
        if (!file_) status = files_.NewRandomAccessFile(path_, &file_, rocksdb::EnvOptions());
        rocksdb::Slice got;
        auto* scratch = reinterpret_cast<char*>(into.data());
        if (status.ok()) status = file_->Read(offset, into.size(), &got, scratch);
        if (!status.ok()) return rocks::to_error(status, "reading", path_);
        if (got.size() != into.size()) return damaged_file(path_);
        if (got.data() != scratch) std::copy_n(got.data(), got.size(), scratch);
        return ok();
    }

  private:
    rocksdb::Env& files_;
    std::string path_;
    std::unique_ptr<rocksdb::RandomAccessFile> file_;
};

/// RocksDB gives the CRC32C of a table as four bytes, big-endian.
std::optional<std::uint32_t> crc_of(const rocksdb::LiveFileStorageInfo& file) {
    if (file.file_checksum_func_name != "FileChecksumCrc32c" || file.file_checksum.size() != 4) {
        return std::nullopt;
    }
    std::uint32_t crc = 0;
    for (const char byte : file.file_checksum)
        crc = crc << 8 | static_cast<unsigned char>(byte);
    return crc;
}

/// Opening reads the tables, the MANIFEST that lists them and CURRENT that names it; options come
/// from this program.
bool is_needed(const rocksdb::LiveFileStorageInfo& file) {
    switch (file.file_type) {
        case rocksdb::kTableFile:
        case rocksdb::kDescriptorFile:
        case rocksdb::kCurrentFile:
            return true;
        case rocksdb::kBlobFile:
            TC_ASSERT_WHY(false, "the index has no blob files");
            return false;
        default:
            return false;
    }
}

}  // namespace

task<result<checkpoint_info>> checkpoint_keeper::take(index& source) {
    auto& rows = static_cast<rocks_index&>(source);
    const auto turn = co_await turn_.lock();
    const rocks::hold held(rows.in_use());
    if (!held) {
        co_return error(errc::stopped, "checkpoint: the index is closed, the hub is stopping");
    }
    auto taken = co_await take_held(rows);
    if (!taken) co_return taken.error().with_context("taking a checkpoint of the index");
    co_return taken;
}

task<result<checkpoint_info>> checkpoint_keeper::take_held(rocks_index& rows) {
    TC_CO_TRY(co_await rows.flush());
    taking now;
    now.manifest.number = kept_.empty() ? 1 : kept_.front().root.info.number + 1;
    // What is flushed later may be in the files as well; the index knows its own LSN when it is
    // restored.
    now.manifest.applied = rows.flushed();
    now.manifest.taken = env_.home.wall_now();
    auto freezing = [&rows] { return freeze(rows.database()); };
    auto live = co_await offload(rows.slow_pool(), std::move(freezing));
    if (!live) co_return std::move(live).error();
    now.live = std::move(*live);
    auto stored = co_await store(rows, now);
    auto thawing = [&rows] { return rows.database().EnableFileDeletions(false); };
    const rocksdb::Status thawed = co_await offload(rows.slow_pool(), std::move(thawing));
    if (!thawed.ok()) co_return rocks::to_error(thawed, "thawing", rows.options().directory);
    if (!stored) release_unnamed(now.runs);
    co_return stored;
}

result<std::vector<checkpoint_keeper::live_file>> checkpoint_keeper::freeze(rocksdb::DB& database) {
    rocksdb::Status status = database.DisableFileDeletions();
    if (!status.ok()) return rocks::to_error(status, "freezing", database.GetName());
    rocksdb::LiveFilesStorageInfoOptions how;
    how.include_checksum_info = true;
    how.wal_size_for_flush = std::numeric_limits<std::uint64_t>::max();  // flushed already
    std::vector<rocksdb::LiveFileStorageInfo> found;
    status = database.GetLiveFilesStorageInfo(how, &found);
    if (!status.ok()) {
        database.EnableFileDeletions(false).PermitUncheckedError();
        return rocks::to_error(status, "listing", database.GetName());
    }
    std::vector<live_file> files;
    for (rocksdb::LiveFileStorageInfo& one : found) {
        if (!is_needed(one)) continue;
        live_file file;
        file.name = one.relative_filename;
        file.path = one.directory + "/" + one.relative_filename;
        file.size = one.size;
        file.contents = std::move(one.replacement_contents);
        if (one.file_type == rocksdb::kTableFile) file.crc = crc_of(one);
        files.push_back(std::move(file));
    }
    return files;
}

const checkpoint_keeper::kept_checkpoint* checkpoint_keeper::newest_readable() const {
    for (const kept_checkpoint& one : kept_) {
        if (one.damage.empty()) return &one;
    }
    return nullptr;
}

/// True when a group's bytes should move with this checkpoint: a chunk of it is gone, or most of it
/// is garbage.
bool checkpoint_keeper::is_worn(const group_row& group, std::uint64_t live_bytes) const {
    for (const chunk_place& chunk : group.chunks) {
        if (devices_.find(chunk.device) != nullptr) continue;
        TC_MARK("checkpoint.leaves_degraded_group");
        return true;
    }
    // Against the room the group takes, not against what was written: one sealed early by a restart
    // is a waste too.
    if (stripes_.is_open(group.id) || live_bytes * 2 >= stripes_.data_capacity(group.id)) {
        return false;
    }
    TC_MARK("checkpoint.leaves_sparse_group");
    return true;
}

checkpoint_keeper::group_set checkpoint_keeper::groups_to_leave(
    const std::vector<live_file>& live) const {
    group_set worn;
    const kept_checkpoint* previous = newest_readable();
    if (previous == nullptr) return worn;
    std::set<std::string> names;
    for (const live_file& file : live)
        names.insert(file.name);
    std::map<group_id, std::uint64_t> live_bytes;
    for (const checkpoint_file& file : previous->manifest.files) {
        if (!names.contains(file.name)) continue;
        for (const piece& one : file.pieces)
            live_bytes[one.group] += one.length;
    }
    for (const group_row& group : previous->manifest.groups) {
        if (is_worn(group, live_bytes[group.id])) worn.insert(group.id);
    }
    return worn;
}

task<result<checkpoint_info>> checkpoint_keeper::store(rocks_index& rows, taking& now) {
    const group_set worn = groups_to_leave(now.live);
    const kept_checkpoint* previous = newest_readable();
    for (const live_file& file : now.live) {
        // A restored index may use a number again, so a table is known by number, size and
        // checksum.
        const checkpoint_file* stored = nullptr;
        if (previous != nullptr && file.crc) {
            for (const checkpoint_file& one : previous->manifest.files) {
                if (one.name == file.name && one.size == file.size && one.crc == *file.crc) {
                    stored = &one;
                }
            }
        }
        const auto is_left = [&worn](const piece& one) { return worn.contains(one.group); };
        if (stored != nullptr && std::ranges::none_of(stored->pieces, is_left)) {
            now.manifest.files.push_back(*stored);
            continue;
        }
        TC_CO_TRY(co_await store_file(rows, now, file));
    }
    TC_CO_TRY(co_await stripes_.make_durable(now.runs));
    group_set groups;
    for (std::size_t i = 0; i < now.runs.size(); ++i) {
        now.manifest.files[now.run_files[i]].pieces.push_back(now.runs[i].where);
    }
    kept_checkpoint fresh;
    for (const checkpoint_file& file : now.manifest.files) {
        fresh.root.info.bytes += file.size;
        for (const piece& one : file.pieces)
            groups.insert(one.group);
    }
    TC_CO_TRY_ASSIGN(named, rows_of_groups(groups));
    now.manifest.groups = std::move(named);
    fresh.root.info.number = now.manifest.number;
    fresh.root.info.applied = now.manifest.applied;
    fresh.root.info.taken = now.manifest.taken;
    fresh.root.info.files = now.manifest.files.size();
    // Pins hold the manifest's groups until the root names them.
    std::vector<stripe_store::written> manifest_runs;
    auto listed = co_await store_manifest(now, fresh.root, manifest_runs);
    if (!listed) {
        release_unnamed(manifest_runs);
        co_return std::move(listed).error();
    }
    fresh.manifest = std::move(now.manifest);
    const checkpoint_info info = fresh.root.info;
    TC_CO_TRY(co_await publish(std::move(fresh)));
    co_return info;
}

task<result<stripe_store::written>> checkpoint_keeper::write_run(bytes_view data,
                                                                 std::uint64_t offset) {
    run_request request;
    request.tier = tier();
    request.purpose = extent_purpose::checkpoint;
    request.owner = run_owner{blob_id{}, offset};
    request.data = data;
    return stripes_.write_run(request);
}

task<result<void>> checkpoint_keeper::store_file(rocks_index& rows, taking& now,
                                                 const live_file& file) {
    checkpoint_file stored;
    stored.name = file.name;
    stored.size = file.size;
    const std::size_t place = now.manifest.files.size();
    const std::uint64_t run_bytes = stripes_.run_bytes_max(tier());
    TC_ASSERT(run_bytes != 0);
    source_file source(rows.files(), file.path);
    for (std::uint64_t at = 0; at < file.size;) {
        if (rows.in_use().closed()) {
            co_return error(errc::stopped, "the hub is stopping; the next start takes another");
        }
        const auto length = static_cast<std::size_t>(std::min(run_bytes, file.size - at));
        auto lease = co_await env_.budget.acquire(length, limits::checkpoint_memory_patience_ns);
        if (!lease) co_return std::move(lease).error();
        buffer bytes = env_.buffers.allocate(length);
        if (file.contents.empty()) {
            auto reading = [&source, &bytes, at] { return source.read(at, bytes.span()); };
            TC_CO_TRY(co_await offload(rows.slow_pool(), std::move(reading)));
        } else {
            std::copy_n(as_bytes(file.contents).data() + at, length, bytes.data());
        }
        stored.crc = crc32c(bytes.view(), stored.crc);
        if (file.size <= limits::checkpoint_inline_bytes_max) {
            stored.inlined = as_text(bytes.view());
        } else {
            auto written = co_await write_run(bytes.view(), at);
            if (!written) co_return std::move(written).error();
            now.runs.push_back(std::move(*written));
            now.run_files.push_back(place);
        }
        at += length;
    }
    // Bytes that rotted on the index's disk must not become the checkpoint.
    if (file.crc && stored.crc != *file.crc) co_return damaged_file(file.path);
    now.manifest.files.push_back(std::move(stored));
    co_return ok();
}

task<result<void>> checkpoint_keeper::store_manifest(const taking& now,
                                                     checkpoint_root_entry& entry,
                                                     std::vector<stripe_store::written>& runs) {
    const std::string bytes = encode_manifest(now.manifest);
    if (bytes.size() > limits::checkpoint_manifest_bytes_max) {
        co_return error(errc::unsupported,
                        "the manifest has " + std::to_string(bytes.size()) +
                            " bytes, more than limits::checkpoint_manifest_bytes_max allows");
    }
    entry.manifest_length = bytes.size();
    entry.manifest_crc = crc32c(as_bytes(bytes));
    const std::size_t run_bytes = stripes_.run_bytes_max(tier());
    for (std::size_t at = 0; at < bytes.size(); at += run_bytes) {
        const std::string_view part = std::string_view(bytes).substr(at, run_bytes);
        auto written = co_await write_run(as_bytes(part), at);
        if (!written) co_return std::move(written).error();
        runs.push_back(std::move(*written));
    }
    TC_CO_TRY(co_await stripes_.make_durable(runs));
    group_set groups;
    for (const stripe_store::written& run : runs) {
        entry.pieces.push_back(run.where);
        groups.insert(run.where.group);
    }
    TC_CO_TRY_ASSIGN(rows, rows_of_groups(groups));
    entry.groups = std::move(rows);
    co_return ok();
}

result<std::vector<group_row>> checkpoint_keeper::rows_of_groups(const group_set& groups) const {
    std::vector<group_row> rows;
    for (const group_id id : groups) {
        auto row = stripes_.find(id);
        // Pinned or named by a kept checkpoint: the stripe store has to know it.
        TC_ASSERT(row.has_value());
        rows.push_back(std::move(*row));
    }
    return rows;
}

task<result<void>> checkpoint_keeper::publish(kept_checkpoint fresh) {
    std::vector<kept_checkpoint> next;
    next.push_back(std::move(fresh));
    // The best of the earlier ones stays beside it: the newest that can be restored.
    const kept_checkpoint* previous = newest_readable();
    if (previous == nullptr && !kept_.empty()) previous = &kept_.front();
    if (previous != nullptr) next.push_back(*previous);
    std::vector<checkpoint_root_entry> entries;
    for (const kept_checkpoint& one : next)
        entries.push_back(one.root);
    // When this fails the root may hold either state: nothing it might name is released, kept_
    // stays as it was.
    auto replaced = co_await devices_.replace_root(tier(), root_section::checkpoints,
                                                   encode_checkpoint_root(entries));
    if (!replaced) {
        TC_MARK("checkpoint.root_unknown");
        uncertain_.push_back(std::move(next.front()));
        co_return std::move(replaced).error();
    }
    const group_set before = named_groups();
    kept_ = std::move(next);
    uncertain_.clear();
    const group_set after = named_groups();
    for (const group_id id : before) {
        if (after.contains(id)) continue;
        TC_MARK("checkpoint.group_released");
        stripes_.release(id);
    }
    co_return ok();
}

void checkpoint_keeper::release_unnamed(const std::vector<stripe_store::written>& runs) {
    const group_set named = named_groups();
    for (const stripe_store::written& run : runs) {
        const group_id id = run.where.group;
        // An open group takes the next attempt's runs.
        if (named.contains(id) || stripes_.is_open(id) || !stripes_.find(id)) continue;
        TC_MARK("checkpoint.attempt_released");
        stripes_.release(id);
    }
}

}  // namespace taicang
