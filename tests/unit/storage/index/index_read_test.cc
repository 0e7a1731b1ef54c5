// Reading the index: first rows of a prefix, cursors, views, and what reads cost.
#include <limits>

#include <gtest/gtest.h>

#include "storage/base/async.h"
#include "storage/index/index.h"
#include "storage/index/keys.h"
#include "tests/unit/storage/index/index_world.h"
#include "tests/unit/storage/index/random_rows.h"

namespace taicang::test {
namespace {

constexpr lsn head{std::numeric_limits<std::uint64_t>::max()};
constexpr bucket_id here{7};

version_row sized(std::uint64_t size) {
    version_row row;
    row.size = size;
    return row;
}

row_op put_version(const std::string& key, lsn position) {
    return put(index_key::version(here, key, position), encode_row(sized(position.value)));
}

/// `count` keys with one version each, flushed.
std::unique_ptr<index> filled(index_world& world, const index_options& options,
                              std::uint64_t count) {
    auto rows = std::move(*world.run(index::create(world.env(), options)));
    std::uint64_t position = 0;
    while (position < count) {
        std::vector<row_op> batch;
        for (int i = 0; i < 1000 && position < count; ++i) {
            ++position;
            batch.push_back(put_version("key-" + std::to_string(position), lsn{position}));
        }
        TC_ASSERT(world.run(rows->apply(std::move(batch), lsn{position})).ok());
    }
    TC_ASSERT(world.run(rows->flush()).ok());
    return rows;
}

task<void> expect_ok(task<result<void>> body) {
    auto answer = co_await std::move(body);
    EXPECT_TRUE(answer.ok());
}

/// Starts the reading, applies a row while it waits for the pool, then lets it end.
task<bool> read_while_applying(index& rows, task<result<void>> reading, row_op row) {
    gate running;
    spawn(running, expect_ok(std::move(reading)));
    std::vector<row_op> ops;
    ops.push_back(std::move(row));
    auto applied = co_await rows.apply(std::move(ops), lsn{50});
    co_await running.close();
    co_return applied.ok();
}

class index_reads : public testing::TestWithParam<bool> {
  protected:
    void SetUp() override {
        world = make_index_world(GetParam());
        rows = std::move(*world->run(index::create(world->env(), world->options())));
    }
    void TearDown() override { world->run(rows->stop()); }
    void apply(std::vector<row_op> ops) {
        ASSERT_TRUE(world->run(rows->apply(std::move(ops), lsn{rows->applied().value + 1})).ok());
    }
    std::unique_ptr<index_world> world;
    std::unique_ptr<index> rows;
};
INSTANTIATE_TEST_SUITE_P(worlds, index_reads, testing::Bool(),
                         [](const auto& one) { return one.param ? "simulated" : "real"; });

TEST_P(index_reads, first_with_prefix_gives_the_newest_version) {
    apply({put_version("a", lsn{3}), put_version("a", lsn{9}), put_version("a/b", lsn{20}),
           put_version("a\x01", lsn{21})});
    for (int round = 0; round < 2; ++round) {
        for (int repeat = 0; repeat < 5; ++repeat) {  // by the pool too
            const auto found =
                world->run(rows->first_with_prefix(index_key::version_prefix(here, "a")));
            ASSERT_TRUE(found.ok() && found->has_value());
            EXPECT_EQ((*found)->key, index_key::version(here, "a", lsn{9}));
            EXPECT_EQ(decode_version_row(as_bytes((*found)->value))->size, 9U);
            const auto none =
                world->run(rows->first_with_prefix(index_key::version_prefix(here, "aa")));
            ASSERT_TRUE(none.ok());
            EXPECT_FALSE(none->has_value());
        }
        ASSERT_TRUE(world->run(rows->flush()).ok());
    }
    apply(
        {drop(index_key::version(here, "a", lsn{9})), drop(index_key::version(here, "a", lsn{3}))});
    EXPECT_FALSE(
        world->run(rows->first_with_prefix(index_key::version_prefix(here, "a")))->has_value());
}

TEST_P(index_reads, first_with_prefix_takes_any_prefix) {
    apply({put(index_key::bucket("b", lsn{1}), "1"), put(index_key::part("u", 5), "5"),
           put(index_key::part("u", 2), "2"), put(index_key::upload(here, "k", "x"), "x"),
           put(index_key::group(group_id{4}), "4")});
    ASSERT_TRUE(world->run(rows->flush()).ok());
    const auto value = [this](const std::string& prefix) {
        const auto found = world->run(rows->first_with_prefix(prefix));
        TC_ASSERT(found.ok());
        return *found ? (*found)->value : std::string("none");
    };
    EXPECT_EQ(value(index_key::bucket_prefix("b")), "1");
    EXPECT_EQ(value(index_key::bucket_prefix("")), "1");
    EXPECT_EQ(value(index_key::bucket_prefix("c")), "none");
    EXPECT_EQ(value(index_key::part_prefix("u")), "2");
    EXPECT_EQ(value(index_key::part_prefix("v")), "none");
    EXPECT_EQ(value(index_key::upload_prefix(here, "k")), "x");
    EXPECT_EQ(value(index_key::upload_bucket_prefix(here)), "x");
    EXPECT_EQ(value("g"), "4");
    EXPECT_EQ(value("z"), "none");
}

TEST_P(index_reads, a_cursor_sees_the_index_as_it_was_when_asked_for) {
    apply({put_version("a", lsn{1}), put_version("b", lsn{2})});
    std::size_t seen = 0;
    auto counting = rows->with_cursor([&seen](index_cursor& cursor) -> result<void> {
        for (cursor.seek(index_key::version_bucket_prefix(here)); cursor.valid(); cursor.next())
            ++seen;
        return cursor.status();
    });
    EXPECT_TRUE(
        world->run(read_while_applying(*rows, std::move(counting), put_version("c", lsn{3}))));
    EXPECT_EQ(seen, 2U);
    EXPECT_EQ(all_rows(*world, *rows).size(), 3U);
}

TEST_P(index_reads, a_body_that_fails_is_heard) {
    const auto failed = world->run(rows->with_cursor(
        [](index_cursor&) -> result<void> { return error(errc::corrupt, "as planned"); }));
    EXPECT_TRUE(failed.is(errc::corrupt));
}

TEST_P(index_reads, views_by_lsn_agree_with_a_model) {
    row_source source(11);
    std::map<std::string, std::map<std::uint64_t, std::uint64_t>> model;  // key -> position -> size
    const std::vector<std::string> keys{"a", "a/b", std::string("a\0", 2), "a\xff", "b"};
    std::vector<row_op> ops;
    for (std::uint64_t position = 1; position <= 60; ++position) {
        const std::string& key = keys[source.random().below(keys.size())];
        if (position == 30)
            ops.push_back(
                put(index_key::version(bucket_id{8}, "a", lsn{30}), encode_row(sized(1))));
        ops.push_back(put_version(key, lsn{position}));
        model[key][position] = position;
    }
    apply(std::move(ops));
    const auto read = world->run(rows->with_cursor([&](index_cursor& cursor) -> result<void> {
        for (const std::string& key : keys) {
            for (std::uint64_t view = 0; view <= 61; ++view) {
                TC_TRY_ASSIGN(found, version_at(cursor, here, key, lsn{view}));
                const auto& versions = model[key];
                const auto after = versions.upper_bound(view);
                EXPECT_EQ(found.has_value(), after != versions.begin());
                if (found && after != versions.begin()) {
                    EXPECT_EQ(found->first.value, std::prev(after)->first);
                    EXPECT_EQ(found->second.size, std::prev(after)->second);
                }
            }
            TC_TRY_ASSIGN(newest, version_at(cursor, here, key, head));
            EXPECT_EQ(newest->first.value, model[key].rbegin()->first);
        }
        return ok();
    }));
    EXPECT_TRUE(read.ok());
}

TEST(index_cost, a_new_key_touches_no_block) {
    real_index_world world;
    auto rows = filled(world, world.options(), 20'000);
    // Filter and index blocks come into the cache once.
    ASSERT_TRUE(world.run(rows->first_with_prefix(index_key::version_prefix(here, "warm"))).ok());
    const index_figures before = rows->figures();
    constexpr std::uint64_t asked = 2000;
    for (std::uint64_t i = 0; i < asked; ++i) {
        const auto found = world.run(
            rows->first_with_prefix(index_key::version_prefix(here, "new-" + std::to_string(i))));
        ASSERT_TRUE(found.ok());
        ASSERT_FALSE(found->has_value());
    }
    const index_figures after = rows->figures();
    EXPECT_EQ(after.seeks - before.seeks, asked);
    // The filter errs once in a hundred.
    EXPECT_LT(after.blocks - before.blocks, asked / 40);
    EXPECT_LT(after.block_reads - before.block_reads, asked / 40);
    const auto existing =
        world.run(rows->first_with_prefix(index_key::version_prefix(here, "key-77")));
    EXPECT_TRUE(existing->has_value());
    EXPECT_GT(rows->figures().blocks, after.blocks);
    world.run(rows->stop());
}

TEST(index_cost, reads_that_miss_the_cache_go_by_the_pool) {
    real_index_world world;
    auto rows = filled(world, world.options(), 20'000);
    const std::string key = index_key::version(here, "key-500", lsn{500});
    const index_figures cold = rows->figures();
    ASSERT_TRUE(world.run(rows->get(key))->has_value());
    const index_figures first = rows->figures();
    EXPECT_EQ(first.gets_from_pool - cold.gets_from_pool, 1U);
    ASSERT_TRUE(world.run(rows->get(key))->has_value());
    EXPECT_EQ(rows->figures().gets_from_pool, first.gets_from_pool);
    EXPECT_EQ(rows->figures().block_reads, first.block_reads);
    world.run(rows->stop());
}

TEST(index_cost, deleted_rows_cost_nothing_once_compacted) {
    real_index_world world;
    auto rows = filled(world, world.options(), 50'000);
    std::vector<row_op> gone;
    for (std::uint64_t i = 2; i < 50'000; ++i) {
        gone.push_back(drop(index_key::version(here, "key-" + std::to_string(i), lsn{i})));
    }
    ASSERT_TRUE(world.run(rows->apply(std::move(gone), lsn{60'000})).ok());
    const auto scan = [&world, &rows] {
        const index_figures before = rows->figures();
        TC_ASSERT(all_rows(world, *rows).size() == 2);
        const index_figures after = rows->figures();
        return std::pair(after.deleted_skipped - before.deleted_skipped,
                         after.blocks - before.blocks);
    };
    EXPECT_GT(scan().first, 40'000U);
    const std::string from = index_key::version_bucket_prefix(here);
    ASSERT_TRUE(
        world.run(rows->compact_range(from, index_key::version_seek_past_prefix(here, ""))).ok());
    EXPECT_EQ(scan().first, 0U);
    EXPECT_LE(scan().second, 4U);
    world.run(rows->stop());
}

}  // namespace
}  // namespace taicang::test
