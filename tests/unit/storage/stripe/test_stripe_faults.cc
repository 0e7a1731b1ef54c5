// Reads around what is missing, wrong, stale or in the wrong place; and what is beyond the code's
// power, said clearly.
#include <algorithm>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/mark.h"
#include "tests/unit/storage/stripe/stripe_world.h"

namespace taicang {
namespace {

/// Pieces of each kind: one unit read whole, several columns, several rows.
struct stored {
    std::vector<std::vector<std::byte>> data;
    std::vector<piece> pieces;
};

stored store_kinds(stripe_world& world) {
    stored made;
    for (const std::size_t size : {3'000U, 20'000U, 700'000U, 3'000'000U}) {
        made.data.push_back(world.random_bytes(size));
        auto put = world.put(made.data.back());
        EXPECT_TRUE(put.ok());
        made.pieces.push_back(put.value());
    }
    return made;
}

void expect_all_read(stripe_world& world, const stored& kinds) {
    for (std::size_t i = 0; i < kinds.pieces.size(); ++i) {
        const piece& where = kinds.pieces[i];
        const auto back = world.read(where);
        ASSERT_TRUE(back.ok()) << back.error().message;
        ASSERT_TRUE(back.value() == kinds.data[i]);
        const std::uint32_t first = where.length / 3;
        const auto part = world.read(where, first, where.length / 2);
        ASSERT_TRUE(part.ok()) << part.error().message;
        ASSERT_TRUE(
            std::equal(part.value().begin(), part.value().end(), kinds.data[i].begin() + first));
    }
}

template <class F>
void for_every_pair(F&& f) {
    for (std::size_t a = 0; a < 6; ++a) {
        for (std::size_t b = a + 1; b < 6; ++b)
            f(a, b);
    }
}

TEST(stripe_faults, every_pair_of_devices_fenced) {
    for_every_pair([](std::size_t a, std::size_t b) {
        stripe_world world;
        const stored kinds = store_kinds(world);
        world.devices->fence(world.devices->at(a).id(), "test");
        world.devices->fence(world.devices->at(b).id(), "test");
        expect_all_read(world, kinds);
    });
    EXPECT_GT(mark_count("stripe.degraded_read"), 0U);
    EXPECT_GT(mark_count("stripe.group_sealed_by_fence"), 0U);
}

TEST(stripe_faults, every_pair_of_devices_answers_errors) {
    for_every_pair([](std::size_t a, std::size_t b) {
        stripe_world world;
        const stored kinds = store_kinds(world);
        world.devices->at(a).reads_fail = true;
        world.devices->at(b).reads_fail = true;
        expect_all_read(world, kinds);
        // Parity is looked at only when it is needed.
        if (a >= 4) return;
        EXPECT_GT(world.devices->read_failures[world.devices->at(a).id()] +
                      world.devices->read_failures[world.devices->at(b).id()],
                  0);
    });
}

TEST(stripe_faults, every_pair_of_chunks_rotten) {
    for_every_pair([](std::size_t a, std::size_t b) {
        stripe_world world;
        const stored kinds = store_kinds(world);
        std::vector<std::pair<group_id, unsigned>> damaged;
        world.store->on_damage(
            [&damaged](group_id group, unsigned chunk) { damaged.emplace_back(group, chunk); });
        const auto chunk_a = static_cast<unsigned>(a);
        const auto chunk_b = static_cast<unsigned>(b);
        world.rot_all(kinds.pieces[0], chunk_a);
        world.rot_all(kinds.pieces[0], chunk_b);
        expect_all_read(world, kinds);
        // A wrong data chunk cannot hide; parity is looked at only when it is needed.
        if (a < 4) {
            EXPECT_NE(std::find(damaged.begin(), damaged.end(),
                                std::pair(kinds.pieces[0].group, chunk_a)),
                      damaged.end());
        }
        for (const auto& [group, chunk] : damaged)
            EXPECT_TRUE(chunk == chunk_a || chunk == chunk_b);
    });
    EXPECT_GT(mark_count("stripe.header_bad"), 0U);
}

TEST(stripe_faults, one_rotten_block_anywhere) {
    stripe_world world;
    const stored kinds = store_kinds(world);
    for (std::size_t i = 0; i < kinds.pieces.size(); ++i) {
        const piece& where = kinds.pieces[i];
        const std::uint64_t blocks_of_row = std::uint64_t{4} * where.unit_blocks;
        const auto rows = static_cast<std::uint32_t>(
            ((where.length + 4095ULL) / 4096 + blocks_of_row - 1) / blocks_of_row);
        for (unsigned chunk = 0; chunk < 6; ++chunk) {
            for (std::uint32_t block = 0; block < 1 + rows * where.unit_blocks;
                 block += 1 + static_cast<std::uint32_t>(world.sim.random().below(29))) {
                world.rot(where, chunk, block);
                const auto back = world.read(where);
                ASSERT_TRUE(back.ok()) << back.error().message;
                ASSERT_TRUE(back.value() == kinds.data[i])
                    << "chunk " << chunk << " block " << block;
                world.rot(where, chunk, block);
            }
        }
    }
    EXPECT_GT(mark_count("stripe.checksum_mismatch"), 0U);
    EXPECT_GT(world.store->figures().checksum_failures, 0U);
}

TEST(stripe_faults, three_lost_chunks_are_said_clearly_and_nothing_is_served) {
    stripe_world world;
    const auto data = world.random_bytes(700'000);
    const auto put = world.put(data);
    ASSERT_TRUE(put.ok());
    for (const unsigned chunk : {0U, 1U, 4U})
        world.rot_all(put.value(), chunk);
    const auto back = world.read(put.value());
    ASSERT_TRUE(back.is(errc::stripe_unreadable));
    const std::string& sentence = back.error().message;
    EXPECT_NE(sentence.find("3 of 6 chunks are lost, the code bears 2"), std::string::npos)
        << sentence;
    EXPECT_NE(sentence.find("chunk 4"), std::string::npos) << sentence;
    // The other columns can still be read where nothing has to be decoded.
    const std::uint32_t unit = put.value().unit_blocks * 4096U;
    EXPECT_TRUE(world.read(put.value(), 2 * unit, 1000).ok());
}

TEST(stripe_faults, a_lost_write_is_not_served) {
    for (unsigned chunk = 0; chunk < 6; ++chunk) {
        stripe_world world;
        // The group stands first, so that the next write to the device is the run's.
        const auto first = world.put(world.random_bytes(10));
        ASSERT_TRUE(first.ok());
        world.device_of(first.value(), chunk).lose_write_after = 0;
        const auto data = world.random_bytes(500'000);
        const auto put = world.put(data);
        ASSERT_TRUE(put.ok());
        const auto back = world.read(put.value());
        ASSERT_TRUE(back.ok()) << back.error().message;
        EXPECT_TRUE(back.value() == data);
        EXPECT_EQ(world.store->figures().degraded_reads, chunk < 4 ? 1U : 0U);
    }
}

TEST(stripe_faults, content_of_a_former_life_or_another_place_is_not_served) {
    stripe_world world;
    const auto data = world.random_bytes(100'000);
    const auto old = world.put(data);
    ASSERT_TRUE(old.ok());
    const auto newer = world.put(world.random_bytes(100'000));
    ASSERT_TRUE(newer.ok());
    auto& bytes = world.place_of(old.value(), 1).bytes;
    // Misdirected: the second run's chunk also lies where the first one's was.
    const std::size_t from = std::size_t{newer.value().run_block} * 4096;
    const std::size_t to = std::size_t{old.value().run_block} * 4096;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(from), from - to,
                bytes.begin() + static_cast<std::ptrdiff_t>(to));
    const auto back = world.read(old.value());
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_TRUE(back.value() == data);
    EXPECT_GT(world.store->figures().checksum_failures, 0U);
}

TEST(stripe_faults, recycled_extents_never_show_what_they_held) {
    stripe_world world({.extents = 2});
    const auto secret = world.random_bytes(400'000);
    const auto old = world.put(secret);
    ASSERT_TRUE(old.ok());
    const std::vector<chunk_place> before = world.store->find(old.value().group)->chunks;
    world.store->release(old.value().group);
    world.settle();
    // Two more groups use every place again; on two devices the run's writes are lost, so that the
    // old bytes stay.
    std::vector<piece> pieces;
    std::vector<std::vector<std::byte>> data;
    for (int round = 0; round < 2; ++round) {
        data.push_back(world.random_bytes(400'000));
        world.devices->at(0).lose_write_after = 0;
        world.devices->at(1).lose_write_after = 0;
        const auto put = world.put(data.back());
        ASSERT_TRUE(put.ok()) << put.error().message;
        pieces.push_back(put.value());
        ASSERT_TRUE(world.run(world.store->seal_open(tier_id::nvme)).ok());
    }
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const auto back = world.read(pieces[i]);
        ASSERT_TRUE(back.ok()) << back.error().message;
        EXPECT_TRUE(back.value() == data[i]);
    }
    EXPECT_GT(world.store->figures().degraded_reads, 0U);
    std::vector<std::byte> into(10);
    EXPECT_TRUE(world.run(world.store->read(old.value(), 0, into)).is(errc::not_found));
}

/// Makes chunk `chunk` of the run hold other bytes with a header that agrees: no block checksum can
/// tell.
void forge(stripe_world& world, const piece& where, unsigned chunk) {
    auto& bytes = world.place_of(where, chunk).bytes;
    const group_row row = *world.store->find(where.group);
    const bytes_span run = bytes_span(bytes).subspan(std::size_t{where.run_block} * 4096);
    auto header = run_format::decode_header(run.first(4096));
    ASSERT_TRUE(header.ok());
    run[4096 + 17] ^= std::byte{0xff};
    const run_format::block_seeds seeds(row.id, row.chunks[chunk].life, chunk);
    run_format::store_block_crc(run.first(4096), 0,
                                crc32c(run.subspan(4096, 4096), seeds.of(where.run_block + 1)));
    run_format::encode_header(header.value(), run.first(4096));
}

TEST(stripe_faults, a_consistently_wrong_chunk_is_found_by_the_piece) {
    for (const std::size_t size : {3'000U, 700'000U}) {
        stripe_world world;
        const auto data = world.random_bytes(size);
        const auto put = world.put(data);
        ASSERT_TRUE(put.ok());
        std::vector<unsigned> damaged;
        world.store->on_damage([&damaged](group_id, unsigned chunk) { damaged.push_back(chunk); });
        forge(world, put.value(), 0);
        const auto back = world.read(put.value());
        ASSERT_TRUE(back.ok()) << back.error().message;
        EXPECT_TRUE(back.value() == data);
        EXPECT_EQ(damaged, std::vector<unsigned>{0});
    }
}

TEST(stripe_faults, a_piece_with_a_wrong_checksum_is_refused) {
    stripe_world world;
    for (const std::size_t size : {3'000U, 700'000U}) {
        auto put = world.put(world.random_bytes(size));
        ASSERT_TRUE(put.ok());
        put.value().crc ^= 1;
        const auto back = world.read(put.value());
        ASSERT_TRUE(back.is(errc::stripe_unreadable));
        EXPECT_NE(back.error().message.find("checksum of the piece"), std::string::npos);
    }
    EXPECT_TRUE(world.devices->read_failures.empty());
}

TEST(stripe_faults, pieces_of_unknown_checksum_rest_on_the_blocks) {
    stripe_world world;
    const auto data = world.random_bytes(300'000);
    auto put = world.put(data);
    ASSERT_TRUE(put.ok());
    put.value().crc = 0;
    world.rot(put.value(), 2, 1);
    std::vector<std::byte> into(300'000);
    ASSERT_TRUE(world.run(world.store->read_unchecked_piece(put.value(), 0, into)).ok());
    EXPECT_TRUE(into == data);
}

}  // namespace
}  // namespace taicang
