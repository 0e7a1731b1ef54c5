// When the index is tidied: not while deletions come fast, not for ever, and never for nothing.
#include "storage/upkeep/index_tidy.h"

#include <gtest/gtest.h>

#include "storage/base/mark.h"
#include "storage/index/keys.h"
#include "tests/unit/storage/index/index_world.h"

namespace taicang::test {
namespace {

constexpr std::uint64_t rows_min = 100;

class index_tidy : public testing::Test {
  protected:
    index_tidy() {
        index_options options = world.options();
        options.tidy_rows_min = rows_min;
        rows = std::move(*world.run(index::create(world.env(), options)));
        tidier.emplace(*rows, rows_min);
        std::vector<row_op> batch;
        for (std::uint64_t i = 0; i < keys; ++i)
            batch.push_back(put(key(i), "value"));
        apply(std::move(batch));
        TC_ASSERT(world.run(rows->flush()).ok());
    }
    ~index_tidy() override { world.run(rows->stop()); }

    static std::string key(std::uint64_t number) {
        return index_key::version(bucket_id{1}, std::to_string(1'000'000 + number), lsn{1});
    }
    void apply(std::vector<row_op> batch) {
        const lsn up_to{rows->applied().value + 1};
        ASSERT_TRUE(world.run(rows->apply(std::move(batch), up_to)).ok());
    }
    void remove(std::uint64_t count, std::uint64_t every = 1) {
        std::vector<row_op> batch;
        for (std::uint64_t i = 0; i < count; ++i, next += every)
            batch.push_back(drop(key(next)));
        apply(std::move(batch));
    }
    job_state step() {
        auto stepped = world.run(tidier->step());
        EXPECT_TRUE(stepped.ok());
        return stepped.ok() ? *stepped : job_state::done;
    }
    [[nodiscard]] std::uint64_t deleted() const { return rows->figures().deleted_rows; }

    static constexpr std::uint64_t keys = 20'000;
    sim_index_world world{5};
    std::unique_ptr<index> rows;
    std::optional<index_tidy_job> tidier;
    std::uint64_t next = 0;
};

TEST_F(index_tidy, waits_until_deletions_come_slowly) {
    remove(500);
    EXPECT_EQ(step(), job_state::idle);
    remove(500);
    EXPECT_EQ(step(), job_state::idle);
    EXPECT_EQ(deleted(), 1000U);
    remove(20);
    EXPECT_EQ(step(), job_state::busy);
    EXPECT_EQ(deleted(), 0U);
    EXPECT_EQ(step(), job_state::idle);
    EXPECT_EQ(tidier->progress().items_done, 1U);
}

TEST_F(index_tidy, leaves_a_few) {
    remove(rows_min - 1);
    for (int look = 0; look < 3; ++look)
        EXPECT_EQ(step(), job_state::idle);
    EXPECT_EQ(deleted(), rows_min - 1);
}

TEST_F(index_tidy, asks_again_only_when_more_is_gone) {
    remove(200, 90);
    EXPECT_EQ(step(), job_state::idle);
    const std::uint64_t asked = mark_count("index.tidied");
    EXPECT_EQ(step(), job_state::idle) << "asked, and too far apart";
    EXPECT_EQ(step(), job_state::idle);
    EXPECT_EQ(mark_count("index.tidied"), asked);
    EXPECT_EQ(deleted(), 200U);
    // A crowd beside them is worth it.
    next = 18'100;
    remove(400);
    EXPECT_EQ(step(), job_state::idle);
    EXPECT_EQ(step(), job_state::busy);
    EXPECT_LT(deleted(), 250U);
}

TEST_F(index_tidy, drain_does_not_wait) {
    remove(5000);
    ASSERT_TRUE(world.run(tidier->drain()).ok());
    EXPECT_EQ(deleted(), 0U);
    EXPECT_EQ(all_rows(world, *rows).size(), keys - 5000);
}

TEST_F(index_tidy, merges_what_was_flushed_once_writes_are_few) {
    const auto write_and_flush = [this](char value) {
        std::vector<row_op> batch;
        for (std::uint64_t i = 0; i < keys; i += 7)
            batch.push_back(put(key(i), std::string(20, value)));
        apply(std::move(batch));
        ASSERT_TRUE(world.run(rows->flush()).ok());
    };
    for (char value = 'a'; value < 'e'; ++value) {
        write_and_flush(value);
        EXPECT_EQ(step(), job_state::idle) << "flushed since the last look";
    }
    EXPECT_GT(rows->figures().level0_files, 4U);
    EXPECT_EQ(step(), job_state::busy);
    EXPECT_EQ(rows->figures().level0_files, 0U);
    EXPECT_EQ(step(), job_state::idle);
    // Little beside what it would be merged with waits for more.
    std::vector<row_op> few;
    few.push_back(put(key(1), "few"));
    apply(std::move(few));
    ASSERT_TRUE(world.run(rows->flush()).ok());
    for (int look = 0; look < 3; ++look)
        EXPECT_EQ(step(), job_state::idle);
    EXPECT_EQ(rows->figures().level0_files, 1U);
}

}  // namespace
}  // namespace taicang::test
