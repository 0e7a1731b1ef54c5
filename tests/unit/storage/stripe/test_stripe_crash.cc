// Power cuts: what make_durable() answered for is there and whole; what it did not may be gone, but
// is never wrong. And the planted bugs that these proofs must catch.
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/canary.h"
#include "tests/unit/storage/stripe/stripe_world.h"

namespace taicang {
namespace {

struct kept {
    piece where;
    std::vector<std::byte> data;
};

struct outcome {
    std::uint64_t wrong = 0;       ///< other bytes than written
    std::uint64_t unreadable = 0;  ///< acknowledged and not read with two devices away
    std::uint64_t not_whole =
        0;  ///< acknowledged and a chunk was lost: less redundancy than promised
};

/// Writes, acknowledges some, cuts the power at a random instant of what goes on, and looks.
outcome one_round(std::uint64_t seed) {
    stripe_world world({.seed = seed, .extent_bytes = 2 << 20});
    random_source& chance = world.sim.random();
    std::vector<kept> durable;
    std::vector<kept> doubtful;
    const std::size_t writes = 1 + chance.below(8);
    for (std::size_t i = 0; i < writes; ++i) {
        auto data = world.random_bytes(1 + chance.below(1 << chance.below(20)));
        std::vector<stripe_store::written> pieces{world.write(data).value()};
        if (chance.one_in(3)) {
            doubtful.push_back({pieces[0].where, std::move(data)});
            continue;
        }
        EXPECT_TRUE(world.make_durable(pieces).ok());
        durable.push_back({pieces[0].where, std::move(data)});
        if (chance.one_in(4)) world.sim.run_events(chance.below(50));
    }
    world.power_cut();
    outcome seen;
    for (const kept& one : doubtful) {
        const auto back = world.read(one.where);
        if (back && back.value() != one.data) ++seen.wrong;
    }
    const std::uint64_t before = world.store->figures().degraded_reads;
    for (const kept& one : durable) {
        const auto back = world.read(one.where);
        if (!back) ++seen.unreadable;
        if (back && back.value() != one.data) ++seen.wrong;
    }
    seen.not_whole = world.store->figures().degraded_reads - before;
    const std::size_t a = chance.below(6);
    const std::size_t b = (a + 1 + chance.below(5)) % 6;
    world.devices->fence(world.devices->at(a).id(), "test");
    world.devices->fence(world.devices->at(b).id(), "test");
    for (const kept& one : durable) {
        const auto back = world.read(one.where);
        if (!back) ++seen.unreadable;
        if (back && back.value() != one.data) ++seen.wrong;
    }
    return seen;
}

outcome rounds(std::uint64_t count) {
    outcome all;
    for (std::uint64_t seed = 1; seed <= count; ++seed) {
        const outcome one = one_round(seed);
        all.wrong += one.wrong;
        all.unreadable += one.unreadable;
        all.not_whole += one.not_whole;
    }
    return all;
}

TEST(stripe_crash, what_is_durable_is_whole_and_nothing_is_ever_wrong) {
    const outcome seen = rounds(150);
    EXPECT_EQ(seen.wrong, 0U);
    EXPECT_EQ(seen.unreadable, 0U);
    EXPECT_EQ(seen.not_whole, 0U);
}

#ifdef TAICANG_CANARY
struct planted {
    explicit planted(canary::bug which) : which_(which) { canary::plant(which, true); }
    planted(const planted&) = delete;
    planted& operator=(const planted&) = delete;
    ~planted() { canary::plant(which_, false); }
    canary::bug which_;
};

TEST(stripe_canary, a_flush_before_the_last_write_is_caught) {
    const planted bug(canary::bug::flush_before_last_write);
    const outcome seen = rounds(150);
    EXPECT_GT(seen.unreadable + seen.not_whole, 0U);
}

TEST(stripe_canary, flushes_left_out_are_caught) {
    const planted bug(canary::bug::skip_device_flush);
    EXPECT_GT(rounds(50).unreadable, 0U);
}

TEST(stripe_canary, checksums_not_compared_are_caught) {
    const planted bug(canary::bug::skip_checksum);
    stripe_world world;
    for (const std::size_t size : {3'000U, 700'000U}) {
        const auto data = world.random_bytes(size);
        const piece where = world.put(data).value();
        world.rot(where, 0, 1);
        const auto back = world.read(where);
        ASSERT_TRUE(back.ok());
        EXPECT_FALSE(back.value() == data);
    }
}
#endif

}  // namespace
}  // namespace taicang
