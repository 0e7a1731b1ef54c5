#include "tests/process/fuse_disk/held_file.h"

#include <set>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/process/fuse_disk/control_socket.h"
#include "tests/process/fuse_disk/disk_state.h"

namespace taicang::fuse_disk {

namespace {

class held_file_test : public ::testing::Test {
  protected:
    held_file_test() {
        char pattern[] = "/tmp/taicang_held_file_XXXXXX";
        directory_ = ::mkdtemp(pattern);
    }
    ~held_file_test() override {
        const std::string command = "rm -rf '" + directory_ + "'";
        EXPECT_EQ(std::system(command.c_str()), 0);
    }

    std::unique_ptr<held_file> fresh(const std::string& content = "") {
        const int descriptor =
            ::open((directory_ + "/file").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
        EXPECT_EQ(::pwrite(descriptor, content.data(), content.size(), 0),
                  static_cast<ssize_t>(content.size()));
        return std::make_unique<held_file>(descriptor);
    }
    static std::span<const std::byte> bytes(const std::string& text) {
        return std::as_bytes(std::span(text));
    }
    static void put(held_file& file, const std::string& text, std::uint64_t offset) {
        ASSERT_EQ(file.write(bytes(text), offset, true), static_cast<std::int64_t>(text.size()));
    }
    static std::string seen(held_file& file) {
        std::string text(file.size() + 10, '?');
        const std::int64_t got = file.read(std::as_writable_bytes(std::span(text)), 0);
        EXPECT_GE(got, 0);
        text.resize(static_cast<std::size_t>(got));
        return text;
    }
    std::string durable() const {
        std::string text(1 << 20, '?');
        const int descriptor = ::open((directory_ + "/file").c_str(), O_RDONLY);
        const ssize_t got = ::pread(descriptor, text.data(), text.size(), 0);
        ::close(descriptor);
        text.resize(static_cast<std::size_t>(got));
        return text;
    }
    static cut_counts lose_all(held_file& file) {
        random_stream random(1);
        return file.cut(random, {.drop_percent = 100, .tear_percent = 0});
    }

    std::string directory_;
};

TEST_F(held_file_test, a_write_is_seen_at_once_and_is_not_on_the_backing_file) {
    auto file = fresh("durable");
    put(*file, "HELD", 2);
    EXPECT_EQ(seen(*file), "duHELDe");
    EXPECT_EQ(durable(), "durable");
    EXPECT_FALSE(file->clean());
}

TEST_F(held_file_test, a_flush_makes_it_durable_and_no_later_cut_takes_it_away) {
    auto file = fresh("durable");
    put(*file, "HELD", 2);
    ASSERT_EQ(file->flush(), 0);
    EXPECT_EQ(durable(), "duHELDe");
    EXPECT_TRUE(file->clean());
    put(*file, "lost", 0);
    EXPECT_EQ(lose_all(*file).dropped_blocks, 1U);
    EXPECT_EQ(durable(), "duHELDe");
    EXPECT_EQ(seen(*file), "duHELDe");
}

TEST_F(held_file_test, a_cut_that_keeps_everything_leaves_everything) {
    auto file = fresh();
    const std::string text(3 * block_bytes + 100, 'x');
    put(*file, text, 0);
    random_stream random(1);
    const cut_counts counts = file->cut(random, {.drop_percent = 0, .tear_percent = 0});
    EXPECT_EQ(counts.kept_blocks, 4U);
    EXPECT_EQ(durable(), text);
}

TEST_F(held_file_test, a_cut_drops_a_random_subset_that_its_seed_decides) {
    const std::string old_text(64 * block_bytes, 'o');
    const std::string new_text(64 * block_bytes, 'n');
    std::set<std::string> outcomes;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        std::string first;
        for (int again = 0; again < 2; ++again) {
            auto file = fresh(old_text);
            put(*file, new_text, 0);
            random_stream random(seed);
            const cut_counts counts = file->cut(random, {.drop_percent = 50, .tear_percent = 0});
            EXPECT_EQ(counts.kept_blocks + counts.dropped_blocks, 64U);
            EXPECT_GT(counts.kept_blocks, 10U);
            EXPECT_GT(counts.dropped_blocks, 10U);
            const std::string left = durable();
            for (std::size_t at = 0; at < left.size(); at += block_bytes) {
                EXPECT_EQ(left.substr(at, block_bytes), std::string(block_bytes, left[at]));
            }
            if (again == 0) first = left;
            EXPECT_EQ(left, first);
            outcomes.insert(left);
        }
    }
    EXPECT_EQ(outcomes.size(), 8U);
}

TEST_F(held_file_test, a_torn_block_mixes_whole_sectors_of_old_and_new) {
    const std::string old_text(block_bytes, 'o');
    auto file = fresh(old_text);
    put(*file, std::string(block_bytes, '1'), 0);
    put(*file, std::string(block_bytes, '2'), 0);
    random_stream random(7);
    EXPECT_EQ(file->cut(random, {.drop_percent = 0, .tear_percent = 100}).torn_blocks, 1U);
    const std::string left = durable();
    ASSERT_EQ(left.size(), block_bytes);
    std::set<char> kinds;
    for (std::size_t at = 0; at < block_bytes; at += sector_bytes) {
        EXPECT_EQ(left.substr(at, sector_bytes), std::string(sector_bytes, left[at]));
        kinds.insert(left[at]);
    }
    EXPECT_GE(kinds.size(), 2U);
}

TEST_F(held_file_test, an_earlier_unflushed_content_of_a_block_may_be_what_is_left) {
    std::set<char> left;
    for (std::uint64_t seed = 0; seed < 64; ++seed) {
        auto file = fresh(std::string(block_bytes, 'o'));
        put(*file, std::string(block_bytes, '1'), 0);
        put(*file, std::string(block_bytes, '2'), 0);
        random_stream random(seed);
        file->cut(random, {.drop_percent = 33, .tear_percent = 0});
        left.insert(durable()[0]);
    }
    EXPECT_EQ(left, (std::set<char>{'o', '1', '2'}));
}

TEST_F(held_file_test, growth_is_held_too) {
    auto file = fresh("12345678");
    put(*file, "tail", 8);
    EXPECT_EQ(file->size(), 12U);
    EXPECT_EQ(lose_all(*file).reverted_sizes, 1U);
    EXPECT_EQ(durable(), "12345678");
    EXPECT_EQ(file->size(), 8U);
}

TEST_F(held_file_test, truncation_is_held_and_what_comes_back_is_zero_not_old_bytes) {
    auto file = fresh(std::string(2 * block_bytes, 'o'));
    ASSERT_EQ(file->truncate(100, true), 0);
    ASSERT_EQ(file->truncate(2 * block_bytes, true), 0);
    const std::string expected = std::string(100, 'o') + std::string(2 * block_bytes - 100, '\0');
    EXPECT_EQ(seen(*file), expected);
    EXPECT_EQ(durable(), std::string(2 * block_bytes, 'o'));
    ASSERT_EQ(file->flush(), 0);
    EXPECT_EQ(durable(), expected);
}

TEST_F(held_file_test, a_lost_truncation_brings_the_old_content_back) {
    auto file = fresh(std::string(2 * block_bytes, 'o'));
    ASSERT_EQ(file->truncate(0, true), 0);
    EXPECT_EQ(seen(*file), "");
    lose_all(*file);
    EXPECT_EQ(seen(*file), std::string(2 * block_bytes, 'o'));
}

TEST_F(held_file_test, allocation_grows_and_zero_ranges_are_held) {
    auto file = fresh(std::string(block_bytes, 'o'));
    ASSERT_EQ(file->allocate(0, 0, 4 * block_bytes, true), 0);
    EXPECT_EQ(file->size(), 4 * block_bytes);
    EXPECT_EQ(durable().size(), block_bytes);
    ASSERT_EQ(file->allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 10, true), 0);
    EXPECT_EQ(seen(*file).substr(0, 11), std::string(10, '\0') + "o");
    lose_all(*file);
    EXPECT_EQ(durable(), std::string(block_bytes, 'o'));
    EXPECT_EQ(file->allocate(FALLOC_FL_COLLAPSE_RANGE, 0, block_bytes, true), -EOPNOTSUPP);
}

TEST_F(held_file_test, unaligned_reads_and_writes_agree_with_a_plain_buffer) {
    auto file = fresh(std::string(5000, 'o'));
    std::string model(5000, 'o');
    random_stream random(42);
    for (int step = 0; step < 2000; ++step) {
        const std::uint64_t offset = random.below(40000);
        const std::uint64_t kind = random.below(20);
        if (kind == 0) {
            ASSERT_EQ(file->truncate(offset, true), 0);
            model.resize(offset, '\0');
        } else if (kind == 1) {
            ASSERT_EQ(file->flush(), 0);
            ASSERT_EQ(durable(), model);
        } else {
            const std::string text(random.below(9000), static_cast<char>('a' + random.below(26)));
            put(*file, text, offset);
            if (!text.empty() && model.size() < offset + text.size()) {
                model.resize(offset + text.size(), '\0');
            }
            model.replace(text.empty() ? 0 : offset, text.size(), text);
        }
        if (file->size() != model.size()) {
            // An empty write past the end does not grow a file.
            ASSERT_EQ(file->truncate(model.size(), true), 0);
        }
        ASSERT_EQ(seen(*file), model) << "step " << step;
    }
}

TEST_F(held_file_test, the_whole_disk_is_cut_at_once_and_old_handles_stay_dead) {
    disk_state disk(directory_, true);
    std::unique_ptr<open_file> one;
    std::unique_ptr<open_file> two;
    ASSERT_EQ(disk.open("/one", O_RDWR | O_CREAT, 0600, one), 0);
    ASSERT_EQ(disk.open("/two", O_RDWR | O_CREAT, 0600, two), 0);
    ASSERT_EQ(disk.write(*one, bytes("first"), 0), 5);
    ASSERT_EQ(disk.write(*two, bytes("second"), 0), 6);
    ASSERT_EQ(disk.flush(*one), 0);
    ASSERT_EQ(disk.write(*one, bytes("xxxxx"), 0), 5);
    EXPECT_EQ(run_command(disk, "cut 5 100 0"),
              "ok kept=0 dropped=2 torn=0 sizes_reverted=1 files_vanished=1");
    EXPECT_EQ(disk.write(*one, bytes("late"), 0), -EIO);
    EXPECT_EQ(disk.flush(*one), -EIO);
    std::unique_ptr<open_file> three;
    EXPECT_EQ(disk.open("/one", O_RDWR, 0, three), -EIO);
    EXPECT_EQ(run_command(disk, "heal"), "ok");
    EXPECT_EQ(disk.write(*one, bytes("late"), 0), -EIO);
    ASSERT_EQ(disk.open("/one", O_RDWR, 0, three), 0);
    std::string text(10, '?');
    ASSERT_EQ(disk.read(*three, std::as_writable_bytes(std::span(text)), 0), 5);
    EXPECT_EQ(text.substr(0, 5), "first");
    std::unique_ptr<open_file> gone;
    EXPECT_EQ(disk.open("/two", O_RDWR, 0, gone), -ENOENT);
    disk.close(std::move(one));
    disk.close(std::move(two));
    disk.close(std::move(three));
}

TEST_F(held_file_test, faults_are_delivered_to_the_named_file_alone_until_cleared) {
    disk_state disk(directory_, true);
    std::unique_ptr<open_file> one;
    std::unique_ptr<open_file> two;
    ASSERT_EQ(disk.open("/one", O_RDWR | O_CREAT, 0600, one), 0);
    ASSERT_EQ(disk.open("/two", O_RDWR | O_CREAT, 0600, two), 0);
    ASSERT_EQ(disk.write(*one, bytes("first"), 0), 5);
    ASSERT_EQ(run_command(disk, "fault one read"), "ok");
    std::string text(5, '?');
    EXPECT_EQ(disk.read(*one, std::as_writable_bytes(std::span(text)), 0), -EIO);
    EXPECT_EQ(disk.write(*one, bytes("again"), 0), 5);
    EXPECT_EQ(disk.read(*two, std::as_writable_bytes(std::span(text)), 0), 0);
    ASSERT_EQ(run_command(disk, "fault one all"), "ok");
    EXPECT_EQ(disk.write(*one, bytes("again"), 0), -EIO);
    EXPECT_EQ(disk.flush(*one), -EIO);
    EXPECT_NE(disk.describe().find("faults_delivered=3"), std::string::npos) << disk.describe();
    ASSERT_EQ(run_command(disk, "clear *"), "ok");
    EXPECT_EQ(disk.read(*one, std::as_writable_bytes(std::span(text)), 0), 5);
    EXPECT_TRUE(run_command(disk, "fault one sometimes").starts_with("error"));
    EXPECT_TRUE(run_command(disk, "explode").starts_with("error"));
    disk.close(std::move(one));
    disk.close(std::move(two));
}

}  // namespace

}  // namespace taicang::fuse_disk
