// Deleted rows cost scans nothing once they were tidied away, and tidying rewrites only what is
// worth it.
#include <gtest/gtest.h>

#include "storage/index/deleted_ranges.h"
#include "storage/index/index.h"
#include "storage/index/keys.h"
#include "tests/unit/storage/index/index_world.h"

namespace taicang::test {
namespace {

constexpr bucket_id here{7};

std::string numbered(std::uint64_t number) {
    std::string digits = std::to_string(number);
    return "key-" + std::string(8 - digits.size(), '0') + digits;
}
std::string row_key(std::uint64_t number) {
    return index_key::version(here, numbered(number), lsn{1});
}

/// Keys by their numbers, changed in batches and scanned at a cost that is counted.
class numbered_index {
  public:
    numbered_index(index_world& over, const index_options& options)
        : world(over), rows(std::move(*over.run(index::create(over.env(), options)))) {}
    ~numbered_index() { world.run(rows->stop()); }

    void put(std::uint64_t first, std::uint64_t last, std::size_t row_bytes = 100) {
        change(first, last, 1, std::string(row_bytes, 'v'));
    }
    void remove(std::uint64_t first, std::uint64_t last, std::uint64_t every = 1) {
        change(first, last, every, std::nullopt);
    }
    void flush() { ASSERT_TRUE(world.run(rows->flush()).ok()); }
    bool tidy() {
        auto tidied = world.run(rows->tidy());
        EXPECT_TRUE(tidied.ok()) << tidied.error().message;
        return tidied.ok() && *tidied;
    }

    struct cost {
        std::uint64_t rows = 0, blocks = 0, deleted = 0;
    };
    cost scan() {
        const index_figures before = rows->figures();
        cost seen;
        seen.rows = all_rows(world, *rows).size();
        const index_figures after = rows->figures();
        seen.blocks = after.blocks - before.blocks;
        seen.deleted = after.deleted_skipped - before.deleted_skipped;
        return seen;
    }

    index_world& world;
    std::unique_ptr<index> rows;

