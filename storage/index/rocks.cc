#include "storage/index/rocks.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <optional>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/perf_context.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/index/key_text.h"
#include "storage/index/keys.h"

namespace taicang {

index_media::index_media() : state_(std::make_unique<state>()) {
    wipe();
}
index_media::~index_media() = default;
void index_media::wipe() {
    state_->files.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
}

namespace rocks {
namespace {

/// Length of a key's filtered prefix: family, bucket, object key with its terminator. Empty for
/// families that are read by whole keys only, and for keys cut short (a scan's start).
std::optional<std::size_t> prefix_length(std::string_view key) {
    if (key.empty()) return std::nullopt;
    std::size_t head = 0;
    switch (static_cast<index_key::family>(key.front())) {
        case index_key::family::version:
        case index_key::family::upload:
            head = 1 + sizeof(bucket_id::value);
            break;
        case index_key::family::bucket:
        case index_key::family::part:
            head = 1;
            break;
        default:
            return std::nullopt;
    }
    if (key.size() < head) return std::nullopt;
    const auto text = key_text::terminated_length(key.substr(head));
    if (!text) return std::nullopt;
    return head + *text;
}

class row_prefix final : public rocksdb::SliceTransform {
  public:
    // The name is kept with every file: another rule needs another name.
    const char* Name() const override { return "taicang.row_prefix.1"; }
    rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
        const auto length = prefix_length(view(key));
        TC_ASSERT(length.has_value());
        return {key.data(), *length};
    }
    bool InDomain(const rocksdb::Slice& key) const override {
        return prefix_length(view(key)).has_value();
    }
};

/// Adds deltas to a live count. Wraps like the journal's own arithmetic would; never fails on rows
/// of the right size.
class add_i64 final : public rocksdb::AssociativeMergeOperator {
  public:
    const char* Name() const override { return "taicang.add_i64.1"; }
    bool Merge(const rocksdb::Slice& /*key*/, const rocksdb::Slice* existing,
               const rocksdb::Slice& delta, std::string* sum,
               rocksdb::Logger* /*log*/) const override {
        std::uint64_t total = 0;
        if (!read(delta, total)) return false;
        std::uint64_t before = 0;
        if (existing != nullptr && !read(*existing, before)) return false;
        total += before;
        sum->clear();
        encoder(*sum).u64(total);
        return true;
    }

  private:
    static bool read(const rocksdb::Slice& bytes, std::uint64_t& value) {
        if (bytes.size() != sizeof(value)) return false;
        value = load_le<std::uint64_t>(as_bytes(view(bytes)).data());
        return true;
    }
};

/// RocksDB's own words, as far as they are warnings, go to the hub's log; no LOG files beside the
/// index.
class log_bridge final : public rocksdb::Logger {
  public:
    log_bridge() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
    using rocksdb::Logger::Logv;
    void Logv(const char* format, va_list values) override {
        write(log_level::warn, format, values);
    }
    void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list values) override {
        if (level < rocksdb::InfoLogLevel::WARN_LEVEL ||
            level >= rocksdb::InfoLogLevel::HEADER_LEVEL || is_expected(format)) {
            return;
        }
        write(level >= rocksdb::InfoLogLevel::ERROR_LEVEL ? log_level::error : log_level::warn,
              format, values);
    }

  private:
    /// A checkpoint holds deletions off; listing the files does so once more meanwhile.
    static bool is_expected(std::string_view format) {
        return format.find("File Deletions Disabled, but already disabled") != format.npos ||
               format.find("File Deletions Enable, but not really enabled") != format.npos;
    }
    static void write(log_level level, const char* format, va_list values) {
        if (!log_enabled(level)) return;
        char line[512];
        std::vsnprintf(line, sizeof(line), format, values);
        log_event(level, "index_rocksdb").with("message", std::string_view(line));
    }
};

rocksdb::CompressionType compression() {
    const auto supported = rocksdb::GetSupportedCompressions();
    const bool lz4 =
        std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
    return lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

std::shared_ptr<rocksdb::TableFactory> table_factory(const index_options& options) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes, -1, false, 0.5);
    table.block_size = 8 * limits::kib;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.whole_key_filtering = true;
    // Index and filter blocks count against the cache, so that memory is bounded whatever the
    // number of objects; they go last.
    table.cache_index_and_filter_blocks = true;
    table.cache_index_and_filter_blocks_with_high_priority = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    table.format_version = 5;
    return std::shared_ptr<rocksdb::TableFactory>(rocksdb::NewBlockBasedTableFactory(table));
}

