// Checkpoints over real devices and stripes on the simulated disk: what was taken comes back,
// whatever is lost within the budget, and space does not leak.
#include "storage/index/checkpoint.h"

#include <gtest/gtest.h>

#include "storage/base/mark.h"
#include "storage/index/checkpoint_format.h"
#include "tests/unit/storage/index/checkpoint_world.h"

namespace taicang::test {
namespace {

class checkpoint : public testing::Test {
  protected:
    void SetUp() override {
        hub.start();
        hub.open_index();
    }
    void apply(std::size_t count = 60) { log.apply(world, *hub.rows, count); }
    checkpoint_info take() {
        auto taken = hub.take();
        TC_ASSERT_WHY(taken.ok(), taken.error().message.c_str());
        return *taken;
    }
    /// The index directory goes; everything starts again.
    void lose_index_and_start() {
        hub.stop();
        world.lose_index();
        hub.start();
        hub.open_index();
    }
    void expect_rows() { EXPECT_EQ(rows_in(world, *hub.rows), log.at(hub.rows->applied())); }
    void remove_device(unsigned number) {
        ASSERT_TRUE(world.run(world.env().files.remove(path(number))).ok());
    }
    static std::string path(unsigned number) {
        return "/hub/nvme-" + std::to_string(number) + ".dev";
    }

