// One contract for all disks: io_uring, threads, simulated. What holds here is all that the rooms
// above may rely on.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/async.h"
#include "storage/base/limits.h"
#include "storage/base/when_all.h"
#include "tests/unit/storage/io/disk_world.h"
#include "tests/unit/storage/io/real_world.h"

namespace taicang {
namespace {

using test::all_zero;
using test::disk_world;
using test::equal;
using test::patterned;

using file_pointer = std::unique_ptr<disk_file>;

class disk_contract : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        const std::string which = GetParam();
        if (which == "simulated") {
            world_ = std::make_unique<test::sim_world>(42);
        } else {
            const auto backend =
                which == "threads" ? disk_backend::threads : disk_backend::io_uring;
            const bool registered = which == "io_uring_registered";
            // Smaller than what the tests use, so that both kinds of memory occur.
            auto made =
                std::make_unique<test::real_world>(backend, ".", 256, registered ? 1 << 20 : 0);
            if (!made->usable()) GTEST_SKIP() << made->refusal();
            const std::string reason(made->home().backend_reason());
            if (reason.find("not registered") != std::string::npos) GTEST_SKIP() << reason;
            ASSERT_EQ(reason.find("1 MiB of buffers registered") != std::string::npos, registered);
            world_ = std::move(made);
        }
        root_ = world_->root();
        ASSERT_TRUE(world_->run(prepare(world_->files(), root_)));
    }
    static task<bool> prepare(disk& files, std::string root) {
        auto made = co_await files.make_directory(root);
        co_return made.ok();
    }
    disk& files() { return world_->files(); }
    bool run(task<bool> body) { return world_->run(std::move(body)); }
    buffer_pool& pool() { return world_->pool(); }

    std::unique_ptr<disk_world> world_;
    std::string root_;
};

INSTANTIATE_TEST_SUITE_P(all, disk_contract,
                         testing::Values("io_uring", "io_uring_registered", "threads", "simulated"),
                         [](const auto& backend) { return std::string(backend.param); });

/// Opens or fails the test and answers null.
task<file_pointer> open_or_fail(disk& files, std::string path, open_mode mode) {
    auto opened = co_await files.open(path, mode);
    if (!opened.ok()) {
        ADD_FAILURE() << opened.error().message;
        co_return file_pointer();
    }
    co_return std::move(opened).value();
}

task<bool> write_and_read(disk& files, buffer_pool& pool, std::string path) {
    file_pointer file = co_await open_or_fail(files, path, open_mode::create_exclusive);
    if (file == nullptr) co_return false;
    EXPECT_EQ(file->size(), 0U);
    EXPECT_FALSE(file->path().empty());
    for (const std::size_t size :
         {std::size_t{4096}, std::size_t{128} << 10, std::size_t{3} << 20}) {
        const buffer written = patterned(pool, size, size);
        auto stored = co_await file->write(size, written.view());
        EXPECT_TRUE(stored.ok());
        auto flushed = co_await file->flush();
        EXPECT_TRUE(flushed.ok());
        buffer got = pool.allocate(size);
        auto read = co_await file->read(size, got.span());
        EXPECT_TRUE(read.ok());
        EXPECT_TRUE(equal(got.view(), written.view())) << size;
    }
    EXPECT_EQ(file->size(), std::uint64_t{6} << 20);
    // What was never written inside the file reads as zeros.
    buffer hole = pool.allocate(4096);
    auto read = co_await file->read(0, hole.span());
    EXPECT_TRUE(read.ok());
    EXPECT_TRUE(all_zero(hole.view()));
    co_return true;
}

TEST_P(disk_contract, reads_back_what_was_written) {
    EXPECT_TRUE(run(write_and_read(files(), pool(), root_ + "/a")));
}

