// Crash order: only durable records are applied -> rows and the applied LSN enter the memtable in
// one batch -> a flush writes whole memtables to a file, syncs it, then names it in the synced
// MANIFEST. There is no WAL: what was not flushed is gone after a crash, always a suffix, and the
// journal replays from applied+1.
#include "storage/index/index.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <rocksdb/utilities/options_util.h>
#include <rocksdb/write_batch.h>

#include "storage/base/limits.h"
#include "storage/base/log.h"
#include "storage/base/mark.h"
#include "storage/index/index_impl.h"
#include "storage/index/key_text.h"
#include "storage/index/keys.h"

namespace taicang {
namespace {

using rocks::slice;

/// In simulation one read, and one batch, of this many takes the pool's way.
constexpr std::uint64_t pool_period = 4;

rocksdb::WriteOptions without_wal(bool may_wait) {
    rocksdb::WriteOptions how;
    how.disableWAL = true;
    how.no_slowdown = !may_wait;
    return how;
}

/// Sums the deltas of a batch by row, so that a hot group costs one merge a batch.
class delta_sums {
  public:
    void add(std::string_view key, std::int64_t delta) {
        sums_[key] += static_cast<std::uint64_t>(delta);
    }
    /// A row of the same family is set or dropped: what came before must come before it.
    void write(rocksdb::WriteBatch& batch) {
        for (const auto& [key, sum] : sums_) {
            std::string value;
            encoder(value).u64(sum);
            batch.Merge(slice(key), value);
        }
        sums_.clear();
    }

