// The index against a map: what is applied is there, atomically, and after a crash a prefix of it
// is.
#include "storage/index/index.h"

#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "storage/base/mark.h"
#include "storage/index/keys.h"
#include "tests/unit/storage/index/index_world.h"
#include "tests/unit/storage/index/random_rows.h"

namespace taicang::test {
namespace {

using model = std::map<std::string, std::string>;

void apply_to(model& rows, const row_op& op) {
    if (op.value) {
        rows[op.key] = *op.value;
    } else if (op.add) {
        const auto found = rows.find(op.key);
        const std::int64_t before = found == rows.end() ? 0 : *decode_live(as_bytes(found->second));
        rows[op.key] = encode_live(before + *op.add);
    } else {
        rows.erase(op.key);
    }
}

/// Batches as the sequencer would hand them over, kept like a journal would.
struct logged_batch {
    std::vector<row_op> rows;
    lsn up_to;
};

model replayed(const std::vector<logged_batch>& log, lsn up_to) {
    model rows;
    for (const logged_batch& batch : log) {
        if (batch.up_to > up_to) break;
        for (const row_op& op : batch.rows)
            apply_to(rows, op);
    }
    return rows;
}

std::string random_key(row_source& source) {
    const bucket_id bucket{source.random().below(2)};
    const std::uint64_t number = source.random().below(40);
    switch (source.random().below(5)) {
        case 0:
            return index_key::blob(blob_id{number});
        case 1:
            return index_key::part("u", static_cast<std::uint32_t>(number));
        case 2:
            return index_key::upload(bucket, source.text(2), "u");
        default:
            return index_key::version(bucket, source.text(2), lsn{source.random().below(4)});
    }
}

logged_batch random_batch(row_source& source, lsn after) {
    logged_batch batch;
    batch.up_to = lsn{after.value + 1 + source.random().below(5)};
    const std::size_t rows = source.random().below(20);
    for (std::size_t i = 0; i < rows; ++i) {
        const group_id group{source.random().below(3)};
        switch (source.random().below(8)) {
            case 0:
                batch.rows.push_back(drop(random_key(source)));
                break;
            case 1:
            case 2:
                batch.rows.push_back(
                    add(index_key::group_live(group), source.flip() ? 5000 : -300));
                break;
            case 3:
                if (source.flip()) batch.rows.push_back(drop(index_key::group_live(group)));
                break;
            default:
                batch.rows.push_back(put(random_key(source), source.text(300)));
                break;
        }
    }
    return batch;
}

void expect_rows(index_world& world, index& rows, const model& wanted) {
    const auto found = all_rows(world, rows);
    ASSERT_EQ(found.size(), wanted.size());
    auto next = wanted.begin();
    for (const index_entry& entry : found) {
        EXPECT_EQ(entry.key, next->first);
        EXPECT_EQ(entry.value, next->second);
        ++next;
    }
}

/// Random batches, reads, flushes and crashes; the seed says all.
void live_and_crash(index_world& world, const index_options& options, std::uint64_t seed,
                    int rounds) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    row_source source(seed);
    std::vector<logged_batch> log;
    auto created = world.run(index::create(world.env(), options));
    ASSERT_TRUE(created.ok()) << created.error().message;
    std::unique_ptr<index> rows = std::move(*created);
    for (int round = 0; round < rounds; ++round) {
        const std::uint64_t batches = source.random().below(30);
        for (std::uint64_t i = 0; i < batches; ++i) {
            log.push_back(random_batch(source, rows->applied()));
            const auto applied = world.run(rows->apply(log.back().rows, log.back().up_to));
            ASSERT_TRUE(applied.ok()) << applied.error().message;
            ASSERT_EQ(rows->applied(), log.back().up_to);
            const std::string key = random_key(source);
            const auto got = world.run(rows->get(key));
            const model wanted = replayed(log, rows->applied());
            ASSERT_TRUE(got.ok());
            ASSERT_EQ(got->has_value(), wanted.contains(key));
            if (*got) {
                ASSERT_EQ(**got, wanted.at(key));
            }
        }
        if (source.random().one_in(3)) {
            const lsn before = rows->applied();
            ASSERT_TRUE(world.run(rows->flush()).ok());
            EXPECT_GE(rows->flushed(), before);
        }
        if (source.random().one_in(5)) {
            ASSERT_TRUE(world.run(rows->compact_range("", "")).ok());
        }
        expect_rows(world, *rows, replayed(log, rows->applied()));
        if (source.flip()) continue;
        const lsn flushed = rows->flushed();
        const lsn applied = rows->applied();
        if (source.flip()) world.run(rows->stop());
        rows.reset();
        auto opened = world.run(index::open(world.env(), options));
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        rows = std::move(*opened);
        EXPECT_GE(rows->applied(), flushed);
        EXPECT_LE(rows->applied(), applied);
        EXPECT_EQ(rows->flushed(), rows->applied());
        if (rows->applied() < applied) TC_MARK("test.index_lost_a_suffix");
        // What survived is the state at its applied LSN, whole; the journal brings back the rest.
        expect_rows(world, *rows, replayed(log, rows->applied()));
        for (const logged_batch& batch : log) {
            if (batch.up_to <= rows->applied()) continue;
            ASSERT_TRUE(world.run(rows->apply(batch.rows, batch.up_to)).ok());
        }
        expect_rows(world, *rows, replayed(log, applied));
    }
    world.run(rows->stop());
}

TEST(index, equals_a_map_through_crashes_in_simulation) {
    const std::uint64_t lost = mark_count("test.index_lost_a_suffix");
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
        sim_index_world world(seed);
        live_and_crash(world, world.options(), seed, 12);
    }
    EXPECT_GT(mark_count("test.index_lost_a_suffix"), lost);
}