  private:
    void change(std::uint64_t first, std::uint64_t last, std::uint64_t every,
                const std::optional<std::string>& value) {
        while (first < last) {
            std::vector<row_op> batch;
            for (; first < last && batch.size() < 1000; first += every)
                batch.push_back({row_key(first), value, std::nullopt});
            const lsn up_to{rows->applied().value + 1};
            ASSERT_TRUE(world.run(rows->apply(std::move(batch), up_to)).ok());
        }
    }
};

class tidying : public testing::TestWithParam<bool> {
  protected:
    void SetUp() override { world = make_index_world(GetParam()); }
    std::unique_ptr<index_world> world;
};
INSTANTIATE_TEST_SUITE_P(worlds, tidying, testing::Bool(),
                         [](const auto& one) { return one.param ? "simulated" : "real"; });

TEST_P(tidying, a_scan_costs_what_is_left) {
    numbered_index at(*world, world->options());
    at.put(0, 500);
    at.put(20'500, 21'000);
    at.flush();
    const auto before = at.scan();
    ASSERT_EQ(before.rows, 1000U);
    at.put(500, 20'500);
    at.flush();
    at.remove(500, 20'500);
    EXPECT_EQ(at.rows->figures().deleted_rows, 20'000U);
    const auto untidied = at.scan();
    EXPECT_GT(untidied.deleted, 15'000U);
    EXPECT_GT(untidied.blocks, 2 * before.blocks);

    ASSERT_TRUE(at.tidy());
    EXPECT_FALSE(at.tidy());
    EXPECT_EQ(at.rows->figures().deleted_rows, 0U);
    const auto tidied = at.scan();
    EXPECT_EQ(tidied.rows, 1000U);
    EXPECT_EQ(tidied.deleted, 0U);
    EXPECT_LE(tidied.blocks, before.blocks + 2);
}

TEST_P(tidying, deletions_that_were_moved_to_the_last_level_go_too) {
    numbered_index at(*world, world->options());
    at.put(0, 3000);
    at.remove(0, 3000);
    at.flush();  // a file of deletions only
    ASSERT_TRUE(at.tidy());
    EXPECT_EQ(at.scan().deleted, 0U);
}

TEST_P(tidying, what_is_few_is_left) {
    numbered_index at(*world, world->options());
    at.put(0, 4000);
    at.flush();
    at.remove(100, 100 + limits::index_tidy_rows_min - 1);
    EXPECT_FALSE(at.tidy());
    at.remove(2000, 2001);
    EXPECT_TRUE(at.tidy());
}

TEST_P(tidying, what_is_far_apart_is_left) {
    numbered_index at(*world, world->options());
    at.put(0, 60'000);
    at.flush();
    at.remove(0, 60'000, 25);
    EXPECT_FALSE(at.tidy());
    EXPECT_EQ(at.rows->figures().deleted_rows, 2400U) << "still counted, for when more go";
}

TEST_P(tidying, deletions_close_together_are_found_among_others) {
    numbered_index at(*world, world->options());
    at.put(0, 60'000);
    at.flush();
    // Thin over everything, and a crowd in the middle, in no order.
    for (std::uint64_t i = 0; i < 60; ++i) {
        at.remove(i * 1000, i * 1000 + 1);
        at.remove(30'000 + i * 100, 30'000 + i * 100 + 100);
    }
    const std::uint64_t counted = at.rows->figures().deleted_rows;
    ASSERT_TRUE(at.tidy());
    while (at.tidy()) {
    }
    EXPECT_LT(at.rows->figures().deleted_rows, counted / 10);
    EXPECT_LT(at.scan().deleted, counted / 10);
}

TEST(index_tidying, goes_piece_by_piece) {
    sim_index_world world(3);
    index_options options = world.options();
    options.tidy_step_bytes = 1;
    numbered_index at(world, options);
    at.put(0, 9000, 10'000);
    ASSERT_TRUE(world.run(at.rows->compact_range("", "")).ok());  // to files of 32 MiB
    at.remove(10, 8990);
    int pieces = 0;
    while (at.tidy())
        ++pieces;
    EXPECT_GE(pieces, 2);  // what was in memory goes with the first
    EXPECT_LE(pieces, 6);
    EXPECT_EQ(at.scan().rows, 20U);
    EXPECT_EQ(at.scan().deleted, 0U);
}

TEST_P(tidying, survives_a_crash_between_pieces) {
    index_options options = world->options();
    auto rows = std::move(*world->run(index::create(world->env(), options)));
    std::vector<row_op> batch;
    for (std::uint64_t i = 0; i < 5000; ++i)
        batch.push_back(put(row_key(i), "x"));
    ASSERT_TRUE(world->run(rows->apply(std::move(batch), lsn{5})).ok());
    ASSERT_TRUE(world->run(rows->flush()).ok());
    std::vector<row_op> gone;
    for (std::uint64_t i = 0; i < 4000; ++i)
        gone.push_back(drop(row_key(i)));
    ASSERT_TRUE(world->run(rows->apply(std::move(gone), lsn{6})).ok());
    auto tidied = world->run(rows->tidy());
    ASSERT_TRUE(tidied.ok() && *tidied);
    const lsn flushed = rows->flushed();
    rows.reset();
    rows = std::move(*world->run(index::open(world->env(), options)));
    EXPECT_GE(rows->applied(), flushed);
    EXPECT_EQ(rows->applied(), lsn{6}) << "a compaction takes what is in memory with it";
    EXPECT_EQ(all_rows(*world, *rows).size(), 1000U);
    world->run(rows->stop());
}

TEST(deleted_ranges, stays_small_and_narrow_where_much_goes) {
    deleted_ranges ranges;
    for (std::uint64_t i = 0; i < 100'000; ++i)
        ranges.add(row_key(50'000'000 + i * 7919 % 100'000));
    for (std::uint64_t i = 0; i < 100; ++i)
        ranges.add(row_key(i * 900'000));
    EXPECT_EQ(ranges.rows(), 100'100U);
    const auto all = ranges.list();
    EXPECT_LE(all.size(), 2 * limits::index_deleted_ranges_max);
    std::uint64_t rows = 0;
    std::uint64_t narrow = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_LE(all[i].from, all[i].to);
        if (i > 0) {
            EXPECT_LT(all[i - 1].to, all[i].from);
        }
        rows += all[i].rows;
        if (all[i].from >= row_key(50'000'000) && all[i].to <= row_key(50'099'999))
            narrow += all[i].rows;
    }
    EXPECT_EQ(rows, 100'100U);
    EXPECT_GT(narrow, 95'000U);
}

TEST(deleted_ranges, counts_what_is_scanned_and_forgets_what_was_tidied) {
    deleted_ranges ranges;
    ranges.note({drop(index_key::blob(blob_id{1})), put(row_key(1), "x"), drop(row_key(2)),
                 add(index_key::group_live(group_id{1}), 1), drop(index_key::part("u", 1)),
                 drop(row_key(2))});
    EXPECT_EQ(ranges.rows(), 3U);
    ranges.forget(row_key(1), row_key(3));
    EXPECT_EQ(ranges.rows(), 1U);
    ASSERT_EQ(ranges.list().size(), 1U);
    EXPECT_EQ(ranges.list().front().from, index_key::part("u", 1));
}

}  // namespace
}  // namespace taicang::test
