// Writes while devices fail under them: fresh and narrower groups, rewriting before durability,
// clean refusals.
#include <algorithm>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/mark.h"
#include "tests/unit/storage/stripe/stripe_world.h"

namespace taicang {
namespace {

TEST(stripe_writes, narrow_to_one_and_two_then_refuse) {
    stripe_world world;
    std::vector<piece> pieces;
    std::vector<std::vector<std::byte>> data;
    for (unsigned active = 6; active >= 3; --active) {
        const tier_space space = world.store->space(tier_id::nvme);
        EXPECT_EQ(space.k_target, 4U);
        EXPECT_EQ(space.k_now, active - 2);
        EXPECT_GE(world.store->run_bytes_max(tier_id::nvme), 3U << 20);
        data.push_back(world.random_bytes(1'000'000));
        const auto put = world.put(data.back());
        ASSERT_TRUE(put.ok()) << put.error().message;
        pieces.push_back(put.value());
        const group_row row = *world.store->find(put.value().group);
        EXPECT_EQ(row.k, active - 2);
        EXPECT_EQ(row.m, 2);
        std::set<uuid> devices;
        for (const chunk_place& at : row.chunks)
            devices.insert(at.device);
        EXPECT_EQ(devices.size(), active);
        world.devices->fence(world.devices->at(active - 1).id(), "test");
    }
    EXPECT_GT(mark_count("stripe.narrowed"), 0U);
    const auto refused = world.put(data.back());
    EXPECT_TRUE(refused.is(errc::stripe_narrow));
    EXPECT_NE(refused.error().message.find("2 devices are active, writes need 3"),
              std::string::npos)
        << refused.error().message;
    EXPECT_EQ(world.store->space(tier_id::nvme).k_now, 0U);
    EXPECT_TRUE(world.store->space(tier_id::nvme).below_reserve);
    // Written on 4 and 3 devices: two and three of them are still there.
    for (std::size_t i = 2; i < pieces.size(); ++i) {
        const auto back = world.read(pieces[i]);
        ASSERT_TRUE(back.ok()) << back.error().message;
        EXPECT_TRUE(back.value() == data[i]);
    }
    EXPECT_TRUE(world.read(pieces[0]).is(errc::stripe_unreadable));
}

TEST(stripe_writes, a_failing_write_moves_the_run_to_a_fresh_group) {
    for (std::size_t device = 0; device < 6; ++device) {
        stripe_world world;
        const auto before = world.put(world.random_bytes(5'000));
        ASSERT_TRUE(before.ok());
        world.devices->at(device).fail_write_after = 0;
        const auto data = world.random_bytes(900'000);
        const auto put = world.put(data);
        ASSERT_TRUE(put.ok()) << put.error().message;
        EXPECT_NE(put.value().group, before.value().group);
        EXPECT_EQ(world.store->find(put.value().group)->k, 3);
        EXPECT_FALSE(world.store->is_open(before.value().group));
        const auto back = world.read(put.value());
        ASSERT_TRUE(back.ok());
        EXPECT_TRUE(back.value() == data);
        EXPECT_TRUE(world.read(before.value()).ok());
    }
    EXPECT_GT(mark_count("stripe.run_rewritten"), 0U);
}

TEST(stripe_writes, devices_that_fail_one_after_the_other) {
    stripe_world world;
    ASSERT_TRUE(world.put(world.random_bytes(10)).ok());
    for (const std::size_t device : {5U, 4U, 3U})
        world.devices->at(device).fail_write_after = 5 - static_cast<int>(device);
    const auto data = world.random_bytes(2'000'000);
    const auto put = world.put(data);
    ASSERT_TRUE(put.ok()) << put.error().message;
    EXPECT_EQ(world.store->find(put.value().group)->k, 1);
    EXPECT_TRUE(world.read(put.value()).value() == data);
}

TEST(stripe_writes, a_failing_flush_moves_the_pieces) {
    stripe_world world;
    std::vector<stripe_store::written> pieces;
    std::vector<std::vector<std::byte>> data;
    for (int i = 0; i < 3; ++i) {
        data.push_back(world.random_bytes(200'000));
        pieces.push_back(world.write(data.back()).value());
    }
    const group_id old = pieces[0].where.group;
    world.devices->at(3).fail_flush_after = 0;
    ASSERT_TRUE(world.make_durable(pieces).ok());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        EXPECT_NE(pieces[i].where.group, old);
        EXPECT_EQ(world.store->find(pieces[i].where.group)->k, 3);
        EXPECT_TRUE(world.read(pieces[i].where).value() == data[i]);
    }
    EXPECT_EQ(world.store->figures().rewritten_pieces, 3U);
    EXPECT_GT(mark_count("stripe.piece_rewritten"), 0U);
    // Nobody holds the group that was given up.
    EXPECT_FALSE(world.store->is_pinned(old));
}

TEST(stripe_writes, more_devices_lost_than_the_code_bears_before_durability_is_an_error) {
    stripe_world world;
    std::vector<stripe_store::written> pieces{world.write(world.random_bytes(200'000)).value()};
    for (const std::size_t device : {0U, 1U, 2U})
        world.devices->fence(world.devices->at(device).id(), "test");
    EXPECT_TRUE(world.make_durable(pieces).is(errc::stripe_unreadable));
}

TEST(stripe_writes, a_full_tier_is_said_clearly_and_space_comes_back) {
    stripe_world world({.extent_bytes = 1 << 20, .extents = 4});
    std::vector<piece> pieces;
    const auto data = world.random_bytes(500'000);
    result<piece> last = error(errc::busy);
    for (;;) {
        last = world.put(data);
        if (!last) break;
        pieces.push_back(last.value());
        ASSERT_LT(pieces.size(), 100U);
    }
    ASSERT_TRUE(last.is(errc::no_space)) << last.error().message;
    EXPECT_NE(last.error().message.find("add devices"), std::string::npos);
    const tier_space full = world.store->space(tier_id::nvme);
    EXPECT_EQ(full.groups_possible, 0U);
    EXPECT_TRUE(full.below_reserve);
    for (const piece& one : pieces)
        EXPECT_TRUE(world.read(one).value() == data);
    world.store->release(pieces[0].group);
    world.settle();
    const auto again = world.put(data);
    EXPECT_TRUE(again.ok()) << again.error().message;
}

TEST(stripe_writes, a_full_file_system_leaves_no_extents_behind) {
    stripe_world world;
    world.devices->at(4).full = true;
    EXPECT_TRUE(world.put(world.random_bytes(100)).is(errc::no_space));
    for (std::size_t i = 0; i < 6; ++i)
        EXPECT_TRUE(world.devices->at(i).list().empty());
    EXPECT_TRUE(world.store->groups().empty());
    world.devices->at(4).full = false;
    EXPECT_TRUE(world.put(world.random_bytes(100)).ok());
}

TEST(stripe_writes, a_group_that_cannot_be_recorded_is_given_up) {
    stripe_world world;
    world.log.refuse = true;
    EXPECT_TRUE(world.put(world.random_bytes(100)).is(errc::journal_full));
    EXPECT_TRUE(world.store->groups().empty());
    for (std::size_t i = 0; i < 6; ++i)
        EXPECT_TRUE(world.devices->at(i).list().empty());
    world.log.refuse = false;
    EXPECT_TRUE(world.put(world.random_bytes(100)).ok());
}

TEST(stripe_writes, groups_of_checkpoints_need_no_journal) {
    stripe_world world;
    world.store->set_group_log(nullptr);
    const auto data = world.random_bytes(10'000);
    run_request request = world.request(data);
    EXPECT_TRUE(world.run(world.store->write_run(request)).is(errc::invalid_argument));
    request.purpose = extent_purpose::checkpoint;
    const auto done = world.run(world.store->write_run(request));
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(world.store->find(done.value().where.group)->purpose, extent_purpose::checkpoint);
    EXPECT_TRUE(world.log.rows.empty());
}

TEST(stripe_writes, after_stop_they_are_refused) {
    stripe_world world;
    const auto data = world.random_bytes(10);
    // A second start over the same devices takes over; the first one refuses.
    auto second = stripe_store::make(world.env, *world.devices);
    world.run([](stripe_store& stopping) -> task<int> {
        co_await stopping.stop();
        co_return 0;
    }(*second));
    EXPECT_TRUE(world.run(second->write_run(world.request(data))).is(errc::stopped));
}

TEST(stripe_writes, wide_tiers_open_several_groups) {
    stripe_world world({.nvme = 13, .parity = 3});
    const auto put = world.put(world.random_bytes(2'000'000));
    ASSERT_TRUE(put.ok()) << put.error().message;
    EXPECT_EQ(world.store->find(put.value().group)->k, 8);
    EXPECT_EQ(world.store->find(put.value().group)->m, 3);
    EXPECT_EQ(world.store->run_bytes_max(tier_id::nvme), 3U << 20);
}

}  // namespace
}  // namespace taicang