  private:
    std::unordered_map<std::string_view, std::uint64_t> sums_;
};

rocksdb::WriteBatch make_batch(const std::vector<row_op>& rows, lsn up_to) {
    std::size_t room = 64;
    for (const row_op& row : rows) {
        room += row.key.size() + (row.value ? row.value->size() : sizeof(std::int64_t)) + 12;
    }
    rocksdb::WriteBatch batch(room);
    delta_sums sums;
    const char live = static_cast<char>(index_key::family::group_live);
    for (const row_op& row : rows) {
        TC_ASSERT(!row.key.empty() &&
                  row.key.front() != static_cast<char>(index_key::family::meta));
        if (row.add) {
            TC_ASSERT(!row.value && row.key.front() == live);
            sums.add(row.key, *row.add);
            continue;
        }
        if (row.key.front() == live) sums.write(batch);
        if (row.value) {
            batch.Put(row.key, *row.value);
        } else {
            batch.Delete(row.key);
        }
    }
    sums.write(batch);
    batch.Put(index_key::meta(rocks::meta_applied), encode_position(up_to));
    return batch;
}

constexpr std::size_t flush_attempts_max = 3;  // until RocksDB's files hold what was flushed

result<std::optional<std::string>> read_meta(rocksdb::DB& db, std::string_view name) {
    std::string value;
    const rocksdb::Status status = db.Get(rocksdb::ReadOptions(), index_key::meta(name), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return rocks::to_error(status, "reading", db.GetName());
    return std::optional(std::move(value));
}

error lost(const std::string& directory, const std::string& why) {
    return error(errc::index_lost, "index: opening " + directory + ": " + why +
                                       "; it has to be restored from a checkpoint and the journal");
}

/// Checks that the database is this hub's index and gives its applied LSN.
result<lsn> check_identity(rocksdb::DB& db, const index_options& options) {
    auto layout = read_meta(db, rocks::meta_layout);
    auto identity = read_meta(db, rocks::meta_identity);
    auto applied = read_meta(db, rocks::meta_applied);
    for (const auto* one : {&layout, &identity, &applied}) {
        if (!*one) return lost(options.directory, one->error().message);
        if (!**one)
            return lost(options.directory, "it is a RocksDB database, but no index of a hub");
    }
    decoder layout_in(as_bytes(**layout));
    const std::uint64_t version = layout_in.varint();
    if (!layout_in.finished()) return lost(options.directory, "its layout row is malformed");
    if (version != rocks::layout_version) {
        return error(errc::version_unsupported,
                     "index: opening " + options.directory + ": its layout is version " +
                         std::to_string(version) + ", this build knows " +
                         std::to_string(rocks::layout_version) + "; run the release that wrote it");
    }
    if (**identity != options.identity) {
        return lost(options.directory,
                    "it belongs to another hub (" + **identity + ", not " + options.identity + ")");
    }
    auto position = decode_position(as_bytes(**applied));
    if (!position) return lost(options.directory, position.error().message);
    return *position;
}

result<void> write_identity(rocksdb::DB& db, const index_options& options) {
    std::string layout;
    encoder(layout).varint(rocks::layout_version);
    rocksdb::WriteBatch batch;
    batch.Put(index_key::meta(rocks::meta_layout), layout);
    batch.Put(index_key::meta(rocks::meta_identity), options.identity);
    batch.Put(index_key::meta(rocks::meta_applied), encode_position(lsn{}));
    rocksdb::Status status = db.Write(without_wal(true), &batch);
    if (status.ok()) status = db.Flush(rocksdb::FlushOptions());
    if (!status.ok()) return rocks::to_error(status, "creating", options.directory);
    return ok();
}

}  // namespace

task<result<std::unique_ptr<index>>> index::open(environment& env, index_options options) {
    auto opened = std::make_unique<rocks_index>(env, std::move(options));
    TC_CO_TRY(co_await opened->start(false));
    co_return std::unique_ptr<index>(std::move(opened));
}

task<result<std::unique_ptr<index>>> index::create(environment& env, index_options options) {
    TC_ASSERT(!options.read_only);
    auto made = std::make_unique<rocks_index>(env, std::move(options));
    TC_CO_TRY(co_await made->start(true));
    co_return std::unique_ptr<index>(std::move(made));
}

rocks_index::rocks_index(environment& env, index_options options)
    : env_(env),
      options_(std::move(options)),
      files_(rocks::file_system(options_)),
      slow_pool_(options_.in_memory ? nullptr : std::make_unique<rocks::slow_pool>()),
      apply_thread_(options_.in_memory ? nullptr : make_worker_pool("index-apply", 1)),
      watch_(std::make_shared<rocks::flush_watch>()) {}

rocks_index::~rocks_index() = default;

worker_pool& rocks_index::slow_pool() {
    if (options_.in_memory) return env_.index_reads;
    return *slow_pool_;
}

error rocks_index::stopped() const {
    return error(errc::stopped, "index: " + options_.directory + " is closed, the hub is stopping");
}

bool rocks_index::must_go_by_pool() {
    return options_.in_memory && ++reads_ % pool_period == 0;
}

worker_pool* rocks_index::writer_of(std::size_t rows) {
    if (options_.in_memory) return ++applies_ % pool_period == 0 ? &env_.index_reads : nullptr;
    return rows > limits::apply_inline_rows_max ? apply_thread_.get() : nullptr;
}

result<rocks_index::opened> rocks_index::open_database(const index_options& options,
                                                       rocksdb::Options settings, bool create) {
    opened out;
    rocksdb::DB* raw = nullptr;
    rocksdb::Status status;
    if (create) {
        status = settings.env->CreateDirIfMissing(options.directory);
        if (status.ok()) status = rocks::clear_database(*settings.env, options.directory);
        // Clearing took the directory away if it was empty then.
        if (status.ok()) status = settings.env->CreateDirIfMissing(options.directory);
        if (!status.ok()) return rocks::to_error(status, "clearing", options.directory);
        settings.create_if_missing = true;
        settings.error_if_exists = true;
    } else if (settings.env->FileExists(options.directory + "/CURRENT").IsNotFound()) {
        return lost(options.directory, "there is no index");
    }
    status = options.read_only ? rocksdb::DB::OpenForReadOnly(settings, options.directory, &raw)
                               : rocksdb::DB::Open(settings, options.directory, &raw);
    out.db.reset(raw);
    if (!status.ok()) {
        if (create) return rocks::to_error(status, "creating", options.directory);
        return rocks::to_open_error(status, options.directory);
    }
    if (create) TC_TRY(write_identity(*out.db, options));
    TC_TRY_ASSIGN(applied, check_identity(*out.db, options));
    out.applied = applied;
    return out;
}

result<lsn> rocks_index::applied_of(const index_options& options) {
    const std::shared_ptr<rocksdb::Env> files = rocks::file_system(options);
    auto watch = std::make_shared<rocks::flush_watch>();
    TC_TRY_ASSIGN(found,
                  open_database(options, rocks::make_options(options, files.get(), watch), false));
    return found.applied;
}

task<result<void>> rocks_index::start(bool create) {
    rocksdb::Options settings = rocks::make_options(options_, files_.get(), watch_);
    auto opening = [this, &settings, create] { return open_database(options_, settings, create); };
    auto answer = co_await offload(slow_pool(), std::move(opening));
    if (!answer) co_return std::move(answer).error();
    db_ = std::move(answer->db);
    applied_ = answer->applied;
    watch_->raise(applied_);
    co_return ok();
}

task<void> rocks_index::stop() {
    if (db_ == nullptr) co_return;
    // A long compaction of ours ends early; whoever waits for it hears errc::cancelled.
    db_->DisableManualCompaction();
    co_await gate_.close();
    rows_now_.reset();
    auto closing = [this] {
        // Nothing is flushed here: a hub that stops in order calls flush() first, and after a crash
        // there is nothing to be saved.
        rocksdb::CancelAllBackgroundWork(db_.get(), true);
        db_.reset();
        return true;
    };
    co_await offload(slow_pool(), std::move(closing));
}

task<result<void>> rocks_index::apply(std::vector<row_op> rows, lsn up_to) {
    if (options_.read_only) {
        co_return error(errc::unsupported,
                        "index: " + options_.directory + " was opened to be read only");
    }
    const rocks::hold held(gate_);
    if (!held) co_return stopped();
    TC_ASSERT_WHY(!applying_, "applies are serial");
    TC_ASSERT(applied_ < up_to);
    applying_ = true;
    rocksdb::WriteBatch batch;
    rocksdb::Status status;
    if (worker_pool* writer = writer_of(rows.size()); writer != nullptr) {
        TC_MARK("index.applied_by_thread");
        auto writing = [this, &rows, up_to, &batch] { return write(rows, up_to, batch); };
        status = co_await offload(*writer, std::move(writing));
    } else {
        status = write(rows, up_to, batch);
    }
    if (!status.ok()) status = co_await write_stalled(batch, status);
    applying_ = false;
    // Whatever looks up a key from now on must see these rows.
    rows_now_.reset();
    if (!status.ok()) co_return rocks::to_error(status, "writing", options_.directory);
    applied_ = up_to;
    deleted_.note(rows);
    co_return ok();
}

rocksdb::Status rocks_index::write(const std::vector<row_op>& rows, lsn up_to,
                                   rocksdb::WriteBatch& batch) {
    batch = make_batch(rows, up_to);
    return db_->Write(without_wal(false), &batch);
}

/// Incomplete: memtables or level 0 are full, the write has to wait for a flush or compaction.
/// Anything else: a flush failed (the disk was full, say) and RocksDB stopped taking writes until
/// it is told to go on.
task<rocksdb::Status> rocks_index::write_stalled(rocksdb::WriteBatch& batch,
                                                 rocksdb::Status refused) {
    TC_MARK("index.apply_waits");
    auto waiting = [this, &batch, failed = std::move(refused)]() mutable {
        if (!failed.IsIncomplete()) failed = db_->Resume();
        if (failed.ok() || failed.IsIncomplete()) failed = db_->Write(without_wal(true), &batch);
        return failed;
    };
    auto status = co_await offload(slow_pool(), std::move(waiting));
    co_return status;
}

result<std::optional<std::string>> rocks_index::read_row(const std::string& key, bool cached_only,
                                                         bool& missed) {
    const rocks::count_scope counting(count_);
    rocksdb::PinnableSlice value;
    const rocksdb::Status status =
        db_->Get(reading(cached_only), db_->DefaultColumnFamily(), key, &value);
    missed = cached_only && status.IsIncomplete();
    if (missed || status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return rocks::to_error(status, "reading", options_.directory);
    return std::optional(value.ToString());
}

task<result<std::optional<std::string>>> rocks_index::get(std::string key) {
    const rocks::hold held(gate_);
    if (!held) co_return stopped();
    count_.gets.fetch_add(1, std::memory_order_relaxed);
    if (!must_go_by_pool()) {
        bool missed = false;
        auto answer = read_row(key, !options_.in_memory, missed);
        if (!missed) co_return answer;
    }
    count_.pool_reads.fetch_add(1, std::memory_order_relaxed);
    auto reading = [this, &key] {
        bool missed = false;
        return read_row(key, false, missed);
    };
    auto answer = co_await offload(env_.index_reads, std::move(reading));
    co_return answer;
}

rocksdb::ReadOptions rocks_index::reading(bool cached_only) const {
    rocksdb::ReadOptions how;
    if (cached_only) how.read_tier = rocksdb::kBlockCacheTier;
    return how;
}

result<std::vector<std::optional<std::string>>> rocks_index::read_rows(
    const std::vector<std::string>& keys) {
    const rocks::count_scope counting(count_);
    const std::vector<rocksdb::Slice> names(keys.begin(), keys.end());
    std::vector<rocksdb::PinnableSlice> values(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    db_->MultiGet(reading(false), db_->DefaultColumnFamily(), names.size(), names.data(),
                  values.data(), statuses.data());
    std::vector<std::optional<std::string>> rows(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (statuses[i].IsNotFound()) continue;
        if (!statuses[i].ok()) return rocks::to_error(statuses[i], "reading", options_.directory);
        rows[i] = values[i].ToString();
    }
    return rows;
}

task<result<std::vector<std::optional<std::string>>>> rocks_index::get_many(
    std::vector<std::string> keys) {
    const rocks::hold held(gate_);
    if (!held) co_return stopped();
    count_.gets.fetch_add(keys.size(), std::memory_order_relaxed);
    auto reading_all = [this, &keys] { return read_rows(keys); };
    auto answer = co_await offload(env_.index_reads, std::move(reading_all));
    co_return answer;
}

result<std::optional<index_entry>> rocks_index::read_first(
    const std::string& prefix, bool cached_only, bool& missed,
    std::unique_ptr<rocksdb::Iterator>* through) {
    const rocks::count_scope counting(count_);
    count_.seeks.fetch_add(1, std::memory_order_relaxed);
    rocksdb::ReadOptions how = reading(cached_only);
    // A whole prefix asks the filters first, so a key that is not there costs no block.
    const bool filtered = rocks::is_filtered_prefix(prefix);
    how.prefix_same_as_start = filtered;
    how.total_order_seek = !filtered;
    const std::string end = filtered ? std::string() : key_text::successor(prefix);
    const rocksdb::Slice bound(end);
    if (!end.empty()) how.iterate_upper_bound = &bound;
    std::unique_ptr<rocksdb::Iterator> own;
    std::unique_ptr<rocksdb::Iterator>& rows = filtered && through != nullptr ? *through : own;
    if (rows == nullptr) rows.reset(db_->NewIterator(how));
    rows->Seek(prefix);
    std::optional<index_entry> none;
    if (rows->Valid()) {
        if (!rows->key().starts_with(prefix)) return none;
        return std::optional(index_entry{rows->key().ToString(), rows->value().ToString()});
    }
    const rocksdb::Status status = rows->status();
    if (status.ok()) return none;
    // An iterator that failed, for want of a cached block too, is of no more use.
    rows.reset();
    missed = cached_only && status.IsIncomplete();
    if (missed) return none;
    return rocks::to_error(status, "reading", options_.directory);
}

/// Rows become visible to all other reads while the apply that brings them is on its way back: a
/// version read here must not be older than what they have seen (its blob may be gone).
void rocks_index::keep_rows_now_fresh() {
    const rocksdb::SequenceNumber now = db_->GetLatestSequenceNumber();
    if (rows_now_at_ != now) rows_now_.reset();
    rows_now_at_ = now;
}

task<result<std::optional<index_entry>>> rocks_index::first_with_prefix(std::string prefix) {
    const rocks::hold held(gate_);
    if (!held) co_return stopped();
    if (!must_go_by_pool()) {
        bool missed = false;
        keep_rows_now_fresh();
        auto answer = read_first(prefix, !options_.in_memory, missed, &rows_now_);
        if (!missed) co_return answer;
    }
    count_.pool_reads.fetch_add(1, std::memory_order_relaxed);
    auto reading = [this, &prefix] {
        bool missed = false;
        return read_first(prefix, false, missed, nullptr);
    };
    auto answer = co_await offload(env_.index_reads, std::move(reading));
    co_return answer;
}

task<result<void>> rocks_index::with_cursor(unique_function<result<void>(index_cursor&)> body) {
    const rocks::hold held(gate_);
    if (!held) co_return stopped();
    rocksdb::ReadOptions how;
    how.total_order_seek = true;
    // Made here and not on the pool: the cursor sees the index as it is now, whatever is applied
    // until its turn comes.
    std::unique_ptr<rocksdb::Iterator> rows(db_->NewIterator(how));
    auto reading = [this, &rows, &body]() -> result<void> {
        const rocks::count_scope counting(count_);
        rocks::cursor over(std::move(rows), count_, options_.directory);
        auto answer = body(over);
        if (!answer) return answer;
        return over.status();
    };
    auto answer = co_await offload(env_.index_reads, std::move(reading));
    co_return answer;
}

rocksdb::Status rocks_index::flush_once() {
    rocksdb::FlushOptions how;
    how.wait = true;
    how.allow_write_stall = true;
    rocksdb::Status status = db_->Flush(how);
    if (!status.ok()) {
        // After a failed flush RocksDB takes no writes until it is told to go on.
        TC_MARK("index.flush_resumes");
        status = db_->Resume();
        if (status.ok()) status = db_->Flush(how);
    }
    return status;
}

task<result<void>> rocks_index::flush() {
    const rocks::hold held(gate_);
    if (!held) co_return stopped();
    const lsn covered = applied_;
    lsn persisted;
    auto flushing = [this, covered, &persisted] {
        rocksdb::Status status;
        for (std::size_t attempt = 0; attempt < flush_attempts_max; ++attempt) {
            status = flush_once();
            if (!status.ok()) return status;
            // After an error RocksDB recovers in the background too, and a flush that meets that
            // can answer ok with rows still in memory: what counts is what its files hold.
            persisted = rocks::persisted_position(*db_);
            if (persisted >= covered) return status;
            TC_MARK("index.flush_not_persisted");
        }
        return rocksdb::Status::IOError("a flush said that it was done and was not");
    };
    const rocksdb::Status status = co_await offload(slow_pool(), std::move(flushing));
    rows_now_.reset();
    if (!status.ok()) co_return rocks::to_error(status, "flushing", options_.directory);
    watch_->raise(covered);
    co_return ok();
}

task<result<void>> rocks_index::compact_range(std::string from, std::string to) {
    const rocks::hold held(gate_);
    if (!held) co_return stopped();
    // One at a time, or compactions could take every thread that flushes and stalled writes need.
    const auto turn = co_await compacting_.lock();
    auto compacting = [this, &from, &to] {
        rocksdb::CompactRangeOptions how;
        how.exclusive_manual_compaction = false;
        // Files with deletions may have been moved to the last level as they were: those have to be
        // written anew.
        how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
        const rocksdb::Slice first(from);
        const rocksdb::Slice last(to);
        return db_->CompactRange(how, from.empty() ? nullptr : &first,
                                 to.empty() ? nullptr : &last);
    };
    const rocksdb::Status status = co_await offload(slow_pool(), std::move(compacting));
    rows_now_.reset();
    if (!status.ok()) co_return rocks::to_error(status, "compacting", options_.directory);
    co_return ok();
}

index_figures rocks_index::figures() const {
    index_figures out;
    out.applied = applied_;
    out.flushed = watch_->flushed();
    out.seeks = count_.seeks;
    out.nexts = count_.nexts;
    out.gets = count_.gets;
    out.gets_from_pool = count_.pool_reads;
    out.block_reads = count_.block_reads;
    out.blocks = count_.blocks;
    out.deleted_skipped = count_.deleted_skipped;
    out.deleted_rows = deleted_.rows();
    if (db_ != nullptr) {
        std::string files;
        if (db_->GetProperty(rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &files)) {
            std::from_chars(files.data(), files.data() + files.size(), out.level0_files);
        }
        db_->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &out.bytes_on_disk);
        db_->GetIntProperty(rocksdb::DB::Properties::kEstimateNumKeys, &out.rows_estimated);
    }
    return out;
}

}  // namespace taicang