TEST(index, equals_a_map_through_crashes_on_disk) {
    const std::uint64_t lost = mark_count("test.index_lost_a_suffix");
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        real_index_world world;
        index_options options = world.options();
        options.memtable_bytes = 64 * limits::kib;  // flushed by pressure, too
        live_and_crash(world, options, seed, 10);
    }
    EXPECT_GT(mark_count("test.index_lost_a_suffix"), lost);
}

TEST(index, flushed_follows_memtable_pressure) {
    real_index_world world;
    index_options options = world.options();
    options.memtable_bytes = 64 * limits::kib;
    auto rows = std::move(*world.run(index::create(world.env(), options)));
    const std::string value(1000, 'x');
    std::uint64_t position = 0;
    // Nobody calls flush(): full memtables are flushed behind, and applying waits for that in the
    // end.
    for (; position < 100'000 && rows->flushed() == lsn{}; ++position) {
        ASSERT_TRUE(world
                        .run(rows->apply({put(index_key::blob(blob_id{position}), value)},
                                         lsn{position + 1}))
                        .ok());
    }
    const lsn flushed = rows->flushed();
    EXPECT_GT(flushed, lsn{});
    EXPECT_LT(flushed, rows->applied());
    rows.reset();
    rows = std::move(*world.run(index::open(world.env(), options)));
    EXPECT_GE(rows->applied(), flushed);
    EXPECT_EQ(all_rows(world, *rows).size(), rows->applied().value);
    world.run(rows->stop());
}

class lost_index : public testing::TestWithParam<bool> {
  protected:
    std::unique_ptr<index_world> make() { return make_index_world(GetParam(), 1); }
};
INSTANTIATE_TEST_SUITE_P(worlds, lost_index, testing::Bool(),
                         [](const auto& one) { return one.param ? "simulated" : "real"; });

TEST_P(lost_index, missing_is_told) {
    auto world = make();
    const auto missing = world->run(index::open(world->env(), world->options()));
    EXPECT_TRUE(missing.is(errc::index_lost));
    EXPECT_NE(missing.error().message.find("restored"), std::string::npos)
        << missing.error().message;
    auto rows = std::move(*world->run(index::create(world->env(), world->options())));
    ASSERT_TRUE(world->run(rows->apply({put(index_key::blob(blob_id{1}), "x")}, lsn{9})).ok());
    ASSERT_TRUE(world->run(rows->flush()).ok());
    world->run(rows->stop());
    rows = std::move(*world->run(index::open(world->env(), world->options())));
    EXPECT_EQ(rows->applied(), lsn{9});
    world->run(rows->stop());
    rows.reset();
    world->lose_index();
    EXPECT_TRUE(world->run(index::open(world->env(), world->options())).is(errc::index_lost));
    rows = std::move(*world->run(index::create(world->env(), world->options())));
    EXPECT_EQ(rows->applied(), lsn{});
    EXPECT_TRUE(all_rows(*world, *rows).empty());
    world->run(rows->stop());
}

