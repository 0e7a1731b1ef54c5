// Looking up single keys beside and after applies: what an apply brought is seen by every look-up
// that begins after it, whatever was looked up before, and in whichever thread the rows were
// written.
#include <gtest/gtest.h>

#include "storage/base/async.h"
#include "storage/index/index.h"
#include "storage/index/keys.h"
#include "tests/unit/storage/index/index_world.h"

namespace taicang::test {
namespace {

constexpr bucket_id here{7};
constexpr std::size_t few = 1;
constexpr std::size_t many = 4 * limits::apply_inline_rows_max;

/// A version of each of `count` keys at one position.
std::vector<row_op> versions(std::size_t count, lsn position) {
    std::vector<row_op> batch;
    for (std::size_t i = 0; i < count; ++i) {
        batch.push_back(put(index_key::version(here, "key-" + std::to_string(i), position), "row"));
    }
    return batch;
}

struct lookup_case {
    bool simulated;
    std::size_t rows;
};

class lookups : public testing::TestWithParam<lookup_case> {
  protected:
    void SetUp() override {
        world = make_index_world(GetParam().simulated);
        rows = std::move(*world->run(index::create(world->env(), world->options())));
    }
    void TearDown() override { world->run(rows->stop()); }

    /// The position of the newest version of the first key; 0 when there is none.
    static task<lsn> newest(index& rows) {
        auto found = co_await rows.first_with_prefix(index_key::version_prefix(here, "key-0"));
        TC_ASSERT(found.ok());
        if (!*found) co_return lsn{0};
        const auto parts = index_key::parse_version((*found)->key);
        TC_ASSERT(parts);
        co_return parts->position;
    }

    std::unique_ptr<index_world> world;
    std::unique_ptr<index> rows;
};
INSTANTIATE_TEST_SUITE_P(worlds, lookups,
                         testing::Values(lookup_case{true, few}, lookup_case{true, many},
                                         lookup_case{false, few}, lookup_case{false, many}),
                         [](const auto& one) {
                             return std::string(one.param.simulated ? "simulated" : "real") +
                                    (one.param.rows == few ? "_few_rows" : "_many_rows");
                         });

TEST_P(lookups, after_an_apply_see_its_rows) {
    for (std::uint64_t position = 1; position <= 40; ++position) {
        auto batch = versions(GetParam().rows, lsn{position});
        ASSERT_TRUE(world->run(rows->apply(std::move(batch), lsn{position})).ok());
        EXPECT_EQ(world->run(newest(*rows)), lsn{position});
        if (position % 10 == 0) {
            ASSERT_TRUE(world->run(rows->flush()).ok());
        }
        EXPECT_EQ(world->run(newest(*rows)), lsn{position});
    }
    std::vector<row_op> gone;
    for (std::uint64_t position = 1; position <= 40; ++position)
        gone.push_back(drop(index_key::version(here, "key-0", lsn{position})));
    ASSERT_TRUE(world->run(rows->apply(std::move(gone), lsn{41})).ok());
    EXPECT_EQ(world->run(newest(*rows)), lsn{0});
    ASSERT_TRUE(world->run(rows->flush()).ok());
    ASSERT_TRUE(world->run(rows->compact_range("", "")).ok());
    EXPECT_EQ(world->run(newest(*rows)), lsn{0});
}

task<void> apply_and_tell(index& rows, std::vector<row_op> batch, lsn position, bool& done) {
    auto applied = co_await rows.apply(std::move(batch), position);
    EXPECT_TRUE(applied.ok());
    done = true;
}

/// Looks up without a pause while batches are written; true when no look-up went back or missed
/// what was applied before it began.
task<bool> look_beside(index& rows, std::size_t count, task<lsn> (*newest)(index&)) {
    lsn seen{0};
    for (std::uint64_t position = 1; position <= 100; ++position) {
        gate running;
        bool done = false;
        auto batch = versions(count, lsn{position});
        spawn(running, apply_and_tell(rows, std::move(batch), lsn{position}, done));
        do {
            const bool was_done = done;
            const lsn now = co_await newest(rows);
            if (now < seen || (was_done && now < lsn{position})) co_return false;
            seen = now;
            co_await yield_now();
        } while (!done);
        co_await running.close();
        const lsn after = co_await newest(rows);
        if (after != lsn{position}) co_return false;
    }
    co_return true;
}

TEST_P(lookups, beside_an_apply_see_the_index_before_or_after_it) {
    EXPECT_TRUE(world->run(look_beside(*rows, GetParam().rows, &lookups::newest)));
}

/// One change as an overwrite makes it: the new version, the old one and its blob gone.
std::vector<row_op> overwrite(std::size_t rows, lsn position) {
    const lsn before{position.value - 1};
    std::vector<row_op> batch = versions(rows, position);
    batch.push_back(put(index_key::blob(blob_id{position.value}), "blob"));
    batch.push_back(drop(index_key::version(here, "key-0", before)));
    batch.push_back(drop(index_key::blob(blob_id{before.value})));
    return batch;
}

/// Reads a version and then its blob, over and over, as a GET does: a blob that is gone means that
/// the next look at the key gives a newer version.
task<void> read_beside(index& rows, task<lsn> (*newest)(index&), const bool& ended, int& wrong) {
    while (!ended) {
        const lsn version = co_await newest(rows);
        auto blob = co_await rows.get(index_key::blob(blob_id{version.value}));
        if (blob.ok() && !*blob) {
            const lsn again = co_await newest(rows);
            if (again <= version) ++wrong;
        }
        co_await yield_now();
    }
}

task<int> overwrite_under_readers(index& rows, std::size_t count, task<lsn> (*newest)(index&)) {
    int wrong = 0;
    bool ended = false;
    gate readers;
    for (std::uint64_t position = 1; position <= 200; ++position) {
        auto applied = co_await rows.apply(overwrite(count, lsn{position}), lsn{position});
        EXPECT_TRUE(applied.ok());
        for (int i = 0; i < 8 && position == 1; ++i)
            spawn(readers, read_beside(rows, newest, ended, wrong));
    }
    ended = true;
    co_await readers.close();
    co_return wrong;
}

TEST_P(lookups, never_go_behind_what_other_reads_saw) {
    EXPECT_EQ(world->run(overwrite_under_readers(*rows, GetParam().rows, &lookups::newest)), 0);
}

TEST_P(lookups, get_many_answers_in_the_order_of_the_keys) {
    ASSERT_TRUE(world
                    ->run(rows->apply({put(index_key::blob(blob_id{1}), "one"),
                                       put(index_key::blob(blob_id{3}), "three")},
                                      lsn{1}))
                    .ok());
    std::vector<std::string> keys;
    for (const std::uint64_t number : {3U, 2U, 1U, 3U})
        keys.push_back(index_key::blob(blob_id{number}));
    const auto found = world->run(rows->get_many(std::move(keys)));
    ASSERT_TRUE(found.ok());
    const std::vector<std::optional<std::string>> expected{"three", std::nullopt, "one", "three"};
    EXPECT_EQ(*found, expected);
}

}  // namespace
}  // namespace taicang::test