void set_background(rocksdb::Options& options, bool in_memory) {
    // One flush and one compaction at a time: the cores belong to requests.
    options.max_background_jobs = 2;
    options.max_subcompactions = 1;
    if (in_memory) {
        // Work happens inside flush() and compact_range() only, so that a run follows from its
        // seed.
        options.disable_auto_compactions = true;
        return;
    }
    options.env->SetBackgroundThreads(1, rocksdb::Env::HIGH);
    options.env->SetBackgroundThreads(1, rocksdb::Env::LOW);
    options.env->LowerThreadPoolCPUPriority(rocksdb::Env::LOW);
}

}  // namespace

lsn persisted_position(rocksdb::DB& db) {
    rocksdb::ReadOptions files_only;
    files_only.read_tier = rocksdb::kPersistedTier;
    std::string value;
    const rocksdb::Status status = db.Get(files_only, index_key::meta(meta_applied), &value);
    if (!status.ok()) return lsn{};
    const auto position = decode_position(as_bytes(value));
    return position ? *position : lsn{};
}

void flush_watch::raise(lsn position) {
    std::uint64_t before = flushed_.load();
    while (before < position.value && !flushed_.compare_exchange_weak(before, position.value)) {
    }
}

lsn flush_watch::flushed() const {
    return lsn{flushed_.load()};
}

void flush_watch::OnFlushCompleted(rocksdb::DB* db, const rocksdb::FlushJobInfo& /*info*/) {
    // What a flush says of itself (sequence numbers) does not count, see rocks_index::flush(): the
    // journal gives up what the index is said to hold, so the files are asked.
    raise(persisted_position(*db));
}

std::shared_ptr<rocksdb::Env> file_system(const index_options& options) {
    if (options.in_memory) {
        TC_ASSERT_WHY(options.media != nullptr, "an index in memory needs index_options::media");
        return options.media->state_->files;
    }
    return {rocksdb::Env::Default(), [](rocksdb::Env*) {}};
}

rocksdb::Options make_options(const index_options& options, rocksdb::Env* files,
                              std::shared_ptr<flush_watch> watch) {
    rocksdb::Options out;
    out.env = files;
    set_background(out, options.in_memory);
    out.info_log = std::make_shared<log_bridge>();
    out.stats_dump_period_sec = 0;
    out.stats_persist_period_sec = 0;
    out.listeners.push_back(std::move(watch));
    out.avoid_flush_during_shutdown = true;
    out.avoid_flush_during_recovery = true;
    out.skip_stats_update_on_db_open = true;
    // What reads let go of last (a memtable, a file that was compacted away) is freed by RocksDB's
    // own threads, not by the shard's.
    out.avoid_unnecessary_blocking_io = true;
    out.max_open_files = -1;
    out.max_manifest_file_size = 4 * limits::mib;  // a checkpoint stores it whole
    out.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
    out.bytes_per_sync = options.in_memory ? 0 : limits::mib;

    out.allow_concurrent_memtable_write = false;  // one applier
    out.enable_write_thread_adaptive_yield = false;
    // A simulated hub never fills a memtable: it flushes when its harness says so.
    out.write_buffer_size = options.in_memory ? 256 * limits::mib : options.memtable_bytes;
    out.max_write_buffer_number = 4;
    out.memtable_prefix_bloom_size_ratio = options.in_memory ? 0 : 0.05;
    out.memtable_whole_key_filtering = true;

    out.compression = options.in_memory ? rocksdb::kNoCompression : compression();
    out.level_compaction_dynamic_level_bytes = true;
    out.target_file_size_base = 32 * limits::mib;
    out.max_bytes_for_level_base = 256 * limits::mib;
    out.level0_file_num_compaction_trigger = 4;
    out.level0_slowdown_writes_trigger = 24;
    out.level0_stop_writes_trigger = 48;
    out.ttl = 0;
    out.prefix_extractor = std::make_shared<row_prefix>();
    out.merge_operator = std::make_shared<add_i64>();
    // Files that are mostly deletions are compacted early: a listing must not walk over what is
    // gone.
    out.table_properties_collector_factories.push_back(
        rocksdb::NewCompactOnDeletionCollectorFactory(1024, 512, 0.5));
    out.table_factory = table_factory(options);
    return out;
}