TEST_P(lost_index, another_hubs_index_is_refused) {
    auto world = make();
    auto rows = std::move(*world->run(index::create(world->env(), world->options())));
    world->run(rows->stop());
    rows.reset();
    index_options other = world->options();
    other.identity = "another";
    const auto refused = world->run(index::open(world->env(), other));
    EXPECT_TRUE(refused.is(errc::index_lost));
    EXPECT_NE(refused.error().message.find("belongs to another hub"), std::string::npos)
        << refused.error().message;
}

TEST_P(lost_index, creating_clears_what_was_there) {
    auto world = make();
    for (int round = 0; round < 3; ++round) {
        auto rows = std::move(*world->run(index::create(world->env(), world->options())));
        EXPECT_TRUE(all_rows(*world, *rows).empty());
        ASSERT_TRUE(world->run(rows->apply({put(index_key::blob(blob_id{1}), "x")}, lsn{1})).ok());
        ASSERT_TRUE(world->run(rows->flush()).ok());
        world->run(rows->stop());
    }
}

void overwrite(const std::filesystem::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

TEST(index, damage_is_told_as_lost) {
    namespace fs = std::filesystem;
    const auto damages = {std::string("CURRENT"), std::string("MANIFEST"), std::string(".sst")};
    for (const std::string& which : damages) {
        for (const bool removed : {true, false}) {
            SCOPED_TRACE(which + (removed ? " removed" : " overwritten"));
            real_index_world world;
            auto rows = std::move(*world.run(index::create(world.env(), world.options())));
            ASSERT_TRUE(
                world.run(rows->apply({put(index_key::blob(blob_id{1}), "x")}, lsn{1})).ok());
            ASSERT_TRUE(world.run(rows->flush()).ok());
            world.run(rows->stop());
            rows.reset();
            for (const auto& file : fs::directory_iterator(world.directory())) {
                if (file.path().filename().string().find(which) == std::string::npos) continue;
                if (removed) {
                    fs::remove(file.path());
                } else {
                    overwrite(file.path(), "not what RocksDB wrote");
                }
            }
            const auto opened = world.run(index::open(world.env(), world.options()));
            ASSERT_FALSE(opened.ok());
            EXPECT_EQ(opened.error().code, errc::index_lost) << opened.error().message;
        }
    }
}

TEST(index, an_index_in_use_is_busy_not_lost) {
    real_index_world world;
    auto rows = std::move(*world.run(index::create(world.env(), world.options())));
    const auto second = world.run(index::open(world.env(), world.options()));
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, errc::busy) << second.error().message;
    world.run(rows->stop());
}

TEST(index, read_only_reads_and_does_not_write) {
    real_index_world world;
    auto rows = std::move(*world.run(index::create(world.env(), world.options())));
    ASSERT_TRUE(world.run(rows->apply({put(index_key::blob(blob_id{1}), "x")}, lsn{1})).ok());
    ASSERT_TRUE(world.run(rows->flush()).ok());
    world.run(rows->stop());
    index_options options = world.options();
    options.read_only = true;
    rows = std::move(*world.run(index::open(world.env(), options)));
    EXPECT_EQ(rows->applied(), lsn{1});
    EXPECT_EQ(*world.run(rows->get(index_key::blob(blob_id{1}))), "x");
    EXPECT_TRUE(world.run(rows->apply({}, lsn{2})).is(errc::unsupported));
    world.run(rows->stop());
}

TEST(index, a_stopped_index_answers_stopped) {
    sim_index_world world(1);
    auto rows = std::move(*world.run(index::create(world.env(), world.options())));
    world.run(rows->stop());
    EXPECT_TRUE(world.run(rows->apply({}, lsn{1})).is(errc::stopped));
    EXPECT_TRUE(world.run(rows->get("o")).is(errc::stopped));
    EXPECT_TRUE(world.run(rows->flush()).is(errc::stopped));
    EXPECT_TRUE(world.run(rows->first_with_prefix("o")).is(errc::stopped));
}

}  // namespace
}  // namespace taicang::test