task<bool> reopen(disk& files, buffer_pool& pool, std::string path) {
    const buffer written = patterned(pool, 8192, 3);
    {
        file_pointer file = co_await open_or_fail(files, path, open_mode::create_exclusive);
        if (file == nullptr) co_return false;
        auto stored = co_await file->write(0, written.view());
        EXPECT_TRUE(stored.ok());
    }
    for (const open_mode mode : {open_mode::existing, open_mode::existing_read}) {
        file_pointer file = co_await open_or_fail(files, path, mode);
        if (file == nullptr) co_return false;
        EXPECT_EQ(file->size(), 8192U);
        buffer got = pool.allocate(8192);
        auto read = co_await file->read(0, got.span());
        EXPECT_TRUE(read.ok());
        EXPECT_TRUE(equal(got.view(), written.view()));
    }
    co_return true;
}

TEST_P(disk_contract, a_closed_file_opens_again_with_its_bytes) {
    EXPECT_TRUE(run(reopen(files(), pool(), root_ + "/a")));
}

task<bool> beyond_the_end(disk& files, buffer_pool& pool, std::string path) {
    file_pointer file = co_await open_or_fail(files, path, open_mode::create_exclusive);
    if (file == nullptr) co_return false;
    const buffer page = patterned(pool, 4096, 1);
    auto stored = co_await file->write(0, page.view());
    EXPECT_TRUE(stored.ok());
    buffer two = pool.allocate(8192);
    auto across = co_await file->read(0, two.span());
    EXPECT_TRUE(across.is(errc::io_short));
    EXPECT_NE(across.error().message.find(path), std::string::npos);
    auto beyond = co_await file->read(1 << 20, two.span());
    EXPECT_TRUE(beyond.is(errc::io_short));
    co_return true;
}

TEST_P(disk_contract, reading_beyond_the_end_is_short) {
    EXPECT_TRUE(run(beyond_the_end(files(), pool(), root_ + "/a")));
}

task<bool> wrong_arguments(disk& files, buffer_pool& pool, std::string path) {
    file_pointer file = co_await open_or_fail(files, path, open_mode::create_exclusive);
    if (file == nullptr) co_return false;
    buffer page = patterned(pool, 8192, 1);
    auto odd_offset = co_await file->write(17, page.view());
    EXPECT_TRUE(odd_offset.is(errc::invalid_argument));
    auto odd_length = co_await file->write(0, page.view().first(100));
    EXPECT_TRUE(odd_length.is(errc::invalid_argument));
    auto odd_memory = co_await file->read(0, page.span().subspan(8, 4096));
    EXPECT_TRUE(odd_memory.is(errc::invalid_argument));
    auto odd_claim = co_await file->allocate(0, 1);
    EXPECT_TRUE(odd_claim.is(errc::invalid_argument));
    auto odd_discard = co_await file->discard(1, 4096);
    EXPECT_TRUE(odd_discard.is(errc::invalid_argument));
    auto too_far = co_await file->write((std::uint64_t{1} << 62) + 4096, page.view());
    EXPECT_TRUE(too_far.is(errc::invalid_argument));
    EXPECT_EQ(file->size(), 0U);
    auto nothing = co_await file->write(0, bytes_view{});
    EXPECT_TRUE(nothing.ok());
    co_return true;
}

TEST_P(disk_contract, unaligned_requests_are_refused_before_they_touch_the_disk) {
    EXPECT_TRUE(run(wrong_arguments(files(), pool(), root_ + "/a")));
}

task<bool> allocate_and_discard(disk& files, buffer_pool& pool, std::string path) {
    file_pointer file = co_await open_or_fail(files, path, open_mode::create_exclusive);
    if (file == nullptr) co_return false;
    const buffer page = patterned(pool, 4096, 9);
    auto stored = co_await file->write(4096, page.view());
    EXPECT_TRUE(stored.ok());
    auto claimed = co_await file->allocate(0, 1 << 20);
    EXPECT_TRUE(claimed.ok());
    EXPECT_EQ(file->size(), 1U << 20);
    buffer got = pool.allocate(1 << 20);
    auto read = co_await file->read(0, got.span());
    EXPECT_TRUE(read.ok());
    EXPECT_TRUE(all_zero(got.view().first(4096)));
    EXPECT_TRUE(equal(got.view().subspan(4096, 4096), page.view())) << "allocate must keep bytes";
    EXPECT_TRUE(all_zero(got.view().subspan(8192)));
    auto given_back = co_await file->discard(0, 1 << 20);
    EXPECT_TRUE(given_back.ok());
    EXPECT_EQ(file->size(), 1U << 20);
    auto after = co_await file->read(0, got.span());
    EXPECT_TRUE(after.ok());
    EXPECT_TRUE(all_zero(got.view().first(4096)));
    const bytes_view hole = got.view().subspan(4096, 4096);
    EXPECT_TRUE(all_zero(hole) || equal(hole, page.view()));
    auto again = co_await file->write(0, page.view());
    EXPECT_TRUE(again.ok());
    co_return true;
}

