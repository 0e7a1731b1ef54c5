// Writing and reading without faults: every size, every alignment of a sub-range, both tiers,
// packed runs.
#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/when_all.h"
#include "tests/unit/storage/stripe/stripe_world.h"

namespace taicang {
namespace {

TEST(stripe_io, reads_back_every_size_on_both_tiers) {
    stripe_world world({.nvme = 6, .hdd = 6, .extents = 64});
    for (const tier_id tier : {tier_id::nvme, tier_id::hdd}) {
        const std::uint32_t most = world.store->run_bytes_max(tier);
        std::vector<std::uint32_t> sizes{1,       2,       511,      4095,    4096,
                                         4097,    16'384,  16'385,   131'072, 131'073,
                                         524'288, 524'289, most - 1, most};
        for (int i = 0; i < 12; ++i)
            sizes.push_back(static_cast<std::uint32_t>(1 + world.sim.random().below(most)));
        for (const std::uint32_t size : sizes) {
            const auto data = world.random_bytes(size);
            const auto put = world.put(data, tier);
            ASSERT_TRUE(put.ok()) << put.error().message;
            EXPECT_EQ(put.value().length, size);
            EXPECT_EQ(put.value().crc, crc32c(data));
            const auto back = world.read(put.value());
            ASSERT_TRUE(back.ok()) << back.error().message;
            ASSERT_TRUE(back.value() == data) << size;
        }
    }
    EXPECT_EQ(world.store->figures().degraded_reads, 0U);
}

TEST(stripe_io, refuses_runs_of_no_bytes_and_of_too_many) {
    stripe_world world;
    const std::vector<std::byte> data(5 << 20);
    EXPECT_TRUE(world.write({}).is(errc::invalid_argument));
    EXPECT_TRUE(world.write(data).is(errc::invalid_argument));
}

TEST(stripe_io, sub_ranges_of_every_alignment) {
    stripe_world world;
    const auto data = world.random_bytes(1'500'001);
    const auto put = world.put(data);
    ASSERT_TRUE(put.ok());
    const std::uint32_t unit = put.value().unit_blocks * 4096U;
    std::vector<std::uint32_t> edges;
    for (const std::uint32_t around : {0U, 4096U, unit, 2 * unit, 4 * unit, 5 * unit, 1'500'001U}) {
        for (const int by : {-4097, -4096, -1, 0, 1, 4096}) {
            const std::int64_t at = std::int64_t{around} + by;
            if (at >= 0 && at <= 1'500'001) edges.push_back(static_cast<std::uint32_t>(at));
        }
    }
    for (const std::uint32_t first : edges) {
        for (const std::uint32_t last : edges) {
            if (first >= last) continue;
            const auto back = world.read(put.value(), first, last - first);
            ASSERT_TRUE(back.ok()) << back.error().message;
            ASSERT_TRUE(std::equal(back.value().begin(), back.value().end(), data.begin() + first))
                << first << " to " << last;
        }
    }
    EXPECT_EQ(world.store->figures().degraded_reads, 0U);
}

TEST(stripe_io, reads_beyond_a_piece_are_refused_and_blame_no_device) {
    stripe_world world;
    const auto data = world.random_bytes(10'000);
    const auto put = world.put(data);
    ASSERT_TRUE(put.ok());
    std::vector<std::byte> into(10);
    EXPECT_TRUE(world.run(world.store->read(put.value(), 9'991, into)).is(errc::invalid_argument));
    piece wrong = put.value();
    wrong.run_block = 1'000'000;
    EXPECT_TRUE(world.run(world.store->read(wrong, 0, into)).is(errc::invalid_argument));
    wrong = put.value();
    wrong.group = group_id(99);
    EXPECT_TRUE(world.run(world.store->read(wrong, 0, into)).is(errc::not_found));
    EXPECT_TRUE(world.devices->read_failures.empty());
}

/// A run of three units of 128 KiB with objects inside units, as packing makes it.
struct packed_run {
    std::vector<std::byte> data;
    std::vector<stripe_store::written> pieces;
};

packed_run write_packed(stripe_world& world) {
    packed_run made;
    made.data = world.random_bytes(3 * 131'072 - 777);
    run_request request = world.request(made.data);
    request.packed = true;
    request.packed_unit = 131'072;
    request.owner = {blob_id(0), 0};
    auto run = world.run(world.store->write_run(request));
    EXPECT_TRUE(run.ok());
    for (const auto& [skip, length] :
         std::vector<std::pair<std::uint32_t, std::uint32_t>>{{0, 100},
                                                              {100, 4'000},
                                                              {4'100, 90'000},
                                                              {131'072, 1},
                                                              {140'000, 100'001},
                                                              {262'144, 131'072 - 777}}) {
        auto one = run.value();
        one.where.skip = skip;
        one.where.length = length;
        one.where.crc = crc32c(bytes_view(made.data).subspan(skip, length));
        made.pieces.push_back(one);
    }
    return made;
}

TEST(stripe_io, a_packed_object_is_one_disk_read) {
    stripe_world world;
    packed_run packed = write_packed(world);
    ASSERT_TRUE(world.make_durable(packed.pieces).ok());
    for (const auto& one : packed.pieces) {
        const std::uint32_t length = one.where.length;
        for (const auto& [offset, count] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{
                 {0, length}, {length / 2, length - length / 2}, {length - 1, 1}}) {
            int before = 0;
            for (std::size_t i = 0; i < world.devices->size(); ++i)
                before += world.devices->at(i).reads;
            const auto back = world.read(one.where, offset, count);
            ASSERT_TRUE(back.ok()) << back.error().message;
            ASSERT_TRUE(std::equal(back.value().begin(), back.value().end(),
                                   packed.data.begin() + one.where.skip + offset));
            int after = 0;
            for (std::size_t i = 0; i < world.devices->size(); ++i)
                after += world.devices->at(i).reads;
            EXPECT_EQ(after - before, 1);
        }
    }
}

TEST(stripe_io, pieces_of_a_packed_run_move_together_off_a_failed_device) {
    stripe_world world;
    packed_run packed = write_packed(world);
    const group_id old = packed.pieces[0].where.group;
    world.devices->fence(world.devices->at(2).id(), "test");
    ASSERT_TRUE(world.make_durable(packed.pieces).ok());
    for (const auto& one : packed.pieces) {
        EXPECT_NE(one.where.group, old);
        EXPECT_EQ(one.where.group, packed.pieces[0].where.group);
        EXPECT_EQ(one.where.run_block, packed.pieces[0].where.run_block);
        EXPECT_EQ(one.where.unit_blocks, 32);
        const auto back = world.read(one.where);
        ASSERT_TRUE(back.ok()) << back.error().message;
        EXPECT_TRUE(std::equal(back.value().begin(), back.value().end(),
                               packed.data.begin() + one.where.skip));
    }
    EXPECT_EQ(world.store->figures().rewritten_pieces, packed.pieces.size());
}

task<result<void>> write_many(stripe_world& world, const std::vector<std::vector<std::byte>>& data,
                              std::vector<stripe_store::written>& pieces) {
    std::vector<task<result<stripe_store::written>>> writes;
    for (const auto& bytes : data)
        writes.push_back(world.store->write_run(world.request(bytes)));
    auto all = co_await when_all(std::move(writes));
    for (auto& one : all) {
        if (!one) co_return one.error();
        pieces.push_back(std::move(one).value());
    }
    auto done = co_await world.store->make_durable(pieces);
    co_return done;
}

TEST(stripe_io, concurrent_runs_share_groups_and_flushes) {
    stripe_world world;
    std::vector<std::vector<std::byte>> data;
    for (int i = 0; i < 40; ++i)
        data.push_back(world.random_bytes(1 + world.sim.random().below(300'000)));
    std::vector<stripe_store::written> pieces;
    ASSERT_TRUE(world.run(write_many(world, data, pieces)).ok());
    for (std::size_t i = 0; i < data.size(); ++i) {
        const auto back = world.read(pieces[i].where);
        ASSERT_TRUE(back.ok());
        ASSERT_TRUE(back.value() == data[i]);
    }
    EXPECT_EQ(world.devices->at(0).flushes, 1);
    EXPECT_LE(world.store->figures().groups_open, 1U);
}

}  // namespace
}  // namespace taicang