    sim_index_world world{7};
    checkpoint_hub hub{world, "/hub"};
    applied_log log{8};
};

TEST_F(checkpoint, nothing_was_taken_yet) {
    EXPECT_TRUE(hub.checkpoints->kept().empty());
    EXPECT_EQ(hub.checkpoints->covered(), lsn{});
    EXPECT_TRUE(world.run(hub.checkpoints->restore(world.options())).is(errc::not_found));
}

TEST_F(checkpoint, what_was_taken_comes_back_and_goes_on) {
    for (int round = 0; round < 4; ++round) {
        apply();
        apply();
        const checkpoint_info taken = take();
        EXPECT_EQ(taken.applied, hub.rows->applied());
        EXPECT_GT(taken.bytes, 100'000U);
        apply();  // only in the memtable: the journal would bring it back
        lose_index_and_start();
        EXPECT_EQ(hub.rows->applied(), taken.applied);
        log.forget_after(taken.applied);
        expect_rows();
    }
    EXPECT_EQ(hub.checkpoints->kept().size(), 2U);
}

TEST_F(checkpoint, both_kept_ones_cover_the_journal_up_to_the_older) {
    apply();
    const checkpoint_info first = take();
    EXPECT_EQ(hub.checkpoints->covered(), lsn{});
    apply();
    const checkpoint_info second = take();
    EXPECT_EQ(hub.checkpoints->covered(), first.applied);
    EXPECT_EQ(second.number, first.number + 1);
    hub.restart();
    EXPECT_EQ(hub.checkpoints->covered(), first.applied);
    ASSERT_EQ(hub.checkpoints->kept().size(), 2U);
    EXPECT_EQ(hub.checkpoints->kept()[0].applied, second.applied);
    EXPECT_EQ(hub.checkpoints->kept()[0].bytes, second.bytes);
    EXPECT_EQ(hub.checkpoints->kept()[1].applied, first.applied);
}

TEST_F(checkpoint, only_new_files_are_written) {
    for (int i = 0; i < 5; ++i) {
        apply(200);
        ASSERT_TRUE(world.run(hub.rows->flush()).ok());
    }
    const checkpoint_info first = take();
    EXPECT_GE(hub.stripes->bytes_written, first.bytes);
    hub.stripes->bytes_written = 0;
    apply(1);
    const checkpoint_info second = take();
    EXPECT_GT(second.bytes, first.bytes);
    EXPECT_LT(hub.stripes->bytes_written, 20'000U);
    lose_index_and_start();
    EXPECT_EQ(hub.rows->applied(), second.applied);
    expect_rows();
}

TEST_F(checkpoint, comes_back_with_any_two_devices_gone) {
    apply(300);
    const checkpoint_info taken = take();
    for (unsigned a = 0; a < 6; ++a) {
        for (unsigned b = a + 1; b < 6; ++b) {
            SCOPED_TRACE(std::to_string(a) + " and " + std::to_string(b));
            sim_index_world fresh(a * 6 + b);
            checkpoint_hub other(fresh, "/hub");
            applied_log applied(9);
            other.start();
            other.open_index();
            applied.apply(fresh, *other.rows, 100);
            ASSERT_TRUE(other.take().ok());
            other.stop();
            fresh.lose_index();
            ASSERT_TRUE(fresh.run(fresh.env().files.remove(path(a))).ok());
            ASSERT_TRUE(fresh.run(fresh.env().files.remove(path(b))).ok());
            other.start();
            other.open_index();
            EXPECT_EQ(rows_in(fresh, *other.rows), applied.at(lsn{1}));
            // And it goes on with four devices.
            applied.apply(fresh, *other.rows, 100);
            ASSERT_TRUE(other.take().ok());
        }
    }
    EXPECT_GT(taken.bytes, 0U);
}

TEST_F(checkpoint, a_device_that_dies_meanwhile_costs_nothing) {
    apply(300);
    take();
    apply(300);
    world.sim().files().kill(path(2));
    const checkpoint_info taken = take();
    lose_index_and_start();
    EXPECT_EQ(hub.rows->applied(), taken.applied);
    expect_rows();
}

TEST_F(checkpoint, leaves_groups_that_lost_a_chunk) {
    apply(300);
    take();
    world.sim().files().kill(path(1));
    apply(1);
    take();  // meets the dead device, which is fenced
    const std::uint64_t before = mark_count("checkpoint.leaves_degraded_group");
    hub.stripes->bytes_written = 0;
    apply(1);
    const checkpoint_info taken = take();
    EXPECT_GT(mark_count("checkpoint.leaves_degraded_group"), before);
    EXPECT_GT(hub.stripes->bytes_written, taken.bytes);
    // All of it was written again, without the lost device: two more may go.
    hub.stop();
    world.lose_index();
    remove_device(1);
    remove_device(3);
    remove_device(4);
    hub.start();
    hub.open_index();
    EXPECT_EQ(hub.rows->applied(), taken.applied);
    expect_rows();
}

TEST_F(checkpoint, the_older_one_serves_when_the_newest_is_damaged) {
    apply(100);
    const checkpoint_info older = take();
    hub.stripes->runs.clear();
    apply(100);
    const checkpoint_info newest = take();
    ASSERT_GT(newest.applied, older.applied);
    const auto runs = hub.stripes->runs;
    ASSERT_FALSE(runs.empty());
    // Any one run of the newest: a table, RocksDB's MANIFEST, or the checkpoint's own manifest.
    for (const run_place& lost : runs) {
        const std::uint64_t tried = mark_count("checkpoint.older_tried");
        hub.stripes->lost_runs = {lost};
        hub.stop();
        world.lose_index();
        hub.start();
        auto restored = world.run(hub.checkpoints->restore(world.options()));
        ASSERT_TRUE(restored.ok()) << restored.error().message;
        EXPECT_EQ(restored->applied, older.applied);
        EXPECT_GT(mark_count("checkpoint.older_tried"), tried);
    }
    // It goes on from there with another history, in which RocksDB uses file numbers again.
    hub.open_index();
    EXPECT_EQ(hub.rows->applied(), older.applied);
    log.forget_after(older.applied);
    expect_rows();
    apply(100);
    const checkpoint_info next = take();
    EXPECT_EQ(next.number, newest.number + 1);
    ASSERT_EQ(hub.checkpoints->kept().size(), 2U);
    EXPECT_EQ(hub.checkpoints->kept()[1].number, older.number);
    EXPECT_EQ(hub.checkpoints->covered(), older.applied);
    lose_index_and_start();
    EXPECT_EQ(hub.rows->applied(), next.applied);
    expect_rows();
}

TEST_F(checkpoint, refuses_in_words_when_both_are_damaged) {
    apply(100);
    take();
    apply(100);
    take();
    hub.lost_runs = hub.stripes->runs;
    hub.stripes->lost_runs = hub.lost_runs;
    hub.stop();
    world.lose_index();
    hub.start();
    EXPECT_EQ(hub.checkpoints->kept().size(), 2U);
    const auto restored = world.run(hub.checkpoints->restore(world.options()));
    ASSERT_TRUE(restored.is(errc::corrupt));
    EXPECT_NE(restored.error().message.find("checkpoint 2"), std::string::npos)
        << restored.error().message;
    EXPECT_NE(restored.error().message.find("checkpoint 1"), std::string::npos)
        << restored.error().message;
}

TEST_F(checkpoint, space_of_old_ones_is_given_back) {
    const std::uint64_t released = mark_count("checkpoint.group_released");
    std::uint64_t most = 0;
    for (int round = 0; round < 40; ++round) {
        apply(150);
        if (round % 3 == 2) {
            ASSERT_TRUE(world.run(hub.rows->compact_range("", "")).ok());
        }
        const checkpoint_info taken = take();
        if (round % 7 == 6) {
            hub.restart();
            hub.open_index();
            log.forget_after(hub.rows->applied());
        }
        // Two checkpoints at most half full, the open group, and what restarts sealed early.
        const std::uint64_t needed = 2 * 2 * (taken.bytes / (700 * limits::kib) + 1) + 3;
        EXPECT_LE(hub.groups_in_use(), needed) << round;
        most = std::max(most, hub.groups_in_use());
    }
    EXPECT_GT(mark_count("checkpoint.group_released"), released);
    // Extents are gone with the groups.
    hub.restart();
    std::set<extent_name> named;
    for (const group_row& group : hub.stripes->groups()) {
        for (const chunk_place& chunk : group.chunks)
            named.insert(chunk.extent);
    }
    for (extent_device* device : hub.devices->active(tier_id::nvme)) {
        for (const extent_info& extent : device->list())
            EXPECT_TRUE(named.contains(extent.name)) << extent.name.text();
    }
    hub.open_index();
    expect_rows();
}

TEST_F(checkpoint, gives_nothing_back_before_the_root_names_the_new_one) {
    std::uint64_t newest = 0;
    std::uint64_t released = 0;
    hub.stripes->on_release = [&](group_id) {
        const std::string section =
            hub.devices->root_bytes(tier_id::nvme, root_section::checkpoints);
        const auto durable = decode_checkpoint_root(as_bytes(section));
        TC_ASSERT(durable.ok());
        EXPECT_GT((*durable)[0].info.number, newest);
        ++released;
    };
    for (int round = 0; round < 8; ++round) {
        apply(300);
        ASSERT_TRUE(world.run(hub.rows->compact_range("", "")).ok());
        newest = take().number;
    }
    EXPECT_GT(released, 3U);
}

TEST_F(checkpoint, an_attempt_that_fails_leaves_the_kept_ones_and_no_groups) {
    apply(100);
    const checkpoint_info first = take();
    for (int fail_after = 0; fail_after < 12; ++fail_after) {
        apply(200);
        hub.stripes->fail_write_after = fail_after;
        const auto failed = hub.take();
        hub.stripes->fail_write_after = -1;
        if (failed.ok()) break;
        EXPECT_TRUE(failed.is(errc::no_space));
        ASSERT_EQ(hub.checkpoints->kept().size(), 1U);
        EXPECT_EQ(hub.checkpoints->kept()[0].number, first.number);
        EXPECT_LE(hub.groups_in_use(), 8U);
    }
    hub.stripes->lost_runs.clear();
    const checkpoint_info second = take();
    lose_index_and_start();
    EXPECT_EQ(hub.rows->applied(), second.applied);
    expect_rows();
}

TEST_F(checkpoint, without_a_quorum_for_the_root_nothing_changes) {
    apply(100);
    const checkpoint_info first = take();
    apply(100);
    for (unsigned number = 0; number < 4; ++number)
        world.sim().files().kill(path(number));
    EXPECT_FALSE(hub.take().ok());
    ASSERT_EQ(hub.checkpoints->kept().size(), 1U);
    EXPECT_EQ(hub.checkpoints->kept()[0].number, first.number);
    hub.stop();
    for (unsigned number = 0; number < 4; ++number)
        world.sim().files().heal(path(number));
    world.lose_index();
    hub.start();
    hub.open_index();
    EXPECT_GE(hub.rows->applied(), first.applied);
    expect_rows();
}

TEST_F(checkpoint, another_hubs_checkpoint_is_not_restored) {
    apply(100);
    take();
    index_options other = world.options();
    other.identity = "another";
    hub.stop();
    world.lose_index();
    hub.start();
    const auto restored = world.run(hub.checkpoints->restore(other));
    ASSERT_FALSE(restored.ok());
    EXPECT_NE(restored.error().message.find("another hub"), std::string::npos)
        << restored.error().message;
}

task<void> keep_answer(task<result<checkpoint_info>> taking,
                       std::optional<result<checkpoint_info>>& out) {
    auto answer = co_await std::move(taking);
    out.emplace(std::move(answer));
}

/// Takes a checkpoint while rows go on being applied.
task<result<checkpoint_info>> take_while_applying(checkpoint_hub& hub, std::vector<row_op> ops,
                                                  int batches) {
    gate running;
    std::optional<result<checkpoint_info>> taken;
    spawn(running, keep_answer(hub.checkpoints->take(*hub.rows), taken));
    for (int i = 0; i < batches; ++i) {
        auto applied = co_await hub.rows->apply(ops, lsn{hub.rows->applied().value + 1});
        TC_ASSERT(applied.ok());
        if (i % 5 == 4) {
            auto flushed = co_await hub.rows->flush();
            TC_ASSERT(flushed.ok());
        }
        co_await sleep_for(one_millisecond);
    }
    co_await running.close();
    co_return std::move(*taken);
}

TEST_F(checkpoint, applying_goes_on_meanwhile) {
    apply(300);
    const std::string key = index_key::blob(blob_id{9999});
    const lsn before = hub.rows->applied();
    auto taken = world.run(take_while_applying(hub, {put(key, "x")}, 40));
    ASSERT_TRUE(taken.ok()) << taken.error().message;
    EXPECT_GE(taken->applied, before);
    EXPECT_EQ(hub.rows->applied(), lsn{before.value + 40});
    lose_index_and_start();
    EXPECT_GE(hub.rows->applied(), taken->applied);
    row_map wanted = log.at(before);
    if (hub.rows->applied() > before) wanted[key] = "x";
    EXPECT_EQ(rows_in(world, *hub.rows), wanted);
}

task<void> take_quietly(checkpoint_store& store, index& rows, bool& ended) {
    auto taken = co_await store.take(rows);
    (void)taken;  // a crash may fall anywhere in it
    ended = true;
}

/// Power cuts at any instant of a take: what the root names afterwards can be restored.
void crash_in_take(std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    sim_index_world world(seed);
    checkpoint_hub hub(world, "/hub");
    applied_log log(seed);
    hub.start();
    hub.open_index();
    for (int round = 0; round < 8; ++round) {
        // Everything is written anew each time, so that groups come and go.
        log.apply(world, *hub.rows, 200 + log.random().below(300));
        TC_ASSERT(world.run(hub.rows->compact_range("", "")).ok());
        const auto before = hub.checkpoints->kept();
        bool ended = false;
        gate running;
        world.env().home.post(
            [&] { spawn(running, take_quietly(*hub.checkpoints, *hub.rows, ended)); });
        world.sim().run_events(log.random().below(log.random().one_in(4) ? 2000 : 300));
        world.sim().crash();
        world.run(running.close());
        EXPECT_TRUE(ended);
        hub.stop();
        const bool lost = log.random().one_in(2);
        if (lost) world.lose_index();
        hub.start();
        const auto after = hub.checkpoints->kept();
        EXPECT_GE(after.size(), before.size());
        if (after.size() == before.size() &&
            (after.empty() || after[0].number == before[0].number)) {
            TC_MARK("test.take_cut_short");
        } else {
            TC_MARK("test.take_ended");
        }
        if (!before.empty()) {
            EXPECT_GE(after[0].number, before[0].number);
            EXPECT_GE(hub.checkpoints->covered(), lsn{});
        }
        hub.open_index();
        if (lost && !after.empty()) {
            EXPECT_EQ(hub.rows->applied(), after[0].applied);
            TC_MARK("test.restored_after_crash");
        }
        log.forget_after(hub.rows->applied());
        EXPECT_EQ(rows_in(world, *hub.rows), log.at(hub.rows->applied()));
    }
}

TEST(checkpoint_crash, at_any_instant_the_root_names_what_can_be_restored) {
    const std::uint64_t restored = mark_count("test.restored_after_crash");
    for (std::uint64_t seed = 1; seed <= 40; ++seed)
        crash_in_take(seed);
    EXPECT_GT(mark_count("test.restored_after_crash"), restored);
    EXPECT_GT(mark_count("test.take_cut_short"), 20U);
    EXPECT_GT(mark_count("test.take_ended"), 20U);
}

/// A life with takes, restores and reads; gives what the simulation's clock shows at its end.
nanoseconds live(std::uint64_t seed) {
    sim_index_world world(seed);
    checkpoint_hub hub(world, "/hub");
    applied_log log(seed);
    hub.start();
    hub.open_index();
    for (int round = 0; round < 3; ++round) {
        log.apply(world, *hub.rows, 120);
        for (std::uint64_t i = 0; i < 40; ++i) {
            TC_ASSERT(world.run(hub.rows->get(index_key::blob(blob_id{i}))).ok());
        }
        TC_ASSERT(hub.take().ok());
        hub.stop();
        world.lose_index();
        hub.start();
        hub.open_index();
    }
    return world.sim().now();
}

TEST(checkpoint_simulation, the_same_seed_gives_the_same_run) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed)
        EXPECT_EQ(live(seed), live(seed)) << seed;
    EXPECT_NE(live(1), live(2));
}

TEST(checkpoint_on_disk, what_was_taken_comes_back) {
    real_index_world world;
    checkpoint_hub hub(world, world.root());
    applied_log log(5);
    hub.start();
    hub.open_index();
    for (int round = 0; round < 2; ++round) {
        log.apply(world, *hub.rows, 300);
        auto taken = hub.take();
        ASSERT_TRUE(taken.ok()) << taken.error().message;
        hub.stop();
        if (round == 0) {
            world.lose_index();
        } else {
            // Damaged, not missing.
            std::filesystem::remove(world.directory() + "/CURRENT");
        }
        hub.start();
        hub.open_index();
        EXPECT_EQ(hub.rows->applied(), taken->applied);
        EXPECT_EQ(rows_in(world, *hub.rows), log.at(taken->applied));
    }
}

}  // namespace
}  // namespace taicang::test