TEST_P(disk_contract, allocate_gives_zeros_keeps_bytes_and_discard_gives_zeros_or_old_bytes) {
    EXPECT_TRUE(run(allocate_and_discard(files(), pool(), root_ + "/a")));
}

task<errc> open_error(disk& files, std::string path, open_mode mode) {
    auto opened = co_await files.open(path, mode);
    if (opened.ok()) co_return errc{};
    EXPECT_NE(opened.error().message.find(path), std::string::npos) << opened.error().message;
    co_return opened.error().code;
}

task<bool> modes(disk& files, buffer_pool& pool, std::string path) {
    errc code = co_await open_error(files, path, open_mode::existing);
    EXPECT_EQ(code, errc::not_found);
    code = co_await open_error(files, path, open_mode::existing_read);
    EXPECT_EQ(code, errc::not_found);
    code = co_await open_error(files, path + "/none/a", open_mode::create_exclusive);
    EXPECT_EQ(code, errc::not_found);
    {
        file_pointer file = co_await open_or_fail(files, path, open_mode::create_exclusive);
        if (file == nullptr) co_return false;
        code = co_await open_error(files, path, open_mode::create_exclusive);
        EXPECT_EQ(code, errc::already_exists);
        code = co_await open_error(files, path, open_mode::existing);
        EXPECT_EQ(code, errc::busy);
        // Looking needs no lock.
        file_pointer reader = co_await open_or_fail(files, path, open_mode::existing_read);
        if (reader == nullptr) co_return false;
        const buffer page = patterned(pool, 4096, 1);
        auto refused = co_await reader->write(0, page.view());
        EXPECT_TRUE(refused.is(errc::invalid_argument));
        auto refused_claim = co_await reader->allocate(0, 4096);
        EXPECT_TRUE(refused_claim.is(errc::invalid_argument));
    }
    file_pointer file = co_await open_or_fail(files, path, open_mode::existing);
    co_return file != nullptr;
}

TEST_P(disk_contract, a_file_has_one_user_and_modes_mean_what_they_say) {
    EXPECT_TRUE(run(modes(files(), pool(), root_ + "/a")));
}

task<bool> names(disk& files, std::string root) {
    auto none = co_await files.list(root + "/none");
    EXPECT_TRUE(none.is(errc::not_found));
    auto deep = co_await files.make_directory(root + "/x/y/z");
    EXPECT_TRUE(deep.ok());
    auto again = co_await files.make_directory(root + "/x/y");
    EXPECT_TRUE(again.ok());
    for (const char* name : {"c", "a", "b"}) {
        file_pointer file =
            co_await open_or_fail(files, root + "/x/" + name, open_mode::create_exclusive);
        if (file == nullptr) co_return false;
    }
    auto found = co_await files.list(root + "/x");
    if (!found.ok()) co_return false;
    EXPECT_EQ(*found, (std::vector<std::string>{"a", "b", "c"}));
    auto synced = co_await files.sync_directory(root + "/x");
    EXPECT_TRUE(synced.ok());
    auto removed = co_await files.remove(root + "/x/b");
    EXPECT_TRUE(removed.ok());
    auto twice = co_await files.remove(root + "/x/b");
    EXPECT_TRUE(twice.is(errc::not_found));
    auto left = co_await files.list(root + "/x");
    if (!left.ok()) co_return false;
    EXPECT_EQ(*left, (std::vector<std::string>{"a", "c"}));
    auto missing = co_await files.sync_directory(root + "/none");
    EXPECT_TRUE(missing.is(errc::not_found));
    auto in_the_way = co_await files.make_directory(root + "/x/a");
    EXPECT_TRUE(in_the_way.is(errc::already_exists));
    co_return true;
}

