// The buffer pool: alignment, size classes, reuse within its bound.
#include "storage/base/buffer.h"

#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/random.h"

namespace taicang {
namespace {

TEST(buffer_pool, buffers_are_aligned_big_enough_and_waste_at_most_a_quarter) {
    buffer_pool pool(1 << 20);
    for (std::size_t size = 1; size < (std::size_t{9} << 20); size += size / 7 + 1) {
        const buffer b = pool.allocate(size);
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(b.data()) % page_size, 0U);
        ASSERT_EQ(b.size(), size);
        ASSERT_GE(b.capacity(), size);
        ASSERT_EQ(b.capacity() % page_size, 0U);
        ASSERT_LE(b.capacity(), round_up(size, page_size) * 5 / 4);
        ASSERT_EQ(pool.bytes_in_use(), b.capacity());
    }
    EXPECT_EQ(pool.bytes_in_use(), 0U);
}

TEST(buffer_pool, an_empty_buffer_costs_nothing) {
    buffer_pool pool(1 << 20);
    const buffer none = pool.allocate(0);
    EXPECT_TRUE(none.empty());
    EXPECT_EQ(none.data(), nullptr);
    EXPECT_EQ(pool.bytes_in_use(), 0U);
}

TEST(buffer_pool, freed_memory_is_reused_and_what_is_kept_is_bounded) {
    buffer_pool pool(64 * page_size);
    const std::byte* where = nullptr;
    {
        const buffer first = pool.allocate(16 * page_size);
        where = first.data();
    }
    EXPECT_EQ(pool.bytes_cached(), 16 * page_size);
    {
        const buffer again = pool.allocate(15 * page_size);
        EXPECT_EQ(again.data(), where);
        EXPECT_EQ(pool.bytes_cached(), 0U);
    }
    {
        std::vector<buffer> many;
        for (int i = 0; i < 20; ++i)
            many.push_back(pool.allocate(16 * page_size));
        EXPECT_EQ(pool.bytes_in_use(), 320 * page_size);
    }
    EXPECT_EQ(pool.bytes_cached(), 64 * page_size);
    EXPECT_EQ(pool.bytes_in_use(), 0U);
}

TEST(buffer_pool, zeroed_buffers_are_zero_though_their_memory_was_used) {
    buffer_pool pool(1 << 20);
    {
        buffer dirty = pool.allocate(page_size);
        for (std::size_t i = 0; i < page_size; ++i)
            dirty.data()[i] = std::byte{0xee};
    }
    const buffer clean = pool.allocate_zeroed(page_size);
    for (std::size_t i = 0; i < page_size; ++i)
        ASSERT_EQ(clean.data()[i], std::byte{0});
}

TEST(buffer, moving_leaves_an_empty_one) {
    buffer_pool pool(1 << 20);
    buffer a = pool.allocate(100);
    a.resize(50);
    const std::byte* where = a.data();
    buffer b = std::move(a);
    EXPECT_EQ(a.data(), nullptr);
    EXPECT_EQ(b.data(), where);
    EXPECT_EQ(b.view().size(), 50U);
    b = pool.allocate(10);
    EXPECT_NE(b.data(), where);
}

TEST(buffer_pool, the_arena_is_used_first_and_its_memory_comes_back_to_it) {
    buffer_pool pool(0, 8 * page_size);
    const auto inside = [&pool](const buffer& b) {
        const bytes_span arena = pool.arena();
        return b.data() >= arena.data() && b.data() + b.capacity() <= arena.data() + arena.size();
    };
    ASSERT_EQ(pool.arena().size(), 8 * page_size);
    for (int round = 0; round < 3; ++round) {
        std::vector<buffer> held;
        for (int i = 0; i < 10; ++i)
            held.push_back(pool.allocate(page_size));
        int from_arena = 0;
        for (const buffer& b : held)
            from_arena += inside(b) ? 1 : 0;
        EXPECT_EQ(from_arena, 8) << round;
    }
    EXPECT_EQ(pool.bytes_in_use(), 0U);
    EXPECT_EQ(pool.bytes_cached(), 0U);
    buffer_pool large(0, std::size_t{4} << 20);
    const buffer big = large.allocate(std::size_t{2} << 20);
    EXPECT_FALSE(big.data() >= large.arena().data() &&
                 big.data() < large.arena().data() + large.arena().size())
        << "big buffers leave the arena to the small";
}

TEST(buffer_pool, threads_share_it) {
    buffer_pool pool(1 << 22, 1 << 20);
    std::vector<std::thread> users;
    for (std::uint64_t t = 0; t < 4; ++t) {
        users.emplace_back([&pool, t] {
            const auto random = seeded_random(t);
            std::vector<buffer> held;
            for (int i = 0; i < 3000; ++i) {
                buffer b = pool.allocate(random->below(200'000) + 1);
                b.data()[0] = static_cast<std::byte>(t);
                b.data()[b.size() - 1] = static_cast<std::byte>(t);
                held.push_back(std::move(b));
                if (held.size() > 8) {
                    const std::size_t at = random->below(held.size());
                    EXPECT_EQ(held[at].data()[0], static_cast<std::byte>(t));
                    held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
                }
            }
        });
    }
    for (std::thread& user : users)
        user.join();
    EXPECT_EQ(pool.bytes_in_use(), 0U);
    EXPECT_LE(pool.bytes_cached(), std::size_t{1} << 22);
}

}  // namespace
}  // namespace taicang
