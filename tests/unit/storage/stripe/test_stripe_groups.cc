// The life of groups: pins against removal, sealing, adoption at a start, walking without an index,
// space.
#include <algorithm>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/mark.h"
#include "tests/unit/storage/stripe/stripe_world.h"

namespace taicang {
namespace {

std::size_t extents_in_use(stripe_world& world) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < world.devices->size(); ++i)
        sum += world.devices->at(i).list().size();
    return sum;
}

TEST(stripe_groups, release_waits_for_the_last_pin) {
    stripe_world world;
    const auto data = world.random_bytes(200'000);
    const piece where = world.put(data).value();
    std::optional<group_pin> first = world.store->pin(where.group);
    std::optional<group_pin> second = world.store->pin(where.group);
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(world.store->is_pinned(where.group));
    world.store->release(where.group);
    EXPECT_FALSE(world.store->find(where.group));
    EXPECT_FALSE(world.store->pin(where.group));
    EXPECT_TRUE(world.store->groups().empty());
    first.reset();
    world.settle();
    // The second reader goes on as if nothing had happened.
    EXPECT_TRUE(world.read(where).value() == data);
    EXPECT_EQ(extents_in_use(world), 6U);
    second.reset();
    world.settle();
    EXPECT_EQ(extents_in_use(world), 0U);
    EXPECT_TRUE(world.read(where).is(errc::not_found));
    EXPECT_GT(mark_count("stripe.release_waited_for_pin"), 0U);
}

TEST(stripe_groups, a_written_piece_pins_its_group) {
    stripe_world world;
    auto one = world.write(world.random_bytes(10));
    ASSERT_TRUE(one.ok());
    const group_id group = one.value().where.group;
    EXPECT_TRUE(world.store->is_pinned(group));
    std::vector<stripe_store::written> pieces{std::move(one).value()};
    ASSERT_TRUE(world.make_durable(pieces).ok());
    EXPECT_TRUE(world.store->is_pinned(group));
    world.store->release(group);
    world.settle();
    EXPECT_EQ(extents_in_use(world), 6U);
    pieces.clear();
    one = error(errc::cancelled);
    world.settle();
    EXPECT_EQ(extents_in_use(world), 0U);
}

TEST(stripe_groups, sealing_ends_writes_and_tells_the_devices) {
    stripe_world world;
    const piece where = world.put(world.random_bytes(100'000)).value();
    EXPECT_TRUE(world.store->is_open(where.group));
    ASSERT_TRUE(world.run(world.store->seal_open(tier_id::nvme)).ok());
    EXPECT_FALSE(world.store->is_open(where.group));
    for (std::size_t i = 0; i < 6; ++i) {
        const auto extents = world.devices->at(i).list();
        ASSERT_EQ(extents.size(), 1U);
        EXPECT_TRUE(extents[0].sealed);
        EXPECT_EQ(extents[0].sealed_length, (1U + where.unit_blocks) * 4096U);
    }
    EXPECT_NE(world.put(world.random_bytes(10)).value().group, where.group);
}

TEST(stripe_groups, fill_up_and_follow_each_other) {
    stripe_world world({.extent_bytes = 1 << 20, .extents = 16});
    std::vector<piece> pieces;
    for (int i = 0; i < 12; ++i)
        pieces.push_back(world.put(world.random_bytes(400'000)).value());
    EXPECT_NE(pieces.front().group, pieces.back().group);
    EXPECT_FALSE(world.store->is_open(pieces.front().group));
    EXPECT_EQ(world.store->figures().groups_open, 1U);
    EXPECT_EQ(world.log.rows.size(), world.store->groups().size());
    EXPECT_GT(world.store->data_capacity(pieces[0].group), 800'000U);
    EXPECT_EQ(world.store->data_capacity(group_id(999)), 0U);
}

TEST(stripe_groups, adopted_groups_are_read_and_never_written) {
    stripe_world world;
    const auto data = world.random_bytes(300'000);
    const piece where = world.put(data).value();
    world.power_cut();
    EXPECT_FALSE(world.store->is_open(where.group));
    EXPECT_TRUE(world.read(where).value() == data);
    // A replayed row of a known group changes nothing.
    world.store->adopt(*world.store->find(where.group));
    EXPECT_NE(world.put(world.random_bytes(10)).value().group, where.group);
    const piece open = world.put(world.random_bytes(10)).value();
    world.store->adopt(*world.store->find(open.group));
    EXPECT_TRUE(world.store->is_open(open.group));
}

TEST(stripe_groups, walk_lists_every_run) {
    stripe_world world;
    std::vector<piece> pieces;
    std::vector<std::uint32_t> lengths{10, 5'000, 700'000, 1'234'567};
    for (const std::uint32_t length : lengths)
        pieces.push_back(world.put(world.random_bytes(length)).value());
    world.rot(pieces[1], 0, 0);
    world.devices->fence(world.device_of(pieces[0], 1).id(), "test");
    const auto runs = world.run(world.store->walk(pieces[0].group));
    ASSERT_TRUE(runs.ok()) << runs.error().message;
    ASSERT_EQ(runs.value().size(), lengths.size());
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        const run_description& run = runs.value()[i];
        EXPECT_EQ(run.run_block, pieces[i].run_block);
        EXPECT_EQ(run.unit_blocks, pieces[i].unit_blocks);
        EXPECT_EQ(run.data_length, lengths[i]);
        EXPECT_EQ(run.owner.blob, blob_id(7));
        EXPECT_FALSE(run.packed);
    }
    EXPECT_TRUE(world.devices->read_failures.empty());
}

TEST(stripe_groups, walk_passes_over_what_a_crash_left_empty) {
    stripe_world world;
    std::vector<piece> pieces;
    for (int i = 0; i < 4; ++i)
        pieces.push_back(world.put(world.random_bytes(900'000)).value());
    // The second run was never written, on any chunk; of the third one two chunks are lost.
    for (unsigned chunk = 0; chunk < 6; ++chunk) {
        auto& bytes = world.place_of(pieces[1], chunk).bytes;
        std::fill(bytes.begin() + pieces[1].run_block * 4096,
                  bytes.begin() + pieces[2].run_block * 4096, std::byte{0});
    }
    world.rot(pieces[2], 0, 0);
    world.rot(pieces[2], 1, 0);
    ASSERT_TRUE(world.run(world.store->seal_open(tier_id::nvme)).ok());
    const auto runs = world.run(world.store->walk(pieces[0].group));
    ASSERT_TRUE(runs.ok()) << runs.error().message;
    ASSERT_EQ(runs.value().size(), 3U);
    EXPECT_EQ(runs.value()[0].run_block, pieces[0].run_block);
    EXPECT_EQ(runs.value()[1].run_block, pieces[2].run_block);
    EXPECT_EQ(runs.value()[2].run_block, pieces[3].run_block);
    EXPECT_TRUE(world.devices->read_failures.empty());
}

TEST(stripe_groups, walk_of_a_group_filled_to_the_brim) {
    stripe_world world({.extent_bytes = 1 << 20});
    std::vector<piece> pieces;
    // 256 blocks a chunk: 128 runs of two.
    for (int i = 0; i < 128; ++i)
        pieces.push_back(world.put(world.random_bytes(100)).value());
    EXPECT_EQ(pieces.front().group, pieces.back().group);
    EXPECT_NE(world.put(world.random_bytes(100)).value().group, pieces.front().group);
    EXPECT_EQ(world.run(world.store->walk(pieces[0].group)).value().size(), 128U);
}

TEST(stripe_groups, walk_beyond_the_code_is_unreadable_not_empty) {
    stripe_world world;
    const piece where = world.put(world.random_bytes(100)).value();
    for (const std::size_t device : {0U, 1U, 2U, 3U, 4U, 5U})
        world.devices->at(device).reads_fail = true;
    EXPECT_TRUE(world.run(world.store->walk(where.group)).is(errc::stripe_unreadable));
    EXPECT_TRUE(world.run(world.store->walk(group_id(77))).is(errc::not_found));
}

TEST(stripe_groups, space_counts_groups_and_the_reserve) {
    stripe_world world({.hdd = 6, .extents = 16});
    const tier_space empty = world.store->space(tier_id::nvme);
    EXPECT_EQ(empty.k_target, 4U);
    EXPECT_EQ(empty.m, 2U);
    EXPECT_EQ(empty.groups_possible, 16U);
    EXPECT_EQ(empty.bytes_total, 6ULL * 16 * (4 << 20));
    EXPECT_FALSE(empty.below_reserve);
    ASSERT_TRUE(world.put(world.random_bytes(10)).ok());
    EXPECT_EQ(world.store->space(tier_id::nvme).groups_possible, 15U);
    EXPECT_EQ(world.store->space(tier_id::hdd).groups_possible, 16U);
}

}  // namespace
}  // namespace taicang