TEST_P(disk_contract, names_come_go_and_are_listed_in_order) {
    EXPECT_TRUE(run(names(files(), root_)));
}

task<bool> ask_space(disk& files, std::string root) {
    auto here = co_await files.space(root);
    auto above = co_await files.space(root);
    auto none = co_await files.space(root + "/none");
    if (!here.ok() || !above.ok()) co_return false;
    EXPECT_GT(here->capacity_bytes, 0U);
    EXPECT_LE(here->free_bytes, here->capacity_bytes);
    EXPECT_EQ(here->filesystem_id, above->filesystem_id);
    EXPECT_TRUE(none.is(errc::not_found));
    co_return true;
}

TEST_P(disk_contract, space_is_told) {
    EXPECT_TRUE(run(ask_space(files(), root_)));
}

task<bool> write_numbered(disk_file& file, buffer_pool& pool, std::uint64_t number) {
    const buffer page = patterned(pool, 4096, number);
    auto written = co_await file.write(number * 4096, page.view());
    co_return written.ok();
}

task<bool> read_numbered(disk_file& file, buffer_pool& pool, std::uint64_t number) {
    buffer got = pool.allocate(4096);
    auto read = co_await file.read(number * 4096, got.span());
    const buffer want = patterned(pool, 4096, number);
    co_return read.ok() && equal(got.view(), want.view());
}

/// More operations at once than any queue is deep.
task<bool> many_at_once(disk& files, buffer_pool& pool, std::string path) {
    constexpr std::uint64_t count = 2000;
    file_pointer file = co_await open_or_fail(files, path, open_mode::create_exclusive);
    if (file == nullptr) co_return false;
    std::vector<task<bool>> writes;
    for (std::uint64_t n = 0; n < count; ++n)
        writes.push_back(write_numbered(*file, pool, n));
    auto written = co_await when_all(std::move(writes));
    auto flushed = co_await file->flush();
    std::vector<task<bool>> reads;
    for (std::uint64_t n = count; n > 0; --n)
        reads.push_back(read_numbered(*file, pool, n - 1));
    auto read = co_await when_all(std::move(reads));
    EXPECT_EQ(std::count(written.begin(), written.end(), true), static_cast<long>(count));
    EXPECT_EQ(std::count(read.begin(), read.end(), true), static_cast<long>(count));
    EXPECT_EQ(file->size(), count * 4096);
    co_return flushed.ok();
}

TEST_P(disk_contract, more_operations_than_the_queue_is_deep_all_complete) {
    EXPECT_TRUE(run(many_at_once(files(), pool(), root_ + "/a")));
}

task<bool> many_files(disk& files, buffer_pool& pool, std::string root) {
    std::vector<file_pointer> open_ones;
    for (int i = 0; i < 40; ++i) {
        file_pointer file = co_await open_or_fail(files, root + "/f" + std::to_string(i),
                                                  open_mode::create_exclusive);
        if (file == nullptr) co_return false;
        open_ones.push_back(std::move(file));
    }
    bool fine = true;
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < open_ones.size(); ++i) {
            const bool written = co_await write_numbered(*open_ones[i], pool, i);
            const bool read = co_await read_numbered(*open_ones[i], pool, i);
            fine = fine && written && read;
        }
        // Closing and opening reuses places in whatever tables there are.
        for (std::size_t i = 0; i < open_ones.size(); i += 3) {
            const std::string path = open_ones[i]->path();
            open_ones[i].reset();
            open_ones[i] = co_await open_or_fail(files, path, open_mode::existing);
            if (open_ones[i] == nullptr) co_return false;
        }
    }
    co_return fine;
}

TEST_P(disk_contract, files_opened_closed_and_opened_again_stay_apart) {
    EXPECT_TRUE(run(many_files(files(), pool(), root_)));
}

TEST_P(disk_contract, the_backend_says_its_name) {
    const std::string name(files().backend());
    EXPECT_EQ(std::string(GetParam()).substr(0, name.size()), name);
}

}  // namespace
}  // namespace taicang
