#include <algorithm>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/random.h"
#include "storage/stripe/placement.h"
#include "storage/stripe/run_layout.h"

namespace taicang {
namespace {

constexpr std::uint32_t block = 4096;
constexpr std::uint32_t most = limits::run_data_blocks_max;

TEST(run_layout, a_run_of_a_wide_group_fits_every_narrower_one) {
    for (const tier_id tier : {tier_id::nvme, tier_id::hdd}) {
        for (unsigned k = 1; k <= 8; ++k) {
            const std::uint32_t length = run_data_bytes_max(tier, k, most);
            EXPECT_GE(length, 2U << 20);
            EXPECT_EQ(length % (k * full_unit_bytes(tier, k, most)), 0U);
            for (unsigned narrower = 1; narrower <= k; ++narrower) {
                for (const std::uint32_t less : {0U, 1U, block, 5 * block + 1}) {
                    const auto layout = plan_run(tier, narrower, length - less, 0);
                    EXPECT_LE(layout.data_blocks(), most);
                    EXPECT_GE(std::uint64_t{layout.data_blocks()} * narrower * block,
                              length - less);
                }
                if (tier == tier_id::hdd) continue;
                const auto packed = plan_run(tier, narrower, length, 128 << 10);
                EXPECT_EQ(packed.unit_bytes, 128U << 10);
                EXPECT_LE(packed.data_blocks(), most);
            }
        }
    }
}

TEST(run_layout, pads_little) {
    for (const std::uint32_t length : {1U, 4095U, 4096U, 4097U, 16'384U, 16'385U, 100'000U,
                                       524'288U, 524'289U, 1'500'000U, 3'670'016U}) {
        const auto layout = plan_run(tier_id::nvme, 4, length, 0);
        const std::uint64_t stored = std::uint64_t{layout.data_blocks()} * 4 * block;
        EXPECT_LT(stored - length, std::uint64_t{layout.rows} * 4 * block) << length;
    }
    // What does not fill a row takes at most one block a column.
    EXPECT_EQ(plan_run(tier_id::nvme, 4, 20'000, 0).data_blocks(), 2U);
    EXPECT_EQ(plan_run(tier_id::nvme, 4, 1, 0).data_blocks(), 1U);
}

TEST(run_layout, small_extents_make_small_runs) {
    const std::uint32_t blocks = run_blocks_max(1 << 20);
    EXPECT_EQ(blocks, 224U);
    for (unsigned k = 1; k <= 4; ++k) {
        const std::uint32_t length = run_data_bytes_max(tier_id::hdd, k, blocks);
        for (unsigned narrower = 1; narrower <= k; ++narrower)
            EXPECT_LE(plan_run(tier_id::hdd, narrower, length, 0).blocks_per_chunk(), 256U);
    }
}

TEST(run_layout, spans_map_every_byte_to_its_place) {
    const auto chance = seeded_random(5);
    for (int round = 0; round < 2000; ++round) {
        const auto k = static_cast<unsigned>(1 + chance->below(8));
        const auto unit = static_cast<std::uint32_t>(1 + chance->below(4)) * block;
        const std::uint64_t size = std::uint64_t{k} * unit * (1 + chance->below(4));
        const std::uint64_t first = chance->below(size);
        const std::uint64_t last = first + 1 + chance->below(size - first);
        const run_span span(k, unit, first, last);
        std::vector<block_range> expected(k, block_range{UINT32_MAX, 0});
        for (std::uint64_t x = first; x < last; x = std::min(last, (x / block + 1) * block)) {
            const std::uint64_t at = x / unit / k * unit + x % unit;
            block_range& seen = expected[x / unit % k];
            seen.low = std::min(seen.low, static_cast<std::uint32_t>(at / block));
            seen.high = std::max(seen.high, static_cast<std::uint32_t>(at / block + 1));
        }
        for (unsigned column = 0; column < k; ++column) {
            const block_range found = span.blocks_of(column);
            ASSERT_EQ(found.empty(), expected[column].empty());
            if (!found.empty()) {
                ASSERT_EQ(found, expected[column]);
            }
        }
        std::uint64_t next = first;
        span.each_stretch(
            [&](unsigned column, std::uint64_t at, std::uint64_t to, std::uint64_t count) {
                ASSERT_EQ(column, next / unit % k);
                ASSERT_EQ(at, next / unit / k * unit + next % unit);
                ASSERT_EQ(to, next - first);
                next += count;
            });
        ASSERT_EQ(next, last);
    }
}

TEST(placement, narrows_k_and_keeps_m) {
    EXPECT_EQ(target_k(6, 2), 4U);
    EXPECT_EQ(target_k(11, 2), 4U);
    EXPECT_EQ(target_k(12, 2), 4U);
    EXPECT_EQ(target_k(12, 3), 8U);
    EXPECT_EQ(target_k(11, 3), 4U);
    EXPECT_EQ(target_k(3, 2), 1U);
    EXPECT_EQ(present_k(6, 6, 2), 4U);
    EXPECT_EQ(present_k(6, 5, 2), 3U);
    EXPECT_EQ(present_k(6, 3, 2), 1U);
    EXPECT_EQ(present_k(6, 2, 2), 0U);
    EXPECT_EQ(present_k(12, 10, 3), 7U);
}

TEST(placement, counts_the_groups_that_fit) {
    const auto greedy = [](std::vector<std::uint64_t> free, unsigned width) {
        std::uint64_t groups = 0;
        for (;; ++groups) {
            std::sort(free.begin(), free.end(), std::greater<>());
            if (free.size() < width || free[width - 1] == 0) return groups;
            for (unsigned i = 0; i < width; ++i)
                --free[i];
        }
    };
    const auto chance = seeded_random(3);
    for (int round = 0; round < 500; ++round) {
        std::vector<std::uint64_t> free(1 + chance->below(8));
        for (auto& one : free)
            one = chance->below(12);
        const auto width = static_cast<unsigned>(1 + chance->below(8));
        EXPECT_EQ(groups_possible(free, width), greedy(free, width));
    }
}

}  // namespace
}  // namespace taicang
