// The index's own disk fills up or fails: a clear error, nothing half-applied, and it goes on once
// there is room again.
#include <atomic>

#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "storage/base/mark.h"
#include "storage/index/index_impl.h"
#include "storage/index/keys.h"
#include "storage/index/rocks.h"
#include "tests/unit/storage/index/index_world.h"

namespace taicang::test {
namespace {

/// A file system in memory that can be full.
class full_disk final : public rocksdb::FileSystemWrapper {
  public:
    full_disk(std::shared_ptr<rocksdb::Env> below)
        : rocksdb::FileSystemWrapper(below->GetFileSystem()), below_(std::move(below)) {}
    const char* Name() const override { return "full_disk"; }
    std::atomic<bool> full{false};

    rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override {
        auto status = rocksdb::FileSystemWrapper::NewWritableFile(name, options, file, debug);
        if (status.ok()) *file = std::make_unique<limited_file>(std::move(*file), full);
        return status;
    }

  private:
    class limited_file final : public rocksdb::FSWritableFileOwnerWrapper {
      public:
        limited_file(std::unique_ptr<rocksdb::FSWritableFile>&& below, std::atomic<bool>& full)
            : rocksdb::FSWritableFileOwnerWrapper(std::move(below)), full_(full) {}
        using rocksdb::FSWritableFileOwnerWrapper::Append;
        rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* debug) override {
            if (full_) return rocksdb::IOStatus::NoSpace("no space left, as planned");
            return rocksdb::FSWritableFileOwnerWrapper::Append(data, options, debug);
        }
        rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                                 const rocksdb::DataVerificationInfo& check,
                                 rocksdb::IODebugContext* debug) override {
            if (full_) return rocksdb::IOStatus::NoSpace("no space left, as planned");
            return rocksdb::FSWritableFileOwnerWrapper::Append(data, options, check, debug);
        }

      private:
        std::atomic<bool>& full_;
    };
    std::shared_ptr<rocksdb::Env> below_;
};

TEST(index_full_disk, says_so_and_goes_on_when_there_is_room) {
    sim_index_world world(1);
    index_options options = world.options();
    auto disk = std::make_shared<full_disk>(options.media->state_->files);
    options.media->state_->files = rocksdb::NewCompositeEnv(disk);
    auto rows = std::move(*world.run(index::create(world.env(), options)));
    const auto put_row = [](std::uint64_t id) {
        std::vector<row_op> ops;
        ops.push_back(put(index_key::blob(blob_id{id}), "x"));
        return ops;
    };
    ASSERT_TRUE(world.run(rows->apply(put_row(1), lsn{1})).ok());
    ASSERT_TRUE(world.run(rows->flush()).ok());
    ASSERT_TRUE(world.run(rows->apply(put_row(2), lsn{2})).ok());
    disk->full = true;
    const std::uint64_t resumed = mark_count("index.flush_resumes");
    const auto failed = world.run(rows->flush());
    ASSERT_TRUE(failed.is(errc::no_space)) << (failed.ok() ? "ok" : failed.error().message);
    EXPECT_NE(failed.error().message.find("free space"), std::string::npos);
    EXPECT_GT(mark_count("index.flush_resumes"), resumed);
    EXPECT_EQ(rows->flushed(), lsn{1});
    // RocksDB takes no writes now; what was refused is not there, reads go on.
    const auto refused = world.run(rows->apply(put_row(3), lsn{3}));
    EXPECT_TRUE(refused.is(errc::no_space)) << (refused.ok() ? "ok" : refused.error().message);
    EXPECT_EQ(rows->applied(), lsn{2});
    EXPECT_EQ(*world.run(rows->get(index_key::blob(blob_id{2}))), "x");
    EXPECT_FALSE(world.run(rows->get(index_key::blob(blob_id{3})))->has_value());
    disk->full = false;
    const std::uint64_t waited = mark_count("index.apply_waits");
    ASSERT_TRUE(world.run(rows->apply(put_row(3), lsn{3})).ok());
    EXPECT_GT(mark_count("index.apply_waits"), waited);
    // RocksDB 7.8 can say that it flushed and not have done so here; the index believes its files
    // only. Whatever it claims is there after the next start, and the journal brings the rest.
    const auto again = world.run(rows->flush());
    const lsn claimed = rows->flushed();
    if (again.ok()) {
        EXPECT_EQ(claimed, lsn{3});
    }
    world.run(rows->stop());
    rows = std::move(*world.run(index::open(world.env(), options)));
    EXPECT_GE(rows->applied(), claimed);
    EXPECT_EQ(all_rows(world, *rows).size(), rows->applied().value);
    world.run(rows->stop());
}

TEST(index_open_error, only_what_a_restore_mends_is_lost) {
    const auto code = [](const rocksdb::Status& status) {
        return rocks::to_open_error(status, "/d").code;
    };
    EXPECT_EQ(code(rocksdb::Status::Corruption("CURRENT file corrupted")), errc::index_lost);
    EXPECT_EQ(code(rocksdb::Status::PathNotFound("/d/000012.sst")), errc::index_lost);
    EXPECT_EQ(code(rocksdb::Status::IOError("While lock file: /d/LOCK",
                                            "Resource temporarily unavailable")),
              errc::busy);
    EXPECT_EQ(code(rocksdb::Status::IOError("While open a file", "Too many open files")),
              errc::busy);
    EXPECT_EQ(code(rocksdb::Status::IOError("While open a file", "Permission denied")),
              errc::permission_denied);
    EXPECT_EQ(code(rocksdb::Status::NoSpace("While appending")), errc::no_space);
}

TEST(flush_watch, believes_files_and_not_what_a_flush_says) {
    real_index_world world;
    auto rows = std::move(*world.run(index::create(world.env(), world.options())));
    const auto apply = [&world, &rows](std::uint64_t number) {
        return world.run(rows->apply({put(index_key::blob(blob_id{number}), "x")}, lsn{number}))
            .ok();
    };
    ASSERT_TRUE(apply(1));
    ASSERT_TRUE(world.run(rows->flush()).ok());
    ASSERT_TRUE(apply(2));
    auto& database = static_cast<rocks_index&>(*rows).database();
    const auto options = database.GetOptions();
    ASSERT_EQ(options.listeners.size(), 1U);
    // RocksDB recovering from an error can tell of a flush whose rows are still in memory.
    rocksdb::FlushJobInfo claimed;
    claimed.largest_seqno = database.GetLatestSequenceNumber();
    options.listeners.front()->OnFlushCompleted(&database, claimed);
    EXPECT_EQ(rows->flushed(), lsn{1});
    // A flush that nobody asked the index for counts by its files.
    rocksdb::FlushOptions how;
    how.wait = true;
    ASSERT_TRUE(database.Flush(how).ok());
    EXPECT_EQ(rows->flushed(), lsn{2});
    world.run(rows->stop());
}

}  // namespace
}  // namespace taicang::test