error to_error(const rocksdb::Status& status, std::string_view doing,
               const std::string& directory) {
    const std::string sentence =
        "index: " + std::string(doing) + " " + directory + ": " + status.ToString();
    if (status.IsNoSpace()) {
        return error(errc::no_space, sentence + "; free space on the disk of the index directory");
    }
    if (status.IsCorruption()) {
        return error(errc::corrupt,
                     sentence +
                         "; stop the hub, remove the index directory and start again: it is "
                         "restored from checkpoint and journal");
    }
    if (status.IsShutdownInProgress()) return error(errc::stopped, sentence);
    if (status.IsIncomplete() || status.IsAborted()) return error(errc::cancelled, sentence);
    return error(errc::io_failed, sentence + "; look at the disk of the index directory");
}

error to_open_error(const rocksdb::Status& status, const std::string& directory) {
    const std::string words = status.ToString();
    if (status.IsNoSpace()) return to_error(status, "opening", directory);
    // RocksDB gives a lock that is held no code of its own.
    if (words.find("/LOCK") != std::string::npos && status.IsIOError()) {
        return error(errc::busy, "index: opening " + directory + ": " + words +
                                     "; another process has it open, stop that one first");
    }
    // The index is there, this process may not have it: restoring over it would mend nothing.
    if (words.find("Permission denied") != std::string::npos) {
        return error(errc::permission_denied,
                     "index: opening " + directory + ": " + words +
                         "; give the hub's user the right to read and write it");
    }
    if (words.find("Too many open files") != std::string::npos) {
        return error(errc::busy, "index: opening " + directory + ": " + words +
                                     "; raise the limit of open files (ulimit -n)");
    }
    return error(errc::index_lost, "index: opening " + directory + ": " + words +
                                       "; it has to be restored from a checkpoint and the journal");
}

rocksdb::Status clear_database(rocksdb::Env& files, const std::string& directory) {
    rocksdb::Options options;
    options.env = &files;
    options.info_log = std::make_shared<log_bridge>();
    return rocksdb::DestroyDB(directory, options);
}

bool is_filtered_prefix(std::string_view prefix) {
    return prefix_length(prefix) == prefix.size();
}

slow_pool::slow_pool() : pool_(rocksdb::NewThreadPool(threads)) {}
slow_pool::~slow_pool() {
    pool_->WaitForJobsAndJoinAllThreads();
}

void slow_pool::submit(work w) {
    // RocksDB wants a function that can be copied.
    pool_->SubmitJob([held = std::make_shared<work>(std::move(w))] { (*held)(); });
}

count_scope::seen count_scope::now() {
    const rocksdb::PerfContext& perf = *rocksdb::get_perf_context();
    seen out;
    out.block_reads = perf.block_read_count;
    // Blocks of rows that were looked at, cached or not.
    out.blocks = perf.block_read_count - perf.index_block_read_count -
                 perf.filter_block_read_count + perf.block_cache_hit_count -
                 perf.block_cache_index_hit_count - perf.block_cache_filter_hit_count;
    out.deleted = perf.internal_delete_skipped_count;
    return out;
}

count_scope::count_scope(counters& into) : into_(into) {
    rocksdb::SetPerfLevel(rocksdb::PerfLevel::kEnableCount);
    before_ = now();
}

count_scope::~count_scope() {
    const seen after = now();
    into_.block_reads.fetch_add(after.block_reads - before_.block_reads, std::memory_order_relaxed);
    into_.blocks.fetch_add(after.blocks - before_.blocks, std::memory_order_relaxed);
    into_.deleted_skipped.fetch_add(after.deleted - before_.deleted, std::memory_order_relaxed);
}

void cursor::seek(std::string_view key) {
    count_.seeks.fetch_add(1, std::memory_order_relaxed);
    rows_->Seek(slice(key));
}

void cursor::next() {
    count_.nexts.fetch_add(1, std::memory_order_relaxed);
    rows_->Next();
}

result<void> cursor::status() const {
    const rocksdb::Status status = rows_->status();
    if (!status.ok()) return to_error(status, "reading", directory_);
    return ok();
}

}  // namespace rocks
}  // namespace taicang
